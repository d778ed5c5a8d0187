//! Relays that include each other's maps.
//!
//! A map is served when all that it includes was read once, so in a ring each relay would wait for the next for ever.
//! Therefore one relay tells another on request what it has so far, and whose maps it lacks: of a relay that lacks only what
//! reaches it through the reader itself, the reader has all that there is. Readers that do not ask so get no part of a map.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The header by which one relay asks another for a map that is not whole yet, and by which it is told whose map it is and
/// what that lacks.
pub(crate) const HEADER: &str = "wherry-map";

/// What it asks with.
pub(crate) const ASKED: &str = "unfinished";

/// A word that more relays than this have passed on is out of date: in a ring that it does not come from, it would go
/// around for ever. No map goes through so many relays.
const FAR: u8 = 16;

/// More relays than this are no ring, but somebody's idea of a joke. They are not named: who cannot say what is lacking
/// waits itself.
const MAX_LACKING: usize = 256;

/// A relay for as long as it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RelayId(u64);

/// Whose map it is, and which relays had not read all of theirs when it was made.
///
/// What stays true: the map and all that can be reached from those relays together are all that can be reached from this
/// one. Shortest ways never come back to where they were, which is why a relay need not wait for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    of: RelayId,
    /// With how many relays passed that on.
    lacking: BTreeMap<RelayId, u8>,
}

impl RelayId {
    pub(super) const fn of(random: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(random))
    }
}

impl Word {
    /// What `of` has to say, given each included map: `None` if it was never read, and what a relay said with its own.
    pub(super) fn on(of: RelayId, included: &[Option<Option<&Self>>]) -> Self {
        let words = || included.iter().copied().flatten().flatten();
        let heard: BTreeSet<_> = words().map(|word| word.of).collect();
        let mut lacking = BTreeMap::new();
        if included.contains(&None) {
            lacking.insert(of, 0);
        }
        for word in words() {
            for (&other, &passed) in &word.lacking {
                // What a relay says of itself is newer than what others say of it.
                let is_old = other != word.of && heard.contains(&other);
                let passed = passed.saturating_add(1);
                if other != of && !is_old && passed < FAR {
                    let known = lacking.entry(other).or_insert(passed);
                    *known = passed.min(*known);
                }
            }
        }
        if lacking.len() > MAX_LACKING {
            lacking = BTreeMap::from([(of, 0)]);
        }
        Self { of, lacking }
    }

    /// Whether its map lacks nothing.
    pub(super) fn is_whole(&self) -> bool {
        self.lacking.is_empty()
    }

    /// As [`Display`](fmt::Display) writes it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_ascii_whitespace();
        let of = parse_id(parts.next()?)?;
        let lacking: BTreeMap<_, _> = parts
            .map(|part| {
                let (id, passed) = part.split_once('/')?;
                Some((parse_id(id)?, parse_passed(passed)?))
            })
            .take(MAX_LACKING + 1)
            .collect::<Option<_>>()?;
        (lacking.len() <= MAX_LACKING).then_some(Self { of, lacking })
    }
}

fn parse_id(text: &str) -> Option<RelayId> {
    let is_one = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(text, 16).ok().filter(|_| is_one).map(RelayId)
}

