//! The relay under test: one process, its addresses and its files.
//!
//! Each subject has a loopback address of its own out of 127.0.0.0/8, so ports never collide with anything; only
//! IPv6 and wildcard subjects, which have no such choice, take ports that were free a moment ago.

use crate::binary::{program, say};
use crate::differences::{Difference, not_yet};
use crate::keeper::Keeper;
use crate::node::{NodeKey, hex, random_bytes};
use crate::settings::{Kind, settings};
use crate::tls::Hello;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Where a subject listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listen {
    /// An IPv4 loopback address of its own.
    #[default]
    Own,
    /// All addresses of the machine, as the reference's default does.
    Wildcard,
    /// `::1`.
    V6,
}

/// How a subject is started. The default is TLS with a self-signed certificate for its own address.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Addresses to listen on.
    pub listen: Listen,
    /// A DNS name to serve instead of the address; the harness makes a certificate for it.
    pub hostname: Option<&'static str>,
    /// Plain HTTP instead of TLS: the reference's behaviour for a port other than 443 without manual certificates.
    pub plain: bool,
    /// What the key file holds before the start; by default there is none.
    pub key_file: Option<String>,
    /// The mesh key as 64 hexadecimal digits, if not a new one.
    pub mesh_key: Option<String>,
    /// No mesh key at all.
    pub no_mesh_key: bool,
    /// Flags appended to the usual ones.
    pub flags: Vec<String>,
    /// Extra environment.
    pub envs: Vec<(String, String)>,
}

/// A running relay.
#[derive(Debug)]
pub struct Subject {
    kind: Kind,
    main: SocketAddr,
    http: SocketAddr,
    stun: SocketAddr,
    hostname: String,
    mesh_key: String,
    dir: PathBuf,
    keeper: Keeper,
}

const DEADLINE: Duration = Duration::from_secs(60);

impl Subject {
    /// Starts a relay and waits until it accepts connections. `None`: there is no program to start here, and a
    /// line on stderr says so.
    #[must_use]
    pub fn start(setup: &Setup) -> Option<Self> {
        let subject = Self::launch(setup)?;
        subject.wait_until_listening(subject.main);
        if !setup.plain && !setup.flags.iter().any(|flag| flag.contains("http-port")) {
            subject.wait_until_listening(subject.http);
        }
        Some(subject)
    }

    /// Starts a relay that is expected to end at once: its exit code and log.
    #[must_use]
    pub fn refused(setup: &Setup) -> Option<(i32, String)> {
        let subject = Self::launch(setup)?;
        let code = subject.exit_within(DEADLINE).expect("the subject ends by itself");
        Some((code, subject.log()))
    }

    /// The exit code after a flag of [`NOT_YET`](crate::differences::NOT_YET). `None`: the reference serves them all.
    #[must_use]
    pub fn exit_after_flag_not_yet_served(flag: &str) -> Option<i32> {
        if settings().kind == Kind::Derper {
            return None;
        }
        let subject = Self::launch_anyway(&Setup { flags: vec![flag.to_owned()], ..Setup::default() })?;
        subject.exit_within(DEADLINE)
    }

    fn launch(setup: &Setup) -> Option<Self> {
        let lacking = setup.flags.iter().find_map(|flag| not_yet(flag));
        match lacking.filter(|_| settings().kind == Kind::Wherry) {
            Some(purpose) => {
                say(&format!("SKIPPED: wherry does not serve {purpose} yet"));
                None
            }
            None => Self::launch_anyway(setup),
        }
    }

