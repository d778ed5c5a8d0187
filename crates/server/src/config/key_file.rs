//! The file with the relay's private node key.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use thiserror::Error;
use wherry_wire::key::NodePrivate;
use zeroize::Zeroizing;

/// Where the relay's own key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKeySource {
    /// A new key at each start.
    Ephemeral,
    /// A file, made when it is missing.
    File(PathBuf),
}

impl NodeKeySource {
    /// Reads the key, or makes one of `entropy` and, for a file, writes it there.
    ///
    /// # Errors
    /// The file can be neither read nor made, or holds something else.
    pub fn load(&self, entropy: [u8; 32]) -> Result<NodePrivate, KeyFileError> {
        let Self::File(path) = self else { return Ok(NodePrivate::generate(entropy)) };
        if let Some(key) = read_node_key(path)? {
            return Ok(key);
        }
        let key = NodePrivate::generate(entropy);
        write_node_key(path, &key)?;
        Ok(key)
    }
}

/// Why a key file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the key file: {0}")]
    Read(#[source] io::Error),
    /// It cannot be written.
    #[error("cannot write the key file: {0}")]
    Write(#[source] io::Error),
    /// It is not a key in any known form.
    #[error("not a node key: neither JSON with a PrivateKey as derper writes it nor a line privkey:HEX")]
    Form,
}

impl KeyFileError {
    /// Where a relay may keep its key instead, as the end of a message, if that would help.
    #[must_use]
    pub fn elsewhere(&self) -> &'static str {
        match self {
            Self::Form => "",
            Self::Read(_) | Self::Write(_) => {
                "; the relay's user must have access, or choose another place with --state or --key-file"
            }
        }
    }
}

/// Reads a key file: derper's JSON (`{"PrivateKey": "privkey:…"}`, the name in any case) or a line `privkey:…`
/// as Headscale keeps it. None if there is no such file.
///
/// Source: tailscale: cmd/derper/derper.go (loadConfig).
///
/// # Errors
/// The file cannot be read or holds something else.
pub fn read_node_key(path: &Path) -> Result<Option<NodePrivate>, KeyFileError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) if err.kind() == io::ErrorKind::InvalidData => return Err(KeyFileError::Form),
        Err(err) => return Err(KeyFileError::Read(err)),
    };
    parse(&text).map(Some).ok_or(KeyFileError::Form)
}

/// Writes a key file in derper's form, mode 0600, at once or not at all; folders above it are made.
///
/// # Errors
/// The file cannot be written.
pub fn write_node_key(path: &Path, key: &NodePrivate) -> Result<(), KeyFileError> {
    let text = Zeroizing::new(format!("{{\n\t\"PrivateKey\": \"{}\"\n}}", *key.to_text()));
    write_secret(path, text.as_bytes()).map_err(KeyFileError::Write)
}

fn parse(text: &str) -> Option<NodePrivate> {
    let trimmed = text.trim();
    if !trimmed.starts_with('{') {
        return trimmed.parse().ok();
    }
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(trimmed).ok()?;
    let mut keys = fields.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case("PrivateKey"));
    // As in Go, the last one of the same name counts.
    match keys.next_back()?.1 {
        serde_json::Value::String(text) => Zeroizing::new(text).parse().ok(),
        _ => None,
    }
}

/// Writes beside `path`, then renames: a reader sees the old file or the whole new one.
fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".new.{}", std::process::id()));
    let draft = folder.join(name);
    let written = write_new(&draft, content).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        fs::remove_file(&draft)
            .or_else(|err| if err.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(err) })?;
    }
    written?;
    fs::File::open(folder)?.sync_all()
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
