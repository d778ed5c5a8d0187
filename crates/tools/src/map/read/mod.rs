//! Texts to trees whose every part knows its place.
//!
//! Lives here: the two forms of a map, JSON (with the comments and trailing commas of a policy file) and YAML. Uses a
//! parser for each. Must stay true: nesting, aliases and length are bounded; both occurrences of a repeated key are
//! kept for others to judge.

mod json;
mod leftover;
mod signs;
mod text;
mod tree;
mod unquoted;
mod unread;
mod yaml;

pub(super) use leftover::{conflict, is_placeholder, leftover};
pub(super) use signs::{Sign, plain, sign};
pub(super) use text::{Form, Text, parse};
pub(super) use tree::{Member, Number, Tree, Value, shorten};
pub(super) use unquoted::unquoted;
pub(super) use unread::Unread;
