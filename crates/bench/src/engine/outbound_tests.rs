use super::*;
use crate::clock::Clock;
use crate::engine::layout::{Flow, Layout, Member};
use crate::link::Link;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use wherry_wire::derp::{HEADER_LEN, KEY_LEN};
use wherry_wire::key::NodePublic;

const MILLISECOND: u64 = 1_000_000;

/// Bytes of a frame with the smallest packet.
const FRAME: usize = HEADER_LEN + KEY_LEN + 32;

/// One sender of one flow, the socket its relay reads from, and what counts from 2 ms to 1 s.
struct Scene {
    control: Control,
    seats: Seats,
    outbound: Outbound,
    tally: Tally,
    relay: TcpStream,
}

fn scene(shape: Shape) -> Scene {
    let mut layout = Layout::default();
    let class = layout.class("packets");
    let from = layout.member(Member::default());
    layout.flows.push(Flow { from, to: vec![from], class, size: 32, is_disco: false, shape });
    let keys = vec![NodePublic::from_bytes([1; 32])];
    let control = Control::new(Clock::start(), layout, keys, [0, 2 * MILLISECOND, 1000 * MILLISECOND, 0]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let (relay, _) = listener.accept().unwrap();
    let seats = Seats::new(&control, vec![(from, Link::connected(socket))]).unwrap();
    let outbound = Outbound::new(&control, &[0]).unwrap();
    Scene { control, seats, outbound, tally: Tally::new(1), relay }
}

impl Scene {
    fn send_due(&mut self, now: u64) {
        while self.outbound.next_due().is_some_and(|due| due <= now) {
            self.outbound.send_due(&self.control, now, &mut self.seats, &mut self.tally);
        }
    }

    fn fill_up(&mut self, now: u64) -> bool {
        self.outbound.fill_up(&self.control, now, &mut self.seats, &mut self.tally)
    }

    /// The stamps of the next packets that the relay gets.
    fn stamps(&mut self, count: usize) -> Vec<Stamp> {
        let mut bytes = vec![0; count * FRAME];
        self.relay.read_exact(&mut bytes).unwrap();
        bytes.chunks_exact(FRAME).map(|frame| Stamp::of(&frame[HEADER_LEN + KEY_LEN..]).unwrap()).collect()
    }
}

#[test]
fn a_late_generator_still_says_when_packets_were_due() {
    let mut scene = scene(Shape::Open { rate: 1000, burst: 1, stride: 1, offset: 0 });
    scene.send_due(5 * MILLISECOND);
    let due: Vec<u64> = scene.stamps(6).iter().map(|stamp| stamp.due / MILLISECOND).collect();
    assert_eq!(due, [0, 1, 2, 3, 4, 5]);
    let class = scene.tally.class(0);
    assert_eq!((class.offered, class.held_back), (4, 0), "from 2 ms on they count");
    assert_eq!((scene.tally.late, scene.tally.latest), (2, 3 * MILLISECOND), "those of 2 and 3 ms left late");
    assert_eq!(scene.outbound.next_due(), Some(6 * MILLISECOND));
}

#[test]
fn nothing_is_due_before_its_time_or_after_the_close() {
    let mut scene = scene(Shape::Open { rate: 1000, burst: 5, stride: 2, offset: 1 });
    scene.send_due(4 * MILLISECOND);
    assert_eq!(scene.tally.class(0).offered, 0);
    scene.send_due(5 * MILLISECOND);
    assert_eq!(scene.tally.class(0).offered, 5);
    scene.control.close_early(14 * MILLISECOND);
    scene.send_due(100 * MILLISECOND);
    assert_eq!((scene.tally.class(0).offered, scene.outbound.next_due()), (5, None));
}

#[test]
fn a_sender_whose_relay_does_not_read_loses_what_is_due_and_never_waits() {
    let mut scene = scene(Shape::Open { rate: 100_000_000, burst: 1000, stride: 1, offset: 0 });
    for now in 0..10 {
        scene.send_due(now * 10 * MILLISECOND);
    }
    let class = scene.tally.class(0);
    // 90 ms of 100,000 packets a millisecond, less the 2 ms that do not count, and the beat of 90 ms itself.
    assert_eq!(class.offered, 88 * 100_000 + 1000);
    assert!(class.held_back > 0 && class.held_back < class.offered, "{}", class.held_back);
    assert!(scene.seats.waiting(0).unwrap() < BACKLOG + 1000 * FRAME);
}

#[test]
fn a_closed_loop_sends_what_has_room_and_after_a_stall_takes_the_rest_for_lost() {
    let mut scene = scene(Shape::Closed { in_flight: 3 });
    assert!(scene.fill_up(3 * MILLISECOND) && !scene.fill_up(4 * MILLISECOND));
    assert_eq!(scene.stamps(3).iter().map(|stamp| stamp.number).collect::<Vec<_>>(), [0, 1, 2]);
    scene.control.arrived(0, 1, MILLISECOND);
    assert!(scene.fill_up(5 * MILLISECOND), "the second has come, so the first is lost");
    assert_eq!(scene.stamps(2).iter().map(|stamp| stamp.number).collect::<Vec<_>>(), [3, 4]);
    assert!(!scene.fill_up(5 * MILLISECOND + STALL) && !scene.fill_up(6 * MILLISECOND + STALL));
    assert!(scene.fill_up(7 * MILLISECOND + STALL), "what has not moved for so long is lost");
    assert_eq!(scene.stamps(3).len(), 3);
    assert_eq!(scene.tally.class(0).offered, 8);
    scene.control.arrived(0, 5, STALL);
    assert!(scene.fill_up(8 * MILLISECOND + STALL), "one has come");
    assert!(!scene.fill_up(10 * MILLISECOND + 2 * STALL), "where packets take long, patience is longer");
}
