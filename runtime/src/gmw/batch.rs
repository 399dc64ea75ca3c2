//! A template run over a batch of instances on shared bits.

use motet_program::plan::traffic;
use zeroize::Zeroizing;

use super::exchange::exchange;
use super::levels::{Level, Levels, Local, Read, Role, Term};
use super::products::{Products, Source, Wanted};
use super::words::{deposit, extract};
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
    /// This party's factors: the garbler's of each cross term, the evaluator's of each fan.
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
        let mut ahead = lane * levels.transfers();
        for level in &levels.levels {
            level.locals.iter().for_each(|local| self.local(*local));
            if level.terms.is_empty() {
                level.ands.iter().for_each(|and| self.local(and.local()));
                continue;
            }
            let wanted = Wanted { fans: &level.fans, lane, ahead };
            products.make(source.again(), channel, wanted, &mut self.factors, &mut self.shares)?;
            ahead -= lane * level.fans.len();
            let [terms, fans] = [level.terms.len() * lane, level.fans.len() * lane];
            let [mine, theirs] = if levels.role() == Role::Garbler { [terms, fans] } else { [fans, terms] };
            self.mask(level, lane, mine, levels.role());
            self.theirs.resize(theirs.div_ceil(64), 0);
            exchange(channel, &self.mine, &mut self.theirs, [mine.div_ceil(8), theirs.div_ceil(8)])?;
            self.finish(level, lane, levels.role());
        }
        Ok(())
    }

    /// The messages of a level: the garbler's factor of every cross term, or the evaluator's of every fan, under a random
    /// one.
    fn mask(&mut self, level: &Level, lane: usize, bits: usize, role: Role) {
        let mut own = std::mem::take(&mut self.own);
        own.clear();
        own.resize(bits.div_ceil(64), 0);
        let mut at = 0;
        let mut put = |batch: &Batch, factor: Read| {
            if lane < 64 {
                let lowest = u64::MAX >> (64 - lane);
                batch.read(factor, |_, word| deposit(&mut own, at, word & lowest));
            } else {
                let own = &mut own[at / 64..];
                batch.read(factor, |i, word| own[i] = word);
            }
            at += lane;
        };
        if role == Role::Garbler {
            level.terms.iter().for_each(|term| put(self, term.factor));
        } else {
            let mut first = 0;
            for count in &level.fans {
                put(self, level.terms[first].factor);
                first += count;
            }
        }
        self.own = own;
        self.mine.clear();
        self.mine.extend(self.own.iter().zip(self.factors.iter()).map(|(own, factor)| own ^ factor));
    }

    /// The results: what this party computes alone, and its shares of the cross terms, of what came in.
    fn finish(&mut self, level: &Level, lane: usize, role: Role) {
        level.ands.iter().for_each(|and| self.local(and.local()));
        let mut terms = level.terms.iter().enumerate();
        for (fan, count) in level.fans.iter().enumerate() {
            for (term, Term { dst, .. }) in terms.by_ref().take(*count) {
                let out = &mut self.wires[dst * self.words..(dst + 1) * self.words];
                for (i, out) in out.iter_mut().enumerate() {
                    let run = (lane - 64 * i).min(64);
                    let [of_term, of_fan] = [term * lane + 64 * i, fan * lane + 64 * i];
                    // What the other party sent, times this party's factor: `e u` or `d β`.
                    let product = if role == Role::Garbler {
                        extract(&self.theirs, of_fan, run) & extract(&self.own, of_term, run)
                    } else {
                        extract(&self.theirs, of_term, run) & extract(&self.factors, of_fan, run)
                    };
                    *out ^= product ^ extract(&self.shares, of_term, run);
                }
            }
        }
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
