//! The wire format: a greeting with the version, then frames.
//!
//! Each side opens the stream with eight bytes, `MOTET`, 0, and the version (16 bits, little-endian). Then frames
//! follow, each a kind (one byte), a length (32 bits, little-endian) and so many bytes. Data frames carry one byte
//! stream; where they are cut means nothing. `docs/network.md` is the longer account.

use super::error::Malformed;

/// Version of the wire format; raised whenever it changes.
pub const WIRE_VERSION: u16 = 1;
/// Bytes that open the stream.
pub(super) const GREETING: usize = 8;
/// Bytes before a frame's payload.
pub(super) const HEADER: usize = 5;
/// Most bytes of payload that a frame may carry.
pub const MAX_FRAME: usize = 256 * 1024;
/// Most bytes that can be handed over or viewed in place at once; such a chunk fits a frame.
pub const MAX_CHUNK: usize = MAX_FRAME;
/// Most bytes of the reason in an abort.
pub(super) const MAX_REASON: usize = 1024;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The next bytes of the stream.
    Data,
    /// A sign of life, empty.
    Heartbeat,
    /// The sender stops; the reason, in UTF-8, may be shown to people.
    Abort,
    /// The sender has sent all, empty.
    Goodbye,
}

/// First byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// How this side opens the stream.
pub(super) fn greeting() -> [u8; GREETING] {
    let version = WIRE_VERSION.to_le_bytes();
    [b'M', b'O', b'T', b'E', b'T', 0, version[0], version[1]]
}

/// Checks how the peer opened the stream.
pub(super) fn check_greeting(bytes: [u8; GREETING]) -> Result<(), Malformed> {
    if bytes[0] == TLS_HANDSHAKE {
        return Err(Malformed::Tls);
    }
    if bytes[..6] != greeting()[..6] {
        return Err(Malformed::NotMotet);
    }
    match u16::from_le_bytes([bytes[6], bytes[7]]) {
        WIRE_VERSION => Ok(()),
        other => Err(Malformed::Version(other)),
    }
}

/// A frame's header.
pub(super) fn encode(kind: Kind, length: usize) -> [u8; HEADER] {
    debug_assert!(length <= MAX_FRAME);
    let l = (length as u32).to_le_bytes();
    let kind = match kind {
        Kind::Data => 0,
        Kind::Heartbeat => 1,
        Kind::Abort => 2,
        Kind::Goodbye => 3,
    };
    [kind, l[0], l[1], l[2], l[3]]
}

/// Reads a frame's header and checks its length against what the kind allows.
pub(super) fn decode(bytes: [u8; HEADER]) -> Result<(Kind, usize), Malformed> {
    let length = u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
    let size = length as usize;
    let (kind, good) = match bytes[0] {
        0 if (1..=MAX_FRAME).contains(&size) => return Ok((Kind::Data, size)),
        0 => return Err(Malformed::FrameLength(length)),
        1 => (Kind::Heartbeat, size == 0),
        2 => (Kind::Abort, size <= MAX_REASON),
        3 => (Kind::Goodbye, size == 0),
        other => return Err(Malformed::Kind(other)),
    };
    if good { Ok((kind, size)) } else { Err(Malformed::ControlLength(length)) }
}

/// A reason as it may be shown or sent: printable, on one line, of bounded length.
pub(super) fn clean_reason(reason: &str) -> String {
    let mut clean = String::new();
    for c in reason.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if clean.len() + c.len_utf8() > MAX_REASON {
            break;
        }
        clean.push(c);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back() {
        for (kind, length) in [(Kind::Data, 1), (Kind::Data, MAX_FRAME), (Kind::Abort, 17), (Kind::Goodbye, 0)] {
            assert_eq!(decode(encode(kind, length)), Ok((kind, length)));
        }
    }

    #[test]
    fn lengths_are_bounded_by_kind() {
        let header = |kind: u8, length: u32| {
            let l = length.to_le_bytes();
            decode([kind, l[0], l[1], l[2], l[3]])
        };
        assert_eq!(header(0, u32::MAX), Err(Malformed::FrameLength(u32::MAX)));
        assert_eq!(header(0, 0), Err(Malformed::FrameLength(0)));
        assert_eq!(header(1, 1), Err(Malformed::ControlLength(1)));
        assert_eq!(header(2, 1025), Err(Malformed::ControlLength(1025)));
        assert_eq!(header(9, 0), Err(Malformed::Kind(9)));
    }

    #[test]
    fn greetings_are_told_apart() {
        assert_eq!(check_greeting(greeting()), Ok(()));
        assert_eq!(check_greeting(*b"MOTET\0\x02\x01"), Err(Malformed::Version(0x102)));
        assert_eq!(check_greeting(*b"GET / HT"), Err(Malformed::NotMotet));
        assert_eq!(check_greeting([0x16, 3, 1, 0, 0, 0, 0, 0]), Err(Malformed::Tls));
    }

    #[test]
    fn reasons_are_cleaned() {
        assert_eq!(clean_reason("a\x1b[31mb\nc"), "a [31mb c");
        assert_eq!(clean_reason(&"ä".repeat(2000)).len(), MAX_REASON);
    }
}
