//! Products on arithmetic shares, by oblivious transfer (protocol `mixed`).
//!
//! **Follows** Gilboa, "Two Party RSA Key Generation" (CRYPTO 1999, section 4.1), as used for matrices by Mohassel and
//! Zhang (SecureML, IEEE S&P 2017, section 4.1.2): an element `x` of the evaluator's is `Σ 2^i x_i`, and for each bit a
//! correlated OT gives the evaluator `r + x_i·y` for every element `y` of the garbler's that `x` meets, with pads `r` that
//! the garbler subtracts. Bit `i` needs products mod 2^(N-i) only. **Assumes** that the hash of an OT's label under its
//! number is a random oracle, and a peer that follows the protocol. **Protects** both factors: the evaluator sees
//! `y` under the pad of the choice that it did not take, the garbler sees corrections of random choices.

use std::hint::black_box;

use motet_program::bilinear::Bilinear;
use motet_program::data::{Elem, Tensor, Type};
use motet_program::ir::{Op, Value};
use motet_program::plan::{Encrypted, Product, Way, traffic};
use zeroize::Zeroizing;

use super::super::array::{Array, buffer};
use super::super::clear::{sizes, to_tensor};
use super::super::error::ProtocolError;
use super::bits::Packer;
use super::party::{Phase, Side};
use super::steps::Run;
use crate::crypto::{Block, Prg};
use crate::ring;

/// Oblivious transfers at once: 4 MiB of labels.
const PIECE: usize = traffic::PRODUCT_TRANSFERS as usize;

/// Bytes of shares of products that the offline phase keeps where it garbles nothing, at most.
const MOST_SHARES: usize = 64 << 20;

/// The evaluator's operand of a cross term.
#[derive(Clone, Copy)]
pub(super) struct Chooser {
    /// Whether it is the first.
    pub first: bool,
    /// Its elements.
    pub count: usize,
    /// Bits of an element.
    pub bits: usize,
}

impl Run<'_, '_> {
    /// This party's addend of a product: of its own addends, and its part of the cross terms.
    pub(super) fn product(&mut self, product: &Product) -> Result<(), ProtocolError> {
        const UNFIT: ProtocolError = ProtocolError::Plan("a product's factors do not fit");
        let garbles = self.side.garbles();
        let (Op::MatMul(x, y) | Op::Conv2d(x, y, _)) = &product.node.op else { return Err(UNFIT) };
        let (x, y, result) = (self.ty(*x)?, self.ty(*y)?, self.ty(product.result[0])?);
        let map = Bilinear::of(&product.node.op, &x.shape, &y.shape).ok_or(UNFIT)?;
        let bits = result.elem.bits();
        let ring = |ty: &Type| Type { elem: Elem::Uint(bits as u8), shape: ty.shape.clone() };
        let (result, types) = (ring(result), [ring(x), ring(y)]);
        let mine = |v: Value, ty: &Type| -> Result<_, ProtocolError> {
            Ok(Zeroizing::new(to_tensor(self.values.clear(v)?, ty)?.data))
        };
        let crosses = product.cross();
        if crosses.len() != product.ways.len() {
            return Err(UNFIT);
        }
        if matches!(self.side.phase, Phase::Offline(_)) && !self.makes_more(&map, crosses.len()) {
            self.stopped = true;
            return Ok(());
        }

        let mut sum = Tensor { data: buffer(1, result.count() as usize)?, ty: result };
        if let [Some(x), Some(y)] = product.factors.map(|factor| factor.known(garbles))
            && (self.knows(x) && self.knows(y) || !matches!(self.side.phase, Phase::Offline(_)))
        {
            ring::add_product(&map, &mine(x, &types[0])?, &mine(y, &types[1])?, &mut sum.data);
        }
        for (cross, way) in crosses.into_iter().zip(&product.ways) {
            let term = CrossTerm {
                map: &map,
                way: *way,
                chooser: Chooser {
                    first: cross.evaluator_first,
                    count: map.counts()[usize::from(!cross.evaluator_first)],
                    bits: bits as usize,
                },
                most: self.job.plan.revealed,
            };
            let ty = &types[usize::from(cross.evaluator_first == garbles)];
            let (own, other) =
                if garbles { (cross.garbler, cross.evaluator) } else { (cross.evaluator, cross.garbler) };
            let (own_known, other_known) = (self.knows(own), self.knows(other));
            match &self.side.phase {
                Phase::Offline(_) => {
                    let factor = if own_known { mine(own, ty)? } else { self.side.draw(ty)? };
                    let mut share = Zeroizing::new(buffer(1, sum.data.len())?);
                    self.side.cross(&term, &factor, &mut share)?;
                    self.side.products += 1;
                    if let Phase::Offline(tape) = &mut self.side.phase {
                        tape.words(&share);
                    }
                    sum.data.iter_mut().zip(share.iter()).for_each(|(sum, share)| *sum = sum.wrapping_add(*share));
                }
                Phase::Online(_) if self.side.products > 0 => {
                    self.side.products -= 1;
                    let factor = mine(own, ty)?;
                    self.side.correct(&term, ty, &factor, [own_known, other_known], &mut sum.data)?;
                }
                Phase::Whole | Phase::Online(_) => self.side.cross(&term, &mine(own, ty)?, &mut sum.data)?,
            }
        }
        let own = product.result[usize::from(!garbles)];
        if matches!(self.side.phase, Phase::Offline(_)) && !self.knows(own) {
            return Ok(());
        }
        sum.data.iter_mut().for_each(|word| *word &= sum.ty.elem.mask());
        let shape: Vec<usize> = sum.ty.shape.iter().map(|n| *n as usize).collect();
        self.values.set_clear(own, Array::new(1, &shape, sum.data))
    }

