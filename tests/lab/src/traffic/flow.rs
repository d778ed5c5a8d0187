//! Starting traffic on clients, and reading what it found.

use super::{drip, stream};
use crate::client::Client;
use crate::process::{Process, output};
use std::path::Path;
use std::time::Duration;

/// Time a server of ours has to listen.
const SOON: Duration = Duration::from_secs(10);

/// Time a long stream may take.
const LONG: Duration = Duration::from_secs(90);

/// Starts `echo` or `sink` on a client and waits until it listens. It ends with what is returned.
///
/// # Errors
/// It does not listen.
pub(crate) fn serve(own: &Path, dir: &Path, on: &Client, what: &str) -> Result<Process, String> {
    let words = [own.to_string_lossy().into_owned(), "traffic".to_owned(), what.to_owned()];
    let mut process = Process::start(&on.host, dir, &format!("{}-{what}", on.host.name), &words, &[])?;
    process.shows("ready", SOON, |process| process.out().contains("ready").then_some(()))?;
    Ok(process)
}

/// Sends a stream to a client where `sink` listens; returns how long it took.
///
/// # Errors
/// Not every byte arrived, or one was wrong.
pub(crate) fn pour(
    own: &Path,
    dir: &Path,
    from: &Client,
    to: &Client,
    bytes: u64,
) -> Result<Duration, String> {
    let words = [
        own.to_string_lossy().into_owned(),
        "traffic".to_owned(),
        "pour".to_owned(),
        to.addr()?,
        bytes.to_string(),
    ];
    let said = output(&from.host, dir, &format!("{}-pour", from.host.name), &words, LONG)?;
    let mut numbers = said.split_whitespace().map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(right)), Some(Ok(ms))) if right == bytes => Ok(Duration::from_millis(ms)),
        _ => Err(format!("of {bytes} bytes to port {} arrived: {said}", stream::PORT)),
    }
}

/// Datagrams on their way, at a steady pace.
#[derive(Debug)]
pub(crate) struct Drip {
    process: Process,
    count: u32,
    pause: Duration,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Datagrams sent.
    pub(crate) sent: u32,
    /// How many never came back.
    pub(crate) lost: u32,
    /// The longest time without an answer: before the first, between two, or after the last.
    pub(crate) silence: Duration,
}

impl Drip {
    /// Starts sending to a client where `echo` listens.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(
        own: &Path,
        dir: &Path,
        from: &Client,
        to: &Client,
        count: u32,
        pause: Duration,
    ) -> Result<Self, String> {
        let numbers = [to.addr()?, count.to_string(), pause.as_millis().to_string()];
        let head = [own.to_string_lossy().into_owned(), "traffic".to_owned(), "drip".to_owned()];
        let words: Vec<String> = head.into_iter().chain(numbers).collect();
        let process = Process::start(&from.host, dir, &format!("{}-drip", from.host.name), &words, &[])?;
        Ok(Self { process, count, pause })
    }

    /// How many answers there are so far.
    pub(crate) fn answers(&self) -> usize {
        self.process.out().lines().count()
    }

    /// Waits for the end and counts.
    ///
    /// # Errors
    /// It failed.
    pub(crate) fn finish(mut self) -> Result<Tally, String> {
        let status = self.process.wait(self.pause * self.count + LONG)?;
        if !status.success() {
            return Err(format!("drip to port {}: {}", drip::PORT, self.process.last_words()));
        }
        Ok(tally(&self.process.out(), self.count, self.pause))
    }
}

fn tally(lines: &str, sent: u32, pause: Duration) -> Tally {
    let (mut back, mut last, mut silence) = (0, 0, 0);
    for line in lines.lines() {
        let Some(at) = line.split_whitespace().nth(1).and_then(|at| at.parse::<u64>().ok()) else { continue };
        back += 1;
        silence = silence.max(at.saturating_sub(last));
        last = at;
    }
    let rest = (pause * sent.saturating_sub(1)).saturating_sub(Duration::from_millis(last));
    Tally { sent, lost: sent.saturating_sub(back), silence: rest.max(Duration::from_millis(silence)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_back_is_lost_and_makes_a_silence() {
        let (found, pause) =
            (|lines, sent| tally(lines, sent, Duration::from_millis(100)), Duration::from_millis);
        assert_eq!(found("0 5\n1 105\n4 405\n", 5), Tally { sent: 5, lost: 2, silence: pause(300) });
        assert_eq!(found("0 5\n1 105\n", 10), Tally { sent: 10, lost: 8, silence: pause(795) });
    }
}
