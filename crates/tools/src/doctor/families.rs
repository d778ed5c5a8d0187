//! Each address family by itself: clients that have only one see no other.

use std::io;

use wherry_client::{AttemptError, DialError, Dialer, Endpoint, Family, Step, Target};

use super::finding::{Finding, Part};

/// Whether each family in which the relay has an address answers, given that one of them does.
pub(super) async fn families(dialer: &Dialer, endpoint: &Endpoint) -> Vec<Finding> {
    let ask = async |family| (family, dialer.tcp(&Target::one(endpoint.clone().with_only(family))).await);
    let mut findings = Vec::new();
    for (family, answer) in [ask(Family::V4).await, ask(Family::V6).await] {
        match answer {
            Ok(plain) => {
                findings.push(Finding::ok(Part::Families, format!("{family} answers at {}", plain.addr())));
            }
            Err(err) if is_beyond(&err) => findings
                .push(Finding::skipped(Part::Families, format!("{family}: this host has no way there"))),
            Err(err) if has_address(&err) => findings.push(Finding::warning(
                Part::Families,
                format!("the relay has an {family} address that does not answer, while the other family does: {err}"),
                format!(
                    "let the relay listen on {family} and open its port there, or take the address away: no {} record, \
                     {family}: \"none\" in the map entry",
                    if family == Family::V4 { "A" } else { "AAAA" }
                ),
            )),
            // It has no address of this family, and need not.
            Err(_) => {}
        }
    }
    findings
}

/// Whether this host, not the relay, lacks the family.
fn is_beyond(err: &DialError) -> bool {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkUnreachable};
    let is_ours = |error: &AttemptError| {
        matches!(error, AttemptError::Connect(err)
            if matches!(err.kind(), NetworkUnreachable | HostUnreachable | AddrNotAvailable))
    };
    matches!(err, DialError::Unreachable { attempts } if attempts.iter().any(|attempt| is_ours(&attempt.error)))
}

fn has_address(err: &DialError) -> bool {
    match err {
        DialError::Timeout { step, .. } => *step == Step::Tcp,
        DialError::Unreachable { attempts } => {
            attempts.iter().any(|attempt| matches!(attempt.error, AttemptError::Connect(_)))
        }
        _ => false,
    }
}
