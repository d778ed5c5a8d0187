//! A running Tailscale client.

use crate::control::Control;
use crate::evidence;
use crate::folder::write;
use crate::net::Host;
use crate::process::{Process, outcome};
use crate::programs::Release;
use crate::wait;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Time a daemon has to open its socket, and a short command to answer.
const SOON: Duration = Duration::from_secs(20);

/// Time it has to log in and get its map.
const LOGIN: Duration = Duration::from_secs(60);

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    /// Where it runs.
    pub(crate) host: Host,
    dir: PathBuf,
    release: Release,
    roots: Option<PathBuf>,
    daemon: Process,
    login: Option<Process>,
}

impl Client {
    /// Starts the daemon and begins to log in.
    ///
    /// # Errors
    /// It ended.
    pub(crate) fn start(
        release: &Release,
        host: &Host,
        dir: &Path,
        key: &str,
        roots: Option<&Path>,
    ) -> Result<Self, String> {
        let state = dir.join(format!("{}-state", host.name));
        let envs: Vec<(&str, &Path)> = roots.map(|roots| ("SSL_CERT_FILE", roots)).into_iter().collect();
        let daemon = Process::start(
            host,
            dir,
            &host.name,
            &[
                release.tailscaled.to_string_lossy().into_owned(),
                format!("--statedir={}", state.display()),
                format!("--socket={}", socket(dir, host).display()),
                "--port=0".to_owned(),
                "--no-logs-no-support".to_owned(),
            ],
            &envs,
        )?;
        let (host, dir, release) = (host.clone(), dir.to_owned(), release.clone());
        let roots = roots.map(Path::to_owned);
        let mut client = Self { host, dir, release, roots, daemon, login: None };
        let socket = socket(&client.dir, &client.host);
        client.daemon.shows("its socket", SOON, |_| socket.exists().then_some(()))?;
        let (url, name) = (Control::url(), client.host.name.clone());
        let words = client.line(&[
            "up",
            &format!("--login-server={url}"),
            &format!("--auth-key={key}"),
            &format!("--hostname={name}"),
            "--accept-dns=false",
            "--netfilter-mode=off",
        ]);
        client.login = Some(Process::start(&client.host, &client.dir, &format!("{name}-up"), &words, &[])?);
        Ok(client)
    }

