//! Why a relay does not start.

use crate::admission::ListError;
use crate::clock::NoEntropy;
use crate::config::KeyFileError;
use crate::listen::BindError;
use crate::stun;
use crate::tls::TlsError;

/// What keeps a relay from starting; nothing has been started. Each says in one line what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The relay's own key.
    #[error("node key {}: {source}{}", path.display(), source.elsewhere())]
    NodeKey {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        source: KeyFileError,
    },
    /// The crypto library.
    #[error("cannot use the node key: {0}")]
    Identity(#[from] aws_lc_rs::error::KeyRejected),
    /// The list of those who may use the relay.
    #[error(transparent)]
    Admission(#[from] ListError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The TLS library.
    #[error("cannot set up TLS: {0}")]
    TlsLibrary(#[from] rustls::Error),
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A STUN socket.
    #[error(transparent)]
    BindStun(#[from] stun::BindError),
    /// Entropy.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// Threads, and the timers of workers.
    #[error("cannot start a thread or its timer: {0}")]
    Thread(std::io::Error),
}
