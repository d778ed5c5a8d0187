//! How many sockets this process may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use thiserror::Error;

/// Files a process has open beside the sockets of its load.
const BESIDE: u64 = 64;

/// The system allows fewer open files than the load needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "{clients} clients need {needed} open files, and the system allows this process {allowed}: raise it with `ulimit -n {needed}`, or ask for fewer clients"
)]
pub struct FewFiles {
    /// Clients of the load.
    pub clients: usize,
    /// Open files it takes.
    pub needed: u64,
    /// Open files allowed at most.
    pub allowed: u64,
}

/// Makes sure that so many clients can be open at once, raising the limit as far as the system lets us.
///
/// # Errors
/// [`FewFiles`] if that is not far enough.
pub(crate) fn make_room(clients: usize) -> Result<(), FewFiles> {
    let needed = u64::try_from(clients).unwrap_or(u64::MAX).saturating_add(BESIDE);
    // A system that does not tell its limit gets to say no later.
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    if now >= needed {
        return Ok(());
    }
    if most >= needed && setrlimit(Resource::RLIMIT_NOFILE, most, most).is_ok() {
        return Ok(());
    }
    Err(FewFiles { clients, needed, allowed: most.max(now) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_clients_than_any_system_allows_are_refused_with_the_number() {
        let err = make_room(usize::MAX / 2).unwrap_err();
        assert!(err.needed > err.allowed, "{err}");
        assert!(err.to_string().contains("ulimit -n"), "{err}");
        assert_eq!(make_room(1), Ok(()));
    }
}
