//! Checked settings: what the rooms of this crate are built from.

use std::{
    fmt,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use wherry_wire::key::MeshKey;

use super::{Host, Limits, ListenAddr, NodeKeySource, ledger::public};

/// Everything the relay needs to know to run; each value has been checked.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by its users as well")]
pub struct Settings {
    /// Names and addresses under which clients reach the relay, the first one for the map entry. May be empty if
    /// `cert` is not self-signed.
    pub hostnames: Vec<Host>,
    /// Where to serve the relay; not empty.
    pub listen: Vec<ListenAddr>,
    /// Where to serve redirects and captive-portal checks over plain HTTP.
    pub http: Vec<SocketAddr>,
    /// Where to answer STUN.
    pub stun: Vec<SocketAddr>,
    /// Folder for what the relay keeps; it may not exist yet.
    pub state_dir: PathBuf,
    /// Source of certificates; none if and only if no listener speaks TLS.
    pub cert: Option<CertSetting>,
    /// Who may use the relay.
    pub admit: Admit,
    /// Where to serve the private listener.
    pub admin: Option<SocketAddr>,
    /// The key siblings show; never all zero.
    pub mesh_key: Option<MeshKey>,
    /// Where the relay's own key comes from.
    pub node_key: NodeKeySource,
    /// What a browser sees.
    pub home: Home,
    /// Whether to relay; else only STUN and the web pages.
    pub derp: bool,
    /// Threads that serve connections; none is one for each core.
    pub workers: Option<NonZeroUsize>,
    /// Bounds on one connection.
    pub limits: Limits,
    /// What to log; for whoever installs the subscriber.
    pub log: LogSettings,
    /// The map that is printed and served.
    pub map: MapSettings,
}

/// The map that is printed and served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by its users as well")]
pub struct MapSettings {
    /// Whether it is served; it is printed in any case.
    pub serve: bool,
    /// Number of the own region: 1 to 65535.
    pub region_id: i64,
    /// Code of the own region.
    pub region_code: String,
    /// Name of the own region.
    pub region_name: String,
    /// Name of the own node; none is made from the region's number.
    pub node_name: Option<String>,
    /// IPv4 address of the own node, or `none`; nothing is what follows from the hostname.
    pub ipv4: Option<String>,
    /// IPv6 address of the own node, or `none`; nothing is what follows from the hostname.
    pub ipv6: Option<String>,
    /// TCP port under which clients reach the relay by TLS, if it is not the listener's.
    pub port: Option<u16>,
    /// UDP port under which clients reach STUN, if it is not the socket's.
    pub stun_port: Option<u16>,
    /// Maps to serve beside the own entry, the later over the earlier.
    pub include: Vec<Include>,
    /// Regions to leave out of them, by number or code.
    pub without: Vec<String>,
    /// After which URLs are read again.
    pub refresh: Duration,
}

/// Where an included map comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a map is in a file or behind a URL")]
pub enum Include {
    /// A file.
    File(PathBuf),
    /// An `https://` or `http://` URL.
    Url(String),
}

impl Include {
    /// The file in the state folder that holds it over a restart, whose name follows from what is included.
    pub(crate) fn kept_in(&self, state_dir: &Path) -> PathBuf {
        let written = match self {
            Self::File(path) => path.as_os_str().as_encoded_bytes(),
            Self::Url(url) => url.as_bytes(),
        };
        let digest = format!("{:x}", Sha256::digest(written));
        // A quarter of it tells any two of a configuration apart.
        state_dir.join("maps").join(format!("{}.json", digest.get(..16).unwrap_or(&digest)))
    }
}

/// For logs and health: a URL without what may be a secret.
impl fmt::Display for Include {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(&public(&path.to_string_lossy())),
            Self::Url(url) => f.write_str(&public(url)),
        }
    }
}

/// Where certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertSetting {
    /// A folder of certificates and keys, paired by content and reloaded when they change.
    Dir(PathBuf),
    /// Self-signed for the first hostname, kept in the folder.
    SelfSigned {
        /// Folder to keep it in; it may not exist yet.
        dir: PathBuf,
    },
    /// As `derper -certmode manual`: `<hostname>.crt` and `.key` in the folder; made self-signed there if the hostname
    /// is an IP address and they are missing.
    DerperManual {
        /// The folder; it may not exist yet.
        dir: PathBuf,
    },
}

/// Who may use the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admit {
    /// Anybody.
    Open,
    /// The node keys in the file.
    List(PathBuf),
}

impl fmt::Display for Admit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::List(path) => write!(f, "list:{}", path.display()),
        }
    }
}

/// What a browser sees at `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Home {
    /// A page that says what this is.
    Default,
    /// An empty page.
    Blank,
    /// 302 to this `http://` or `https://` URL; printable ASCII.
    Redirect(String),
}

/// What to log and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by its users as well")]
pub struct LogSettings {
    /// Comma-separated `level` or `target=level`.
    pub filter: String,
    /// Form of a line.
    pub format: LogFormat,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
