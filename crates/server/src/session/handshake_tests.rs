//! From a plain socket to a session, with a worker that gets no time of its own.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use wherry_switch::{MailboxLimits, MemoryBudget, Switch};
use wherry_wire::derp::handshake::client_info_frame;
use wherry_wire::derp::{ClientInfo, FrameType, HEADER_LEN, Header, NONCE_LEN};
use wherry_wire::key::NodePrivate;

use super::*;
use crate::admission::Admission;
use crate::clock::Clock;
use crate::config::Admit;
use crate::metrics::Counters;
use crate::session::{Identity, Rounds, Timing};
use crate::transport::Codec;

fn relay(admit: &Admit, workers: Vec<Arc<Worker>>, memory: &Arc<MemoryBudget>) -> Arc<Relay> {
    let identity = Identity::new(&NodePrivate::generate([1; 32])).unwrap();
    let clock = Clock::start();
    let (switch, gate) = Switch::new(*identity.public(), MailboxLimits::default(), Arc::clone(memory));
    let admission = Admission::open(admit, None, gate, clock).unwrap();
    let minute = Duration::from_secs(60);
    let timing = Timing { handshake: minute, keepalive: minute, write: None };
    Arc::new(Relay::new(clock, identity, switch, admission, workers, timing))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Has a client with this key shake hands; returns its socket.
async fn knock(
    key: &NodePrivate,
    relay: &Arc<Relay>,
    claim: MemoryClaim,
) -> (std::net::TcpStream, Result<(), Refused>) {
    let (info, _) =
        client_info_frame(key, relay.identity.public(), [3; NONCE_LEN], &ClientInfo::current()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(&info).unwrap();
    let (socket, remote) = listener.accept().await.unwrap();
    let stream = Stream::new(socket, Codec::plain(), Vec::new());
    let arrival = Arrival { remote, greeting: Vec::new(), not_ideal: false };
    let accepted = accept(stream, arrival, claim, relay).await;
    (client, accepted)
}

/// Types of the frames in `bytes`.
fn frames(mut bytes: &[u8]) -> Vec<FrameType> {
    let mut types = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(header);
        types.push(header.frame_type);
        bytes = &rest[header.len as usize..];
    }
    types
}

#[test]
fn who_is_on_the_way_in_when_the_relay_is_dismissed_gets_its_farewell() {
    let (front, works) = (runtime(), runtime());
    let counters = Arc::new(Counters::default());
    let worker = Worker::new(0, works.handle().clone(), Rounds::default(), Arc::clone(&counters)).unwrap();
    let memory = MemoryBudget::new(64 << 20);
    let relay = relay(&Admit::Open, vec![worker], &memory);

    let mut claim = memory.claim();
    assert!(claim.cover(1000));
    let (mut client, accepted) = front.block_on(knock(&NodePrivate::generate([2; 32]), &relay, claim));
    accepted.unwrap();
    assert!(!relay.is_empty(), "it is waited for");
    assert_eq!((counters.sessions.value(), memory.used()), (0, 1000));
    relay.dismiss();

    let gone = async {
        while !relay.is_empty() {
            relay.left().await;
        }
    };
    works.block_on(async { tokio::time::timeout(Duration::from_secs(20), gone).await }).expect("it leaves");
    assert_eq!((counters.sessions.value(), memory.used()), (1, 0));
    drop((relay, works));
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(frames(&got), [FrameType::SERVER_KEY, FrameType::SERVER_INFO, FrameType::RESTARTING]);
}

#[test]
fn only_who_is_let_in_is_remembered() {
    let (front, works) = (runtime(), runtime());
    let worker = Worker::new(0, works.handle().clone(), Rounds::default(), Arc::default()).unwrap();
    let memory = MemoryBudget::new(64 << 20);
    let [known, stranger] = [2, 4].map(|byte| NodePrivate::generate([byte; 32]));
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&list, format!("{}\n", known.public())).unwrap();
    let relay = relay(&Admit::List(list.path().into()), vec![worker], &memory);

    let (_, refused) = front.block_on(knock(&stranger, &relay, memory.claim()));
    assert!(matches!(refused, Err(Refused::Denied(_))), "{refused:?}");
    let (_, accepted) = front.block_on(knock(&known, &relay, memory.claim()));
    accepted.unwrap();
    assert_eq!([&known, &stranger].map(|key| relay.identity.knows(&key.public())), [true, false]);
}

#[test]
fn a_worker_that_has_ended_gets_nobody() {
    let (front, works) = (runtime(), runtime());
    let worker =
        |number| Worker::new(number, works.handle().clone(), Rounds::default(), Arc::default()).unwrap();
    let workers = [0, 1, 2].map(worker);
    let memory = MemoryBudget::new(64 << 20);
    let relay = relay(&Admit::Open, workers.to_vec(), &memory);
    let picked =
        |times| -> Vec<_> { (0..times).map(|_| relay.pick_worker().map(|worker| worker.number())).collect() };

    assert_eq!(picked(4), [Some(0), Some(1), Some(2), Some(0)]);
    workers[1].end();
    assert_eq!(picked(3), [Some(0), Some(2), Some(0)]);
    workers[0].end();
    workers[2].end();
    assert_eq!(picked(3), [None; 3]);
    let (_, refused) = front.block_on(knock(&NodePrivate::generate([2; 32]), &relay, memory.claim()));
    assert!(matches!(refused, Err(Refused::TakeOver)), "{refused:?}");
}
