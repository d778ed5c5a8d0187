//! One relay that is being looked at: what is known of it, and what was found.

use wherry_client::{CertificateFault, DialError, Dialer, NodePrivate, Objection, Pin, PinFailure, TlsError};

use super::families::Seen;
use super::finding::{Finding, Part};
use super::patient::Patient;
use crate::remedy::{self, Situation, Tool};

/// A relay that is being looked at.
pub(super) struct Visit<'a> {
    pub(super) dialer: &'a Dialer,
    pub(super) patient: Patient,
    pub(super) findings: Vec<Finding>,
    /// Where TCP went, and how far.
    pub(super) seen: Option<Seen>,
    /// Nothing listens on the TCP port.
    pub(super) is_refused: bool,
    /// The pin that cures what is wrong with the certificate.
    pub(super) pin: Option<Pin>,
    /// The port of STUN that the relay's own map names, and the one that was asked about does not.
    pub(super) kept_stun: Option<u16>,
}

impl Visit<'_> {
    /// What failed, and what to do about it.
    pub(super) fn fault(&mut self, part: Part, err: &DialError, seen_pin: Option<&Result<Pin, PinFailure>>) {
        let remedy = self.remedy(err, seen_pin);
        let found = match part {
            Part::Name if matches!(err, DialError::Timeout { .. }) => {
                format!("{}: the resolver of this host does not answer: {err}", self.patient.endpoint.host())
            }
            Part::Port => format!("{}/tcp is not reached: {err}", self.patient.endpoint.port()),
            _ => err.to_string(),
        };
        // Clients may know more than this side of TLS does.
        let note = if is_our_own(err) { Finding::warning } else { Finding::error };
        self.note(note(part, found, remedy));
    }

    pub(super) fn remedy(&self, err: &DialError, seen_pin: Option<&Result<Pin, PinFailure>>) -> String {
        let tool = Tool::Doctor { key: self.patient.key.as_ref().map(NodePrivate::public) };
        remedy::dial(err, &Situation { endpoint: &self.patient.endpoint, tool, seen_pin })
    }

    pub(super) fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Whether it is for want of a cipher, curve or kind of signature that both sides know, or of a key that this side takes: Go takes
/// shorter ones.
fn is_our_own(err: &DialError) -> bool {
    match err {
        DialError::Tls(TlsError::Certificate { fault, .. }) => *fault == CertificateFault::WeakKey,
        DialError::Tls(err) => err.objection() == Some(Objection::Algorithms),
        _ => false,
    }
}
