//! The room as its users see it: files on disk on one side, handshakes on the other.

mod choice;
mod fixture;
mod own;
mod refusal;
mod reload;
mod settings;
