//! Who is here, where a packet goes, what is dropped and why.
#![forbid(unsafe_code)]
