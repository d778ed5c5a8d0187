//! One bound on the memory of all that waits, shared by everybody who lets something wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How much memory may be held at a time, and how much is. What is held is claimed first, so the bound is never passed.
#[derive(Debug)]
pub struct MemoryBudget {
    // fixed
    limit: usize,
    // anybody
    used: AtomicUsize,
    was_short: AtomicBool,
}

/// Who holds something may come to hold one part of this many of what is free then and not kept.
///
/// A bound that falls as memory fills up, as switches with shared memory have (Choudhury and Hahne, "Dynamic queue length
/// thresholds", 1998): `n` who want all they can get leave four parts of `n + 4` to others, one alone still gets a fifth.
const SHARE: usize = 4;

/// Those who hold something already leave one part of this many to those who hold nothing, connections that come included.
const KEPT_FOR_FIRST: usize = 4;

/// What can be refused leaves one part of this many to what cannot.
const KEPT_FOR_SESSIONS: usize = 8;

impl MemoryBudget {
    /// A budget of `limit` bytes, with nothing held.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), was_short: AtomicBool::new(false) })
    }

    /// Most bytes that may be held.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that are held.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether anybody got less than asked for since the last call.
    pub fn was_short(&self) -> bool {
        self.was_short.swap(false, Ordering::Relaxed)
    }

    /// A claim of nothing yet that may grow as long as there is any memory: for what a session needs.
    pub fn claim(self: &Arc<Self>) -> MemoryClaim {
        MemoryClaim { budget: Arc::clone(self), bytes: 0, leaves: 0 }
    }

    /// The same for what can be refused, connections that are no sessions yet among it: it leaves an eighth of all memory.
    pub fn claim_refusable(self: &Arc<Self>) -> MemoryClaim {
        MemoryClaim { budget: Arc::clone(self), bytes: 0, leaves: self.limit / KEPT_FOR_SESSIONS }
    }

    /// Takes `bytes` more for one who holds `held`, if it may hold that much; who holds nothing needs them only to be there.
    pub(super) fn take_share(&self, bytes: usize, held: usize) -> bool {
        let after = held.saturating_add(bytes);
        let kept = self.limit / KEPT_FOR_FIRST;
        self.take(bytes, |free| held == 0 || after <= free.saturating_sub(kept) / SHARE)
    }

    pub(super) fn give_back(&self, bytes: usize) {
        // Relaxed, as everything here: the number orders nothing else.
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes `bytes` if they are there and what is free afterwards is enough.
    fn take(&self, bytes: usize, leaves_enough: impl Fn(usize) -> bool) -> bool {
        let more = |used: usize| {
            let used = used.checked_add(bytes)?;
            self.limit.checked_sub(used).filter(|free| leaves_enough(*free))?;
            Some(used)
        };
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !taken && !self.was_short.load(Ordering::Relaxed) {
            self.was_short.store(true, Ordering::Relaxed);
        }
        taken
    }
}

/// Bytes of a [`MemoryBudget`] that somebody holds; given back when it is dropped.
#[derive(Debug)]
pub struct MemoryClaim {
    budget: Arc<MemoryBudget>,
    bytes: usize,
    leaves: usize,
}

impl MemoryClaim {
    /// Makes it at least `bytes`; `false` if there is not so much, and nothing changes.
    #[must_use]
    pub fn cover(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more > 0 && !self.budget.take(more, |free| free >= self.leaves) {
            return false;
        }
        self.bytes = self.bytes.max(bytes);
        true
    }
}

impl Drop for MemoryClaim {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_never_passes_the_limit() {
        let budget = MemoryBudget::new(100);
        let (mut one, mut two) = (budget.claim(), budget.claim());
        assert!(one.cover(60) && two.cover(40));
        assert!(!two.cover(41));
        assert_eq!((budget.used(), budget.was_short(), budget.was_short()), (100, true, false));
        drop(one);
        assert!(two.cover(100) && two.cover(10));
        assert_eq!(budget.used(), 100);
        drop(two);
        assert_eq!((budget.used(), budget.was_short()), (0, false));
    }

    #[test]
    fn newcomers_leave_an_eighth_to_sessions() {
        let budget = MemoryBudget::new(800);
        let mut newcomer = budget.claim_refusable();
        assert!(newcomer.cover(700));
        assert!(!newcomer.cover(701) && !budget.claim_refusable().cover(1));
        assert!(budget.claim().cover(100));
    }

    #[test]
    fn who_holds_much_gets_no_more_while_there_is_room_for_others() {
        let budget = MemoryBudget::new(1_400);
        let mut holds = [0; 10];
        for _ in 0..1_000 {
            for held in &mut holds {
                if budget.take_share(1, *held) {
                    *held += 1;
                }
            }
        }
        assert_eq!(holds, [75; 10], "ten parts of fourteen, of three quarters");
        assert!(budget.claim_refusable().cover(475));
        assert!(budget.take_share(600, 0));
        assert!(!budget.take_share(51, 0), "no more than there is");
    }
}
