//! A relay as a user starts it, for tests of what looks at relays.

mod address;

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wherry_client::Pin;

pub(crate) use address::own_address;

/// A relay with a self-signed certificate on a loopback address of its own; it ends with this value.
pub(crate) struct Relay {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) dir: TempDir,
}

impl Relay {
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), &[])
    }

    pub(crate) fn start_in(dir: TempDir, envs: &[(&str, &str)]) -> Self {
        Self::start_with(dir, envs, &["-stun-port", "3478"])
    }

    pub(crate) fn start_with(dir: TempDir, envs: &[(&str, &str)], flags: &[&str]) -> Self {
        Self::start_at(SocketAddr::new(own_address().into(), 8443), dir, envs, flags)
    }

    pub(crate) fn start_at(addr: SocketAddr, dir: TempDir, envs: &[(&str, &str)], flags: &[&str]) -> Self {
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let host = addr.ip().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
        command.args(["derper", "-a", &addr.to_string(), "-hostname", &host, "-certdir", ".", "-c", "key"]);
        command.args(["-certmode", "manual", "-http-port", "-1"]).args(flags);
        command.current_dir(dir.path()).env_clear().env("HOME", dir.path()).envs(envs.iter().copied());
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut relay = Self { child, addr, dir };
        relay.wait();
        relay
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a process that does not listen yet offers nothing to wait for"
    )]
    fn wait(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(self.addr).is_err() {
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap();
            assert!(self.child.try_wait().unwrap().is_none(), "it ended:\n{}", log());
            assert!(start.elapsed() < Duration::from_secs(60), "it does not listen:\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn pin(&self) -> String {
        let pem = std::fs::read_to_string(self.dir.path().join(format!("{}.crt", self.addr.ip()))).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let decode = format!("printf %s {base64} | base64 -d");
        let der = Command::new("sh").args(["-c", &decode]).output().unwrap().stdout;
        Pin::of(&der).to_string()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}
