//! The UDP loop: tells clients the address they are seen from.
//!
//! Lives here: binding UDP addresses, and one thread for each that takes and answers many datagrams with one
//! system call. May use `metrics`, wire's STUN messages, and `nix` for the calls on many datagrams. What must
//! stay true:
//!
//! - nothing is sent but answers to valid requests, and an answer is never longer than the request;
//! - a flood costs its thread, not the workers: no runtime, lock or queue is shared with them, and what the
//!   thread cannot take is dropped by the kernel before any work was done for it;
//! - while the relay cannot serve, nothing is answered: clients then measure, and choose, another.
//!
//! A socket on a wildcard address answers from the address the kernel chooses for the route back. On a machine
//! with several addresses in one network, bind each of them.

mod bind;
mod mailing;
mod responder;
#[cfg(test)]
mod tests;

pub use bind::{BindError, StunSocket, bind};
pub use responder::{Responder, Voice};
