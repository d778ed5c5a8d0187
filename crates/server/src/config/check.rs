//! From written values to [`Settings`].

use std::{
    collections::BTreeSet,
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
    Admit, CertSetting, Host, Limits, ListenAddr, LogFormat, LogSettings, NodeKeySource, Origin, Problems,
    Settings, Sources,
    address::{covers, is_loopback, parse_addr, parse_hostname},
    file_error::FileError,
    key::Key,
    key_file::read_node_key,
    ledger::{Ledger, Survey},
    limits, machine,
    problem::{Conflict, Missing, ValueError},
    register as keys, value,
};

/// Checked settings, and what they were made from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Effective {
    /// The settings.
    pub settings: Settings,
    /// The value of each key, and the files they name.
    pub survey: Survey,
}

/// Reads all sources and checks them.
///
/// Files that settings name are opened to see that they can be used; nothing is written.
///
/// # Errors
/// Every problem there is, in the order of the register, unknown keys first.
pub fn load(sources: &Sources) -> Result<Effective, Problems> {
    let mut ledger = Ledger::open(sources);
    let settings = ledger.settings(sources);
    let (problems, survey) = ledger.close();
    match settings {
        Some(settings) if problems.is_empty() => Ok(Effective { settings, survey }),
        settings => Err(Problems { all: problems, survey, settings: settings.map(Box::new) }),
    }
}

