//! A relay in this process.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio::sync::oneshot;
use wherry_server::config::{Environment, ListenAddr, Settings, Sources, load};
use wherry_server::run::Running;
use wherry_wire::derp_map::DerpMap;

/// A running relay; it ends with this value.
pub(crate) struct Relay {
    /// Its listener with TLS.
    pub(crate) tls: SocketAddr,
    /// Its listener without.
    pub(crate) plain: SocketAddr,
    admin: SocketAddr,
    dir: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts one with two workers.
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let settings = settings(&dir);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let running = Running::start(&settings, Arc::new(read)).expect("the relay starts");
                tell.send(running.addresses().clone()).expect("somebody waits for it");
                // Sent or dropped, it means the same.
                let _stopped: bool = stopped.await.is_ok();
            });
        });
        let addresses = told.recv().expect("the relay starts");
        let first = |addresses: &[SocketAddr]| *addresses.first().expect("a listener");
        let (tls, plain) = (first(&addresses.tls), first(&addresses.plain));
        let admin = addresses.admin.expect("the private listener");
        Self { tls, plain, admin, dir, stop: Some(stop), thread: Some(thread) }
    }

    /// How many packets waited in a mailbox so far.
    pub(crate) fn waited(&self) -> u64 {
        const NAME: &str = "\nwherry_mailbox_packets_total ";
        let mut stream = TcpStream::connect(self.admin).expect("the private listener accepts");
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin);
        stream.write_all(request.as_bytes()).expect("it takes a request");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        let (_, value) = text.split_once(NAME).expect("the counter is there");
        value.lines().next().and_then(|value| value.parse().ok()).expect("a number")
    }

    /// The certificate it made for itself.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        let is_certificate = |path: &std::path::PathBuf| CertificateDer::from_pem_file(path).is_ok();
        let mut files = walk(self.dir.path());
        files.retain(is_certificate);
        let file = files.first().expect("it made one");
        CertificateDer::from_pem_file(file).expect("it was read before")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.stop.take());
        assert!(self.thread.take().is_some_and(|thread| thread.join().is_ok()), "the relay panicked");
    }
}

/// Of its own map alone, which needs no judge.
fn read(_: &str, text: &str) -> Result<DerpMap, Vec<String>> {
    DerpMap::from_json(text.as_bytes()).map_err(|err| vec![err.to_string()])
}

fn settings(dir: &TempDir) -> Settings {
    let state = dir.path().display().to_string();
    let sources =
        Sources { dev: true, env: Environment::of([("STATE_DIRECTORY", &*state)]), ..Sources::default() };
    let mut settings = load(&sources).expect("`--dev` needs nothing else").settings;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    settings.listen = vec![ListenAddr { addr: any, tls: true }, ListenAddr { addr: any, tls: false }];
    settings.admin = Some(any);
    settings.stun = Vec::new();
    settings.http = Vec::new();
    settings.workers = NonZeroUsize::new(2);
    // Nothing is too old on a machine that is busy otherwise.
    settings.limits.mailbox.max_age = Duration::from_secs(60);
    settings
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the folder is there").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
