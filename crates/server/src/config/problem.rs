//! What can be wrong with a configuration: one problem, one line.

use std::{fmt, io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

use super::{
    Origin, Settings, Survey,
    file_error::{FileError, cure},
    key::{Key, bare},
    key_file::KeyFileError,
};

/// Everything that is wrong, at least one problem, in the order of the register.
#[derive(Debug, Error)]
#[non_exhaustive]
pub struct Problems {
    /// The problems; empty only if [`Sources::incomplete`](super::Sources::incomplete) keeps what follows from it out.
    pub all: Vec<Problem>,
    /// What could be made out all the same.
    pub survey: Survey,
    /// The settings, where every key could be made out, but not every file that they name could be used: without what such a
    /// file holds.
    pub settings: Option<Box<Settings>>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.all.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong with the configuration; its text is one line that says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("config file {path}: {err}{}", cure(err), path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The file is not TOML.
    #[error("config file {path}:{line}: not valid TOML: {message}", path = .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A key nobody knows.
    #[error("unknown key {name:?} ({origin}){hint}", hint = Known(.suggestion.as_deref()))]
    UnknownKey {
        /// The name as written.
        name: String,
        /// Where.
        origin: Origin,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// A key that stands in a table it does not belong to.
    #[error(
        "{name} ({origin}): it stands under [{table}], so it is read as {table}.{name}; put it above that line"
    )]
    Misplaced {
        /// The key as it was meant.
        name: String,
        /// The table.
        table: String,
        /// Where.
        origin: Origin,
    },
    /// A value that is not allowed.
    #[error("{key} = {given:?} ({origin}): {why}; allowed: {takes}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// The value as written.
        given: String,
        /// Where.
        origin: Origin,
        /// What is wrong with it.
        why: ValueError,
        /// What is allowed.
        takes: &'static str,
    },
    /// A key that takes one value was given several.
    #[error("{key} ({origin}): takes one value, given {count}; allowed: {takes}")]
    TooMany {
        /// The key.
        key: &'static str,
        /// Where.
        origin: Origin,
        /// How many were given.
        count: usize,
        /// What is allowed.
        takes: &'static str,
    },
    /// A value that contradicts another one.
    #[error("{key} = {given:?} ({origin}): {conflict}")]
    Conflict {
        /// The key.
        key: &'static str,
        /// The value as written.
        given: String,
        /// Where.
        origin: Origin,
        /// With what, and what to do.
        conflict: Conflict,
    },
    /// A key that must be set and is not.
    #[error("{key}: not set, {missing}")]
    Missing {
        /// The key.
        key: &'static str,
        /// Why it must be, and what to do.
        missing: Missing,
    },
    /// A file that a setting names cannot be used.
    #[error("{key} = {given:?} ({origin}): {err}")]
    BadFile {
        /// The key.
        key: &'static str,
        /// The value, with `auto` replaced by the file it came to.
        given: String,
        /// Where the setting was written.
        origin: Origin,
        /// Why.
        err: FileError,
    },
}

impl Problem {
    /// Whether a file is kept from this user, who need not be the relay's.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let (Self::Unreadable { err, .. }
        | Self::BadFile { err: FileError::Io(err) | FileError::NodeKey(KeyFileError::Read(err)), .. }) = self
        else {
            return false;
        };
        err.kind() == io::ErrorKind::PermissionDenied
    }

    /// Whether a file of settings, or a part of one, stays unknown.
    pub(super) fn hides_a_file(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Syntax { .. })
    }

    /// Whether what could not be made sense of may have been meant to set `key`.
    pub(super) fn may_set(&self, key: &Key) -> bool {
        match self {
            Self::UnknownKey { name, .. } => {
                let table = key.name.split_once('.').map(|(table, _)| table);
                let variable = key.env();
                let names = [key.name, bare(&variable)];
                nearest(bare(name), names.into_iter().chain(table)).is_some()
            }
            Self::Misplaced { name, .. } => name == key.name,
            Self::BadValue { key: bad, .. } => *bad == key.name,
            _ => self.hides_a_file(),
        }
    }
}

