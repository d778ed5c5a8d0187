//! The command line of `derper`.

use std::{fmt, time::Duration};

use wherry_server::config::ValueError;

use super::go;
use crate::{failure::Failure, help::filled};

/// What the command line came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) addr: String,
    pub(super) config: String,
    pub(super) hostname: String,
    pub(super) certmode: String,
    pub(super) certdir: String,
    pub(super) stun: bool,
    pub(super) stun_port: i64,
    pub(super) http_port: i64,
    pub(super) home: String,
    pub(super) mesh_psk_file: String,
    pub(super) derp: bool,
    pub(super) tcp_keepalive_time: Duration,
    pub(super) tcp_user_timeout: Duration,
    pub(super) tcp_write_timeout: Duration,
    pub(super) dev: bool,
    pub(super) version: bool,
    pub(super) help: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            addr: ":443".to_owned(),
            config: String::new(),
            hostname: "derp.tailscale.com".to_owned(),
            certmode: "letsencrypt".to_owned(),
            certdir: String::new(),
            stun: true,
            stun_port: 3478,
            http_port: 80,
            home: String::new(),
            mesh_psk_file: String::new(),
            derp: true,
            tcp_keepalive_time: Duration::from_secs(600),
            tcp_user_timeout: Duration::from_secs(15),
            tcp_write_timeout: Duration::from_secs(2),
            dev: false,
            version: false,
            help: false,
        }
    }
}

/// Everything that is wrong with the command line or with what it leads to.
#[derive(Debug, thiserror::Error)]
pub(super) struct FlagProblems {
    pub(super) all: Vec<FlagProblem>,
}

impl fmt::Display for FlagProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.all.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl From<FlagProblems> for Failure {
    fn from(problems: FlagProblems) -> Self {
        Self::Usage(problems.into())
    }
}

/// One thing that is wrong with the command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FlagProblem {
    #[error("unknown flag -{name}; {}", remedy(.suggestion.as_deref()))]
    Unknown { name: String, suggestion: Option<String> },
    #[error("flag -{name}: not served yet, it comes in a later version; {instead}")]
    Later { name: &'static str, instead: &'static str },
    #[error("flag -{name}: a value is missing; allowed: {takes}")]
    NoValue { name: &'static str, takes: &'static str },
    #[error("flag -{name}: {given:?} is not allowed{}; allowed: {takes}", cause(.why.as_ref()))]
    BadValue { name: &'static str, given: String, why: Option<ValueError>, takes: &'static str },
    #[error(
        "unexpected argument {given:?}: a flag starts with a dash, and the value of a switch follows an equals sign: -stun=false"
    )]
    Argument { given: String },
    #[error("bad flag {given:?}: no name")]
    NoName { given: String },
    #[error("flag -c: give a key file, such as -c /var/lib/derper/derper.key; only root has a default")]
    NoKeyFile,
    #[error("flag -certdir: give a folder; there is no home folder to choose one in")]
    NoCertDir,
    #[error("flag -{name}: cannot read {path}: {why}")]
    Unreadable { name: &'static str, path: String, why: String },
    #[error("{place}: not a mesh key: 64 hex digits are wanted")]
    MeshKey { place: String },
}

fn remedy(suggestion: Option<&str>) -> String {
    suggestion
        .map_or_else(|| "-help lists those there are".to_owned(), |name| format!("did you mean -{name}?"))
}

fn cause(why: Option<&ValueError>) -> String {
    why.map(|why| format!(": {why}")).unwrap_or_default()
}

/// A flag that is served.
struct Served {
    name: &'static str,
    takes: &'static str,
    help: &'static str,
    set: Set,
}

/// Where its value goes. The setters return false for a value they do not take.
enum Set {
    Switch(fn(&mut Flags) -> &mut bool),
    Value(fn(&mut Flags, &str) -> bool),
}

const BOOL: &str = "true or false, after an equals sign";
const DURATION: &str = "a duration such as 15s or 1m30s";
const PORT: &str = "a port, 1 to 65535";

