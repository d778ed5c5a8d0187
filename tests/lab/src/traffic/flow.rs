//! Starting traffic on clients, and reading what it found.

use super::{drip, stream};
use crate::client::Client;
use crate::net::Host;
use crate::process::{Process, output};
use std::path::Path;
use std::time::Duration;

/// Time a server of ours has to listen, and one to answer.
const SOON: Duration = Duration::from_secs(10);

/// Silence at the end from which on traffic counts as gone: a machine with other work owes an answer that long.
const BACK: Duration = Duration::from_secs(1);

/// Time a long stream may take.
const LONG: Duration = Duration::from_secs(90);

/// Starts a server with these words on a host and waits until it listens. It ends with what is returned.
///
/// # Errors
/// It does not listen.
pub(crate) fn serve(own: &Path, dir: &Path, on: &Host, what: &[&str]) -> Result<Process, String> {
    let own = own.to_string_lossy();
    let words: Vec<&str> = [&*own, "traffic"].into_iter().chain(what.iter().copied()).collect();
    let name = format!("{}-{}", on.name, what.first().copied().unwrap_or_default());
    let mut process = Process::start(on, dir, &name, &words, &[])?;
    process.shows("ready", SOON, |process| process.out().contains("ready").then_some(()))?;
    Ok(process)
}

/// The answer to one HTTP request from a host, head and body.
///
/// # Errors
/// There is none.
pub(crate) fn ask(
    own: &Path,
    dir: &Path,
    from: &Host,
    addr: &str,
    path: &str,
    headers: &[&str],
) -> Result<String, String> {
    let own = own.to_string_lossy();
    let words: Vec<&str> =
        [&*own, "traffic", "get", addr, path].into_iter().chain(headers.iter().copied()).collect();
    output(from, dir, &format!("{}-get", from.name), &words, SOON)
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
    /// The time without one after the last: a pause at most, unless traffic never came back.
    pub(crate) rest: Duration,
}

impl Tally {
    /// That no silence was longer than this, and that traffic came back.
    ///
    /// # Errors
    /// It was not so.
    pub(crate) fn came_back_within(&self, silence: Duration) -> Result<(), String> {
        if self.rest > BACK {
            return Err(format!(
                "traffic never came back: no answer in the last {} ms",
                self.rest.as_millis()
            ));
        }
        if self.silence > silence {
            let (found, limit) = (self.silence.as_millis(), silence.as_millis());
            return Err(format!("a silence of {found} ms, which is more than {limit}"));
        }
        Ok(())
    }

    /// The same of a single silence, and that no more was lost than that explains.
    ///
    /// # Errors
    /// It was not so.
    pub(crate) fn bears(&self, silence: Duration, pause: Duration) -> Result<(), String> {
        self.came_back_within(silence)?;
        // What is lost beyond the silence itself was lost for another reason.
        let excused = self.silence.as_millis() / pause.as_millis().max(1) + 2;
        if u128::from(self.lost) > excused {
            return Err(format!("{} datagrams were lost, more than the silence explains", self.lost));
        }
        Ok(())
    }
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
    let silence = rest.max(Duration::from_millis(silence));
    Tally { sent, lost: sent.saturating_sub(back), silence, rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_back_is_lost_and_makes_a_silence() {
        let (found, ms) =
            (|lines, sent| tally(lines, sent, Duration::from_millis(100)), Duration::from_millis);
        let came_back = Tally { sent: 5, lost: 2, silence: ms(300), rest: ms(0) };
        assert_eq!(found("0 5\n1 105\n4 405\n", 5), came_back);
        let gone = Tally { sent: 10, lost: 8, silence: ms(795), rest: ms(795) };
        assert_eq!(found("0 5\n1 105\n", 10), gone);
    }

    #[test]
    fn what_never_came_back_is_not_borne_whatever_the_bound() {
        let ms = Duration::from_millis;
        let (pause, long) = (ms(100), ms(60_000));
        let tally = |lost, silence, rest| Tally { sent: 120, lost, silence: ms(silence), rest: ms(rest) };
        assert_eq!(tally(9, 900, 100).bears(ms(1000), pause), Ok(()));
        assert!(tally(99, 9900, 9900).bears(long, pause).unwrap_err().contains("never came back"));
        assert!(tally(11, 1100, 0).bears(ms(1000), pause).unwrap_err().contains("more than 1000"));
        assert!(tally(12, 900, 0).bears(ms(1000), pause).unwrap_err().contains("12 datagrams"));
    }
}