/// Why a value is not allowed.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// Nothing was written.
    #[error("empty")]
    Empty,
    /// A private key or a mesh key where the path of its file should be.
    #[error("this is a key, which anybody could read here, and not the file that holds it")]
    Secret,
    /// Not one of the allowed words.
    #[error("not one of the allowed words{hint}", hint = Suggestion(.suggestion.as_deref()))]
    Word {
        /// The nearest allowed word.
        suggestion: Option<String>,
    },
    /// The port is missing.
    #[error("no port")]
    NoPort,
    /// The port is not a number up to 65535.
    #[error("the port must be from 0 to 65535")]
    Port,
    /// The part before the port is not an IP address.
    #[error("{text:?} is not an IP address")]
    Ip {
        /// The part.
        text: String,
    },
    /// No address of the family that is asked for.
    #[error("not an {family} address")]
    Family {
        /// The family.
        family: &'static str,
    },
    /// An address that stands for none, for all or for a group.
    #[error("no host has this address")]
    NoHost,
    /// More than one word, or characters that nobody sees.
    #[error("not one word")]
    NotOneWord,
    /// An IPv6 address without its brackets.
    #[error("an IPv6 address needs brackets, and the port stands behind them")]
    Brackets,
    /// Not a DNS name.
    #[error("not a DNS name")]
    Name,
    /// A name with characters beyond ASCII.
    #[error("not ASCII; write the punycode form (xn--…)")]
    NotAscii,
    /// A URL in place of a name.
    #[error("a name alone is wanted, without scheme (https://), port and path; the port belongs into listen")]
    NameOfUrl,
    /// A name with a port behind it.
    #[error("a name without port is wanted; the port belongs into listen")]
    NameWithPort,
    /// A URL with a user name or password, which is not sent to anybody.
    #[error("a URL without user name and password is wanted; maps are public")]
    UserName,
    /// A URL whose host or port cannot be read, as with a password that has a `/` in it.
    #[error("not a URL that can be fetched")]
    Url,
    /// A number without unit.
    #[error("no unit")]
    NoUnit,
    /// A unit nobody knows.
    #[error("unknown unit {unit:?}{hint}", hint = Suggestion(*.suggestion))]
    Unit {
        /// The unit as written.
        unit: String,
        /// The one that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// Not a number.
    #[error("not a number")]
    Number,
    /// Outside the range.
    #[error("must be from {min} to {max}")]
    Range {
        /// Smallest allowed value, as it would be written.
        min: String,
        /// Largest allowed value, as it would be written.
        max: String,
    },
    /// Less than there must be.
    #[error("must be {min} at least")]
    Least {
        /// Smallest allowed value, as it would be written.
        min: String,
    },
    /// A table or a date where a value belongs.
    #[error("{kind} is not a value for this key")]
    Kind {
        /// What TOML calls it.
        kind: &'static str,
    },
    /// A variable that is not Unicode.
    #[error("not Unicode")]
    NotUnicode,
    /// A word for none, or for what is usual, beside others.
    #[error("it stands alone, but others are given too")]
    Alone,
    /// The same address twice.
    #[error("given twice")]
    Twice,
}

/// How two settings contradict each other, and what to do.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// Two sources of certificates.
    #[error("self_signed is set too; remove one of the two")]
    TwoCertificates,
    /// The private listener on a public address.
    #[error(
        "not loopback: whoever reaches it sees who uses the relay; use 127.0.0.1, or set admin_exposed if the network is private"
    )]
    AdminExposed,
    /// An address beside a wildcard that stands for it too.
    #[error("{whole} is every address of the host, {part} with them; remove one of the two")]
    Covered {
        /// The wildcard.
        whole: SocketAddr,
        /// The other one.
        part: SocketAddr,
    },
    /// The own node in the map has no address left.
    #[error(
        "there is no way by {other} either, so nobody would find this relay; give one of the two an address"
    )]
    NoAddress {
        /// The other family.
        other: &'static str,
    },
}

/// Why a key must be set, and what to do.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// No admission on a public address.
    #[error("and {addr} can be reached from outside: say who may use the relay: {}", .way.admit())]
    Admission {
        /// The first such address.
        addr: SocketAddr,
        /// Where that would be said.
        way: Way,
    },
    /// No certificate for a TLS listener.
    #[error("and {addr} speaks TLS: {}", .way.certificate())]
    Certificate {
        /// The first such address.
        addr: SocketAddr,
        /// Where one would be named.
        way: Way,
    },
    /// A self-signed certificate for nobody.
    #[error("and a self-signed certificate needs it: {}", .way.hostname())]
    Hostname {
        /// Where it would be said.
        way: Way,
    },
    /// No folder to keep state in.
    #[error("and there is no home folder to choose one in: {}", .way.state())]
    State {
        /// Where it would be said.
        way: Way,
    },
}

/// Where somebody writes settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// Into a file.
    File,
    /// On the command line.
    Flags,
}

impl Way {
    fn admit(self) -> &'static str {
        match self {
            Self::File => r#"admit = "list:FILE" (node keys, one a line) or admit = "open" (anybody)"#,
            Self::Flags => "--admit list:FILE (node keys, one a line) or --admit open (anybody)",
        }
    }

    fn certificate(self) -> &'static str {
        match self {
            Self::File => r#"set cert_dir = "DIR" (your own certificates) or self_signed = true"#,
            Self::Flags => "give --cert-dir DIR (your own certificates) or --self-signed",
        }
    }

    fn hostname(self) -> &'static str {
        match self {
            Self::File => r#"set hostname = "NAME", the name or IP that clients dial"#,
            Self::Flags => "give --hostname with the name or IP that clients dial",
        }
    }

    fn state(self) -> &'static str {
        match self {
            Self::File => r#"set state = "DIR""#,
            Self::Flags => "give --state DIR",
        }
    }
}

/// The nearest of `known` to `given`, if one is near enough to be meant.
pub(super) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&given, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.to_owned())
}

/// The nearest key, or where to find all.
struct Known<'a>(Option<&'a str>);

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(_) => Suggestion(self.0).fmt(f),
            None => f.write_str("; `wherry config reference` lists those there are"),
        }
    }
}

struct Suggestion<'a>(Option<&'a str>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean {name:?}?"))
    }
}
