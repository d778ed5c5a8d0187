//! A DERP client.
#![forbid(unsafe_code)]
