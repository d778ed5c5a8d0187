//! Where tests listen.

use std::net::Ipv4Addr;

use wherry_server::clock::Clock;

/// An address out of 127.0.0.0/8, so that ports need not be shared with anything.
pub(crate) fn own_address() -> Ipv4Addr {
    let [a, b, c] = Clock::start().random().unwrap();
    Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254)
}
