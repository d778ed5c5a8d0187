//! What looks at DERP maps and at relays from outside.
//!
//! Rooms, each using only those below it:
//!
//! | room | what lives there |
//! |---|---|
//! | `doctor` | what is wrong with relays and their regions, and what to do about it |
//! | `map` | reading maps with places, what is wrong with one, asking its nodes |
//! | `netcheck` | what this host's network is like towards the relays of a map |
//! | `remedy` | what to do about a dial that failed, or STUN |
//! | `pin` | whether a pin cures a certificate that was refused |
//! | `segments` | whether large packets are lost on the way to a relay |
//! | `hindrance` | why a TCP connection did not come about |
//! | `port80` | the question of the captive-portal check |
//! | `http` | one HTTP request for its status |
//! | `clock` | the only reader of time and entropy |
//!
//! Must stay true: a relay is known by the network alone, as a client of it would know it, and nothing is shared with the
//! server; nothing is printed here, every finding is data that says where it was found and what was expected.
#![forbid(unsafe_code)]

mod clock;
pub mod doctor;
mod hindrance;
mod http;
pub mod map;
pub mod netcheck;
pub mod pin;
mod port80;
pub mod remedy;
pub mod segments;
