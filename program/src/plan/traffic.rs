//! What the parties send each other, in bytes: sizes that the runtime's messages have, and the line that they go over.
//!
//! The runtime takes its own constants from here, or asserts that they are the same; a test of the whole system holds
//! predictions against what is sent.

use motet_circuits::Template;

use crate::ir::Program;
use crate::lattice::public_key_len;

use super::Protocol;

/// Bytes that open the stream.
const GREETING: u64 = 8;
/// Bytes before a frame's payload.
const FRAME_HEADER: u64 = 5;
/// Bytes after which a frame is sent.
const FRAME: u64 = 64 << 10;
/// Bytes before a message's encoding: its length.
const LENGTH: u64 = 4;
/// Bytes of a digest, or of a party's random part of the session's id.
const DIGEST: u64 = 32;

/// Bytes of a seed.
pub const SEED: u64 = 16;
/// Bytes of a point of the base OTs' group.
pub const POINT: u64 = 32;
/// Base OTs, and rows of OT extension.
pub const ROWS: u64 = 128;
/// Words of 64 instances that all wires of a batch on shared bits may take together.
const SHARED_BITS_WORDS: u64 = 1 << 21;
/// OTs are extended in multiples of this many.
pub const EXTENSION_UNIT: u64 = 512;
/// OTs of a product of transfers that are made at once.
pub const PRODUCT_TRANSFERS: u64 = 1 << 18;

/// Silent OTs that are made at once.
pub const SILENT_USABLE: u64 = 964_480;
/// Bytes to the evaluator for those.
pub const SILENT_BYTES: u64 = 294_912;
/// OTs that the silent ones begin with.
pub const SILENT_FIRST: u64 = 84_480;

/// Transfers that are made ahead for circuits on shared bits, where a batch needs as many: 16 MiB of labels.
pub const TRANSFERS_AHEAD: u64 = 1 << 20;

/// Most instances of a template that are run together on shared bits.
pub fn together(template: &Template) -> u64 {
    let wires = template.inputs.len() + template.code.len();
    64 * (SHARED_BITS_WORDS / wires.max(1) as u64).max(1)
}

/// Bits that one cross term of so many instances takes: fewer than 64 stand bit by bit, others in whole words.
pub fn lane(instances: u64) -> u64 {
    if instances < 64 { instances } else { instances.next_multiple_of(64) }
}

/// Who is sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Garbler,
    Evaluator,
}

/// What goes over the line, in order, as far as it takes bytes and rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub to_evaluator: u64,
    pub to_garbler: u64,
    /// Changes of direction, and crossings.
    pub turns: u64,
    /// Times at which both send at once.
    pub crossings: u64,
    ends: Option<[To; 2]>,
}

impl Line {
    /// Bytes are sent.
    pub fn say(&mut self, to: To, bytes: u64) {
        if bytes > 0 {
            let [to_evaluator, to_garbler] = if to == To::Evaluator { [bytes, 0] } else { [0, bytes] };
            self.then(&Line { to_evaluator, to_garbler, ends: Some([to, to]), ..Line::default() }, 1);
        }
    }

    /// Both send at once, so many bytes to the evaluator and to the garbler.
    pub fn cross(&mut self, [to_evaluator, to_garbler]: [u64; 2]) {
        let ends = Some([To::Garbler, To::Garbler]);
        self.then(&Line { to_evaluator, to_garbler, turns: 1, crossings: 1, ends }, 1);
    }

    /// The same the other way round.
    pub fn turned(&self) -> Line {
        let ends = self.ends.map(|ends| ends.map(To::other));
        Line { to_evaluator: self.to_garbler, to_garbler: self.to_evaluator, ends, ..self.clone() }
    }

