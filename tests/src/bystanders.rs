//! Two well-behaved peers that talk while something bad happens, and must not notice.

use crate::node::random_bytes;
use crate::peer::Peer;
use crate::subject::Subject;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// A pair in steady conversation.
#[derive(Debug)]
pub struct Bystanders {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    talk: Option<JoinHandle<()>>,
}

impl Bystanders {
    /// Starts a conversation: each packet is awaited before the next goes, so none can be lost for want of room.
    #[must_use]
    pub fn start(relay: &Subject) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(AtomicUsize::new(0));
        let (mut one, mut two) = (Peer::join(relay), Peer::join(relay));
        let talk = std::thread::spawn({
            let (stop, rounds) = (Arc::clone(&stop), Arc::clone(&rounds));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let packet: [u8; 200] = random_bytes();
                    one.send_packet(&two.key(), &packet);
                    two.expect_packet(&one.key(), &packet);
                    two.send_packet(&one.key(), &packet);
                    one.expect_packet(&two.key(), &packet);
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                one.expect_silence();
                two.expect_silence();
            }
        });
        Self { stop, rounds, talk: Some(talk) }
    }

    /// Ends the conversation.
    pub fn expect_undisturbed(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let talk = self.talk.take().expect("only this ends the talk");
        assert!(talk.join().is_ok(), "the bystanders were disturbed");
        assert!(self.rounds.load(Ordering::Relaxed) > 0, "the bystanders got to speak");
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
