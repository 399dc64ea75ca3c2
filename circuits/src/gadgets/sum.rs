//! Sums of many words, column by column.
//!
//! Every full adder turns three bits of a column into one and a carry, so a sum costs about one AND for each bit that
//! goes in beyond those that come out, whatever the order; zeros that are known cost nothing.

use std::collections::VecDeque;

use super::add::{add, full_adder};
use super::{extended, is_constant, trimmed};
use crate::builder::{Builder, Form};
use crate::circuit::Bit;

/// The sum of words of the same length, mod 2^N: N - 1 ANDs for each after the first, fewer where they are narrow.
///
/// # Panics
/// If there are no words, for then the length is not known.
pub fn sum(b: &mut Builder, words: &[Vec<Bit>]) -> Vec<Bit> {
    let bits = words.first().expect("a sum of no words").len();
    assert!(words.iter().all(|w| w.len() == bits), "widths of a sum");
    if bits == 0 {
        return Vec::new();
    }
    // Signed numbers of so many bits at most sum to one of `width` bits.
    let widest = words.iter().map(|w| trimmed(w).len()).max().unwrap_or(0);
    let width = bits.min(widest + words.len().next_power_of_two().ilog2() as usize);

    let mut columns = Columns::new(width);
    for word in words {
        columns.push_signed(0, trimmed(word));
    }
    extended(&columns.reduce(b), bits)
}

/// How many bits are 1, mod 2^width: less than one AND a bit.
pub fn popcount(b: &mut Builder, bits: &[Bit], width: usize) -> Vec<Bit> {
    if width == 0 {
        return Vec::new();
    }
    let needed = (usize::BITS - bits.len().leading_zeros()) as usize;
    let mut columns = Columns::new(width.min(needed.max(1)));
    columns.bits[0].extend(bits);
    let mut count = columns.reduce(b);
    count.resize(width, Bit::FALSE);
    count
}

/// Bits to be summed, by weight.
pub(super) struct Columns {
    bits: Vec<VecDeque<Bit>>,
    /// Constants to be added to each column.
    ones: Vec<u64>,
}

impl Columns {
    /// For a sum mod 2^width.
    pub fn new(width: usize) -> Columns {
        Columns { bits: vec![VecDeque::new(); width], ones: vec![0; width] }
    }

    /// Adds a signed number times 2^low: a sign bit of weight `-w` is its complement at weight `w`, less `w`.
    pub fn push_signed(&mut self, low: usize, word: &[Bit]) {
        let width = self.bits.len();
        for (i, (column, &bit)) in (low..width).zip(word).enumerate() {
            let sign = i + 1 == word.len() && column + 1 < width;
            if !sign {
                self.push(column, bit);
            } else if bit != Bit::FALSE {
                self.push(column, !bit);
                self.ones[column..].iter_mut().for_each(|n| *n += 1);
            }
        }
    }

    /// Adds a bit times 2^column.
    pub fn push(&mut self, column: usize, bit: Bit) {
        if !is_constant(bit) {
            self.bits[column].push_back(bit);
        } else if bit == Bit::TRUE {
            self.ones[column] += 1;
        }
    }

    /// The sum mod 2^width.
    pub fn reduce(mut self, b: &mut Builder) -> Vec<Bit> {
        if b.form() != Form::Small {
            return self.reduce_in_layers(b);
        }
        let width = self.bits.len();
        let mut total = Vec::with_capacity(width);
        let mut carried = 0;
        for column in 0..width {
            let ones = self.ones[column] + carried;
            carried = ones >> 1;
            let one = if ones & 1 == 1 { Bit::TRUE } else { Bit::FALSE };
            let mut bits = std::mem::take(&mut self.bits[column]);
            if column + 1 == width {
                total.push(bits.into_iter().fold(one, |sum, bit| b.xor(sum, bit)));
                break;
            }
            let mut add = |b: &mut Builder, x, y, z| {
                let (sum, carry) = full_adder(b, x, y, z);
                self.push(column + 1, carry);
                sum
            };
            while bits.len() > 2 {
                let three: Vec<Bit> = bits.drain(..3).collect();
                bits.push_back(add(b, three[0], three[1], three[2]));
            }
            let mut bit = || bits.pop_front().unwrap_or(Bit::FALSE);
            let (x, y) = (bit(), bit());
            total.push(add(b, x, y, one));
        }
        total
    }

    /// The sum mod 2^width by layers of adders over all columns (Dadda, "Some Schemes for Parallel Multipliers", 1965), each
    /// of one level of ANDs.
    fn reduce_in_layers(mut self, b: &mut Builder) -> Vec<Bit> {
        let mut carried = 0;
        for (column, ones) in self.bits.iter_mut().zip(&self.ones) {
            let ones = ones + carried;
            carried = ones >> 1;
            if ones & 1 == 1 {
                column.push_back(Bit::TRUE);
            }
        }
        // The most bits that as many layers can bring down to two.
        let tallest = self.bits.iter().map(VecDeque::len).max().unwrap_or(0);
        let mut heights = vec![2];
        while heights.last().is_some_and(|height| height * 3 / 2 < tallest) {
            heights.extend(heights.last().map(|height| height * 3 / 2));
        }
        for height in heights.into_iter().rev() {
            let mut carries = VecDeque::new();
            for column in &mut self.bits {
                let arriving = std::mem::take(&mut carries);
                let mut sums = VecDeque::new();
                loop {
                    let excess = (column.len() + sums.len() + arriving.len()).saturating_sub(height);
                    let third = match excess {
                        0 => break,
                        1 => Bit::FALSE,
                        _ => column.pop_front().unwrap_or(Bit::FALSE),
                    };
                    let (Some(x), Some(y)) = (column.pop_front(), column.pop_front()) else { break };
                    let (sum, carry) = full_adder(b, x, y, third);
                    sums.push_back(sum);
                    carries.push_back(carry);
                }
                column.extend(sums.into_iter().chain(arriving));
            }
        }
        let word = |at: usize| self.bits.iter().map(|column| column.get(at).copied().unwrap_or(Bit::FALSE)).collect();
        let (x, y): (Vec<Bit>, Vec<Bit>) = (word(0), word(1));
        add(b, &x, &y)
    }
}