    /// Waits until it is logged in.
    ///
    /// # Errors
    /// It is refused, or not done in time.
    pub(crate) fn logged_in(&mut self) -> Result<(), String> {
        let Some(mut login) = self.login.take() else { return Ok(()) };
        let status = login.wait(LOGIN)?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{}: tailscale up: {}", self.host.name, login.last_words()))
        }
    }

    /// Asks the command line something and prints question and answer.
    ///
    /// # Errors
    /// It failed or took too long.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<String, String> {
        let (status, text) = self.outcome(words)?;
        evidence::words(&self.host.name, &format!("tailscale {}", words.join(" ")), &text);
        if status.success() {
            Ok(text)
        } else {
            Err(format!("{}: tailscale {}: {status}", self.host.name, words.join(" ")))
        }
    }

    /// Begins to ask something that takes its time.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn begin(&self, words: &[&str]) -> Result<Asking, String> {
        let name = format!("{}-{}", self.host.name, words.first().copied().unwrap_or_default());
        let process = Process::start(&self.host, &self.dir, &name, &self.line(words), &[])?;
        Ok(Asking {
            host: self.host.name.clone(),
            question: format!("tailscale {}", words.join(" ")),
            process,
        })
    }

    /// Asks the command line something that may fail, and prints nothing.
    ///
    /// # Errors
    /// It took too long.
    pub(crate) fn outcome(&self, words: &[&str]) -> Result<(ExitStatus, String), String> {
        let name = format!("{}-{}", self.host.name, words.first().copied().unwrap_or_default());
        outcome(&self.host, &self.dir, &name, &self.line(words), LOGIN)
    }

    /// The answer to a question as JSON, nothing printed.
    ///
    /// # Errors
    /// It failed, or this is not JSON.
    pub(crate) fn json(&self, words: &[&str]) -> Result<Value, String> {
        let (status, text) = self.outcome(words)?;
        let told = |why: String| format!("{}: tailscale {}: {why}", self.host.name, words.join(" "));
        if !status.success() {
            return Err(told(text));
        }
        serde_json::from_str(&text).map_err(|err| told(err.to_string()))
    }

    /// Waits until it is at home at a relay, and knows at which one the other is.
    ///
    /// # Errors
    /// That has not come in time.
    pub(crate) fn knows(&self, peer: &Self) -> Result<(), String> {
        let what = format!("{} to know the relay of {}", self.host.name, peer.host.name);
        self.sees(&what, |status| !home_of(status, peer).is_empty() && status["Self"]["Relay"] != "")
    }

    /// Waits until it knows that the other one is at home in this region.
    ///
    /// # Errors
    /// That has not come in time.
    pub(crate) fn knows_home_of(&self, peer: &Self, code: &str) -> Result<(), String> {
        let what = format!("{} to know that {} is at home in {code}", self.host.name, peer.host.name);
        self.sees(&what, |status| home_of(status, peer) == code)
    }

    /// Waits until it is at home in this region.
    ///
    /// # Errors
    /// That has not come in time.
    pub(crate) fn moves_to(&self, code: &str) -> Result<(), String> {
        let what = format!("{} to be at home in {code}", self.host.name);
        self.sees(&what, |status| status["Self"]["Relay"] == code)
    }

    fn sees(&self, what: &str, look: impl Fn(&Value) -> bool) -> Result<(), String> {
        wait::until(what, LOGIN, || {
            let status = self.json(&["status", "--json"])?;
            Ok(look(&status).then_some(()))
        })
    }

    /// Waits until the daemon's log has a line with these words, and returns that.
    ///
    /// # Errors
    /// That has not come in time.
    pub(crate) fn logs(&mut self, words: &str) -> Result<String, String> {
        self.daemon.shows(words, LOGIN, |daemon| {
            daemon.err().lines().find(|line| line.contains(words)).map(str::to_owned)
        })
    }

    /// Its node key, as lists of a relay take it.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn key(&self) -> Result<String, String> {
        let status = self.json(&["status", "--json"])?;
        status["Self"]["PublicKey"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "a client without key".to_owned())
    }

    /// Its IPv4 address in the tailnet.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn addr(&self) -> Result<String, String> {
        let (status, text) = self.outcome(&["ip", "-4"])?;
        if status.success() { Ok(text.trim().to_owned()) } else { Err(format!("{}: {text}", self.host.name)) }
    }

    /// The line of `tailscale status` about a peer, printed.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn status_of(&self, peer: &Self) -> Result<String, String> {
        let (_, text) = self.outcome(&["status"])?;
        let named = |line: &&str| line.split_whitespace().nth(1) == Some(peer.host.name.as_str());
        let line =
            text.lines().find(named).ok_or_else(|| format!("no line about {}:\n{text}", peer.host.name))?;
        evidence::words(&self.host.name, "tailscale status", line);
        Ok(line.to_owned())
    }

    /// A folder with a `tailscale` that speaks to this client, as it does on a machine with one client alone.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn bin(&self) -> Result<PathBuf, String> {
        let bin = self.dir.join(format!("{}-bin", self.host.name));
        fs::create_dir_all(&bin).map_err(|err| format!("{}: {err}", bin.display()))?;
        let (program, words) = (bin.join("tailscale"), self.line(&[]).join(" "));
        write(&program, &format!("#!/bin/sh\nexec {words} \"$@\"\n"))?;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, mode).map_err(|err| format!("{}: {err}", program.display()))?;
        Ok(bin)
    }

    fn line(&self, words: &[&str]) -> Vec<String> {
        let program = self.release.tailscale.to_string_lossy();
        let socket = format!("--socket={}", socket(&self.dir, &self.host).display());
        let head = [&*program, &*socket];
        self.trusting(&head.iter().chain(words).copied().collect::<Vec<_>>())
    }

    /// The words of a command that trusts whom this client trusts.
    pub(crate) fn trusting(&self, words: &[&str]) -> Vec<String> {
        let roots = self.roots.as_deref().map(|roots| format!("SSL_CERT_FILE={}", roots.display()));
        let head = roots.into_iter().flat_map(|roots| ["env".to_owned(), roots]);
        head.chain(words.iter().map(ToString::to_string)).collect()
    }
}

/// The region where a peer is at home, as far as this status knows.
fn home_of<'a>(status: &'a Value, peer: &Client) -> &'a str {
    let peers = status["Peer"].as_object().into_iter().flat_map(serde_json::Map::values);
    let mut named = peers.filter(|status| status["HostName"] == peer.host.name.as_str());
    named.find_map(|status| status["Relay"].as_str()).unwrap_or_default()
}

/// A question whose answer grows.
#[derive(Debug)]
pub(crate) struct Asking {
    host: String,
    question: String,
    process: Process,
}

impl Asking {
    /// Waits until the answer so far contains this.
    ///
    /// # Errors
    /// It ended without, or time ran out.
    pub(crate) fn says(&mut self, words: &str) -> Result<(), String> {
        self.process.shows(words, LOGIN, |process| process.out().contains(words).then_some(()))
    }

    /// Waits for the end, prints question and answer, and returns the latter, whether it went well or not.
    ///
    /// # Errors
    /// Time ran out.
    pub(crate) fn finish(mut self) -> Result<String, String> {
        self.process.wait(LOGIN)?;
        let answer = self.process.out() + &self.process.err();
        evidence::words(&self.host, &self.question, &answer);
        Ok(answer)
    }
}

fn socket(dir: &Path, host: &Host) -> PathBuf {
    dir.join(format!("{}.sock", host.name))
}
