//! What the lab prints: what was asked of whom, and the answer in its own words.
//!
//! Scenarios run side by side, each in a thread of its own; what one has to say is kept until it has ended.

use crate::stop;
use std::cell::RefCell;
use std::io::{Write as _, stderr, stdout};

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Commands on `host`, and what they answered.
pub(crate) fn words(host: &str, question: &str, answer: &str) {
    for line in question.lines() {
        finding(&format!("{host}$ {line}"));
    }
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        finding(&format!("   {}", line.replace('\t', "   ")));
    }
}

/// A finding of the lab's own.
pub(crate) fn finding(text: &str) {
    SAID.with_borrow_mut(|said| said.extend(["   ", text, "\n"]));
}

/// Everything this thread's scenario has said.
pub(crate) fn take() -> String {
    SAID.take()
}

/// Prints for whoever watches. When nobody reads on, as with `| head`, nobody needs the rest either: the lab stops.
pub(crate) fn print(text: &str) {
    if writeln!(stdout(), "{text}").is_err() {
        stop::now("nobody reads its output");
    }
}

/// Says what is wrong, to whoever is still there.
pub(crate) fn complain(text: &str) {
    drop(writeln!(stderr(), "lab: {text}"));
}
