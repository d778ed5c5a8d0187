//! Why a TCP connection did not come about.

use std::io::{self, ErrorKind};

use wherry_client::{Attempt, AttemptError};

/// What stood in the way, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hindrance {
    /// The host answers, and nothing listens there.
    Refused,
    /// A firewall before the relay, or a router that finds nobody there, says no.
    Rejected,
    /// Nobody answers.
    Silent,
    /// A rule of this host.
    Forbidden,
    /// This host has no way there.
    NoWay,
}

impl Hindrance {
    /// What several attempts met; none if none of them got as far as an address.
    pub(crate) fn of(attempts: &[Attempt]) -> Option<Self> {
        attempts.iter().filter_map(|attempt| Self::of_one(&attempt.error)).min()
    }

    fn of_one(err: &AttemptError) -> Option<Self> {
        match err {
            AttemptError::Connect(err) => Some(Self::of_connect(err)),
            AttemptError::Timeout { .. } => Some(Self::Silent),
            _ => None,
        }
    }

    /// What a socket met that was to go there.
    pub(crate) fn of_connect(err: &io::Error) -> Self {
        /// What Linux makes of an ICMPv6 "administratively prohibited"; that of IPv4 is an unreachable host.
        const EACCES: i32 = 13;
        match err.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Self::Refused,
            ErrorKind::HostUnreachable => Self::Rejected,
            ErrorKind::PermissionDenied if err.raw_os_error() == Some(EACCES) => Self::Rejected,
            ErrorKind::PermissionDenied => Self::Forbidden,
            ErrorKind::TimedOut => Self::Silent,
            _ => Self::NoWay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(numbers: &[i32]) -> Option<Hindrance> {
        let attempt = |number: &i32| Attempt {
            label: String::new(),
            at: String::new(),
            error: AttemptError::Connect(io::Error::from_raw_os_error(*number)),
        };
        Hindrance::of(&numbers.iter().map(attempt).collect::<Vec<_>>())
    }

    /// By the numbers of Linux: EPERM 1, EACCES 13, ENETUNREACH 101, ETIMEDOUT 110, ECONNREFUSED 111, EHOSTUNREACH 113.
    #[cfg(target_os = "linux")]
    #[test]
    fn who_says_no_is_told_by_the_most_telling_answer() {
        for (numbers, expected) in [
            (&[113, 13][..], Hindrance::Rejected),
            (&[113, 101], Hindrance::Rejected),
            (&[13, 111], Hindrance::Refused),
            (&[101, 110], Hindrance::Silent),
            (&[1], Hindrance::Forbidden),
            (&[101], Hindrance::NoWay),
        ] {
            assert_eq!(met(numbers), Some(expected), "{numbers:?}");
        }
        assert_eq!(met(&[]), None);
    }
}
