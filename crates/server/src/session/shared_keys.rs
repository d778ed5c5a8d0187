//! Shared keys of clients that were here lately, so that who comes back costs no multiplication.

use std::collections::HashMap;
use std::mem;

use wherry_wire::derp::SharedKey;
use wherry_wire::key::NodePublic;

/// Clients of one generation: what a table of 1,024 buckets holds. Two generations are kept, 75 bytes a client.
const GENERATION: usize = 896;

/// Shared keys by the client's public key: of the last [`GENERATION`] clients that came, and of up to as many before.
#[derive(Debug, Default)]
pub(super) struct SharedKeys {
    young: HashMap<NodePublic, SharedKey>,
    old: HashMap<NodePublic, SharedKey>,
}

impl SharedKeys {
    /// The key shared with `client`, if it was here lately.
    pub(super) fn get(&self, client: &NodePublic) -> Option<SharedKey> {
        self.young.get(client).or_else(|| self.old.get(client)).cloned()
    }

    /// Keeps the key shared with `client` as the youngest.
    pub(super) fn keep(&mut self, client: NodePublic, shared: SharedKey) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&client) {
            // A table that grows leaves copies of its keys behind, which nobody wipes.
            self.old = mem::replace(&mut self.young, HashMap::with_capacity(GENERATION));
        }
        self.young.insert(client, shared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: usize) -> NodePublic {
        let mut bytes = [1; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        NodePublic::from_bytes(bytes)
    }

    fn keep(keys: &mut SharedKeys, number: usize) {
        keys.keep(client(number), SharedKey::of(&[3; 32]));
    }

    fn knows(keys: &SharedKeys, number: usize) -> bool {
        keys.get(&client(number)).is_some()
    }

    #[test]
    fn the_last_generation_is_known_however_many_came_before() {
        let mut keys = SharedKeys::default();
        for number in 0..5 * GENERATION {
            keep(&mut keys, number);
            assert!(knows(&keys, number.saturating_sub(GENERATION - 1)), "{number}");
        }
        assert!(keys.young.len() + keys.old.len() <= 2 * GENERATION);
        assert!(!knows(&keys, 0));
    }

    #[test]
    fn who_comes_back_pushes_nobody_out() {
        let mut keys = SharedKeys::default();
        for number in 0..2 * GENERATION {
            keep(&mut keys, number);
        }
        keep(&mut keys, GENERATION);
        assert!(knows(&keys, 0));
    }

    #[test]
    fn who_keeps_coming_back_is_never_forgotten() {
        let mut keys = SharedKeys::default();
        keep(&mut keys, 0);
        for number in 1..5 * GENERATION {
            keep(&mut keys, number);
            assert!(knows(&keys, 0), "{number}");
            keep(&mut keys, 0);
        }
    }
}
