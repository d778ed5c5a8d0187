//! A relay as a process of its own, on a loopback address of its own.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tempfile::TempDir;
use wherry_client::{Endpoint, NodePrivate, Pin, Target};

/// A running relay; it ends with this value.
pub(crate) struct Relay {
    child: Child,
    args: Vec<String>,
    addr: SocketAddr,
    dir: TempDir,
}

/// A way to start one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    /// With a certificate of its own making for its address.
    SelfSigned,
    /// With the certificate files the test put into the directory.
    Named(&'static str),
}

const PORT: u16 = 8443;

impl Relay {
    /// Starts a relay, or says loudly that there is none to start and gives nothing.
    pub(crate) fn start(kind: Kind, flags: &[&str]) -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap(), kind, flags)
    }

    /// A relay with a certificate of its own making that admits nobody who is known here.
    pub(crate) fn start_closed() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        if is_wherry() {
            let somebody = NodePrivate::generate(random()).public();
            std::fs::write(dir.path().join("nobody"), format!("{somebody}\n")).unwrap();
            return Self::start_in(dir, Kind::SelfSigned, &[]);
        }
        let flags = ["-verify-client-url", "http://127.0.0.1:1/", "-verify-client-url-fail-open=false"];
        Self::start_in(dir, Kind::SelfSigned, &flags)
    }

    /// The same with files already in its directory.
    pub(crate) fn start_in(dir: TempDir, kind: Kind, flags: &[&str]) -> Option<Self> {
        let mut args = program()?;
        let addr = SocketAddr::new(own_address().into(), PORT);
        let hostname = match kind {
            Kind::Named(name) => name.to_owned(),
            Kind::Http | Kind::SelfSigned => addr.ip().to_string(),
        };
        let path = |name| dir.path().join(name).display().to_string();
        std::fs::write(dir.path().join("mesh"), MESH_KEY).unwrap();
        let certmode = if kind == Kind::Http { "letsencrypt" } else { "manual" };
        let pairs = [
            ("-a", addr.to_string()),
            ("-c", path("derper.key")),
            ("-hostname", hostname),
            ("-certdir", dir.path().display().to_string()),
            ("-certmode", certmode.to_owned()),
            ("-http-port", "-1".to_owned()),
            ("-stun-port", "3478".to_owned()),
            ("-mesh-psk-file", path("mesh")),
        ];
        args.extend(pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        args.extend(flags.iter().map(ToString::to_string));
        let mut relay = Self { child: spawn(&args, dir.path()), args, addr, dir };
        relay.wait();
        Some(relay)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn endpoint(&self, scheme: &str) -> Endpoint {
        format!("{scheme}://{}/derp", self.addr).parse().unwrap()
    }

    pub(crate) fn target(&self, scheme: &str) -> Target {
        Target::one(self.endpoint(scheme))
    }

    /// The pin of the certificate it made for itself.
    pub(crate) fn pin(&self) -> Pin {
        Pin::of(&self.certificate())
    }

    /// The certificate it made for itself.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.dir.path().join(format!("{}.crt", self.addr.ip()))).unwrap()
    }

    /// Its private key, from its key file.
    pub(crate) fn key(&self) -> NodePrivate {
        let text = std::fs::read_to_string(self.dir.path().join("derper.key")).unwrap();
        let start = text.find("privkey:").unwrap();
        text[start..start + 72].parse().unwrap()
    }

    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.args, self.dir.path());
        self.wait();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a process that does not listen yet offers nothing to wait for"
    )]
    fn wait(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(self.addr).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "the relay ended:\n{}", self.log());
            assert!(start.elapsed() < Duration::from_secs(30), "the relay does not listen:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

pub(crate) const MESH_KEY: &str = "abababababababababababababababababababababababababababababababab";

impl Drop for Relay {
    fn drop(&mut self) {
        // Already gone is fine.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            println!("---- the relay's log ----\n{}", self.log());
        }
    }
}

/// Out of 127.0.0.0/8, so that ports need not be shared with anything.
fn own_address() -> Ipv4Addr {
    let key = NodePrivate::generate(random());
    let [a, b, c, ..] = *key.public().as_bytes();
    Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254)
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn spawn(args: &[String], dir: &Path) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
    let (program, args) = args.split_first().unwrap();
    let mut command = Command::new(program);
    // The settings of this suite are not the relay's; a list of nobody is what `closed` needs.
    command.current_dir(dir).env_clear().env("HOME", dir);
    if dir.join("nobody").exists() {
        command.env("WHERRY_ADMIT", "list:nobody");
    }
    command.args(args).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// `WHERRY_SUBJECT` is `derper` (default) or `wherry`, as in the black-box suite.
#[expect(clippy::disallowed_methods, reason = "which relay to test against is said by the environment")]
pub(crate) fn is_wherry() -> bool {
    std::env::var("WHERRY_SUBJECT").is_ok_and(|subject| subject == "wherry")
}

/// The program and its first arguments.
#[expect(clippy::disallowed_methods, reason = "which relay to test against is said by the environment")]
fn program() -> Option<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let (path, more) = if is_wherry() {
        (given("WHERRY_BIN").unwrap_or_else(|| root.join("target/debug/wherry")), Some("derper".to_owned()))
    } else {
        (given("WHERRY_DERPER").unwrap_or_else(|| root.join("tests/go/bin/derper")), None)
    };
    if path.exists() {
        return Some([path.display().to_string()].into_iter().chain(more).collect());
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    // Straight to the stream: the print macros are captured for tests that pass.
    std::io::stderr().write_all(format!("\nSKIPPED: no relay at {}\n", path.display()).as_bytes()).unwrap();
    None
}
