//! Any stream of records, cut anywhere.

use proptest::collection::vec;
use proptest::prelude::*;
use rustls::ConnectionTrafficSecrets;
use rustls::crypto::cipher::{AeadKey, Iv};

use super::keys::Keys;
use super::*;

/// A record as a client may mean it: content type, content, padding.
type Meant = (u8, Vec<u8>, usize);

fn secrets() -> (u64, ConnectionTrafficSecrets) {
    (0, ConnectionTrafficSecrets::Chacha20Poly1305 { key: AeadKey::from([7; 32]), iv: Iv::from([9; 12]) })
}

fn sealed(records: &[Meant]) -> Vec<u8> {
    let mut keys = Keys::new(secrets()).unwrap();
    let mut wire = Vec::new();
    for (content_type, content, padding) in records {
        let mut inner = [content.as_slice(), &[*content_type]].concat();
        inner.resize(inner.len() + padding, 0);
        let [high, low] = u16::try_from(inner.len() + TAG_LEN).unwrap().to_be_bytes();
        let header = [content::APPLICATION_DATA, 3, 3, high, low];
        let tag = keys.seal(header, &mut inner).unwrap();
        wire.extend(header);
        wire.extend(inner);
        wire.extend(tag);
    }
    wire
}

/// Presents `wire` up to each of `ends` in turn, and at last in whole, as a socket would bring it.
fn opened(wire: &[u8], ends: &[usize]) -> (Vec<u8>, Stop) {
    let mut opener = Opener::new(secrets()).unwrap();
    let (mut wire, mut plain, mut used) = (wire.to_vec(), Vec::new(), 0);
    for end in ends.iter().copied().chain([wire.len()]) {
        let (more, stop) = opener.open(&mut wire[used..end.max(used)], &mut plain);
        used += more;
        if stop != Stop::Dry {
            return (plain, stop);
        }
    }
    (plain, Stop::Dry)
}

fn meant() -> impl Strategy<Value = Meant> {
    let content_type = prop_oneof![4 => Just(23_u8), 2 => Just(22), 1 => Just(21), 1 => any::<u8>()];
    let content = prop_oneof![
        3 => vec(any::<u8>(), 0..200),
        1 => vec(any::<u8>(), MAX_CONTENT - 2..MAX_CONTENT + 3),
        1 => (0_usize..5, 1_usize..6).prop_map(|(from, len)| {
            [24, 0, 0, 1, 1].into_iter().skip(from).take(len).collect()
        }),
        1 => Just(vec![1, 0]),
        1 => Just(vec![1, 90]),
    ];
    (content_type, content, 0_usize..50)
}

proptest! {
    #[test]
    fn cuts_change_nothing_and_data_comes_out_as_it_was(
        records in vec(meant(), 0..12),
        noise in vec(any::<u8>(), 0..40),
        mut ends in vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut wire = sealed(&records);
        wire.extend(noise);
        let whole = opened(&wire, &[]);
        let mut ends: Vec<usize> = ends.drain(..).map(|end| end.index(wire.len() + 1)).collect();
        ends.sort_unstable();
        prop_assert_eq!(&opened(&wire, &ends), &whole);

        let data: Vec<u8> =
            records.iter().filter(|record| record.0 == 23).flat_map(|record| record.1.clone()).collect();
        prop_assert!(data.starts_with(&whole.0), "what comes out is what was meant");
        let only_data = records.iter().all(|record| {
            record.0 == 23 && record.1.len() + record.2 <= MAX_CONTENT
        });
        if only_data {
            prop_assert_eq!(whole.0, data);
        }
    }

    #[test]
    fn garbage_is_never_opened(wire in vec(any::<u8>(), 0..500)) {
        prop_assert_eq!(opened(&wire, &[]).0, Vec::<u8>::new());
    }
}
