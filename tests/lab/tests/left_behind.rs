//! Whatever ends the lab in the middle of a scenario, the machine's network is as before.
//!
//! Each test starts a whole lab, for which it needs what that needs, and a minute; `cargo xtask check --only lab` sets
//! `WHERRY_LAB=1` for it. All else skips these, aloud.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, clippy::panic, reason = "test code")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The lab's own lock, held as long as one of its processes may change something.
const LOCK: &str = "/run/wherry-lab.lock";

/// Time the lab has to come to the middle of a scenario: it may have to build everything first.
const MIDDLE: Duration = Duration::from_secs(20 * 60);

/// Time it has to clean up.
const END: Duration = Duration::from_secs(60);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A scenario that has namespaces and clients for half a minute.
const SCENARIO: &str = "relayed";

#[test]
fn a_killed_outer_process_leaves_nothing_behind() {
    let Some(lab) = Lab::in_the_middle(&[SCENARIO]) else { return };
    lab.send(Signal::SIGKILL, lab.outer.id());
    lab.ends_and_leaves_nothing();
}

#[test]
fn a_killed_inner_process_leaves_nothing_behind() {
    let Some(lab) = Lab::in_the_middle(&[SCENARIO]) else { return };
    lab.send(Signal::SIGKILL, lab.inner());
    let said = lab.ends_and_leaves_nothing();
    assert!(said.contains("SIGKILL"), "{said}");
}

#[test]
fn an_interrupted_run_leaves_nothing_behind_and_names_its_logs() {
    let Some(lab) = Lab::in_the_middle(&[SCENARIO]) else { return };
    lab.send(Signal::SIGINT, lab.outer.id());
    let said = lab.ends_and_leaves_nothing();
    let logs = said.lines().find_map(|line| line.strip_prefix("logs: ")).expect("the folder is named");
    assert!(fs::read_dir(format!("{logs}/{SCENARIO}")).expect("the folder is there").count() > 0);
    assert!(said.contains("stopped: interrupted"), "{said}");
}

#[test]
fn a_run_whose_reader_goes_away_leaves_nothing_behind_and_does_not_panic() {
    // What the first one prints at its end meets a closed pipe, in the middle of the other.
    let Some(mut lab) = Lab::in_the_middle(&["netcheck", "restart"]) else { return };
    drop(lab.out.take());
    let said = lab.ends_and_leaves_nothing();
    assert!(said.contains("stopped: nobody reads its output"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// A lab in the middle of a scenario.
struct Lab {
    outer: Child,
    out: Option<BufReader<std::process::ChildStdout>>,
    before: Vec<String>,
    _turn: MutexGuard<'static, ()>,
}

/// One lab at a time: they share the lock.
static TURN: Mutex<()> = Mutex::new(());

impl Lab {
    /// None, and said aloud, where no whole lab is asked for.
    fn in_the_middle(names: &[&str]) -> Option<Self> {
        if std::env::var_os("WHERRY_LAB").is_none_or(|value| value != "1") {
            say("SKIPPED: what the lab leaves behind; cargo xtask check --only lab asks");
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let before = network();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry-lab"));
        command.args(names).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: what is sent to it is not sent to the tests.
        let mut outer = command.process_group(0).spawn().expect("the lab starts");
        let out = outer.stdout.take().map(BufReader::new);
        let mut lab = Self { outer, out, before, _turn: turn };
        let last = names.last().expect("a scenario");
        let client = format!("wherry-lab-{last}.b");
        until("the client to run", MIDDLE, || {
            if let Some(status) = lab.outer.try_wait().expect("the lab can be asked") {
                panic!("the lab ended before the middle, {status}: {}", lab.said());
            }
            lines(&["ip", "netns", "list"]).iter().any(|line| line.starts_with(&client))
                && !lines(&["ip", "netns", "pids", &client]).is_empty()
        });
        Some(lab)
    }

    fn inner(&self) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", self.outer.id());
        let children = fs::read_to_string(children).expect("the system says who is whose child");
        children.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("one child")
    }

    fn send(&self, signal: Signal, to: u32) {
        let pid = i32::try_from(to).expect("the number of a process");
        kill(Pid::from_raw(pid), signal).expect("it runs");
    }

    /// Waits until both processes have gone, compares, and returns what it said on standard error.
    fn ends_and_leaves_nothing(mut self) -> String {
        let status = self.outer.wait().expect("the lab can be waited for");
        assert!(!status.success(), "the lab should not end well");
        let lock = File::open(LOCK).expect("the lab has made its lock");
        until("the inner process to end", END, || lock.try_lock().is_ok());
        drop(lock);
        let said = self.said();
        let after = network();
        // What an earlier run left may have been there before, but not after.
        let ours: Vec<&String> = after.iter().filter(|line| line.contains("wherry-lab-")).collect();
        assert!(ours.is_empty(), "left behind: {ours:?}; the lab said: {said}");
        let switches = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| line.starts_with("/proc/sys/")).cloned().collect()
        };
        assert_eq!(switches(&after), switches(&self.before), "the lab said: {said}");
        if after != self.before {
            // A container started, or an address was banned.
            say("NOTE: the machine's network is another than before, but not by what bears the lab's name");
        }
        said
    }

    /// Standard error, once both processes have gone.
    fn said(&mut self) -> String {
        let err = self.outer.stderr.take().expect("its standard error");
        BufReader::new(err).lines().map_while(Result::ok).map(|line| line + "\n").collect()
    }
}

impl Drop for Lab {
    /// A test that failed leaves no lab running; the inner process sees it gone.
    fn drop(&mut self) {
        drop(self.outer.kill());
        drop(self.outer.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause between two looks at another program")]
fn until(what: &str, limit: Duration, mut look: impl FnMut() -> bool) {
    let start = Instant::now();
    while !look() {
        assert!(start.elapsed() < limit, "waited {} s for {what}", limit.as_secs());
        std::thread::sleep(PAUSE);
    }
}

/// The machine's network, without what changes by itself.
fn network() -> Vec<String> {
    let questions: [&[&str]; 5] = [
        &["ip", "netns", "list"],
        &["ip", "-br", "addr"],
        &["nft", "--stateless", "list", "ruleset"],
        &["find", "/etc/netns"],
        &[
            "grep",
            ".",
            "/proc/sys/net/ipv4/ip_forward",
            "/proc/sys/net/ipv4/conf/all/rp_filter",
            "/proc/sys/net/ipv6/conf/all/forwarding",
        ],
    ];
    questions.iter().flat_map(|words| lines(words)).collect()
}

/// What a command prints; nothing if it fails, as `find` does where there is no folder.
fn lines(words: &[&str]) -> Vec<String> {
    let output = Command::new(words[0]).args(&words[1..]).stderr(Stdio::null()).output();
    let output = output.unwrap_or_else(|err| panic!("{words:?}: {err}"));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Past the capture of test output, so that nobody takes a skip for a pass.
fn say(line: &str) {
    std::io::stderr().write_all(format!("\n{line}\n").as_bytes()).expect("standard error takes a line");
}