    fn launch_anyway(setup: &Setup) -> Option<Self> {
        let program = program()?;
        let dir =
            tempfile::Builder::new().prefix("wherry-tests-").tempdir().expect("a temporary directory").keep();
        let (host, main, http, stun) = addresses(setup.listen);
        let hostname = setup.hostname.map_or_else(|| main.ip().to_string(), str::to_owned);
        let mesh_key = setup.mesh_key.clone().unwrap_or_else(|| hex(&random_bytes::<32>()));
        if let Some(text) = &setup.key_file {
            std::fs::write(dir.join("derper.key"), text).expect("the key file is written");
        }
        if let Some(name) = setup.hostname {
            write_certificate(&dir.join("certs"), name);
        }

        let mut args = Vec::new();
        if settings().kind == Kind::Wherry {
            args.push("derper".to_owned());
        }
        let path = |name| dir.join(name).display().to_string();
        let pairs = [
            ("-a", format!("{host}:{}", main.port())),
            ("-c", path("derper.key")),
            ("-hostname", hostname.clone()),
            ("-certdir", path("certs")),
            ("-stun-port", stun.port().to_string()),
            ("-http-port", if setup.plain { "-1".to_owned() } else { http.port().to_string() }),
            ("-certmode", if setup.plain { "letsencrypt" } else { "manual" }.to_owned()),
        ];
        args.extend(pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        if !setup.no_mesh_key {
            std::fs::write(dir.join("mesh.key"), format!("{mesh_key}\n")).expect("the mesh key is written");
            args.extend(["-mesh-psk-file".to_owned(), path("mesh.key")]);
        }
        args.extend(setup.flags.iter().cloned());

        let keeper = Keeper::start(program, &args, &setup.envs, &dir.join("log"), &dir);
        Some(Self { kind: settings().kind, main, http, stun, hostname, mesh_key, dir, keeper })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a process that does not listen yet offers nothing to wait for"
    )]
    fn wait_until_listening(&self, addr: SocketAddr) {
        let started = Instant::now();
        while TcpStream::connect(addr).is_err() {
            if let Some(code) = self.keeper.wait(Duration::ZERO) {
                panic!("the subject ended with {code} before it listened:\n{}", self.log());
            }
            assert!(started.elapsed() < DEADLINE, "the subject does not listen on {addr}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Does this subject behave otherwise than the reference in this respect?
    #[must_use]
    pub fn differs(&self, _difference: Difference) -> bool {
        self.kind == Kind::Wherry
    }

    /// Address of the main listener: TLS, or plain HTTP if set up so.
    #[must_use]
    pub const fn main(&self) -> SocketAddr {
        self.main
    }

    /// Address of the plain listener that stands for port 80.
    #[must_use]
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Address of the STUN socket.
    #[must_use]
    pub const fn stun(&self) -> SocketAddr {
        self.stun
    }

    /// The name or address that the relay was told to be.
    #[must_use]
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// What a stock client says to it in TLS: the name it serves; no name for an address, as in Go.
    #[must_use]
    pub fn hello(&self) -> Hello {
        let name = self.hostname.parse::<IpAddr>().is_err().then(|| self.hostname.clone());
        Hello { server_name: name, ..Hello::default() }
    }

    /// The mesh key, 64 hexadecimal digits.
    #[must_use]
    pub fn mesh_key(&self) -> &str {
        &self.mesh_key
    }

    /// The key file.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.dir.join("derper.key")
    }

    /// The certificate directory.
    #[must_use]
    pub fn cert_dir(&self) -> PathBuf {
        self.dir.join("certs")
    }

    /// The relay's own key pair, read from its key file.
    #[must_use]
    pub fn node_key(&self) -> NodeKey {
        let text = std::fs::read_to_string(self.key_file()).expect("the key file is there");
        let (_, tail) = text.split_once("privkey:").expect("the key file holds a private key");
        let byte = |at: usize| u8::from_str_radix(&tail[at..at + 2], 16).expect("hexadecimal digits");
        NodeKey::from_secret(std::array::from_fn(|at| byte(2 * at)))
    }

    /// Process id of the relay.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.keeper.pid()
    }

    /// Memory of the relay's process that is in RAM now. Source: proc(5), `statm`
    #[must_use]
    pub fn resident_bytes(&self) -> usize {
        let text =
            std::fs::read_to_string(format!("/proc/{}/statm", self.pid())).expect("the process is there");
        let pages: usize =
            text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
        pages * 4096
    }

    /// Sends the relay a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let done =
            std::process::Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(done.expect("kill starts").success(), "the subject was already gone");
    }

