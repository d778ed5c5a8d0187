//! The boxes of the handshake, as they come from a stranger and as the other side seals them. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wherry_wire::{
    derp::{ClientInfo, HEADER_LEN, SharedKey, handshake},
    key::{NodePrivate, NodePublic},
};

struct Parties {
    server: NodePrivate,
    client: NodePrivate,
    client_public: NodePublic,
    shared: SharedKey,
}

static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let (server, client) = (NodePrivate::generate([1; 32]), NodePrivate::generate([2; 32]));
    let (_, shared) =
        handshake::client_info_frame(&client, &server.public(), [3; 24], &ClientInfo::current())
            .expect("small");
    Parties { client_public: client.public(), server, client, shared }
});

fuzz_target!(|data: &[u8]| {
    let Some((mode, data)) = data.split_first() else { return };
    match mode {
        // A multiplication each; few values, or the others would hardly run.
        0 => label(data),
        1..=3 => open_client_info(data),
        4..=63 => server_key(data),
        _ => server_info(data),
    }
});

fn server_info(payload: &[u8]) {
    if let Ok(info) = PARTIES.shared.open_server_info(payload) {
        let frame = PARTIES.shared.seal_server_info([4; 24], &info);
        assert_eq!(PARTIES.shared.open_server_info(&frame[HEADER_LEN..]), Ok(info));
    }
}

fn server_key(payload: &[u8]) {
    if let Ok(key) = handshake::parse_server_key(payload) {
        assert_eq!(payload[..40], handshake::server_key_frame(&key)[HEADER_LEN..]);
    }
}

/// A payload as it comes from a stranger.
fn open_client_info(payload: &[u8]) {
    if let Ok((key, _, _)) = handshake::open_client_info(&PARTIES.server, payload) {
        assert!(!key.is_zero());
    }
}

/// A whole handshake with any label.
fn label(text: &[u8]) {
    let app_name = String::from_utf8_lossy(text).into_owned();
    let info = ClientInfo { app_name, ..ClientInfo::current() };
    let server = PARTIES.server.public();
    if let Ok((frame, _)) = handshake::client_info_frame(&PARTIES.client, &server, [5; 24], &info) {
        let (key, opened, _) =
            handshake::open_client_info(&PARTIES.server, &frame[HEADER_LEN..]).expect("just sealed");
        assert_eq!((key, opened), (PARTIES.client_public, info));
    }
}