fn parse_passed(text: &str) -> Option<u8> {
    let is_one = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|passed| is_one && *passed < FAR)
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.of.0)?;
        self.lacking.iter().try_for_each(|(RelayId(id), passed)| write!(f, " {id:016x}/{passed}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relays whose entries are in a map, and its word.
    type Map = (BTreeSet<usize>, Word);

    /// Relays by their numbers, each with what it includes: another's map, or one that nobody can read yet.
    struct Ring {
        includes: Vec<Vec<Option<usize>>>,
        /// What each has read of each that it includes.
        read: Vec<Vec<Option<Map>>>,
    }

    impl Ring {
        fn new(includes: &[&[Option<usize>]]) -> Self {
            let includes: Vec<_> = includes.iter().map(|list| list.to_vec()).collect();
            let read = includes.iter().map(|list| vec![None; list.len()]).collect();
            Self { includes, read }
        }

        fn has(&self, at: usize) -> Map {
            let read = &self.read[at];
            let words: Vec<_> = read.iter().map(|one| one.as_ref().map(|(_, word)| Some(word))).collect();
            let word = Word::on(id(at), &words);
            (read.iter().flatten().flat_map(|(has, _)| has.clone()).chain([at]).collect(), word)
        }

        /// Relay `at` reads all that it includes.
        fn turn(&mut self, at: usize) {
            for (place, other) in self.includes[at].clone().into_iter().enumerate() {
                if let Some(other) = other {
                    self.read[at][place] = Some(self.has(other));
                }
            }
        }

        fn reachable(&self, at: usize) -> BTreeSet<usize> {
            let (mut all, mut next) = (BTreeSet::from([at]), vec![at]);
            while let Some(at) = next.pop() {
                next.extend(self.includes[at].iter().flatten().filter(|other| all.insert(**other)));
            }
            all
        }

        /// Whether all are whole; none may be without all that it can reach, of which nothing may be missing.
        fn is_whole(&self) -> bool {
            let is_whole = |at| {
                let (has, word) = self.has(at);
                let reachable = self.reachable(at);
                let missing = reachable.iter().any(|at| self.includes[*at].contains(&None));
                assert!(!word.is_whole() || (has == reachable && !missing), "{at} has {has:?}: {word}");
                word.is_whole()
            };
            (0..self.includes.len()).filter(|at| is_whole(*at)).count() == self.includes.len()
        }
    }

    fn id(at: usize) -> RelayId {
        RelayId(at as u64)
    }

    #[test]
    fn relays_that_include_each_other_have_a_whole_map_after_some_rounds_and_no_part_before() {
        let to = |all: &[usize]| all.iter().copied().map(Some).collect::<Vec<_>>();
        let mesh: Vec<_> =
            (0..5usize).map(|at| to(&(0..5).filter(|other| *other != at).collect::<Vec<_>>())).collect();
        let long: Vec<_> = (0..9usize).map(|at| to(&[(at + 1) % 9])).collect();
        for includes in [vec![to(&[0])], vec![to(&[1]), to(&[0])], mesh, long] {
            let lists: Vec<_> = includes.iter().map(Vec::as_slice).collect();
            // In both directions, for the order of the turns is nobody's.
            for reversed in [false, true] {
                let mut ring = Ring::new(&lists);
                let mut rounds = 0;
                while !ring.is_whole() {
                    for at in 0..lists.len() {
                        ring.turn(if reversed { lists.len() - 1 - at } else { at });
                        let _ = ring.is_whole();
                    }
                    rounds += 1;
                    assert!(rounds <= lists.len() + 1, "{includes:?}");
                }
            }
        }
    }

    #[test]
    fn what_one_of_a_ring_cannot_read_is_waited_for_by_all() {
        let mut ring = Ring::new(&[&[Some(1)], &[Some(2)], &[Some(0), Some(3)], &[None]]);
        for at in (0..40).map(|turn| turn % 4) {
            ring.turn(at);
            assert!((0..4).all(|at| !ring.has(at).1.is_whole()));
        }
        // It is read now; what others said of it goes around until it is too far.
        ring.includes[3].clear();
        ring.read[3].clear();
        for at in (0..4 * usize::from(FAR)).map(|turn| turn % 4) {
            ring.turn(at);
        }
        assert!(ring.is_whole());
    }

    #[test]
    fn no_part_is_taken_for_the_whole_whoever_includes_whom_and_reads_when() {
        for seed in 0..300u64 {
            let mut state = seed;
            let mut below = |limit: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap() % limit
            };
            let count = 2 + below(5);
            let mut list =
                |_| (0..below(3)).map(|_| Some(below(count + 1)).filter(|at| *at < count)).collect();
            let lists: Vec<Vec<_>> = (0..count).map(&mut list).collect();
            let mut ring = Ring::new(&lists.iter().map(Vec::as_slice).collect::<Vec<_>>());
            for _ in 0..100 {
                ring.turn(below(count));
                let _ = ring.is_whole();
            }
            let is_readable = lists.iter().flatten().all(Option::is_some);
            let mut rounds = 0..count + usize::from(FAR);
            while is_readable && !ring.is_whole() {
                assert!(rounds.next().is_some(), "seed {seed}: {lists:?}");
                (0..count).for_each(|at| ring.turn(at));
            }
        }
    }

    #[test]
    fn a_word_is_read_as_it_was_written() {
        let word = Word { of: id(7), lacking: [(id(1), 0), (id(9), 15)].into() };
        assert_eq!(word.to_string(), "0000000000000007 0000000000000001/0 0000000000000009/15");
        assert_eq!(Word::parse(&word.to_string()), Some(word));
        let [one, other] = [7, 1].map(|id| format!("{id:016x}"));
        for part in ["", "/", "/256", "/16", "/+1", "/-1", "/ 1", "/1/1"] {
            assert_eq!(Word::parse(&format!("{one} {other}{part}")), None, "{part}");
        }
        for text in ["", "x", "7", "+000000000000007", "000000000000000A"] {
            assert_eq!(Word::parse(text), None, "{text}");
            assert_eq!(Word::parse(&format!("{one} {text}/1")), None, "{text}");
        }
        let many: String = (0..257).map(|id| format!(" {id:016x}/1")).collect();
        assert_eq!(Word::parse(&format!("{one}{many}")), None);
    }

    #[test]
    fn a_word_that_would_be_too_long_says_that_its_relay_waits() {
        let word = |of: usize, ids: std::ops::Range<usize>| Word {
            of: id(of),
            lacking: ids.map(|at| (id(at), 0)).collect(),
        };
        let (one, other) = (word(1, 10..210), word(2, 210..410));
        let both = Word::on(id(0), &[Some(Some(&one)), Some(Some(&other))]);
        assert_eq!(Word::parse(&both.to_string()), Some(word(0, 0..1)));
    }
}