impl Ledger {
    /// Checks key after key; none only if a problem was noted.
    fn settings(&mut self, sources: &Sources) -> Option<Settings> {
        let hostnames = self.many(&keys::HOSTNAME, parse_hostname);
        let listen = self.listen();
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
        let map = self.map(hostnames.as_deref().and_then(<[Host]>::first), state_dir.as_deref());
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
            map: map?,
        })
    }

    fn listen(&mut self) -> Option<Vec<ListenAddr>> {
        let listen = self.many(&keys::LISTEN, ListenAddr::parse)?;
        let addresses: Vec<_> = listen.iter().map(|one| one.addr).collect();
        self.apart(&keys::LISTEN, &addresses).then_some(listen)
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
            Some("off") => Some(Vec::new()),
            Some("auto") => {
                let auto = auto?;
                let is_covered = |part: &&SocketAddr| auto.iter().any(|whole| covers(whole, part));
                let found: Vec<_> = auto.iter().filter(|one| !is_covered(one)).copied().collect();
                if found.is_empty() {
                    self.show(key, ["off"].iter());
                } else {
                    self.show(key, found.iter());
                }
                Some(found)
            }
            _ => {
                let found = self.many(key, |text| match text {
                    "off" | "auto" => Err(ValueError::Alone),
                    _ => parse_addr(text),
                })?;
                self.apart(key, &found).then_some(found)
            }
        }
    }

    /// Notes if one of `all` is an address that another one, a wildcard, stands for: the wildcard could not have it.
    fn apart(&mut self, key: &'static Key, all: &[SocketAddr]) -> bool {
        let part = |whole: &SocketAddr| Some((*whole, *all.iter().find(|part| covers(whole, part))?));
        let Some((whole, part)) = all.iter().find_map(part) else { return true };
        self.conflict(key, Conflict::Covered { whole, part });
        false
    }

    fn admit(&mut self, listen: Option<&[ListenAddr]>, derp: Option<bool>) -> Option<Admit> {
        let public = listen
            .and_then(|listen| listen.iter().map(|one| one.addr).find(|addr| !is_loopback(addr.ip())))
            .filter(|_| derp != Some(false));
        let (items, origin) = self.given(&keys::ADMIT);
        if items.is_empty() || origin == Origin::Dev {
            if let Some(addr) = public {
                self.missing(&keys::ADMIT, Missing::Admission { addr, way: self.way });
                return None;
            }
            self.show(&keys::ADMIT, ["open"].iter());
            return Some(Admit::Open);
        }
        let admit = self.one(&keys::ADMIT, value::parse_admit)?;
        if let Admit::List(path) = &admit {
            let opened = self.file(&keys::ADMIT, &admit, FileError::check_list(path));
            self.survey.list = opened.map(|()| path.clone());
        }
        Some(admit)
    }

    fn state(&mut self, sources: &Sources) -> Option<PathBuf> {
        if self.word(&keys::STATE).as_deref() != Some("auto") {
            return self.one(&keys::STATE, value::parse_path);
        }
        let Some(mut dir) = sources.env.state_dir() else {
            self.missing(&keys::STATE, Missing::State { way: self.way });
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
        let dir = if has_dir { self.one(&keys::CERT_DIR, value::parse_path) } else { None };
        let mut self_signed = self.one(&keys::SELF_SIGNED, value::parse_switch);
        if has_dir && self.given(&keys::SELF_SIGNED).1 == Origin::Dev {
            // A folder that was written down outweighs the self-signed certificate that --dev implies.
            self.show(&keys::SELF_SIGNED, ["false"].iter());
            self_signed = Some(false);
        }
        let tls = listen.map(|listen| listen.iter().find(|one| one.tls).map(|one| one.addr));
        match (dir, self_signed) {
            _ if tls == Some(None) => Some(None),
            (Some(_), Some(true)) => {
                self.conflict(&keys::CERT_DIR, Conflict::TwoCertificates);
                None
            }
            (Some(dir), _) => {
                let opened = self.file(&keys::CERT_DIR, dir.display(), FileError::check_folder(&dir));
                self.survey.cert_dir = opened.map(|()| dir.clone());
                Some(Some(CertSetting::Dir(dir)))
            }
            (None, Some(true)) if hostnames?.is_empty() => {
                self.missing(&keys::HOSTNAME, Missing::Hostname { way: self.way });
                None
            }
            (None, Some(true)) => Some(Some(CertSetting::SelfSigned { dir: state_dir?.join("self-signed") })),
            (None, said) => {
                // A switch that cannot be read may have been meant to be on.
                let may_be_on = self.may_be_set(&keys::SELF_SIGNED);
                if let (false, Some(false), false, Some(addr)) = (has_dir, said, may_be_on, tls.flatten()) {
                    self.missing(&keys::CERT_DIR, Missing::Certificate { addr, way: self.way });
                }
                None
            }
        }
    }

    fn node_key(&mut self, state_dir: Option<&Path>) -> Option<NodeKeySource> {
        let path = match self.word(&keys::KEY_FILE).as_deref() {
            Some("ephemeral") => return Some(NodeKeySource::Ephemeral),
            Some("auto") => {
                let path = state_dir?.join("derp.key.json");
                self.show(&keys::KEY_FILE, [path.display()].iter());
                path
            }
            _ => self.one(&keys::KEY_FILE, value::parse_path)?,
        };
        let readable = read_node_key(&path).map(drop).map_err(FileError::from);
        self.file(&keys::KEY_FILE, path.display(), readable);
        Some(NodeKeySource::File(path))
    }

    #[expect(clippy::option_option, reason = "the outer one says whether all was well")]
    fn admin(&mut self) -> Option<Option<SocketAddr>> {
        let addr = self.one(&keys::ADMIN, |text| value::parse_or(text, "off", parse_addr));
        let exposed = self.one(&keys::ADMIN_EXPOSED, value::parse_switch);
        match addr? {
            Some(addr) if exposed != Some(true) && !is_loopback(addr.ip()) => {
                if !self.may_be_set(&keys::ADMIN_EXPOSED) {
                    self.conflict(&keys::ADMIN, Conflict::AdminExposed);
                }
                None
            }
            addr => Some(addr),
        }
    }

    #[expect(clippy::option_option, reason = "the outer one says whether all was well")]
    fn mesh_key(&mut self) -> Option<Option<MeshKey>> {
        if self.given(&keys::MESH_KEY_FILE).0.is_empty() {
            return Some(None);
        }
        let path = self.one(&keys::MESH_KEY_FILE, value::parse_path)?;
        let key = read_mesh_key(&path).and_then(|key| key.ok_or(FileError::ZeroMeshKey));
        Some(self.file(&keys::MESH_KEY_FILE, path.display(), key))
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
        let memory = self.memory();
        Some(Limits {
            handshake: handshake?,
            http: http?,
            write_timeout: write_timeout?,
            keepalive: keepalive?,
            tcp_user_timeout: Some(tcp_user_timeout?),
            tcp_keepalive: tcp_keepalive?,
            mailbox: MailboxLimits { data_bytes: bytes?, max_age: age?, ..MailboxLimits::default() },
            memory: memory?,
        })
    }

    fn memory(&mut self) -> Option<usize> {
        if self.word(&keys::MEMORY).as_deref() != Some("auto") {
            return self.one(&keys::MEMORY, |text| value::parse_size(text, &limits::MEMORY));
        }
        let share = machine::memory_share(*limits::MEMORY.start());
        self.show(&keys::MEMORY, [value::show_size(share.bytes)].iter());
        self.explain(&keys::MEMORY, share.reason);
        Some(share.bytes)
    }

    fn duration(&mut self, key: &'static Key, range: &RangeInclusive<Duration>) -> Option<Duration> {
        self.one(key, |text| value::parse_duration(text, range))
    }
}

/// Reads a mesh key; none if it is all zero.
fn read_mesh_key(path: &Path) -> Result<Option<MeshKey>, FileError> {
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(FileError::Io)?);
    MeshKey::parse(&text).map_err(|_| FileError::MeshKey)
}
