//! A template run over a batch of instances on shared bits.

use motet_program::plan::traffic;
use zeroize::Zeroizing;

use super::exchange::exchange;
use super::levels::{And, Cross, Levels, Local, Read, Role};
use super::products::{Products, Source};
use crate::net::Channel;
use crate::ot::OtError;

/// The wires of a batch, 64 instances a word, and what its messages need. Made once and used for template after template.
#[derive(Default)]
pub struct Batch {
    n: usize,
    /// Words of a wire.
    words: usize,
    wires: Zeroizing<Vec<u64>>,
    factors: Zeroizing<Vec<u64>>,
    shares: Zeroizing<Vec<u64>>,
    /// Of each cross term, this party's factor.
    own: Zeroizing<Vec<u64>>,
    mine: Vec<u64>,
    theirs: Vec<u64>,
}

impl Batch {
    /// Makes room for `n` instances of the template.
    pub fn begin(&mut self, levels: &Levels, n: usize) {
        self.n = n;
        self.words = n.div_ceil(64);
        self.wires.resize(levels.slots() * self.words, 0);
    }

    /// Instances of the batch.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.n
    }

    /// Words of a wire.
    pub fn words(&self) -> usize {
        self.words
    }

    /// This party's bits of an input, to be written; bits beyond the last instance do not matter.
    pub fn input(&mut self, input: usize) -> &mut [u64] {
        &mut self.wires[input * self.words..(input + 1) * self.words]
    }

    /// This party's bits of an output.
    pub fn output(&self, levels: &Levels, index: usize, out: &mut [u64]) {
        self.read(levels.outputs[index], |at, word| out[at] = word);
    }

    /// Runs the template on the inputs.
    ///
    /// # Errors
    /// The link or the OTs failed.
    pub fn run(
        &mut self,
        levels: &Levels,
        products: &mut Products,
        mut source: Source<'_>,
        channel: &mut Channel,
    ) -> Result<(), OtError> {
        // What a wire takes in messages: fewer than 64 instances stand bit by bit.
        let lane = traffic::lane(self.n as u64) as usize;
        let mut left = lane * levels.crosses();
        for level in &levels.levels {
            level.locals.iter().for_each(|local| self.local(*local));
            if level.ands.is_empty() {
                continue;
            }
            let bits = lane * level.crosses();
            products.take(source.again(), channel, [bits, left], &mut self.factors, &mut self.shares)?;
            left -= bits;
            self.mask(&level.ands, lane, bits, levels.role());
            self.theirs.resize(bits.div_ceil(64), 0);
            exchange(channel, &self.mine, &mut self.theirs, bits.div_ceil(8))?;
            self.unmask(levels.role());
            self.finish(&level.ands, lane);
        }
        Ok(())
    }

    /// The messages of a level: every cross term's own factor under a random one.
    fn mask(&mut self, ands: &[And], lane: usize, bits: usize, role: Role) {
        self.own.clear();
        self.own.resize(bits.div_ceil(64), 0);
        let mut own = std::mem::take(&mut self.own);
        let mut at = 0;
        for and in ands {
            // The garbler's factor of the first cross term is of `a`, the evaluator's of `b`.
            let (first, second) = if role == Role::Garbler { (and.a, and.b) } else { (and.b, and.a) };
            let factors: &[Read] = match and.cross {
                Cross::GarblersFirst => &[first],
                Cross::EvaluatorsFirst => &[second],
                Cross::Both => &[first, second],
            };
            for factor in factors {
                if lane < 64 {
                    let lowest = u64::MAX >> (64 - lane);
                    self.read(*factor, |_, word| deposit(&mut own, at, word & lowest));
                } else {
                    let own = &mut own[at / 64..];
                    self.read(*factor, |i, word| own[i] = word);
                }
                at += lane;
            }
        }
        self.own = own;
        self.mine.clear();
        self.mine.extend(self.own.iter().zip(self.factors.iter()).map(|(own, factor)| own ^ factor));
    }

    /// Turns what came into this party's shares of the cross terms.
    fn unmask(&mut self, role: Role) {
        let known = if role == Role::Garbler { &self.own } else { &self.factors };
        for ((share, theirs), known) in self.shares.iter_mut().zip(&self.theirs).zip(known.iter()) {
            *share ^= theirs & known;
        }
    }

    /// The results: what this party computes alone, and its shares of the cross terms.
    fn finish(&mut self, ands: &[And], lane: usize) {
        let shares = std::mem::take(&mut self.shares);
        let mut at = 0;
        for and in ands {
            self.local(Local::And { dst: and.dst, a: and.a, b: and.b });
            for _ in 0..and.crosses() {
                let out = &mut self.wires[and.dst * self.words..(and.dst + 1) * self.words];
                if lane < 64 {
                    out[0] ^= extract(&shares, at, lane);
                } else {
                    out.iter_mut().zip(&shares[at / 64..]).for_each(|(out, share)| *out ^= share);
                }
                at += lane;
            }
        }
        self.shares = shares;
    }

    fn local(&mut self, local: Local) {
        let (dst, a, b, and) = match local {
            Local::Xor { dst, a, b } => (dst, a, b, false),
            Local::And { dst, a, b } => (dst, a, b, true),
        };
        let (dst, words) = (dst * self.words, self.words);
        let (a, b) = (Source64::of(a, words), Source64::of(b, words));
        let wires = &mut self.wires;
        if and {
            (0..words).for_each(|i| wires[dst + i] = a.get(wires, i) & b.get(wires, i));
        } else {
            (0..words).for_each(|i| wires[dst + i] = a.get(wires, i) ^ b.get(wires, i));
        }
    }

    fn read(&self, read: Read, mut to: impl FnMut(usize, u64)) {
        let source = Source64::of(read, self.words);
        (0..self.words).for_each(|i| to(i, source.get(&self.wires, i)));
    }
}

/// Where the words of an operand stand, and what is added to them.
#[derive(Clone, Copy)]
struct Source64 {
    from: Option<usize>,
    add: u64,
}

impl Source64 {
    fn of(read: Read, words: usize) -> Source64 {
        Source64 { from: read.slot.map(|slot| slot * words), add: u64::from(read.invert).wrapping_neg() }
    }

    fn get(self, wires: &[u64], i: usize) -> u64 {
        self.from.map_or(0, |from| wires[from + i]) ^ self.add
    }
}

/// Adds up to 63 bits at bit `at`.
fn deposit(words: &mut [u64], at: usize, bits: u64) {
    let (word, shift) = (at / 64, at % 64);
    words[word] |= bits << shift;
    if shift > 0
        && let Some(next) = words.get_mut(word + 1)
    {
        *next |= bits >> (64 - shift);
    }
}

/// `count` bits, at most 63, from bit `at` on.
fn extract(words: &[u64], at: usize, count: usize) -> u64 {
    let (word, shift) = (at / 64, at % 64);
    let low = words[word] >> shift;
    let high = if shift > 0 { words.get(word + 1).map_or(0, |next| next << (64 - shift)) } else { 0 };
    (low | high) & (u64::MAX >> (64 - count))
}
