//! What flows between hosts: this program again, started inside their namespaces.
//!
//! `drip` sends small datagrams at a steady pace and counts what `echo` sends back; `pour` sends a long stream over one TCP
//! connection and `sink` compares every byte with what must come; `get` is one HTTP request, and `answer` a server that
//! gives the same answer to all.

mod drip;
mod flow;
mod http;
mod stream;

pub(crate) use flow::{Drip, Tally, ask, pour, serve};

/// Runs one of them; its words come from the lab itself.
///
/// # Errors
/// A word is wrong, or the network failed.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    match words {
        ["echo"] => drip::echo(),
        ["drip", addr, count, pause_ms] => drip::drip(addr, count, pause_ms),
        ["sink"] => stream::sink(),
        ["pour", addr, bytes] => stream::pour(addr, bytes),
        ["get", addr, path, headers @ ..] => http::get(addr, path, headers),
        ["answer", port, file] => http::answer(port, file),
        _ => Err(format!("traffic: what is {words:?}?")),
    }
}
