//! Which relays a command is about, as people write them: a URL, a host, an entry of a DERP map.
//!
//! Lives here: the arguments that tools share, and how they are read. Uses the client and the wire crate. Must stay
//! true: certificates are judged as the entry or the flags say, never more weakly; a word that cannot be read is an
//! error, never another relay; what a relay says of itself is asked only where the words say nothing.

mod args;
mod as_map;
mod entry;
mod own_map;
mod read;
mod wrong;

pub(crate) use args::{StunPort, SubjectArgs, SubjectFlags, stun_port};
pub(crate) use as_map::{Named, adjust, leads_to_derp, map, usable};
pub(crate) use entry::entry;
pub(crate) use own_map::{take_stun_port, take_stun_ports};
pub(crate) use read::{Stun, Subject, dialled, has_relays, key, keys, named, nodes, of_node, subjects};
pub(crate) use wrong::BadQuestion;
