//! From written values to [`Settings`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::SocketAddr,
    num::NonZeroUsize,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use wherry_switch::MailboxLimits;
use wherry_wire::key::MeshKey;
use zeroize::Zeroizing;

use super::{
    Admit, CertSetting, Host, Limits, ListenAddr, LogFormat, LogSettings, NodeKeySource, Origin, Problem,
    Problems, Settings, Sources, ValueError,
    address::{is_loopback, parse_addr},
    key_file::read_node_key,
    layers::{Given, merge},
    limits,
    problem::{Conflict, FileError, Missing},
    register::{self as keys, KEYS, Key},
    value,
};

/// Checked settings, and the value of each key with its origin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Effective {
    /// The settings.
    pub settings: Settings,
    /// One row for each key, in the order of the register.
    pub rows: Vec<Row>,
}

/// The effective value of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The key.
    pub key: &'static str,
    /// Its values as they would be written, with `auto` replaced by what it came to; empty if not set.
    pub values: Vec<String>,
    /// Where the value was written.
    pub origin: Origin,
}

/// Reads all sources and checks them.
///
/// Files that settings name are opened to see that they can be used; nothing is written.
///
/// # Errors
/// Every problem there is, in the order of the register, unknown keys first.
pub fn load(sources: &Sources) -> Result<Effective, Problems> {
    let mut problems = Vec::new();
    let written = merge(sources, &mut problems);
    let mut check = Check { written, dev: sources.dev, problems, rows: BTreeMap::new() };
    let settings = check.settings(sources);
    let Check { problems, mut rows, .. } = check;
    match settings {
        Some(settings) if problems.is_empty() => {
            let rows = KEYS.iter().filter_map(|key| rows.remove(key.name)).collect();
            Ok(Effective { settings, rows })
        }
        _ => Err(Problems { all: problems }),
    }
}

struct Check {
    written: BTreeMap<&'static str, Given>,
    dev: bool,
    problems: Vec<Problem>,
    rows: BTreeMap<&'static str, Row>,
}

impl Check {
    /// Checks key after key; none only if a problem was noted.
    fn settings(&mut self, sources: &Sources) -> Option<Settings> {
        let hostnames = self.many(&keys::HOSTNAME, Host::parse);
        let listen = self.many(&keys::LISTEN, ListenAddr::parse);
        let http = self.http(listen.as_deref());
        let stun = self.stun(listen.as_deref());
        let derp = self.one(&keys::DERP, value::parse_switch);
        let admit = self.admit(listen.as_deref(), derp);
        let state_dir = self.state(sources);
        let cert = self.cert(listen.as_deref(), hostnames.as_deref(), state_dir.as_deref());
        let node_key = self.node_key(state_dir.as_deref());
        let admin = self.admin();
        let mesh_key = self.mesh_key();
        let home = self.one(&keys::HOME, value::parse_home);
        let workers = self.one(&keys::WORKERS, |text| {
            value::parse_or(text, "auto", |text| value::parse_count(text, &limits::WORKERS))
        });
        let log = self.log();
        let limits = self.limits();
        Some(Settings {
            hostnames: hostnames?,
            listen: listen?,
            http: http?,
            stun: stun?,
            state_dir: state_dir?,
            cert: cert?,
            admit: admit?,
            admin: admin?,
            mesh_key: mesh_key?,
            node_key: node_key?,
            home: home?,
            derp: derp?,
            workers: workers?.and_then(NonZeroUsize::new),
            limits: limits?,
            log: log?,
        })
    }

    fn http(&mut self, listen: Option<&[ListenAddr]>) -> Option<Vec<SocketAddr>> {
        let on_443 = |one: &&ListenAddr| one.tls && one.addr.port() == 443;
        let auto = listen.map(|listen| {
            listen.iter().filter(on_443).map(|one| SocketAddr::new(one.addr.ip(), 80)).collect()
        });
        self.addresses(&keys::HTTP, auto)
    }

    fn stun(&mut self, listen: Option<&[ListenAddr]>) -> Option<Vec<SocketAddr>> {
        let auto =
            listen.map(|listen| listen.iter().map(|one| SocketAddr::new(one.addr.ip(), 3478)).collect());
        self.addresses(&keys::STUN, auto)
    }

    /// Addresses, `off` for none, or `auto` for those given.
    fn addresses(
        &mut self,
        key: &'static Key,
        auto: Option<BTreeSet<SocketAddr>>,
    ) -> Option<Vec<SocketAddr>> {
        match self.word(key).as_deref() {
            Some("off") => {
                self.note(key);
                Some(Vec::new())
            }
            Some("auto") => {
                let found: Vec<_> = auto?.into_iter().collect();
                self.show(key, found.iter());
                Some(found)
            }
            _ => self.many(key, parse_addr),
        }
    }

