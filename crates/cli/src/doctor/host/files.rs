//! The files that settings name: the admission list, certificates.

use std::io;
use std::path::Path;

use wherry_client::CertificateFault;
use wherry_server::admission::{ListError, check_list};
use wherry_server::clock::{Clock, NoEntropy};
use wherry_server::config::{CertSetting, Settings, Survey};
use wherry_server::tls::{self, CertStatus, Doubt, Expiry, TlsError};
use wherry_tools::doctor::{Finding, Part};

use super::settings::{AS_ANOTHER, halves};
use crate::config;
use crate::unit::Kept;

/// Where there is nothing better to say.
const READ_ON: &str = "put a good file there";

/// Looks into them; `kept`: from the user of the unit that runs the relay; `runs`: there is one, which has what it needs.
pub(super) fn look(
    survey: &Survey,
    settings: Option<&Settings>,
    kept: &[Kept],
    runs: bool,
) -> Result<Vec<Finding>, NoEntropy> {
    let mut findings: Vec<_> = survey.list.as_deref().map(list).into_iter().collect();
    if let Some(folder) = &survey.cert_dir {
        findings.extend(certificates(folder, survey, runs)?);
    }
    findings.extend(kept.iter().map(|kept| {
        let (found, remedy) = halves(&kept.to_string(), READ_ON);
        Finding::warning(Part::Files, found, remedy)
    }));
    if let Some((settings, cert)) = settings.and_then(|settings| Some((settings, settings.cert.as_ref()?)))
        && matches!(cert, CertSetting::SelfSigned { .. })
    {
        findings.push(self_signed(settings, cert, runs));
    }
    Ok(findings)
}

fn list(path: &Path) -> Finding {
    match check_list(path) {
        Ok(0) => Finding::warning(
            Part::Files,
            format!("the list {} is empty: no node may use the relay", path.display()),
            "write the key of each node on a line (PublicKey of tailscale status --json; the relay logs those that it refuses)",
        ),
        Ok(1) => Finding::ok(Part::Files, format!("the list {} has one node", path.display())),
        Ok(nodes) => Finding::ok(Part::Files, format!("the list {} has {nodes} nodes", path.display())),
        // Each mistake of a list is one that is found.
        Err(err @ ListError::Fault { .. }) => Finding::error(
            Part::Files,
            err.to_string(),
            "correct each of these lines: a node key, and a name behind it if you like",
        ),
        Err(err) => {
            let (found, remedy) = halves(&err.to_string(), READ_ON);
            Finding::error(Part::Files, found, remedy)
        }
    }
}

fn certificates(folder: &Path, survey: &Survey, runs: bool) -> Result<Vec<Finding>, NoEntropy> {
    let shown = folder.display();
    Ok(match config::certificates(folder, survey)? {
        Ok(CertStatus { doubts, expiry: Expiry::Far, .. }) if doubts.is_empty() => vec![Finding::ok(
            Part::Files,
            format!("the certificates in {shown} are good for the hostnames, and for two weeks and more"),
        )],
        Ok(CertStatus { doubts, expiry, .. }) => {
            let end = (expiry != Expiry::Far).then(|| {
                Finding::warning(
                    Part::Files,
                    format!("a certificate in {shown} expires within two weeks"),
                    "renew it, and find out why nothing did so by itself; the relay reads the folder again when it changes",
                )
            });
            doubts.iter().map(doubt).chain(end).collect()
        }
        Err(TlsError::Read { path, source }) if runs && source.kind() == io::ErrorKind::PermissionDenied => {
            let path = path.display();
            let found = format!("the certificates: {path}: {source}, for this user; {AS_ANOTHER}");
            vec![Finding::skipped(Part::Files, found)]
        }
        Err(err) => {
            let (found, remedy) = halves(&err.to_string(), READ_ON);
            vec![Finding::error(Part::Files, found, remedy)]
        }
    })
}

/// What clients have against a certificate. Of an issuer they may know more than this host, and they may take shorter keys.
fn doubt(doubt: &Doubt) -> Finding {
    let note = match doubt.fault {
        CertificateFault::IssuerMissing | CertificateFault::WeakKey => Finding::warning,
        _ => Finding::error,
    };
    note(Part::Files, doubt.to_string(), config::remedy(doubt))
}

fn self_signed(settings: &Settings, cert: &CertSetting, runs: bool) -> Finding {
    use io::ErrorKind::{NotFound, PermissionDenied};
    match tls::pin(cert, &settings.hostnames, Clock::start()) {
        Ok(_) => Finding::ok(Part::Files, "the self-signed certificate is good"),
        // The usual folder of another user is another one.
        Err(TlsError::Read { path, source })
            if source.kind() == PermissionDenied || (runs && source.kind() == NotFound) =>
        {
            Finding::skipped(
                Part::Files,
                format!(
                    "the self-signed certificate: {}: {source}; run as the relay's user or root",
                    path.display()
                ),
            )
        }
        Err(TlsError::Read { source, .. }) if source.kind() == NotFound => Finding::skipped(
            Part::Files,
            "the self-signed certificate is not made yet: the first start of the relay makes it",
        ),
        Err(err) => {
            let (found, remedy) = halves(&err.to_string(), READ_ON);
            Finding::error(Part::Files, found, remedy)
        }
    }
}
