//! Keys of peers, relays and the mesh, and their text forms.
//!
//! What lives here: the public key that names a peer ([`NodePublic`]), its secret half ([`NodePrivate`]), the key that
//! names a discovery party ([`DiscoPublic`]) and the secret shared by the relays of one mesh ([`MeshKey`]).
//! It may use: the X25519 arithmetic of the box crate and nothing else of this crate.
//!
//! What must stay true: secret halves print as a mask, are wiped when dropped and are compared in constant time; a
//! private key of all zeros cannot be held.
mod error;
mod hex;
mod mesh;
mod private;
mod public;

pub use error::KeyError;
pub use hex::{Hex, Short};
pub use mesh::MeshKey;
pub use private::NodePrivate;
pub use public::{DiscoPublic, NodePublic};