    fn admit(&mut self, listen: Option<&[ListenAddr]>, derp: Option<bool>) -> Option<Admit> {
        let public = listen
            .and_then(|listen| listen.iter().map(|one| one.addr).find(|addr| !is_loopback(addr.ip())))
            .filter(|_| derp == Some(true));
        let (items, origin) = self.given(&keys::ADMIT);
        if items.is_empty() || origin == Origin::Dev {
            if let Some(addr) = public {
                self.missing(&keys::ADMIT, Missing::Admission { addr });
                return None;
            }
            self.show(&keys::ADMIT, ["open"].iter());
            return Some(Admit::Open);
        }
        let admit = self.one(&keys::ADMIT, value::parse_admit)?;
        if let Admit::List(path) = &admit {
            self.file(&keys::ADMIT, path, FileError::check_readable(path))?;
        }
        Some(admit)
    }

    fn state(&mut self, sources: &Sources) -> Option<PathBuf> {
        if self.word(&keys::STATE).as_deref() != Some("auto") {
            return self.one(&keys::STATE, value::parse_path);
        }
        let Some(mut dir) = sources.env.state_dir() else {
            self.missing(&keys::STATE, Missing::State);
            return None;
        };
        if self.dev {
            dir.push("dev");
        }
        self.show(&keys::STATE, [dir.display()].iter());
        Some(dir)
    }

    #[expect(clippy::option_option, reason = "the outer one says whether all was well")]
    fn cert(
        &mut self,
        listen: Option<&[ListenAddr]>,
        hostnames: Option<&[Host]>,
        state_dir: Option<&Path>,
    ) -> Option<Option<CertSetting>> {
        let has_dir = !self.given(&keys::CERT_DIR).0.is_empty();
        let dir = if has_dir { Some(self.one(&keys::CERT_DIR, value::parse_path)?) } else { None };
        if !has_dir {
            self.note(&keys::CERT_DIR);
        }
        let origin = self.given(&keys::SELF_SIGNED).1;
        // A folder that was written down outweighs the self-signed certificate that --dev implies.
        let self_signed =
            self.one(&keys::SELF_SIGNED, value::parse_switch)? && !(has_dir && origin == Origin::Dev);
        if has_dir && origin == Origin::Dev {
            self.show(&keys::SELF_SIGNED, ["false"].iter());
        }
        let Some(tls) = listen?.iter().find(|one| one.tls) else { return Some(None) };
        match dir {
            Some(_) if self_signed => {
                self.conflict(&keys::CERT_DIR, Conflict::TwoCertificates);
                None
            }
            Some(dir) => {
                self.file(&keys::CERT_DIR, &dir, FileError::check_folder(&dir))?;
                Some(Some(CertSetting::Dir(dir)))
            }
            None if self_signed && hostnames?.is_empty() => {
                self.missing(&keys::HOSTNAME, Missing::Hostname);
                None
            }
            None if self_signed => {
                Some(Some(CertSetting::SelfSigned { dir: state_dir?.join("self-signed") }))
            }
            None => {
                self.missing(&keys::CERT_DIR, Missing::Certificate { addr: tls.addr });
                None
            }
        }
    }

    fn node_key(&mut self, state_dir: Option<&Path>) -> Option<NodeKeySource> {
        let path = match self.word(&keys::KEY_FILE).as_deref() {
            Some("ephemeral") => {
                self.note(&keys::KEY_FILE);
                return Some(NodeKeySource::Ephemeral);
            }
            Some("auto") => {
                let path = state_dir?.join("derp.key.json");
                self.show(&keys::KEY_FILE, [path.display()].iter());
                path
            }
            _ => self.one(&keys::KEY_FILE, value::parse_path)?,
        };
        let readable = read_node_key(&path).map(drop).map_err(FileError::from);
        self.file(&keys::KEY_FILE, &path, readable)?;
        Some(NodeKeySource::File(path))
    }

    #[expect(clippy::option_option, reason = "the outer one says whether all was well")]
    fn admin(&mut self) -> Option<Option<SocketAddr>> {
        let addr = self.one(&keys::ADMIN, |text| value::parse_or(text, "off", parse_addr));
        let exposed = self.one(&keys::ADMIN_EXPOSED, value::parse_switch)?;
        match addr? {
            Some(addr) if !exposed && !is_loopback(addr.ip()) => {
                self.conflict(&keys::ADMIN, Conflict::AdminExposed);
                None
            }
            addr => Some(addr),
        }
    }

    #[expect(clippy::option_option, reason = "the outer one says whether all was well")]
    fn mesh_key(&mut self) -> Option<Option<MeshKey>> {
        if self.given(&keys::MESH_KEY_FILE).0.is_empty() {
            self.note(&keys::MESH_KEY_FILE);
            return Some(None);
        }
        let path = self.one(&keys::MESH_KEY_FILE, value::parse_path)?;
        let key = read_mesh_key(&path).and_then(|key| key.ok_or(FileError::ZeroMeshKey));
        self.file(&keys::MESH_KEY_FILE, &path, key).map(Some)
    }

    fn log(&mut self) -> Option<LogSettings> {
        let filter = self.one(&keys::LOG, value::parse_log);
        let format: Option<LogFormat> = self.one(&keys::LOG_FORMAT, value::parse_log_format);
        Some(LogSettings { filter: filter?, format: format? })
    }

