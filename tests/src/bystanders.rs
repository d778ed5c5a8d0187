//! Two well-behaved peers that talk while something bad happens, and must not notice.

use crate::node::random_bytes;
use crate::peer::Peer;
use crate::subject::Subject;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A pair in steady conversation.
#[derive(Debug)]
pub struct Bystanders {
    stop: Arc<AtomicBool>,
    talk: Option<JoinHandle<Rounds>>,
}

/// How long the rounds of a conversation took.
#[derive(Debug, Default)]
struct Rounds {
    before: Vec<Duration>,
    during: Vec<Duration>,
}

/// Rounds that show what is usual on this machine now.
const USUAL_ROUNDS: usize = 100;

/// How long a conversation goes on at least, so that one pause of the machine is not most of it.
const TALK_AT_LEAST: Duration = Duration::from_millis(250);

/// How much longer than usual a round may be: by this factor, or by this time.
///
/// Attackers, relay and the tests beside share the machine's few cores, so the bystanders wait for a core more often
/// than before: with seven floods at once 160 ms were seen on two cores, with either relay, unoptimised. A relay that
/// one peer can occupy adds what that peer causes, as often as it likes: a second and more were seen.
const MAY_GROW: u32 = 3;
const MAY_GROW_BY: Duration = Duration::from_millis(300);

impl Bystanders {
    /// Starts a conversation: each packet is awaited before the next goes, so none can be lost for want of room.
    ///
    /// Returns when it is known how long a round takes as long as nothing bad happens.
    #[must_use]
    pub fn start(relay: &Subject) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut one, mut two) = (Peer::join(relay), Peer::join(relay));
        let (tell, told) = sync_channel(1);
        let talk = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut rounds = Rounds::default();
                rounds.before.extend((0..USUAL_ROUNDS).map(|_| round(&mut one, &mut two)));
                let started = Instant::now();
                // Whoever started the talk waits for this.
                let _heard: bool = tell.send(()).is_ok();
                while !stop.load(Ordering::Relaxed) || started.elapsed() < TALK_AT_LEAST {
                    rounds.during.push(round(&mut one, &mut two));
                }
                one.expect_silence();
                two.expect_silence();
                rounds
            }
        });
        let bystanders = Self { stop, talk: Some(talk) };
        assert!(told.recv().is_ok(), "the bystanders cannot talk even before");
        bystanders
    }

    /// Ends the conversation: nothing was lost, and what the bystanders said arrived about as soon as before.
    pub fn expect_undisturbed(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let talk = self.talk.take().expect("only this ends the talk");
        let Ok(rounds) = talk.join() else { panic!("the bystanders were disturbed") };
        let (before, during) = (usual(rounds.before), usual(rounds.during));
        let bound = (before * MAY_GROW).max(before + MAY_GROW_BY);
        assert!(
            during <= bound,
            "the bystanders were held up: a round took {during:?}, and {before:?} before"
        );
    }
}

/// A packet there and one back.
fn round(one: &mut Peer, two: &mut Peer) -> Duration {
    let started = Instant::now();
    let packet: [u8; 200] = random_bytes();
    one.send_packet(&two.key(), &packet);
    two.expect_packet(&one.key(), &packet);
    two.send_packet(&one.key(), &packet);
    one.expect_packet(&two.key(), &packet);
    started.elapsed()
}

/// The median over time: whoever looks in at any moment finds a round at least this long going on as often as not.
///
/// Not the median of the rounds: while the relay stands still there is but one of them, and hundreds in the shortest
/// pause between. Not the longest either: that is the machine's as often as the relay's.
fn usual(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort_unstable();
    let half = rounds.iter().sum::<Duration>() / 2;
    let mut passed = Duration::ZERO;
    let at_half = rounds.into_iter().find(|round| {
        passed += *round;
        passed >= half
    });
    at_half.expect("the bystanders got to speak")
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
