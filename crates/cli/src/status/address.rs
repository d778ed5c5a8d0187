//! Where the private listener is, from the words of the caller.

use std::net::Ipv6Addr;
use std::path::Path;

use wherry_server::config::{Environment, Host, Origin, Sources, ValueError, load};

use crate::failure::Failure;
use crate::settings::{USUAL as USUAL_FILE, usual};

/// Where a relay has its private listener unless it is told otherwise.
const USUAL: &str = "127.0.0.1:3341";

/// Every address of a host.
const EVERY: &str = "[::]";

/// Words that name no private listener.
#[derive(Debug, thiserror::Error)]
#[error(
    "admin = {given:?} ({origin}): {fault}; allowed: the relay's key admin as HOST:PORT or http://HOST:PORT, {USUAL} if it has none"
)]
struct BadAddress {
    given: String,
    origin: Origin,
    fault: Fault,
}

/// The relay is told to have no private listener.
#[derive(Debug, thiserror::Error)]
#[error(
    "admin = \"off\" ({0}): the private listener is off, so there is nobody to ask who is connected; start the relay with an address there, such as {USUAL}, and ask that: --admin HOST:PORT"
)]
struct Off(Origin);

/// What is wrong with them.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
enum Fault {
    #[error("{0}")]
    Value(#[from] ValueError),
    #[error("the private listener speaks plain HTTP, not TLS")]
    Tls,
    #[error("{0:?} is another scheme than http")]
    Scheme(String),
    #[error("an address without path is wanted")]
    Path,
}

impl From<BadAddress> for Failure {
    fn from(bad: BadAddress) -> Self {
        match bad.origin {
            Origin::Flag { .. } => Self::Usage(bad.into()),
            _ => Self::Config(bad.into()),
        }
    }
}

impl From<Off> for Failure {
    fn from(off: Off) -> Self {
        match off.0 {
            Origin::Flag { .. } => Self::Usage(off.into()),
            // It may be meant: nothing is wrong with the configuration.
            _ => Self::Other(off.into()),
        }
    }
}

/// Host and port of the private listener, by the flag, the environment, the file of settings, or where it usually is.
pub(super) fn address(flag: Option<&str>, file: Option<&Path>, env: &Environment) -> Result<String, Failure> {
    let (given, origin) = match (flag, env.var("WHERRY_ADMIN")) {
        (Some(flag), _) => (flag.to_owned(), Origin::Flag { name: "admin".to_owned() }),
        (None, Some(var)) => (var.to_owned(), Origin::Env { name: "WHERRY_ADMIN".to_owned() }),
        (None, None) => match of_file(file, env)? {
            Some(written) => written,
            None => return Ok(USUAL.to_owned()),
        },
    };
    if given == "off" {
        return Err(Off(origin).into());
    }
    parse(&given).map_err(|fault| BadAddress { given, origin, fault }.into())
}

/// What the file of settings says, if there is one that says it. Only one that was named must be readable.
fn of_file(named: Option<&Path>, env: &Environment) -> Result<Option<(String, Origin)>, Failure> {
    let file = named.map(Path::to_owned).or_else(|| usual(env, Path::new(USUAL_FILE)));
    let Some(file) = file else { return Ok(None) };
    let must_be_read = file != Path::new(USUAL_FILE);
    let (survey, problems) = match load(&Sources { file: Some(file), ..Sources::default() }) {
        Ok(effective) => (effective.survey, None),
        Err(problems) => (problems.survey.clone(), Some(problems)),
    };
    let row = survey.rows.into_iter().find(|row| row.key == "admin");
    match (row, problems) {
        (Some(row), _) if row.origin.is_preset() => Ok(None),
        (Some(row), _) => Ok(Some((row.value(), row.origin))),
        // The file, or what stands there, hides it.
        (None, Some(problems)) if must_be_read => Err(problems.into()),
        (None, _) => Ok(None),
    }
}

/// `:PORT` and `PORT` are every address of the host, as where the relay reads them.
fn parse(given: &str) -> Result<String, Fault> {
    let bare = match given.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", _)) => return Err(Fault::Tls),
        Some((scheme, _)) => return Err(Fault::Scheme(scheme.to_owned())),
        None => given,
    };
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    if bare.contains('/') {
        return Err(Fault::Path);
    }
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Err(ValueError::Brackets.into());
    }
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = match bare.rsplit_once(':').filter(|_| !bare.ends_with(']')) {
        Some(("", port)) => (EVERY, port),
        Some((host, port)) => (host, port),
        None if is_port(bare) => (EVERY, bare),
        None => return Err(ValueError::NoPort.into()),
    };
    Host::parse(host)?;
    match port.parse::<u16>() {
        Ok(port @ 1..) => Ok(format!("{host}:{port}")),
        _ => Err(ValueError::Range { min: 1.to_string(), max: u16::MAX.to_string() }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_stand_behind_http() {
        for given in ["127.0.0.1:3341", "http://127.0.0.1:3341", "http://127.0.0.1:3341/"] {
            assert_eq!(parse(given).as_deref(), Ok("127.0.0.1:3341"));
        }
        assert_eq!(parse("[::1]:3341").as_deref(), Ok("[::1]:3341"));
        assert_eq!(parse("relay.example:3341").as_deref(), Ok("relay.example:3341"));
    }

    #[test]
    fn the_file_says_where_it_is_unless_the_environment_does() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |text: &str, vars: &[(&'static str, &'static str)]| {
            std::fs::write(file.path(), text).unwrap();
            let env = Environment::of(vars.iter().copied());
            address(None, Some(file.path()), &env).map_err(|failure| failure.code())
        };
        let own = "admin = '127.0.0.1:4000'";
        assert_eq!(of(own, &[]), Ok("127.0.0.1:4000".to_owned()));
        assert_eq!(of(own, &[("WHERRY_ADMIN", "127.0.0.1:5")]), Ok("127.0.0.1:5".to_owned()));
        assert_eq!(of("", &[]), Ok(USUAL.to_owned()));
        assert_eq!(of("admin = 'off'", &[]), Err(1));
        assert_eq!(of("admin = 'nowhere'", &[]), Err(78));
        assert_eq!(of("admin = ", &[]), Err(78), "what it says is not known");
        let gone = address(None, Some(Path::new("/nonexistent.toml")), &Environment::of([]));
        assert_eq!(gone.map_err(|failure| failure.code()), Err(78));
    }

    #[test]
    fn a_port_alone_is_every_address_as_the_relay_reads_it() {
        for given in [":3341", "3341", "http://:3341", "[::]:3341"] {
            assert_eq!(parse(given).as_deref(), Ok("[::]:3341"), "{given}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        let range = || ValueError::Range { min: "1".to_owned(), max: "65535".to_owned() };
        for (given, fault) in [
            ("", Fault::Value(ValueError::NoPort)),
            ("NONSENSE", Fault::Value(ValueError::NoPort)),
            ("127.0.0.1", Fault::Value(ValueError::NoPort)),
            ("[::1]", Fault::Value(ValueError::NoPort)),
            ("::1", Fault::Value(ValueError::Brackets)),
            ("127.0.0.1:0", Fault::Value(range())),
            ("127.0.0.1:99999", Fault::Value(range())),
            ("a b:1", Fault::Value(ValueError::Name)),
            (":", Fault::Value(range())),
            (":0", Fault::Value(range())),
            ("0", Fault::Value(range())),
            ("https://127.0.0.1:3341", Fault::Tls),
            ("ftp://127.0.0.1:3341", Fault::Scheme("ftp".to_owned())),
            ("http://127.0.0.1:3341/status.json", Fault::Path),
        ] {
            assert_eq!(parse(given), Err(fault), "{given}");
        }
    }
}
