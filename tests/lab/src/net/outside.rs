//! The machine's own network, which a run must leave as it was.
//!
//! Others change it too while a run lasts: a container starts, somebody's address is banned. What bears our prefix, and the
//! switches that our routers set for themselves, must be as before; of the rest a change is only mentioned.

use super::host::ETC;
use super::ip::PREFIX;
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

/// What is asked: nothing whose answer changes by itself, such as counters and the rest of a lease.
const QUESTIONS: &[&str] = &[
    "ip netns list",
    "ip -br link",
    "ip -br addr",
    "ip -4 route show table all",
    "ip rule",
    "nft --stateless list ruleset",
    "grep . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/rp_filter /proc/sys/net/ipv6/conf/all/forwarding",
];

/// How it is at one moment: for each question the lines of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outside(Vec<(&'static str, BTreeSet<String>)>);

impl Outside {
    /// Looks.
    ///
    /// # Errors
    /// A question cannot be asked.
    pub(crate) fn look() -> Result<Self, String> {
        let mut answers = Vec::new();
        for question in QUESTIONS {
            answers.push((*question, answer(question)?));
        }
        let entries = fs::read_dir(ETC).into_iter().flatten().flatten();
        answers.push((ETC, entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()));
        Ok(Self(answers))
    }

    /// Compares with how it is now; what others may have changed, if anything.
    ///
    /// # Errors
    /// What we could have changed differs; every line that went or came.
    pub(crate) fn unchanged(&self, now: &Self) -> Result<String, String> {
        let (mut ours, mut others) = (String::new(), String::new());
        for ((question, before), (_, after)) in self.0.iter().zip(&now.0) {
            let went = before.difference(after).map(|line| ('-', line));
            let came = after.difference(before).map(|line| ('+', line));
            for (sign, line) in went.chain(came) {
                let is_ours = line.contains(PREFIX) || line.starts_with("/proc/sys/");
                let found = if is_ours { &mut ours } else { &mut others };
                *found += &format!("\n{question}: {sign} {line}");
            }
        }
        if ours.is_empty() {
            Ok(others)
        } else {
            Err(format!("the machine's own network is not as before:{ours}"))
        }
    }
}

fn answer(question: &str) -> Result<BTreeSet<String>, String> {
    let mut words = question.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    let output = command.args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|err| format!("`{question}` does not start: {err}"))?;
    if !output.status.success() {
        return Err(format!("`{question}`: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim_end().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_and_what_came_is_told_with_its_question_and_ours_fails() {
        let state =
            |lines: &[&str]| Outside(vec![("question", lines.iter().map(ToString::to_string).collect())]);
        let (forwards, not) = ("/proc/sys/net/ipv4/ip_forward:1", "/proc/sys/net/ipv4/ip_forward:0");
        let complaint =
            state(&["lo", not]).unchanged(&state(&["veth9", "wherry-lab-x.b", forwards])).unwrap_err();
        assert_eq!(
            complaint,
            format!(
                "the machine's own network is not as before:\nquestion: - {not}\nquestion: + {forwards}\nquestion: + wherry-lab-x.b"
            )
        );
        let others = state(&["lo", "eth0"]).unchanged(&state(&["lo", "veth9"])).unwrap();
        assert_eq!(others, "\nquestion: - eth0\nquestion: + veth9");
        assert_eq!(state(&["lo"]).unchanged(&state(&["lo"])), Ok(String::new()));
    }
}