const SERVED: &[Served] = &[
    text(
        "a",
        "[IP]:PORT",
        "address to serve on; TLS if the port is 443 or with -certmode manual (default :443)",
        |f, v| {
            v.clone_into(&mut f.addr);
            true
        },
    ),
    text(
        "c",
        "a file",
        "file with the node key; made when missing (default for root: /var/lib/derper/derper.key)",
        |f, v| {
            v.clone_into(&mut f.config);
            true
        },
    ),
    text("certdir", "a folder", "folder with <hostname>.crt and <hostname>.key", |f, v| {
        v.clone_into(&mut f.certdir);
        true
    }),
    text(
        "certmode",
        "manual",
        "where certificates come from; letsencrypt and gcp are not served yet",
        |f, v| {
            v.clone_into(&mut f.certmode);
            matches!(v, "manual" | "letsencrypt" | "gcp")
        },
    ),
    switch("derp", "relay packets (default true)", |f| &mut f.derp),
    switch("dev", "listen on :3340 without TLS, with a new key at each start", |f| &mut f.dev),
    text(
        "home",
        "blank, or an http:// or https:// URL",
        "what a browser sees (default: a page that says what this is)",
        |f, v| {
            v.clone_into(&mut f.home);
            matches!(v, "" | "blank") || v.starts_with("http://") || v.starts_with("https://")
        },
    ),
    text(
        "hostname",
        "a name or an IP address",
        "name or address of this relay (default derp.tailscale.com)",
        |f, v| {
            v.clone_into(&mut f.hostname);
            true
        },
    ),
    text(
        "http-port",
        "a port, or -1 for none",
        "port for redirects to HTTPS; only with TLS (default 80)",
        |f, v| {
            into_port(v, -1).is_some_and(|port| {
                f.http_port = port;
                true
            })
        },
    ),
    text("mesh-psk-file", "a file", "file with the key that siblings share", |f, v| {
        v.clone_into(&mut f.mesh_psk_file);
        true
    }),
    switch("stun", "answer STUN (default true)", |f| &mut f.stun),
    text("stun-port", PORT, "port of STUN (default 3478)", |f, v| {
        into_port(v, 1).is_some_and(|port| {
            f.stun_port = port;
            true
        })
    }),
    text(
        "tcp-keepalive-time",
        DURATION,
        "silence before the kernel probes a client (default 10m)",
        |f, v| {
            go::parse_duration(v).is_some_and(|time| {
                f.tcp_keepalive_time = time;
                true
            })
        },
    ),
    text("tcp-user-timeout", DURATION, "time bytes may stay unacknowledged (default 15s)", |f, v| {
        go::parse_duration(v).is_some_and(|time| {
            f.tcp_user_timeout = time;
            true
        })
    }),
    text("tcp-write-timeout", DURATION, "time a client may take nothing; 0 for ever (default 2s)", |f, v| {
        go::parse_duration(v).is_some_and(|time| {
            f.tcp_write_timeout = time;
            true
        })
    }),
    switch("version", "print the version", |f| &mut f.version),
    switch("help", "print this", |f| &mut f.help),
    switch("h", "print this", |f| &mut f.help),
];

const fn text(
    name: &'static str,
    takes: &'static str,
    help: &'static str,
    set: fn(&mut Flags, &str) -> bool,
) -> Served {
    Served { name, takes, help, set: Set::Value(set) }
}

const fn switch(name: &'static str, help: &'static str, set: fn(&mut Flags) -> &mut bool) -> Served {
    Served { name, takes: BOOL, help, set: Set::Switch(set) }
}

/// A flag of `derper` that is not served yet. Said with one of the values in `idle` it asks for nothing, as containers
/// do that pass every flag, and is taken.
struct Later {
    name: &'static str,
    is_switch: bool,
    idle: fn(&str) -> bool,
    instead: &'static str,
}

const WITHOUT: &str = "leave it out";

const LATER: &[Later] = &[
    later("accept-connection-burst", |_| false, WITHOUT),
    later("accept-connection-limit", |v| v == "+Inf", WITHOUT),
    later_switch("ace", WITHOUT),
    later("acme-eab-key", str::is_empty, WITHOUT),
    later("acme-eab-kid", str::is_empty, WITHOUT),
    later("acme-email", str::is_empty, WITHOUT),
    later_switch(
        "acme-ip-certs",
        "use -certmode manual, which makes a self-signed certificate for an IP address",
    ),
    later("bootstrap-dns-names", str::is_empty, WITHOUT),
    later("mesh-with", str::is_empty, WITHOUT),
    later("rate-config", str::is_empty, WITHOUT),
    later("secrets-cache-dir", |_| true, WITHOUT),
    later("secrets-path-prefix", |_| true, WITHOUT),
    later("secrets-url", str::is_empty, "use -mesh-psk-file"),
    later("socket", |_| true, WITHOUT),
    later("unpublished-bootstrap-dns-names", str::is_empty, WITHOUT),
    later(
        "verify-client-url",
        str::is_empty,
        "to admit only some, set WHERRY_ADMIT=list:FILE with their node keys",
    ),
    Later { name: "verify-client-url-fail-open", is_switch: true, idle: |_| true, instead: WITHOUT },
    later_switch("verify-clients", "to admit only some, set WHERRY_ADMIT=list:FILE with their node keys"),
];

