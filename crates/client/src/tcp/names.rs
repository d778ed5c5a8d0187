//! The resolver of the system, asked by one family.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use dns_lookup::{AddrFamily, AddrInfo, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::target::Family;

/// The addresses of a name in one family, each once; empty if the name is known to have none.
///
/// Asked by this family and by both side by side, and the first answer counts: a name server that keeps silent about the other
/// family would hold this one up, and a name from the hosts file with an address of the other family alone is sought at the
/// name servers by this one. Cancelled, the system may go on asking for a while.
///
/// # Errors
/// What the resolver says; [`io::ErrorKind::NotFound`] if nobody knows the name, or it has addresses of the other family alone,
/// which not all systems tell apart.
pub async fn lookup(name: &str, family: Family) -> io::Result<Vec<IpAddr>> {
    let asking = |family| {
        let name = name.to_owned();
        spawn_blocking(move || ask(&name, family))
    };
    let (mut one, both) = (asking(Some(family)), asking(None));
    let both = tokio::select! {
        answer = &mut one => return answer?,
        both = both => both?,
    };
    match both {
        Ok(found) => Ok(found.into_iter().filter(|ip| ip.is_ipv4() == (family == Family::V4)).collect()),
        Err(_) => one.await?,
    }
}

/// The same for both families side by side: what one has counts though the other fails, or is silent for as long as `limit`.
///
/// # Errors
/// As [`lookup()`] where neither has an address; [`io::ErrorKind::TimedOut`].
pub async fn lookup_both(name: &str, limit: Duration) -> io::Result<Vec<IpAddr>> {
    let one = async |family| match timeout(limit, lookup(name, family)).await {
        Ok(answer) => answer,
        Err(late) => Err(late.into()),
    };
    let (four, six) = tokio::join!(one(Family::V4), one(Family::V6));
    either(four, six)
}

fn either(four: io::Result<Vec<IpAddr>>, six: io::Result<Vec<IpAddr>>) -> io::Result<Vec<IpAddr>> {
    match (four, six) {
        (Ok(four), Ok(six)) => Ok([four, six].concat()),
        (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
        // That nobody knows a name is said of each family; that a resolver fails, of that alone.
        (Err(err), Err(_)) if err.kind() != io::ErrorKind::NotFound => Err(err),
        (_, Err(err)) | (Err(err), Ok(_)) => Err(err),
    }
}

fn ask(name: &str, family: Option<Family>) -> io::Result<Vec<IpAddr>> {
    let address = family.map(|family| match family {
        Family::V4 => AddrFamily::Inet,
        Family::V6 => AddrFamily::Inet6,
    });
    let hints = AddrInfoHints {
        // 0 is any.
        address: address.map_or(0, Into::into),
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let found = match getaddrinfo(Some(name), None, Some(hints)) {
        Ok(found) => found.collect::<io::Result<Vec<AddrInfo>>>()?,
        Err(err) if is_without_address(&err) => Vec::new(),
        Err(err) if matches!(err.kind(), LookupErrorKind::NoName) => {
            return Err(io::Error::new(io::ErrorKind::NotFound, err));
        }
        Err(err) => return Err(err.into()),
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for ip in found.iter().map(|info| info.sockaddr.ip()) {
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    Ok(addresses)
}

/// Whether the name is known, and has nothing of this family.
fn is_without_address(err: &LookupError) -> bool {
    /// `EAI_ADDRFAMILY` of glibc.
    const OTHER_FAMILY: i32 = -9;
    matches!(err.kind(), LookupErrorKind::NoData)
        || cfg!(target_os = "linux") && err.error_num() == OTHER_FAMILY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_found_in_its_own_family_alone() {
        let four = lookup("127.0.0.1", Family::V4).await.unwrap();
        assert_eq!(four, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        let none = lookup("127.0.0.1", Family::V6).await;
        assert!(none.is_ok_and(|found| found.is_empty()));
    }

    #[test]
    fn a_family_without_an_answer_takes_nothing_from_the_other() {
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        let (found, late) = (|| Ok(vec![ip]), || Err(io::ErrorKind::TimedOut.into()));
        let unknown = || Err(io::ErrorKind::NotFound.into());
        assert_eq!(either(found(), late()).unwrap(), [ip]);
        assert_eq!(either(late(), found()).unwrap(), [ip]);
        assert_eq!(either(found(), Ok(Vec::new())).unwrap(), [ip]);
        let kind = |four, six| either(four, six).unwrap_err().kind();
        assert_eq!(kind(Ok(Vec::new()), late()), io::ErrorKind::TimedOut);
        assert_eq!(kind(late(), unknown()), io::ErrorKind::TimedOut);
        assert_eq!(kind(unknown(), late()), io::ErrorKind::TimedOut);
        assert_eq!(kind(unknown(), unknown()), io::ErrorKind::NotFound);
    }
}
