//! The directory as lookups see it: key to peer, without a lock.
//!
//! A shard is a sorted list behind an atomic pointer. Readers search the list they find; a writer copies it with the change
//! applied and swaps the pointer. So a lookup costs one keyed hash and a binary search, and writes no memory that others read
//! except the reference count of the peer or conn it hands out.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;
use smallvec::SmallVec;
use wherry_wire::key::NodePublic;

use crate::route::Peer;

/// How many lists. A join copies one of them, so its cost grows with peers ÷ shards: 1,024 make that 100 entries at 100,000
/// peers, some microseconds beside the 150 that a handshake takes. The empty directory costs 8 KiB.
///
/// Few when fuzzed: with a handful of keys only then do any two meet in one list, and an invariant that asks every list is
/// checked after each step.
const SHARDS: u64 = if cfg!(fuzzing) { 4 } else { 1_024 };

/// Hash of the key, and whose it is.
type Listing<L> = (u64, Arc<Peer<L>>);

/// Sorted by hash, and by key where two hashes are equal. Two have room in the cache line of the list itself: of 1,000 peers three
/// quarters stand in such a list, of 1,700 half.
type Shard<L> = SmallVec<[Listing<L>; 2]>;

pub(crate) struct Shards<L> {
    shards: Box<[ArcSwap<Shard<L>>]>,
    /// Clients choose their keys, so the hash is salted: nobody can fill one shard at will.
    hasher: RandomState,
}

impl<L> Shards<L> {
    pub(crate) fn new() -> Self {
        let empty = Arc::new(Shard::new());
        let shards = (0..SHARDS).map(|_| ArcSwap::new(Arc::clone(&empty))).collect();
        Self { shards, hasher: RandomState::new() }
    }

    /// What `take` makes of the peer of `key`, if it is there.
    pub(crate) fn find<T>(&self, key: &NodePublic, take: impl FnOnce(&Arc<Peer<L>>) -> T) -> Option<T> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash)?.load();
        let at = search(&shard, hash, key).ok()?;
        shard.get(at).map(|(_, peer)| take(peer))
    }

    /// Adds `peer`, or puts it in the place of the one with its key. Only one writer at a time.
    pub(crate) fn insert(&self, peer: Arc<Peer<L>>) {
        let hash = self.hasher.hash_one(peer.key());
        let Some(shard) = self.shard(hash) else { return };
        let old = shard.load();
        let (before, after) = split(&old, hash, peer.key());
        shard.store(Arc::new(list(before, Some((hash, peer)), after)));
    }

    /// Removes the peer of `key`, if it is there. Only one writer at a time.
    pub(crate) fn remove(&self, key: &NodePublic) {
        let hash = self.hasher.hash_one(key);
        let Some(shard) = self.shard(hash) else { return };
        let old = shard.load();
        let (before, after) = split(&old, hash, key);
        shard.store(Arc::new(list(before, None, after)));
    }

    /// How many peers it holds.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    fn shard(&self, hash: u64) -> Option<&ArcSwap<Shard<L>>> {
        self.shards.get(usize::try_from(hash % SHARDS).ok()?)
    }
}

/// Where `key` stands, or where it would.
fn search<L>(shard: &Shard<L>, hash: u64, key: &NodePublic) -> Result<usize, usize> {
    shard.binary_search_by(|(other, peer)| other.cmp(&hash).then_with(|| peer.key().cmp(key)))
}

/// What stands before and after `key`, itself left out.
fn split<'a, L>(shard: &'a Shard<L>, hash: u64, key: &NodePublic) -> (&'a [Listing<L>], &'a [Listing<L>]) {
    let found = search(shard, hash, key);
    let (before, rest) = shard.split_at(found.unwrap_or_else(|at| at));
    (before, if found.is_ok() { rest.split_first().map_or(rest, |(_, after)| after) } else { rest })
}

/// A list of what stands before and after, and of one between them if there is one; no longer than it must be.
fn list<L>(before: &[Listing<L>], between: Option<Listing<L>>, after: &[Listing<L>]) -> Shard<L> {
    let mut list = Shard::with_capacity(before.len() + usize::from(between.is_some()) + after.len());
    list.extend(before.iter().cloned().chain(between).chain(after.iter().cloned()));
    list
}

impl<L> fmt::Debug for Shards<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> NodePublic {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        NodePublic::from_bytes(bytes)
    }

    #[test]
    fn every_peer_is_found_until_it_is_removed() {
        let shards = Shards::<()>::new();
        for number in 0..5_000 {
            shards.insert(Arc::new(Peer::new(key(number))));
        }
        assert_eq!(shards.len(), 5_000);
        for number in 0..5_000 {
            assert_eq!(shards.find(&key(number), Arc::clone).unwrap().key(), &key(number));
        }
        for number in (0..5_000).step_by(2) {
            shards.remove(&key(number));
            shards.remove(&key(number));
        }
        for number in 0..5_000 {
            assert_eq!(shards.find(&key(number), |_| ()).is_some(), number % 2 == 1, "{number}");
        }
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_short_list_with_its_counts_is_one_line_of_the_cache() {
        assert_eq!(2 * size_of::<usize>() + size_of::<Shard<()>>(), 64);
    }

    #[test]
    fn inserting_again_replaces() {
        let shards = Shards::<()>::new();
        shards.insert(Arc::new(Peer::new(key(1))));
        let second = Arc::new(Peer::new(key(1)));
        shards.insert(Arc::clone(&second));
        assert_eq!(shards.len(), 1);
        assert!(Arc::ptr_eq(&shards.find(&key(1), Arc::clone).unwrap(), &second));
    }

    #[test]
    fn keys_of_equal_hash_are_told_apart() {
        let mut shard = Shard::<()>::new();
        for number in [4, 2, 6] {
            let (before, after) = split(&shard, 7, &key(number));
            shard = list(before, Some((7, Arc::new(Peer::new(key(number))))), after);
        }
        for number in 0..8 {
            let found = search(&shard, 7, &key(number)).map(|at| *shard[at].1.key());
            assert_eq!(found.ok(), [2, 4, 6].contains(&number).then(|| key(number)));
        }
        assert!(search(&shard, 6, &key(4)).is_err());
    }
}
