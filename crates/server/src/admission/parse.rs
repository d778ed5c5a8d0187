//! The list as people write it: a key a line, a name after it if they like, comments.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use wherry_wire::key::NodePublic;

/// Who may use the relay, with the names people gave them.
pub(super) type Entries = HashMap<NodePublic, Option<Arc<str>>>;

/// Everything wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFault {
    /// In the order of lines.
    pub lines: Vec<LineError>,
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// Counted from 1.
    pub line: usize,
    /// Why not.
    pub problem: LineProblem,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// It does not begin with a key.
    #[error(
        "expected a node key: `nodekey:` and 64 hexadecimal digits, as `tailscale status --json` shows it between the quotes"
    )]
    NoKey,
    /// It begins with a private key, which has no business in a list.
    #[error("this is a private key; a list takes public ones (`nodekey:…`)")]
    PrivateKey,
    /// An earlier line has the same key.
    #[error("the same key is on line {first}")]
    Duplicate {
        /// That line, counted from 1.
        first: usize,
    },
}

impl fmt::Display for ListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, LineError { line, problem }) in self.lines.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}line {line}: {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ListFault {}

/// Reads a list.
///
/// # Errors
/// Every line that cannot be used. A list with a mistake is not used at all: the line that was meant may be the one that
/// keeps somebody out.
pub(super) fn parse(text: &str) -> Result<Entries, ListFault> {
    let mut entries = Entries::new();
    let mut seen = HashMap::new();
    let mut lines = Vec::new();
    for (position, text) in text.lines().enumerate() {
        let line = position + 1;
        let text = text.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        let (key, name) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match read_key(key) {
            Ok(key) => {
                let name = name.trim();
                if let Some(first) = seen.insert(key, line) {
                    lines.push(LineError { line, problem: LineProblem::Duplicate { first } });
                }
                entries.insert(key, (!name.is_empty()).then(|| Arc::from(name)));
            }
            Err(problem) => lines.push(LineError { line, problem }),
        }
    }
    if lines.is_empty() { Ok(entries) } else { Err(ListFault { lines }) }
}

fn read_key(text: &str) -> Result<NodePublic, LineProblem> {
    if text.starts_with("privkey:") {
        return Err(LineProblem::PrivateKey);
    }
    let key = text.parse().or_else(|_| NodePublic::from_hex(text)).map_err(|_| LineProblem::NoKey)?;
    if NodePublic::is_zero(&key) { Err(LineProblem::NoKey) } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765";

    #[test]
    fn keys_names_and_comments_are_read() {
        let text =
            format!("# friends\n\n nodekey:{KEY}  Anna's laptop # since May\n{} \n", KEY.replace('5', "6"));
        let entries = parse(&text).unwrap();
        let key = NodePublic::from_hex(KEY).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[&key].as_deref(), Some("Anna's laptop"));
        assert_eq!(entries[&NodePublic::from_hex(&KEY.replace('5', "6")).unwrap()], None);
    }

    #[test]
    fn an_empty_list_admits_nobody() {
        assert!(parse("# nobody yet\n").unwrap().is_empty());
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        let text =
            format!("nodekey:{KEY}\nnodekey:123 short\nprivkey:{KEY}\nnodekey:{KEY} again\n{:064}\n", 0);
        let fault = parse(&text).unwrap_err();
        let problems: Vec<_> = fault.lines.iter().map(|error| (error.line, error.problem)).collect();
        assert_eq!(
            problems,
            [
                (2, LineProblem::NoKey),
                (3, LineProblem::PrivateKey),
                (4, LineProblem::Duplicate { first: 1 }),
                (5, LineProblem::NoKey),
            ]
        );
        assert!(fault.to_string().starts_with("line 2: expected a node key"));
        let pasted = parse(&format!("  \"PublicKey\": \"nodekey:{KEY}\",")).unwrap_err().to_string();
        assert!(pasted.ends_with("between the quotes"), "{pasted}");
        assert!(!fault.to_string().contains(KEY), "an error never quotes a private key");
    }
}
