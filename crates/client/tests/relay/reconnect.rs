//! A relay that goes away and comes back.

use std::time::Duration;

use wherry_client::{Backoff, Event, Identity, MeshKey, Message, Reconnecting};

use crate::exchange::dialer;
use crate::subject::{Kind, MESH_KEY, Relay};

async fn connected(client: &mut Reconnecting) -> u64 {
    loop {
        match client.next().await {
            Event::Connected { generation, .. } => return generation,
            Event::Failed { .. } | Event::Lost { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_watcher_watches_again_after_the_relay_came_back() {
    let Some(mut relay) = Relay::start(Kind::Http, &[]) else { return };
    let me = Identity::throw_away().unwrap().with_mesh_key(MeshKey::parse(MESH_KEY).unwrap().unwrap());
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
    let mut client = Reconnecting::new(dialer(), relay.target("http"), me.clone(), backoff);
    client.sender().watch().await.unwrap();
    client.sender().note_preferred(true).await.unwrap();
    for expected in 1..=2 {
        assert_eq!(connected(&mut client).await, expected);
        let event = client.next().await;
        let Event::Message { generation, message: Message::PeerPresent { peer, .. } } = event else {
            panic!("{event:?}");
        };
        assert_eq!((generation, peer), (expected, me.public()));
        relay.stop();
        let event = client.next().await;
        assert!(matches!(event, Event::Lost { generation, .. } if generation == expected), "{event:?}");
        assert!(client.sender().send(&me.public(), b"nowhere to go").await.is_err());
        let event = client.next().await;
        assert!(matches!(event, Event::Failed { .. }), "{event:?}");
        relay.start_again();
    }
}

#[tokio::test]
async fn a_dial_goes_on_however_often_its_caller_looks_away() {
    let Some(relay) = Relay::start(Kind::Http, &[]) else { return };
    let me = Identity::throw_away().unwrap();
    let mut client = Reconnecting::new(dialer(), relay.target("http"), me, Backoff::default());
    let mut looked_away = 0_u32;
    let event = loop {
        tokio::select! {
            biased;
            event = client.next() => break event,
            () = tokio::task::yield_now() => looked_away += 1,
        }
    };
    assert!(matches!(event, Event::Connected { generation: 1, .. }), "{event:?}");
    assert!(looked_away > 0);
}