    fn limits(&mut self) -> Option<Limits> {
        let handshake = self.duration(&keys::HANDSHAKE, &limits::WAIT);
        let http = self.duration(&keys::HTTP_TIME, &limits::WAIT);
        let write_timeout = self.one(&keys::WRITE_TIMEOUT, |text| {
            value::parse_or(text, "off", |text| value::parse_duration(text, &limits::WAIT))
        });
        let keepalive = self.duration(&keys::KEEPALIVE, &limits::KEEPALIVE);
        let tcp_user_timeout = self.duration(&keys::TCP_USER_TIMEOUT, &limits::USER_TIMEOUT);
        let tcp_keepalive = self.duration(&keys::TCP_KEEPALIVE, &limits::TCP_KEEPALIVE);
        let bytes = self.one(&keys::MAILBOX_BYTES, |text| value::parse_size(text, &limits::MAILBOX_BYTES));
        let age = self.duration(&keys::MAILBOX_AGE, &limits::MAILBOX_AGE);
        Some(Limits {
            handshake: handshake?,
            http: http?,
            write_timeout: write_timeout?,
            keepalive: keepalive?,
            tcp_user_timeout: Some(tcp_user_timeout?),
            tcp_keepalive: tcp_keepalive?,
            mailbox: MailboxLimits { data_bytes: bytes?, max_age: age?, ..MailboxLimits::default() },
        })
    }

    fn duration(&mut self, key: &'static Key, range: &RangeInclusive<Duration>) -> Option<Duration> {
        self.one(key, |text| value::parse_duration(text, range))
    }

    /// The winning values of a key and where they were written.
    fn given(&self, key: &Key) -> (Vec<String>, Origin) {
        let preset = |text: &str, origin| {
            (text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect(), origin)
        };
        match self.written.get(key.name) {
            Some(given) => (given.items.clone(), given.origin.clone()),
            None if self.dev && !key.dev.is_empty() => preset(key.dev, Origin::Dev),
            None => preset(key.default, Origin::Default),
        }
    }

    /// The only value of a key, if it has just one.
    fn word(&self, key: &Key) -> Option<String> {
        <[String; 1]>::try_from(self.given(key).0).ok().map(|[word]| word)
    }

    fn one<T>(&mut self, key: &'static Key, parse: impl FnOnce(&str) -> Result<T, ValueError>) -> Option<T> {
        self.note(key);
        let (items, origin) = self.given(key);
        let [item] = match <[String; 1]>::try_from(items) {
            Ok(item) => item,
            Err(items) => {
                let count = items.len();
                self.problems.push(Problem::TooMany { key: key.name, origin, count, takes: key.takes });
                return None;
            }
        };
        let result = parse(&item);
        self.accept(key, item, origin, result)
    }

    fn many<T: PartialEq>(
        &mut self,
        key: &'static Key,
        parse: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Option<Vec<T>> {
        self.note(key);
        let (items, origin) = self.given(key);
        let count = items.len();
        let mut found = Vec::new();
        for item in items {
            let result = parse(&item);
            let result =
                result.and_then(|one| if found.contains(&one) { Err(ValueError::Twice) } else { Ok(one) });
            found.extend(self.accept(key, item, origin.clone(), result));
        }
        (found.len() == count).then_some(found)
    }

    fn accept<T>(
        &mut self,
        key: &'static Key,
        given: String,
        origin: Origin,
        result: Result<T, ValueError>,
    ) -> Option<T> {
        let bad = |why| Problem::BadValue { key: key.name, given, origin, why, takes: key.takes };
        result.map_err(|why| self.problems.push(bad(why))).ok()
    }

    fn file<T>(&mut self, key: &'static Key, path: &Path, result: Result<T, FileError>) -> Option<T> {
        let origin = self.given(key).1;
        let bad = |err| Problem::BadFile { key: key.name, path: path.to_owned(), origin, err };
        result.map_err(|err| self.problems.push(bad(err))).ok()
    }

    fn missing(&mut self, key: &'static Key, missing: Missing) {
        self.problems.push(Problem::Missing { key: key.name, missing });
    }

    fn conflict(&mut self, key: &'static Key, conflict: Conflict) {
        let (items, origin) = self.given(key);
        self.problems.push(Problem::Conflict { key: key.name, given: items.join(","), origin, conflict });
    }

    /// Notes the value of a key as it was written.
    fn note(&mut self, key: &'static Key) {
        let (values, origin) = self.given(key);
        self.rows.insert(key.name, Row { key: key.name, values, origin });
    }

    /// Notes what a key came to.
    fn show<T: Display>(&mut self, key: &'static Key, values: impl Iterator<Item = T>) {
        let values = values.map(|value| value.to_string()).collect();
        self.rows.insert(key.name, Row { key: key.name, values, origin: self.given(key).1 });
    }
}

/// Reads a mesh key; none if it is all zero.
fn read_mesh_key(path: &Path) -> Result<Option<MeshKey>, FileError> {
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(FileError::Io)?);
    MeshKey::parse(&text).map_err(|_| FileError::MeshKey)
}
