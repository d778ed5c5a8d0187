//! The last destinations of one connection, so that a run of packets asks the directory once; and who is to be
//! told of the sender's end.
//!
//! Few routes are kept on purpose: the directory is one table that all connections share and that stays in the processor's
//! cache, while a large table for each of a thousand connections would not.

use std::sync::Arc;

use wherry_switch::{Conn, Listeners, Peer, Route, Switch};
use wherry_wire::key::NodePublic;

use super::link::Link;

/// Peers looked through before the directory is asked: more than most clients talk to at a time.
const ROUTES: usize = 8;

/// A place for a peer.
type Place = Option<Arc<Peer<Link>>>;

/// The last peers that were asked for and known.
#[derive(Debug, Default)]
pub(super) struct RouteCache {
    /// The first bytes of their keys, or zeros. They stand in the order they were asked for, round and round.
    tags: [u32; ROUTES],
    /// The place of the one that is replaced next.
    oldest: usize,
    /// In the same places, from the second time on and until they are retired from the directory. To let go of a peer costs a
    /// look at it; a crowd, of which nobody is asked for twice in a while, would pay that for each packet.
    kept: Option<Box<[Place; ROUTES]>>,
    /// Of the sender; looked up for its first packet to a connection of this relay.
    listeners: Option<Arc<Listeners>>,
}

impl RouteCache {
    /// Where packets for `key` go, from here or from the directory; `None` if no such peer is known.
    pub(super) fn find(&mut self, switch: &Switch<Link>, key: &NodePublic) -> Option<Route<Link>> {
        let tag = tag(key);
        let Some(place) = self.tags.iter().position(|other| *other == tag) else {
            let route = switch.route(key)?;
            self.note(tag);
            return Some(route);
        };
        let kept = self.kept.get_or_insert_default().get_mut(place)?;
        if !kept.as_ref().is_some_and(|peer| peer.key() == key && !peer.retired()) {
            *kept = switch.peer(key);
        }
        kept.as_ref().map(|peer| peer.route())
    }

    /// Puts a peer that was asked for in the place of the oldest.
    fn note(&mut self, tag: u32) {
        if let Some(oldest) = self.tags.get_mut(self.oldest) {
            *oldest = tag;
        }
        if let Some(oldest) = self.kept.as_mut().and_then(|kept| kept.get_mut(self.oldest)) {
            *oldest = None;
        }
        self.oldest = (self.oldest + 1) % ROUTES;
    }

    /// Has the switch note that `dst` got a packet from `sender`, whose routes these are.
    pub(super) fn tell(&mut self, switch: &Switch<Link>, sender: &NodePublic, dst: &Conn<Link>) {
        switch.heard(self.listeners.get_or_insert_with(|| switch.listeners(sender)), dst);
    }
}

fn tag(key: &NodePublic) -> u32 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream};
    use wherry_switch::{DropTally, Gate, JoinInfo, MailboxLimits, MemoryBudget, Role};

    use super::*;
    use crate::transport::{Codec, split};

    fn key(number: u8) -> NodePublic {
        NodePublic::from_bytes([number; 32])
    }

    fn switch() -> (Switch<Link>, Gate) {
        Switch::new(key(255), MailboxLimits::default(), MemoryBudget::new(64 << 20))
    }

    async fn join(switch: &Switch<Link>, gate: &Gate, key: NodePublic) -> Arc<Conn<Link>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (_, writer) = TcpStream::connect(addr).await.unwrap().into_split();
        let (_, sealer) = split(Codec::plain()).unwrap();
        let link = Link::new(writer, 0, sealer, Vec::new(), Duration::ZERO);
        let info = JoinInfo { addr, not_ideal: false, prober: false };
        switch.join(gate.admit(key, Role::Regular, None), info, link, Duration::ZERO).conn
    }

    /// How many hold the peer of `key` beside the switch.
    fn holders(switch: &Switch<Link>, key: &NodePublic) -> usize {
        /// The directory and its entry, and this look.
        const OTHERS: usize = 3;
        Arc::strong_count(&switch.peer(key).unwrap()) - OTHERS
    }

    #[tokio::test]
    async fn a_peer_is_kept_from_the_second_time_until_enough_others_were_asked_for() {
        let ((switch, gate), mut routes) = (switch(), RouteCache::default());
        let conn = join(&switch, &gate, key(1)).await;
        for holds in [0, 1, 1] {
            assert_eq!(routes.find(&switch, &key(1)), Some(Route::Local(Arc::clone(&conn))));
            assert_eq!(holders(&switch, &key(1)), holds);
        }
        for nobody in (100..).take(2 * ROUTES).map(key) {
            assert_eq!(routes.find(&switch, &nobody), None);
        }
        let mut held = Vec::new();
        for other in (2..).take(ROUTES).map(key) {
            join(&switch, &gate, other).await;
            assert!(routes.find(&switch, &other).is_some());
            held.push(holders(&switch, &key(1)));
        }
        assert_eq!(held, [[1; ROUTES - 1].as_slice(), &[0]].concat());
    }

    #[tokio::test]
    async fn a_kept_peer_that_left_and_came_back_is_found_where_it_is_now() {
        let ((switch, gate), mut routes) = (switch(), RouteCache::default());
        for _ in 0..2 {
            let conn = join(&switch, &gate, key(1)).await;
            for _ in 0..3 {
                assert_eq!(routes.find(&switch, &key(1)), Some(Route::Local(Arc::clone(&conn))));
            }
            switch.leave(&conn, &mut DropTally::default());
            assert_eq!(routes.find(&switch, &key(1)), None);
        }
    }

    #[tokio::test]
    async fn peers_whose_keys_begin_alike_are_told_apart() {
        let ((switch, gate), mut routes) = (switch(), RouteCache::default());
        let twin = NodePublic::from_bytes([[1; 16], [2; 16]].concat().try_into().unwrap());
        let conns = [join(&switch, &gate, key(1)).await, join(&switch, &gate, twin).await];
        for _ in 0..3 {
            for conn in &conns {
                assert_eq!(routes.find(&switch, conn.key()), Some(Route::Local(Arc::clone(conn))));
            }
        }
    }
}