    /// Whether the offline phase makes this product too: what is kept of them is bounded.
    fn makes_more(&self, map: &Bilinear, crosses: usize) -> bool {
        match &self.side.phase {
            Phase::Offline(tape) => self.side.garbled || tape.len() + 8 * crosses * map.counts()[2] <= MOST_SHARES,
            Phase::Whole | Phase::Online(_) => false,
        }
    }

    /// The garbler draws a uniform value.
    pub(super) fn mask(&mut self, value: Value) -> Result<(), ProtocolError> {
        if !self.side.garbles() {
            return Ok(());
        }
        let ty = self.ty(value)?.clone();
        let words = std::mem::take(&mut *self.side.draw(&ty)?);
        self.values.set_clear(value, Array::new(1, &sizes(&ty), words))
    }
}

/// A cross term, and how it is computed.
struct CrossTerm<'a> {
    map: &'a Bilinear,
    way: Way,
    chooser: Chooser,
    /// How many elements encrypted products reveal in the run, at most.
    most: u64,
}

impl Side<'_> {
    /// Uniform elements.
    fn draw(&mut self, ty: &Type) -> Result<Zeroizing<Vec<u64>>, ProtocolError> {
        let mut words = Zeroizing::new(buffer(1, ty.count() as usize)?);
        fill(&mut self.masks, &mut words, &mut Vec::new());
        words.iter_mut().for_each(|word| *word &= ty.elem.mask());
        Ok(words)
    }

    /// Adds this party's part of a cross term to `sum`, mod 2^64; `factor` is its own.
    fn cross(&mut self, term: &CrossTerm<'_>, factor: &[u64], sum: &mut [u64]) -> Result<(), ProtocolError> {
        const UNFIT: ProtocolError = ProtocolError::Plan("an encrypted product does not fit");
        match term.way {
            Way::Encrypted => {
                let encrypted = Encrypted::of(term.map, term.chooser.first, term.chooser.bits as u32, term.most);
                self.cover(term.map.counts()[2] as u64, term.most)?;
                self.encrypted_term(&encrypted.ok_or(UNFIT)?, factor, sum)
            }
            Way::Transfers => self.cross_term(term.map, term.chooser, factor, sum),
        }
    }

    /// Adds this party's part of a cross term of which the offline phase made that of other factors: random ones, where
    /// a party did not know its own yet.
    ///
    /// With the garbler's factor `g = g₀ + d` and the evaluator's `e = e₀ + f`, parts of `g₀·e₀` made, and `d` and `f`
    /// shown to the other: `g·e = g₀·e₀ + g₀·f + d·e`.
    fn correct(
        &mut self,
        term: &CrossTerm<'_>,
        ty: &Type,
        factor: &[u64],
        [own_known, other_known]: [bool; 2],
        sum: &mut [u64],
    ) -> Result<(), ProtocolError> {
        let garbles = self.garbles();
        let drawn = if own_known { None } else { Some(self.draw(ty)?) };
        if let Phase::Online(tape) = &mut self.phase {
            let made = tape.words(sum.len())?;
            sum.iter_mut().zip(made).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
        }
        let difference = drawn.as_ref().map(|drawn| {
            let words = factor.iter().zip(drawn.iter()).map(|(own, drawn)| own.wrapping_sub(*drawn) & ty.elem.mask());
            Array::new(1, &[factor.len()], words.collect())
        });
        let bits = term.chooser.bits;
        // The garbler speaks first, so that two long messages never meet on the line.
        if let Some(difference) = difference.as_ref().filter(|_| garbles) {
            self.send_words(difference, bits)?;
        }
        // The garbler's factor is the first operand where the evaluator's is not.
        let own_first = term.chooser.first != garbles;
        let shown = match other_known {
            true => None,
            false => Some(self.receive_words(bits, term.map.counts()[usize::from(own_first)])?),
        };
        if let Some(difference) = difference.as_ref().filter(|_| !garbles) {
            self.send_words(difference, bits)?;
        }
        if let Some(shown) = shown {
            let own = drawn.as_ref().filter(|_| garbles).map_or(factor, |drawn| drawn.as_slice());
            let (x, y) = if own_first { (own, &shown[..]) } else { (&shown[..], own) };
            ring::add_product(term.map, x, y, sum);
        }
        Ok(())
    }
}