    /// The other line's messages follow, so many times.
    pub fn then(&mut self, other: &Line, times: u64) {
        let Some([first, last]) = other.ends.filter(|_| times > 0) else { return };
        let add = |to: &mut u64, n: u64| *to = to.saturating_add(n.saturating_mul(times));
        add(&mut self.to_evaluator, other.to_evaluator);
        add(&mut self.to_garbler, other.to_garbler);
        add(&mut self.turns, other.turns);
        add(&mut self.crossings, other.crossings);
        self.turns = self.turns.saturating_add(if first == last { 0 } else { times - 1 });
        self.turns += u64::from(self.ends.is_some_and(|[_, before]| before != first));
        self.ends = Some([self.ends.map_or(first, |ends| ends[0]), last]);
    }

    /// Headers of frames: one at each change of direction, and one wherever enough has gathered.
    pub fn frame(&mut self) {
        let segments = (self.turns + self.crossings) / 2 + 1;
        for bytes in [&mut self.to_evaluator, &mut self.to_garbler] {
            if *bytes > 0 {
                *bytes = bytes.saturating_add((segments + *bytes / FRAME).saturating_mul(FRAME_HEADER));
            }
        }
    }
}

impl To {
    /// The other party.
    pub fn other(self) -> To {
        match self {
            To::Garbler => To::Evaluator,
            To::Evaluator => To::Garbler,
        }
    }
}

/// A party's bits become labels, by one call of oblivious transfer from `sender`; extension is counted apart.
pub(super) fn choose(line: &mut Line, sender: To, bits: u64) {
    line.say(sender, bits.div_ceil(8));
    line.say(sender.other(), SEED);
}

/// What sets up oblivious transfer: base OTs, in which the garbler chooses; then sums of each level of each tree.
pub(super) fn set_up_transfers(line: &mut Line, subfield_bits: u64) {
    line.say(To::Garbler, POINT);
    line.say(To::Evaluator, ROWS * 2 * POINT);
    line.say(To::Garbler, ROWS / subfield_bits * (subfield_bits - 1) * 2 * SEED);
}

/// A client's public key, to its server.
pub(super) fn set_up_encryption(line: &mut Line, server: To) {
    line.say(server, public_key_len() as u64);
}

/// What both sides send before the protocol: greetings, introductions and terms, two exchanges.
pub(super) fn handshake(program: &Program, protocol: Protocol) -> [u64; 2] {
    let text = |text: &str| varint(text.len()) + text.len() as u64;
    let list = |count: usize, bytes: u64| varint(count) + bytes;
    let names: u64 = program.parties.iter().map(|name| text(name)).sum();
    let public = program.params.iter().filter(|param| param.owner.is_none());
    let public: Vec<u64> = public.map(|param| text(&param.name) + DIGEST).collect();
    // What the session is for, and bits of security: 128 and 40.
    let security = 1 + varint(128) + varint(40);
    let terms = text(protocol.name())
        + list(program.parties.len(), names)
        + 2 * DIGEST
        + list(public.len(), public.iter().sum())
        + security;
    // Whom a party expects is there or not; here it is.
    let introduction = text(env!("CARGO_PKG_VERSION")) + names + 1 + DIGEST;
    [GREETING + 2 * (FRAME_HEADER + LENGTH) + introduction + terms; 2]
}

/// Bytes of a number in postcard's encoding.
fn varint(number: usize) -> u64 {
    u64::from((usize::BITS - number.leading_zeros()).max(1).div_ceil(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_within_and_between_lines() {
        let mut share = Line::default();
        choose(&mut share, To::Garbler, 9);
        assert_eq!((share.to_garbler, share.to_evaluator, share.turns), (2, 16, 1));
        let mut all = Line::default();
        all.say(To::Garbler, 5);
        all.then(&share, 3);
        assert_eq!((all.to_garbler, all.to_evaluator, all.turns), (11, 48, 5));
        all.say(To::Evaluator, 0);
        all.then(&share, 0);
        all.say(To::Evaluator, 1);
        assert_eq!(all.turns, 5);
    }
}
