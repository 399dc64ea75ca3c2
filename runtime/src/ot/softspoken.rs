//! OT extension: any number of random correlated OTs from 128 base OTs.
//!
//! Paper: Roy, "SoftSpokenOT: Quieter OT Extension from Small-Field Silent VOLE in the Minicrypt Model" (CRYPTO 2022,
//! ePrint 2022/192): VOLEs over F_{2^k} (section 3) made into one over F_2^128 by the repetition code (section 4), whose
//! columns are correlated OTs. It takes 128/k bits an OT, k bits at a time of Δ; k = 1 would be IKNP.
//!
//! Assumed: AES in counter mode is a pseudorandom generator; the base OTs.
//!
//! Protected against: a semi-honest peer, or with [`Adversary::Malicious`] one that sends anything. (The receiver's
//! seeds or rows could otherwise contradict each other, and it would learn bits of Δ from what happens; the checks are in
//! `puncture` and `check`.)
//!
//! The receiver holds, for each of 128/k places `i`, 2^k seeds; the sender all of those but that at `Δ_i`, k bits of Δ.
//! Locally `u_i` and rows `v_i` at the receiver, `w_i = v_i + Δ_i·u_i` at the sender. The receiver takes `u_0` for its
//! choices and sends `d_i = u_i − u_0`; the sender subtracts `Δ_i·d_i`, and all places agree. The 128 rows, transposed,
//! are `t_j` and `q_j = t_j ⊕ u_j·Δ`.

use motet_program::plan::traffic;
use subtle::Choice;
use zeroize::{Zeroize, Zeroizing};

use super::check::{self, RowHash};
use super::{Adversary, OtError, base, puncture};
use crate::crypto::aes::Schedule;
use crate::crypto::expand::{Correction, ROW_UNIT, expand};
use crate::crypto::isa::Isa;
use crate::crypto::transpose::transpose;
use crate::crypto::{Block, Buffer, Prg, SessionId};
use crate::net::Channel;

/// Blocks of a row in a chunk, at most: 128 rows and their transpose stay within the second-level cache.
const CHUNK: usize = 32;

/// The field F_{2^k} of the small VOLEs. An OT takes 16/k bytes and about 2^(k+1)/k AES blocks at the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subfield {
    /// k = 2: 8 bytes an OT.
    Bits2,
    /// k = 4: 4 bytes an OT.
    Bits4,
    /// k = 8: 2 bytes an OT.
    Bits8,
}

impl Subfield {
    /// The field for a k.
    pub fn of(bits: u64) -> Option<Subfield> {
        [Subfield::Bits2, Subfield::Bits4, Subfield::Bits8].into_iter().find(|field| field.bits() as u64 == bits)
    }

    /// k.
    pub const fn bits(self) -> usize {
        match self {
            Subfield::Bits2 => 2,
            Subfield::Bits4 => 4,
            Subfield::Bits8 => 8,
        }
    }

    /// Number of VOLEs.
    fn places(self) -> usize {
        128 / self.bits()
    }

    /// `expand` for this field.
    fn expand(
        self,
        isa: Isa,
        keys: &[Schedule],
        index: u64,
        correction: Option<Correction<'_>>,
        u: &mut [Block],
        v: &mut [Block],
    ) {
        match self {
            Subfield::Bits2 => expand::<2>(isa, keys, index, correction, u, v),
            Subfield::Bits4 => expand::<4>(isa, keys, index, correction, u, v),
            Subfield::Bits8 => expand::<8>(isa, keys, index, correction, u, v),
        }
    }

    /// Element `place` of Δ.
    fn element(self, delta: Block, place: usize) -> u8 {
        (delta.value() >> (place * self.bits())) as u8 & (u8::MAX >> (8 - self.bits()))
    }
}

/// OTs come in multiples of this many.
pub(super) const UNIT: usize = 128 * ROW_UNIT;
// Plans predict bytes by these.
const _: () = assert!(UNIT as u64 == traffic::EXTENSION_UNIT);

impl Adversary {
    /// OTs at the end of each extension that the check spends.
    pub(super) fn spent(self) -> usize {
        match self {
            Adversary::SemiHonest => 0,
            Adversary::Malicious => UNIT,
        }
    }
}

