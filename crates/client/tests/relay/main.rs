//! The client against a real relay: the reference's `derper`, or `wherry derper` with `WHERRY_SUBJECT=wherry`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "functions of tests, as in the tests themselves"
)]

mod exchange;
mod reconnect;
mod refusals;
mod subject;
mod tls;