    /// The exit code, 128 + n after signal n, if the relay ends in time.
    #[must_use]
    pub fn exit_within(&self, limit: Duration) -> Option<i32> {
        self.keeper.wait(limit)
    }

    /// What the relay wrote so far, its last 2 KiB.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(self.dir.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(2048)..]).into_owned()
    }

    #[expect(clippy::print_stderr, reason = "the test runner shows it under the failed test")]
    fn print_log_of_failed_test(&self) {
        if std::thread::panicking() {
            eprintln!("---- end of the subject's log ----\n{}", self.log());
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.print_log_of_failed_test();
    }
}

/// A subject used by many tests at once; each brings node keys of its own.
#[derive(Debug)]
pub struct Shared(&'static Subject);

impl Shared {
    /// The shared TLS subject.
    #[must_use]
    pub fn tls() -> Option<Self> {
        static SUBJECT: OnceLock<Option<Subject>> = OnceLock::new();
        SUBJECT.get_or_init(|| Subject::start(&Setup::default())).as_ref().map(Self)
    }

    /// The shared subject whose main listener speaks plain HTTP.
    #[must_use]
    pub fn plain() -> Option<Self> {
        static SUBJECT: OnceLock<Option<Subject>> = OnceLock::new();
        SUBJECT.get_or_init(|| Subject::start(&Setup { plain: true, ..Setup::default() })).as_ref().map(Self)
    }

    /// The same subject for a thread that outlives this borrow.
    #[must_use]
    pub const fn subject(&self) -> &'static Subject {
        self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.0.print_log_of_failed_test();
    }
}

impl Deref for Shared {
    type Target = Subject;

    fn deref(&self) -> &Subject {
        self.0
    }
}

/// The text for `-a`, and the addresses of main listener, port-80 listener and STUN.
fn addresses(listen: Listen) -> (String, SocketAddr, SocketAddr, SocketAddr) {
    let (text, ip, ports) = match listen {
        Listen::Own => {
            let [a, b, c] = random_bytes::<3>();
            let ip = IpAddr::V4(Ipv4Addr::new(127, a | 1, b, c | 1));
            (ip.to_string(), ip, [8443, 8080, 3478])
        }
        Listen::Wildcard => {
            (String::new(), IpAddr::V4(Ipv4Addr::LOCALHOST), free_ports(Ipv6Addr::UNSPECIFIED))
        }
        Listen::V6 => ("[::1]".to_owned(), IpAddr::V6(Ipv6Addr::LOCALHOST), free_ports(Ipv6Addr::LOCALHOST)),
    };
    let [main, http, stun] = ports.map(|port| SocketAddr::new(ip, port));
    (text, main, http, stun)
}

/// Three different ports below the range the system hands out by itself, so that nobody gets one by chance.
fn free_ports(ip: Ipv6Addr) -> [u16; 3] {
    static TAKEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    std::array::from_fn(|_| {
        loop {
            let port = 20_000 + u16::from_be_bytes(random_bytes()) % 10_000;
            if !taken.contains(&port) && TcpListener::bind((ip, port)).is_ok() {
                taken.push(port);
                return port;
            }
        }
    })
}

/// Writes a self-signed certificate for `name` where the reference looks for it.
pub fn write_certificate(dir: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate can be made");
    std::fs::create_dir_all(dir).expect("the directory can be made");
    std::fs::write(dir.join(format!("{name}.crt")), made.cert.pem()).expect("the certificate is written");
    std::fs::write(dir.join(format!("{name}.key")), made.signing_key.serialize_pem())
        .expect("the key is written");
}