/// The side that has Δ.
pub(super) struct Sender {
    isa: Isa,
    subfield: Subfield,
    adversary: Adversary,
    /// Where the checks' seeds come from.
    challenges: Prg,
    delta: Zeroizing<Block>,
    /// For each place, the seeds at `y ⊕ Δ_i` for y from 1.
    keys: Vec<Schedule>,
    /// Blocks of each row that have been used.
    index: u64,
    /// The 128 rows of a chunk.
    rows: Buffer,
}

impl Sender {
    pub(super) fn setup(
        channel: &mut Channel,
        session: &SessionId,
        delta: Block,
        subfield: Subfield,
        adversary: Adversary,
    ) -> Result<Self, OtError> {
        let k = subfield.bits();
        let points = || (0..subfield.places()).map(|place| subfield.element(delta, place));
        let choices: Vec<Choice> = points().flat_map(|point| puncture::choices(point, k)).collect();
        let strings = base::receive(channel, session, &choices)?;
        let mut seeds = Zeroizing::new(Vec::with_capacity(subfield.places() << k));
        for (point, strings) in points().zip(strings.chunks(k)) {
            seeds.extend_from_slice(&puncture::receive(channel, point, strings)?);
        }
        if adversary == Adversary::Malicious {
            puncture::check(channel, session, 1 << k, points(), &seeds)?;
        }
        let isa = Isa::detect();
        let known = seeds.chunks_exact(1 << k).flat_map(|tree| &tree[1..]);
        let keys = known.map(|&seed| Schedule::new(isa, seed)).collect();
        Ok(Sender {
            isa,
            subfield,
            adversary,
            challenges: Prg::from_os()?,
            delta: Zeroizing::new(delta),
            keys,
            index: 0,
            rows: Buffer::new(128 * CHUNK),
        })
    }

    /// As many OTs as `out` has room for (a multiple of [`UNIT`]): the `q_j`. With a malicious peer the last [`UNIT`] of
    /// them are spent on the check, and none may be used if this fails.
    pub(super) fn extend(&mut self, channel: &mut Channel, out: &mut [Block]) -> Result<(), OtError> {
        let mut check = match self.adversary {
            Adversary::SemiHonest => None,
            Adversary::Malicious => {
                let seed = self.challenges.block();
                Some((seed, RowHash::new(self.isa, seed, out.len() / 128)))
            }
        };
        let mut rows = std::mem::take(&mut self.rows);
        for (number, chunk) in out.chunks_mut(128 * CHUNK).enumerate() {
            let length = chunk.len() / 128;
            let rows = &mut rows[..128 * length];
            channel.receive_with(16 * length * (self.subfield.places() - 1), |corrections| {
                self.rows(rows, length, corrections);
            })?;
            if let Some((_, hash)) = &mut check {
                hash.rows(number * CHUNK, rows);
            }
            transpose(self.isa, rows, chunk);
        }
        self.rows = rows;
        match check {
            None => Ok(()),
            Some((seed, hash)) => self.check(channel, seed, &hash),
        }
    }

    /// Shows the receiver the hash, which it must not know before it has sent everything, and checks its answer.
    fn check(&self, channel: &mut Channel, seed: Block, hash: &RowHash) -> Result<(), OtError> {
        channel.send(&seed.to_bytes())?;
        let mut answer = [0; check::ANSWER];
        channel.receive(&mut answer)?;
        if hash.agrees(*self.delta, &answer) {
            Ok(())
        } else {
            Err(OtError::Cheating { peer: channel.peer().to_owned(), what: "its choices are not the same in all rows" })
        }
    }

    fn rows(&mut self, rows: &mut [Block], length: usize, corrections: &[u8]) {
        let k = self.subfield.bits();
        let mut u = [Block::ZERO; CHUNK];
        // The first place needs none.
        let corrections = std::iter::once(None).chain(corrections.chunks_exact(16 * length).map(Some));
        let places = self.keys.chunks_exact((1 << k) - 1).zip(rows.chunks_exact_mut(k * length));
        for (place, ((keys, rows), bytes)) in places.zip(corrections).enumerate() {
            let delta = self.subfield.element(*self.delta, place);
            let correction = bytes.map(|bytes| Correction { bytes, delta });
            self.subfield.expand(self.isa, keys, self.index, correction, &mut u[..length], rows);
        }
        u.zeroize();
        self.index += length as u64;
    }
}

