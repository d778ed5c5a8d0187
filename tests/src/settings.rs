//! What the environment says about a run. The only reader of environment variables here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Which relay the suite runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The reference implementation in Go.
    Derper,
    /// Ours, started as `wherry derper`.
    Wherry,
}

/// The variables read here. Not for the subject, which knows no such names.
pub(crate) const NAMES: [&str; 5] =
    ["WHERRY_SUBJECT", "WHERRY_DERPER", "WHERRY_BIN", "WHERRY_REQUIRE_ALL", "WHERRY_TEST_CLIENTS"];

/// Clients of a crowd if nothing else is said: seconds of handshakes, and enough to see what one leaves behind.
const CLIENTS: usize = 5_000;

/// The choices of a run, from the environment.
#[derive(Debug)]
pub struct Settings {
    /// `WHERRY_SUBJECT`: `derper` or `wherry`, which is the default.
    pub kind: Kind,
    /// `WHERRY_DERPER`: path of a ready reference binary.
    pub derper: Option<PathBuf>,
    /// `WHERRY_BIN`: path of a ready `wherry` binary.
    pub wherry: Option<PathBuf>,
    /// `WHERRY_REQUIRE_ALL=1`, or `CI` is set: a missing subject is a failure, not a skip.
    pub require_all: bool,
    /// `WHERRY_TEST_CLIENTS`: how many clients make a crowd.
    pub clients: usize,
    /// Each test has a process of its own (`cargo nextest`).
    pub process_per_test: bool,
}

/// The settings of this run, read once.
#[must_use]
pub fn settings() -> &'static Settings {
    static SETTINGS: LazyLock<Settings> = LazyLock::new(read);
    &SETTINGS
}

#[expect(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
fn read() -> Settings {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let kind = match std::env::var("WHERRY_SUBJECT").as_deref() {
        Ok("derper") => Kind::Derper,
        Err(_) | Ok("" | "wherry") => Kind::Wherry,
        Ok(other) => panic!("WHERRY_SUBJECT is {other:?}; it may be derper or wherry"),
    };
    Settings {
        kind,
        derper: set("WHERRY_DERPER").map(PathBuf::from),
        wherry: set("WHERRY_BIN").map(PathBuf::from),
        require_all: set("CI").is_some() || set("WHERRY_REQUIRE_ALL").is_some_and(|value| value == "1"),
        clients: clients(set("WHERRY_TEST_CLIENTS")),
        process_per_test: set("NEXTEST").is_some(),
    }
}

fn clients(given: Option<OsString>) -> usize {
    let Some(given) = given else { return CLIENTS };
    let count = given.to_str().and_then(|text| text.parse().ok());
    count.unwrap_or_else(|| panic!("WHERRY_TEST_CLIENTS is {given:?}; it must be a number"))
}