impl Side<'_> {
    /// Adds this party's part of the product of one's factor with the other's to `sum`, mod 2^64.
    fn cross_term(
        &mut self,
        map: &Bilinear,
        chooser: Chooser,
        factor: &[u64],
        sum: &mut [u64],
    ) -> Result<(), ProtocolError> {
        let mut scratch = Scratch::default();
        let piece = (PIECE / chooser.bits).max(1);
        for start in (0..chooser.count).step_by(piece) {
            let elements = start..(start + piece).min(chooser.count);
            let mut labels: Zeroizing<Vec<Block>> = Zeroizing::new(buffer(chooser.bits, elements.len())?);
            let choices = (!self.garbles()).then(|| Zeroizing::new(choices(&factor[elements.clone()], chooser.bits)));
            self.transfer(choices.as_ref().map(|words| words.as_slice()), &mut labels)?;
            for (element, labels) in elements.zip(labels.chunks(chooser.bits)) {
                scratch.met.clear();
                map.meets(chooser.first, element, |other, to| scratch.met.push((other, to)));
                for (bit, label) in labels.iter().enumerate() {
                    match self.pads(*label) {
                        (zero, Some(one)) => self.offer([zero, one], bit, chooser.bits, factor, &mut scratch, sum)?,
                        (own, None) => self.choose(own, bit, chooser.bits, factor[element], &mut scratch, sum)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// The garbler's part for one bit: subtracts the pads of 0, and sends what turns those of 1 into them plus its elements.
    fn offer(
        &mut self,
        [mut of_zero, mut of_one]: [Prg; 2],
        bit: usize,
        bits: usize,
        factor: &[u64],
        Scratch { met, blocks, zero, one, message }: &mut Scratch,
        sum: &mut [u64],
    ) -> Result<(), ProtocolError> {
        let bytes = (bits - bit).div_ceil(8);
        let mask = u64::MAX >> (64 - (bits - bit));
        zero.resize(met.len(), 0);
        one.resize(met.len(), 0);
        fill(&mut of_zero, zero, blocks);
        fill(&mut of_one, one, blocks);
        message.resize(bytes * met.len(), 0);
        let pads = zero.iter().zip(one.iter());
        for ((pads, (other, to)), out) in pads.zip(met.iter()).zip(message.chunks_exact_mut(bytes)) {
            let correction = pads.0.wrapping_add(factor[*other]).wrapping_sub(*pads.1) & mask;
            out.copy_from_slice(&correction.to_le_bytes()[..bytes]);
            sum[*to] = sum[*to].wrapping_sub(pads.0 << bit);
        }
        Ok(self.channel.send(message)?)
    }

    /// The evaluator's part for one bit of `chosen`.
    fn choose(
        &mut self,
        mut own: Prg,
        bit: usize,
        bits: usize,
        chosen: u64,
        Scratch { met, blocks, zero, message, .. }: &mut Scratch,
        sum: &mut [u64],
    ) -> Result<(), ProtocolError> {
        let bytes = (bits - bit).div_ceil(8);
        // All ones where the bit is 1: no branch depends on it, as no compiler knows what it is.
        let taken = black_box(chosen >> bit & 1).wrapping_neg();
        zero.resize(met.len(), 0);
        fill(&mut own, zero, blocks);
        message.resize(bytes * met.len(), 0);
        self.channel.receive(message)?;
        for ((pad, (_, to)), read) in zero.iter().zip(met.iter()).zip(message.chunks_exact(bytes)) {
            let mut word = [0; 8];
            word[..bytes].copy_from_slice(read);
            let part = pad.wrapping_add(u64::from_le_bytes(word) & taken);
            sum[*to] = sum[*to].wrapping_add(part << bit);
        }
        Ok(())
    }
}

/// Buffers of a cross term.
#[derive(Default)]
struct Scratch {
    /// For an element of the evaluator's: elements of the garbler's that it meets, and where the products are added.
    met: Vec<(usize, usize)>,
    blocks: Vec<Block>,
    zero: Zeroizing<Vec<u64>>,
    one: Zeroizing<Vec<u64>>,
    message: Vec<u8>,
}

/// Fills words by a generator.
fn fill(prg: &mut Prg, words: &mut [u64], blocks: &mut Vec<Block>) {
    blocks.resize(words.len().div_ceil(2), Block::ZERO);
    prg.fill(blocks);
    for (words, block) in words.chunks_mut(2).zip(blocks.iter()) {
        let halves = [block.value() as u64, (block.value() >> 64) as u64];
        words.copy_from_slice(&halves[..words.len()]);
    }
}

/// The bits of words, element after element, as the choices of oblivious transfer.
pub(super) fn choices(words: &[u64], bits: usize) -> Vec<u64> {
    let mut packed = Packer::new(bits * words.len());
    words.iter().for_each(|word| (0..bits).for_each(|bit| packed.push(word >> bit & 1)));
    packed.finish()
}
