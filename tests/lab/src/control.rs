//! A running Headscale.

use crate::folder::write;
use crate::net::Host;
use crate::process::{Process, output};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name under which every host knows it.
pub(crate) const NAME: &str = "control.test";

/// Its port: the one that every router here lets through.
const PORT: u16 = 443;

/// Time it has from its start until it answers; the first start makes a database.
const START: Duration = Duration::from_secs(30);

/// How often it looks for a new map.
const REFRESH: &str = "1s";

/// Where the map comes from.
#[derive(Debug)]
pub(crate) enum MapSource<'a> {
    /// A YAML file with this text.
    File(&'a str),
    /// JSON at this address, whose server has a certificate of one of these authorities.
    Url(&'a str, Option<&'a Path>),
}

/// A control server with one user.
#[derive(Debug)]
pub(crate) struct Control {
    host: Host,
    dir: PathBuf,
    program: PathBuf,
    _process: Process,
}

impl Control {
    /// Starts it and makes the user.
    ///
    /// # Errors
    /// It ended, or does not answer in time.
    pub(crate) fn start(
        program: &Path,
        host: &Host,
        dir: &Path,
        map: &MapSource<'_>,
    ) -> Result<Self, String> {
        let (paths, urls, roots) = match map {
            MapSource::File(text) => {
                write(&map_file(dir), text)?;
                (format!("[{:?}]", map_file(dir)), "[]".to_owned(), None)
            }
            MapSource::Url(url, roots) => ("[]".to_owned(), format!("[{url:?}]"), *roots),
        };
        write(&config_file(dir), &config(dir, &paths, &urls))?;
        let words = line(program, dir, &["serve"]);
        let envs: Vec<(&str, &Path)> = roots.map(|roots| ("SSL_CERT_FILE", roots)).into_iter().collect();
        let mut process = Process::start(host, dir, &host.name, &words, &envs)?;
        let socket = dir.join("headscale.sock");
        process.shows("its socket", START, |_| socket.exists().then_some(()))?;
        let control =
            Self { host: host.clone(), dir: dir.to_owned(), program: program.to_owned(), _process: process };
        control.ask("user", &["users", "create", "lab"])?;
        Ok(control)
    }

    /// Where clients log in.
    pub(crate) fn url() -> String {
        format!("http://{NAME}:{PORT}")
    }

    /// A key with which any number of clients log in.
    ///
    /// # Errors
    /// It refuses.
    pub(crate) fn key(&self) -> Result<String, String> {
        let said = self.ask("key", &["preauthkeys", "create", "--user", "1", "--reusable"])?;
        let key = said.split_whitespace().next_back();
        key.map(str::to_owned).ok_or_else(|| "headscale gives no key".to_owned())
    }

    /// Puts another map in place of the file it reads; it looks again by itself.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn change_map(&self, text: &str) -> Result<(), String> {
        write(&map_file(&self.dir), text)
    }

    fn ask(&self, name: &str, words: &[&str]) -> Result<String, String> {
        let words = line(&self.program, &self.dir, words);
        output(&self.host, &self.dir, &format!("{}-{name}", self.host.name), &words, START)
    }
}

fn line(program: &Path, dir: &Path, words: &[&str]) -> Vec<String> {
    let config = config_file(dir);
    let head = [program.to_string_lossy(), "--config".into(), config.to_string_lossy()];
    head.iter().map(ToString::to_string).chain(words.iter().map(ToString::to_string)).collect()
}

fn config_file(dir: &Path) -> PathBuf {
    dir.join("headscale.yaml")
}

fn map_file(dir: &Path) -> PathBuf {
    dir.join("map.yaml")
}

/// A whole configuration.
fn config(dir: &Path, paths: &str, urls: &str) -> String {
    let derp = format!(
        "derp:
  urls: {urls}
  paths: {paths}
  auto_update_enabled: true
  update_frequency: {REFRESH}
"
    );
    rest(&dir.to_string_lossy()) + &derp
}

/// A configuration without its section `derp`; state lies in `dir`.
///
/// `override_local_dns` and `base_domain` are what it insists on where nobody wants its name service.
pub(crate) fn rest(dir: &str) -> String {
    let url = Control::url();
    format!(
        "server_url: {url}
listen_addr: '[::]:{PORT}'
metrics_listen_addr: ''
grpc_listen_addr: 127.0.0.1:50443
noise:
  private_key_path: {dir}/noise.key
prefixes:
  v4: 100.64.0.0/10
  v6: fd7a:115c:a1e0::/48
disable_check_updates: true
database:
  type: sqlite
  sqlite:
    path: {dir}/db.sqlite
dns:
  magic_dns: false
  base_domain: tailnet.test
  override_local_dns: false
unix_socket: {dir}/headscale.sock
logtail:
  enabled: false
"
    )
}
