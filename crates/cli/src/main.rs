//! The `wherry` binary.
#![forbid(unsafe_code)]
fn main() {}
