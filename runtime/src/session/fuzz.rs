//! What a peer may send and a folder may hold, read as a session reads it: for the fuzzer, and for a test that mutates good sessions.

use super::handshake::{INTRODUCTION_LIMIT, Introduction, OPENING_LIMIT, Opening, Terms};
use crate::net::{NetError, scripted};

/// Reads any bytes as a peer's side of a session, up to the protocol's own messages. Nothing may panic, hang, or take
/// memory beyond what the messages may hold.
pub fn wire(bytes: &[u8]) {
    // How it fails does not matter here.
    let _ = read(bytes);
}

/// Decodes any bytes as what the seal of a checkpoint holds. Nothing may panic or take memory beyond theirs.
pub fn checkpoint(bytes: &[u8]) {
    super::checkpoint::decodes(bytes);
}

/// Decodes any bytes as an entry of a store. Nothing may panic or take memory beyond theirs.
pub fn store(bytes: &[u8]) {
    super::store::decodes(bytes);
}

fn read(bytes: &[u8]) -> Result<(), NetError> {
    let mut channel = scripted(bytes)?;
    let theirs: Introduction = channel.receive_message(INTRODUCTION_LIMIT)?;
    if let Ok(ours) = Introduction::new("alice", Some("bob")) {
        let _ = ours.check(&theirs).map_err(|e| e.to_string());
    }
    if let Opening::Terms(theirs) = channel.receive_message(OPENING_LIMIT)? {
        let ours = Terms::new("yao".into(), vec!["alice".into(), "bob".into()], [1; 32], [2; 32], Vec::new());
        let _ = ours.check(&theirs, "bob").map_err(|e| e.to_string());
    }
    for size in [1, 16, 4096, 100_000] {
        channel.receive_with(size, |_| ())?;
    }
    channel.goodbye()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A good session, as the peer sends it.
    fn seed() -> Vec<u8> {
        let message = |body: Vec<u8>| [&(body.len() as u32).to_le_bytes()[..], &body].concat();
        let introduction = Introduction::new("bob", Some("alice")).unwrap();
        let terms = Terms::new(
            "yao".into(),
            vec!["alice".into(), "bob".into()],
            [1; 32],
            [2; 32],
            vec![("k".into(), [3; 32]), ("n".into(), [4; 32])],
        );
        let mut out = b"MOTET\0\x01\0".to_vec();
        let frames = [
            (1, vec![]),
            (0, message(postcard::to_stdvec(&introduction).unwrap())),
            (0, message(postcard::to_stdvec(&Opening::Terms(terms)).unwrap())),
            (0, vec![7; 1 + 16 + 4096 + 100_000]),
            (3, vec![]),
        ];
        for (kind, payload) in frames {
            out.push(kind);
            out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
            out.extend_from_slice(&payload);
        }
        out
    }

    #[test]
    fn the_seed_is_good() {
        read(&seed()).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn damaged_sessions_are_errors(
            changes in prop::collection::vec((0usize..600, any::<u8>()), 0..6),
            cut in 0usize..700,
        ) {
            let mut bytes = seed();
            changes.into_iter().for_each(|(at, with)| bytes[at] = with);
            bytes.truncate(cut);
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(read(&[&seed()[..8], &bytes].concat()).is_err());
        }
    }
}
