//! How long the certificate is good for, and whether the clocks agree.

use std::time::{Duration, SystemTime};

use tokio::time::timeout;
use wherry_client::Secured;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::finding::{Finding, Part};
use crate::clock::wall;
use crate::http;

/// From here on renewing is late: authorities' certificates of 90 days are renewed with 30 left, those of 6 days are
/// not made to be renewed by hand.
const SOON: Duration = Duration::from_hours(14 * 24);

/// A certificate made for less than this is renewed by a program, and near its end as a rule.
const SHORT_LIVED: Duration = Duration::from_hours(20 * 24);

/// Clocks may differ by so much: an HTTP date has whole seconds, and asking takes time.
const SKEW: Duration = Duration::from_mins(1);

/// For the answer to one HTTP request.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the first certificate, which is the relay's own, is good for.
pub(super) fn expiry(secured: &Secured) -> Option<Finding> {
    let certificate = secured.tls()?.chain.first()?;
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return Some(Finding::skipped(Part::Expiry, "the certificate's dates cannot be read"));
    };
    let seconds = |time: i64| Duration::from_secs(u64::try_from(time).unwrap_or_default());
    let start = seconds(parsed.validity().not_before.timestamp());
    let end = seconds(parsed.validity().not_after.timestamp());
    let now = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(judge(start, end, now))
}

/// In the largest unit of which there are two or more.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    match units.iter().find(|(unit, _)| seconds >= 2 * unit) {
        Some((unit, word)) => format!("{} {word}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

/// Times since 1970.
fn judge(start: Duration, end: Duration, now: Duration) -> Finding {
    if let Some(wait) = start.checked_sub(now).filter(|wait| !wait.is_zero()) {
        return Finding::error(
            Part::Expiry,
            format!("the certificate is valid only {} from now", span(wait)),
            "if a clock is wrong, this host's or that of whoever issued it, set it; else wait, or use one that is valid already",
        );
    }
    let life = end.saturating_sub(start);
    let soon = if life < SHORT_LIVED { life / 5 } else { SOON };
    match end.checked_sub(now) {
        None => Finding::error(
            Part::Expiry,
            format!("the certificate expired {} ago", span(now.saturating_sub(end))),
            "renew the certificate, and have the relay read it (a reload or a restart)",
        ),
        Some(left) if left < soon => Finding::warning(
            Part::Expiry,
            format!("the certificate expires in {}", span(left)),
            "renew the certificate, and find out why nothing did so by itself; a new self-signed one has a new pin, which \
             belongs into the map",
        ),
        Some(left) => Finding::ok(Part::Expiry, format!("the certificate is good for {} more", span(left))),
    }
}

/// The relay's clock beside this host's, by the date of an HTTP answer on this connection.
pub(super) async fn clock(secured: Secured) -> Finding {
    let skipped = |why: String| Finding::skipped(Part::Clock, format!("not compared: {why}"));
    let authority = secured.endpoint().authority();
    let mut stream = secured.into_stream();
    let answer = match timeout(PATIENCE, http::head(&mut stream, &authority, "/", &[])).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(err)) => return skipped(err.to_string()),
        Err(_) => return skipped("no answer to an HTTP request in time".to_owned()),
    };
    let date = answer.header("Date").and_then(|date| httpdate::parse_http_date(date).ok());
    match date {
        Some(theirs) => compare(theirs, wall()),
        None => skipped("the HTTP answer has no date".to_owned()),
    }
}

fn compare(theirs: SystemTime, ours: SystemTime) -> Finding {
    let (apart, word) = match theirs.duration_since(ours) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(err) => (err.duration(), "behind"),
    };
    if apart <= SKEW {
        return Finding::ok(Part::Clock, "the relay's clock agrees with this host's within a minute");
    }
    Finding::warning(
        Part::Clock,
        format!("the relay's clock, or its proxy's, is {} {word} this host's", span(apart)),
        "set the one that is wrong, and let it follow a time server (timedatectl set-ntp true): a wrong clock refuses good \
         certificates",
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use wherry_client::{Dialer, Trust};

    use super::super::finding::Mark;
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_certificate_is_renewed_two_weeks_before_its_end_a_short_lived_one_in_its_last_fifth() {
        let mark =
            |life: u32, left: u32| judge(DAY * 1000, DAY * (1000 + life), DAY * (1000 + life - left)).mark;
        assert_eq!([mark(90, 15), mark(90, 13)], [Mark::Ok, Mark::Warning]);
        assert_eq!([mark(6, 3), mark(6, 1)], [Mark::Ok, Mark::Warning]);
        assert_eq!(judge(DAY, DAY * 9, DAY * 12).mark, Mark::Error);
        let early = judge(DAY * 15, DAY * 99, DAY * 12);
        assert!(early.mark == Mark::Error && early.found.ends_with("only 3 days from now"), "{early:?}");
        assert!(early.remedy.unwrap().contains("if a clock is wrong"));
        let over = judge(DAY, DAY * 9, DAY * 12);
        assert!(over.found.ends_with("expired 3 days ago"), "{over:?}");
        assert!(over.remedy.unwrap().contains("have the relay read it"));
        assert!(judge(DAY, DAY * 90, DAY * 90 - DAY / 6).found.ends_with("expires in 4 hours"));
    }

    /// What is said of the clock of a server that answers so, or hangs up.
    async fn clock_of(answer: &str) -> Finding {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            if !answer.is_empty() {
                let _request = stream.read(&mut [0; 4096]).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let dialer = Dialer::new(Trust::system([]).unwrap());
        let asking = async {
            let secured = dialer.tls(dialer.tcp(&target).await.unwrap()).await.unwrap();
            clock(secured).await
        };
        tokio::join!(asking, serving).0
    }

    #[tokio::test]
    async fn a_clock_that_nobody_tells_is_not_compared() {
        let undated = clock_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(undated.mark == Mark::Skipped && undated.found.ends_with("has no date"), "{undated:?}");
        let silent = clock_of("").await;
        assert!(silent.mark == Mark::Skipped && silent.found.starts_with("not compared: "), "{silent:?}");
    }

    #[test]
    fn clocks_may_be_a_minute_apart() {
        let now = SystemTime::UNIX_EPOCH + DAY;
        let (before, after) = (now - Duration::from_secs(61), now + Duration::from_secs(61));
        assert_eq!(compare(now + SKEW, now).mark, Mark::Ok);
        assert!(compare(before, now).found.contains("61 s behind"));
        assert!(compare(after, now).found.contains("61 s ahead of"));
    }
}