/// The side that has choices.
pub(super) struct Receiver {
    isa: Isa,
    subfield: Subfield,
    adversary: Adversary,
    /// For each place, all seeds.
    keys: Vec<Schedule>,
    /// Blocks of each row that have been used.
    index: u64,
    /// The 128 rows of a chunk.
    rows: Buffer,
}

impl Receiver {
    pub(super) fn setup(
        channel: &mut Channel,
        session: &SessionId,
        subfield: Subfield,
        adversary: Adversary,
    ) -> Result<Self, OtError> {
        let leaves = 1 << subfield.bits();
        let strings = base::send(channel, session, 128)?;
        let mut seeds = Zeroizing::new(Vec::with_capacity(subfield.places() * leaves));
        for strings in strings.chunks(subfield.bits()) {
            seeds.extend_from_slice(&puncture::send(channel, strings)?);
        }
        if adversary == Adversary::Malicious {
            puncture::send_proof(channel, session, leaves, &seeds)?;
        }
        let isa = Isa::detect();
        let keys = seeds.iter().map(|&seed| Schedule::new(isa, seed)).collect();
        Ok(Receiver { isa, subfield, adversary, keys, index: 0, rows: Buffer::new(128 * CHUNK) })
    }

    /// As many OTs as `out` has room for (a multiple of [`UNIT`]): the `t_j`, and the random choices, 128 a block. With a
    /// malicious peer the last [`UNIT`] of them are spent on the check.
    pub(super) fn extend(
        &mut self,
        channel: &mut Channel,
        choices: &mut [Block],
        out: &mut [Block],
    ) -> Result<(), OtError> {
        let mut rows = std::mem::take(&mut self.rows);
        for (choices, chunk) in choices.chunks_mut(CHUNK).zip(out.chunks_mut(128 * CHUNK)) {
            match self.adversary {
                Adversary::SemiHonest => {
                    let rows = &mut rows[..chunk.len()];
                    self.correct(channel, choices, rows)?;
                    transpose(self.isa, rows, chunk);
                }
                // They stay rows until they are hashed.
                Adversary::Malicious => self.correct(channel, choices, chunk)?,
            }
        }
        if self.adversary == Adversary::Malicious {
            let mut seed = [0; 16];
            channel.receive(&mut seed)?;
            let mut hash = RowHash::new(self.isa, Block::from_bytes(seed), choices.len());
            hash.choices(0, choices);
            for (number, chunk) in out.chunks_mut(128 * CHUNK).enumerate() {
                let rows = &mut rows[..chunk.len()];
                rows.copy_from_slice(chunk);
                hash.rows(number * CHUNK, rows);
                transpose(self.isa, rows, chunk);
            }
            channel.send(&hash.answer())?;
        }
        self.rows = rows;
        Ok(())
    }

    /// The rows for the next random choices, and the corrections for the sender.
    fn correct(&mut self, channel: &mut Channel, choices: &mut [Block], rows: &mut [Block]) -> Result<(), OtError> {
        channel.send_with(16 * choices.len() * (self.subfield.places() - 1), |corrections| {
            self.rows(rows, choices, corrections);
        })?;
        Ok(())
    }

    fn rows(&mut self, rows: &mut [Block], choices: &mut [Block], corrections: &mut [u8]) {
        let k = self.subfield.bits();
        let length = choices.len();
        let mut places = self.keys.chunks_exact(1 << k).zip(rows.chunks_exact_mut(k * length));
        if let Some((keys, rows)) = places.next() {
            self.subfield.expand(self.isa, keys, self.index, None, choices, rows);
        }
        let mut u = [Block::ZERO; CHUNK];
        for ((keys, rows), correction) in places.zip(corrections.chunks_exact_mut(16 * length)) {
            self.subfield.expand(self.isa, keys, self.index, None, &mut u[..length], rows);
            for ((bytes, u), choice) in correction.as_chunks_mut::<16>().0.iter_mut().zip(u).zip(choices.iter()) {
                *bytes = (u ^ *choice).to_bytes();
            }
        }
        u.zeroize();
        self.index += length as u64;
    }
}
