//! TLS with one relay, and the certificate that it shows.

use wherry_client::{
    CertificateFault, DialError, Pin, PinFailure, Secured, Target, TlsError, TlsReport, Verify,
};

use super::certificate;
use super::finding::{Finding, Part};
use super::visit::Visit;
use crate::pin;
use crate::remedy;
use crate::segments;

impl Visit<'_> {
    /// TLS works: what its certificate is worth.
    pub(super) fn secured(&mut self, secured: &Secured) {
        let found = match (self.patient.endpoint.is_tls(), self.patient.endpoint.verify()) {
            (false, _) => Finding::skipped(
                Part::Tls,
                "asked by plain HTTP, as a proxy before it would; clients speak TLS alone",
            ),
            (_, Verify::Nothing) => Finding::warning(
                Part::Tls,
                "any certificate is accepted, so whoever is on the path can pose as the relay",
                "leave out InsecureForTests (here: --insecure), and pin a self-signed certificate",
            ),
            (_, Verify::Pin(_)) => Finding::ok(Part::Tls, "TLS works, and the certificate is the pinned one"),
            _ => match secured.tls().and_then(TlsReport::self_signed) {
                Some(pin) => {
                    self.pin = Some(pin);
                    trusted_here(pin)
                }
                None => Finding::ok(Part::Tls, "TLS works, and the certificate is good for the name"),
            },
        };
        self.note(found);
        self.findings.extend(certificate::expiry(secured));
    }

    /// TLS fails: whether it is the certificate, its dates or the way there.
    pub(super) async fn tls_fault(&mut self, err: &DialError) {
        let endpoint = self.patient.endpoint.clone();
        let is_certificates = matches!(err, DialError::Tls(TlsError::Certificate { .. } | TlsError::Pin(_)));
        let mut blind = None;
        if is_certificates {
            // Only to be shown: nothing is sent over that connection but a question for the time.
            let target = Target::one(endpoint.clone().with_verify(Verify::Nothing));
            let opened = async { self.dialer.tls(self.dialer.tcp(&target).await?).await };
            blind = opened.await.ok();
        }
        let expiry = blind.as_ref().and_then(certificate::expiry).filter(Finding::is_fault);
        if segments::only_small_pass(self.dialer, &endpoint, err).await {
            self.note(Finding::error(Part::Tls, err.to_string(), remedy::LARGE_LOST));
        } else if is_of_dates(err) {
            self.date_fault(err, expiry, blind).await;
        } else {
            // A server may take one at a time.
            drop(blind);
            if is_certificates && let Some(behind) = pin::no_relay(self.dialer, &endpoint).await {
                let found = format!(
                    "what answers there does not relay: {behind}; its certificate is refused, too: {err}"
                );
                self.note(Finding::error(Part::Derp, found, self.remedy(&behind, None)));
                return;
            }
            let seen = pin::seen(self.dialer, &endpoint, err).await;
            self.fault(Part::Tls, err, seen.as_ref());
            self.findings.extend(expiry);
            self.pin = seen.and_then(Result::ok);
        }
    }

    /// A certificate whose dates are wrong, unless it is a clock that is.
    async fn date_fault(&mut self, err: &DialError, expiry: Option<Finding>, blind: Option<Secured>) {
        let clock = match blind {
            Some(secured) => certificate::clock(secured).await,
            None => Finding::skipped(Part::Clock, "not compared: no further connection came about"),
        };
        let is_clock_wrong = clock.is_fault();
        self.note(clock);
        let remedy = self.remedy(err, None);
        let remedy = match is_clock_wrong {
            true => {
                // A certificate whose time has not come has the clock in its remedy already.
                let (_, else_) = remedy.split_once("; else ").unwrap_or(("", &remedy));
                format!("first set the clock that is wrong; only if this host's is right: {else_}")
            }
            false => remedy,
        };
        let more = expiry.map(|expiry| format!(" ({})", expiry.found)).unwrap_or_default();
        self.note(Finding::error(Part::Tls, format!("{err}{more}"), remedy));
    }
}

/// A self-signed certificate that is not pinned, and accepted all the same.
fn trusted_here(pin: Pin) -> Finding {
    Finding::warning(
        Part::Tls,
        "TLS works here only because this host trusts the relay's self-signed certificate: other clients refuse it",
        format!(
            "pin it: compare with the relay that it is \"{pin}\", then put that into CertName of the map entry (here: --pin)"
        ),
    )
}

/// Whether it is the dates of a certificate that are refused, which a wrong clock does as well.
fn is_of_dates(err: &DialError) -> bool {
    matches!(
        err,
        DialError::Tls(
            TlsError::Certificate {
                fault: CertificateFault::Expired
                    | CertificateFault::IssuerExpired
                    | CertificateFault::NotYetValid,
                ..
            } | TlsError::Pin(PinFailure::Expired | PinFailure::NotYetValid)
        )
    )
}
