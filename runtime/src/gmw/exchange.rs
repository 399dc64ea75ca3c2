//! Both parties send and receive at the same time.

use crate::net::{Channel, MAX_CHUNK, NetError};

/// Bytes that go in one piece.
const PIECE: usize = 32 * 1024;
/// Pieces that are sent before the first is waited for: no more than the peer takes in while it sends itself.
const AHEAD: usize = MAX_CHUNK / PIECE;

/// Sends so many bytes of the words `mine` and receives so many from the peer, who does the same.
///
/// # Errors
/// The link failed.
pub(super) fn exchange(
    channel: &mut Channel,
    mine: &[u64],
    theirs: &mut [u64],
    [sent, received]: [usize; 2],
) -> Result<(), NetError> {
    let pieces = |count: usize| (0..count.div_ceil(PIECE)).map(move |i| i * PIECE..count.min((i + 1) * PIECE));
    let mut sending = pieces(sent);
    let mut buffer = [0; PIECE];
    for range in sending.by_ref().take(AHEAD) {
        send(channel, mine, range, &mut buffer)?;
    }
    for range in pieces(received) {
        let buffer = &mut buffer[..range.len()];
        channel.receive(buffer)?;
        for (word, bytes) in theirs[range.start / 8..].iter_mut().zip(buffer.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(whole);
        }
        if let Some(next) = sending.next() {
            send(channel, mine, next, &mut [0; PIECE])?;
        }
    }
    for range in sending {
        send(channel, mine, range, &mut buffer)?;
    }
    Ok(())
}

fn send(
    channel: &mut Channel,
    words: &[u64],
    range: std::ops::Range<usize>,
    buffer: &mut [u8; PIECE],
) -> Result<(), NetError> {
    let buffer = &mut buffer[..range.len()];
    for (word, bytes) in words[range.start / 8..].iter().zip(buffer.chunks_mut(8)) {
        bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
    }
    channel.send(buffer)
}