const fn later(name: &'static str, idle: fn(&str) -> bool, instead: &'static str) -> Later {
    Later { name, is_switch: false, idle, instead }
}

const fn later_switch(name: &'static str, instead: &'static str) -> Later {
    Later { name, is_switch: true, idle: |value| go::parse_bool(value) == Some(false), instead }
}

/// Reads flags as Go does: one dash or two, the value after an equals sign or as the next argument, switches with an
/// equals sign only.
pub(super) fn parse(argv: &[String]) -> Result<Flags, FlagProblems> {
    let mut flags = Flags::default();
    let mut all = Vec::new();
    let mut rest = argv.iter().peekable();
    while let Some(arg) = rest.next() {
        let dashless = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
        let Some(body) = dashless.filter(|_| arg != "-" && arg != "--") else {
            // Go stops here and ignores what follows, which would drop flags without a word.
            if arg != "--" || rest.len() > 0 {
                all.push(FlagProblem::Argument { given: arg.clone() });
            }
            continue;
        };
        let (name, value) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.starts_with('-') {
            all.push(FlagProblem::NoName { given: arg.clone() });
            continue;
        }
        let unknown = all.len();
        all.extend(take(&mut flags, name, value, &mut || rest.next().map(String::as_str)));
        if matches!(all.get(unknown), Some(FlagProblem::Unknown { .. })) && value.is_none() {
            // What follows is most likely its value; a complaint about that too would only confuse.
            rest.next_if(|next| !next.starts_with('-'));
        }
    }
    if all.is_empty() || flags.help { Ok(flags) } else { Err(FlagProblems { all }) }
}

/// Takes one flag; `next` gives the argument behind it.
fn take<'a>(
    flags: &mut Flags,
    name: &str,
    value: Option<&'a str>,
    next: &mut dyn FnMut() -> Option<&'a str>,
) -> Option<FlagProblem> {
    if let Some(&Served { name, takes, ref set, .. }) = SERVED.iter().find(|flag| flag.name == name) {
        let bad = |given: &str| FlagProblem::BadValue { name, given: given.to_owned(), why: None, takes };
        return match set {
            Set::Switch(switch) => match go::parse_bool(value.unwrap_or("true")) {
                Some(state) => {
                    *switch(flags) = state;
                    None
                }
                None => Some(bad(value.unwrap_or_default())),
            },
            Set::Value(set) => match value.or_else(next) {
                Some(value) => (!set(flags, value)).then(|| bad(value)),
                None => Some(FlagProblem::NoValue { name, takes }),
            },
        };
    }
    if let Some(&Later { name, is_switch, idle, instead }) = LATER.iter().find(|flag| flag.name == name) {
        let value = if is_switch { value.or(Some("true")) } else { value.or_else(next) };
        return (!value.is_some_and(idle)).then_some(FlagProblem::Later { name, instead });
    }
    Some(FlagProblem::Unknown { name: name.to_owned(), suggestion: nearest(name) })
}

fn nearest(name: &str) -> Option<String> {
    let known = SERVED.iter().map(|flag| flag.name).filter(|name| name.len() > 1);
    let near = known.map(|known| (strsim::damerau_levenshtein(&name.replace('_', "-"), known), known));
    near.filter(|(distance, known)| *distance <= 1 + known.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known.to_owned())
}

fn into_port(text: &str, min: i64) -> Option<i64> {
    text.parse().ok().filter(|port| (min..=65535).contains(port) && *port != 0)
}

/// The text of `-help`.
pub(super) fn help() -> String {
    let served = SERVED.iter().filter(|flag| flag.name != "h").map(|flag| {
        let value = if matches!(flag.set, Set::Value(_)) { " value" } else { "" };
        format!("  -{}{value}\n{}", flag.name, filled(flag.help, 8))
    });
    let later: Vec<_> = LATER.iter().map(|flag| format!("-{}", flag.name)).collect();
    let environment = "The environment is that of wherry serve as well: WHERRY_ADMIT, WHERRY_ADMIN, WHERRY_LOG, WHERRY_WORKERS …";
    format!(
        "Usage of derper, as served by wherry:\n{}\nOf a later version:\n{}\n{}",
        served.collect::<String>(),
        filled(&later.join(", "), 2),
        filled(environment, 0)
    )
}
