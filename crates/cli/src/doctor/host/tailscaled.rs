//! The socket of a tailscaled: a `derper` with `-verify-clients` on this host asks it who may come in.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;
use wherry_tools::doctor::{Finding, Part};

/// Where it is unless told otherwise.
const USUAL: &str = "/var/run/tailscale/tailscaled.sock";

/// For the first byte of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A question that every tailscaled answers, with whatever status.
const QUESTION: &[u8] = b"GET /localapi/v0/status HTTP/1.0\r\nHost: local-tailscaled.sock\r\n\r\n";

/// Asks whoever is behind the socket; nothing if none is named and there is none at its usual place.
pub(in crate::doctor) async fn look(named: Option<&Path>) -> Option<Finding> {
    let path = match named {
        Some(path) => path,
        None => Some(Path::new(USUAL)).filter(|usual| usual.exists())?,
    };
    let shown = path.display();
    Some(match timeout(PATIENCE, ask(path)).await {
        Ok(Ok(())) => Finding::ok(Part::Tailscaled, format!("tailscaled answers at {shown}")),
        Ok(Err(err)) if err.kind() == io::ErrorKind::PermissionDenied => Finding::skipped(
            Part::Tailscaled,
            format!("this user may not ask tailscaled at {shown} (root may)"),
        ),
        Ok(Err(err)) if err.kind() == io::ErrorKind::NotFound => warning(
            format!("there is no socket of tailscaled at {shown}"),
            "start tailscaled (systemctl start tailscaled), or correct the path (--tailscaled-socket)",
        ),
        Ok(Err(err)) => dead(format!("nobody answers behind tailscaled's socket {shown}: {err}")),
        Err(_) => dead(format!("tailscaled at {shown} takes the question, but does not answer")),
    })
}

fn dead(found: String) -> Finding {
    warning(
        found,
        "start tailscaled again (systemctl restart tailscaled), or remove the socket if there is none any more",
    )
}

fn warning(found: String, cure: &str) -> Finding {
    Finding::warning(
        Part::Tailscaled,
        found,
        format!(
            "{cure}: a derper with -verify-clients refuses everybody meanwhile. Wherry does not ask tailscaled: its admission is a \
             list"
        ),
    )
}

async fn ask(path: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(QUESTION).await?;
    match stream.read(&mut [0; 64]).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
