//! How cross terms are computed: under lattice-based encryption or by oblivious transfer.
//!
//! The noise of encrypted products is flooded by as much as all elements that they reveal in a run need, so how many
//! those are is found first. Then each cross term goes the way that takes fewer bytes.

use serde::{Deserialize, Serialize};

use super::trips::Trips;
use super::{Cross, Planned, Product, Step, traffic};
use crate::bilinear::Bilinear;
use crate::data::Type;
use crate::ir::{Op, Program};
use crate::lattice::{self, Layer};

/// How a cross term is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// By an oblivious transfer for each bit of the evaluator's addend.
    Transfers,
    /// One party encrypts its addend, and the other multiplies: see [`Encrypted`].
    Encrypted,
}

/// Iterations that a loop whose bounds are not known is taken to have at most; a run with more of them stops.
const MOST_TRIPS: u64 = 1 << 20;

/// A cross term as an encrypted product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// The product, of the client's addend, which is encrypted, with the server's.
    pub product: lattice::Product,
    /// Whether the garbler is the client; the evaluator otherwise.
    pub garbler_encrypts: bool,
    /// Where the client's addend is encrypted, and the result made, with rows and columns exchanged: their shapes so.
    pub exchanged: Option<[[usize; 2]; 2]>,
}

impl Encrypted {
    /// The encrypted product of a bilinear map mod 2^`bits`, where one serves, in a run whose encrypted products reveal
    /// `revealed` elements. The garbler is the client where that saves more than a second key costs.
    pub fn of(map: &Bilinear, evaluator_first: bool, bits: u32, revealed: u64) -> Option<Encrypted> {
        let of = |garbler_encrypts: bool| {
            let (layer, exchanged) = layer(map, evaluator_first != garbler_encrypts)?;
            let product = lattice::Product::new(layer, bits, bits.checked_sub(1)?, revealed).ok()?;
            Some(Encrypted { product, garbler_encrypts, exchanged })
        };
        let cost = |encrypted: &Encrypted| {
            let key = if encrypted.garbler_encrypts { lattice::public_key_len() as u64 } else { 0 };
            encrypted.bytes().iter().sum::<u64>() + key
        };
        [false, true].into_iter().filter_map(of).min_by_key(cost)
    }

    /// Bytes to the garbler and to the evaluator.
    pub fn bytes(&self) -> [u64; 2] {
        let [request, response] = [self.product.request_len() as u64, self.product.response_len() as u64];
        if self.garbler_encrypts { [response, request] } else { [request, response] }
    }
}

/// The layer that multiplies the first (`first`) or second operand of a map, encrypted, with the other; and the shapes to
/// exchange rows and columns of, of that operand before and of the result after.
fn layer(map: &Bilinear, first: bool) -> Option<(Layer, Option<[[usize; 2]; 2]>)> {
    match *map {
        Bilinear::MatMul { batch, m, k, n } if first => Some((Layer { groups: batch, ..Layer::matmul(m, k, n) }, None)),
        Bilinear::MatMul { batch, m, k, n } => {
            let layer = Layer { groups: batch, transposed: false, ..Layer::matmul(n, k, m) };
            Some((layer, Some([[k, n], [n, m]])))
        }
        Bilinear::Conv2d { x, w, geometry } if first => {
            let [stride, dilation] = [geometry.stride, geometry.dilation].map(|pair| pair.map(|n| n as usize));
            let groups = geometry.groups as usize;
            let layer = Layer::conv2d(x[0], w[1], [x[2], x[3]], w[0] / groups, [w[2], w[3]]);
            Some((Layer { groups, stride, dilation, ..layer }, None))
        }
        Bilinear::Conv2d { .. } => None,
    }
}

/// A cross term with what either way takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// How it is computed.
    pub way: Way,
    /// Bytes both ways by oblivious transfer.
    pub by_transfers: u64,
    /// Bytes both ways under encryption, where it serves; a session's key, which is sent once, not counted.
    pub by_encryption: Option<u64>,
}

impl Choice {
    /// The better way in a run whose encrypted products reveal `revealed` elements.
    fn of(map: &Bilinear, cross: &Cross, bits: u32, revealed: u64) -> Choice {
        let transfers = map.transfers(cross.evaluator_first, bits);
        let by_transfers =
            traffic::extension(transfers).saturating_add(transfers / 8).saturating_add(map.correction_bytes(bits));
        let encrypted = Encrypted::of(map, cross.evaluator_first, bits, revealed);
        let by_encryption = encrypted.map(|encrypted| encrypted.bytes().iter().sum());
        let way = if by_encryption.is_some_and(|n| n < by_transfers) { Way::Encrypted } else { Way::Transfers };
        Choice { way, by_transfers, by_encryption }
    }
}

/// Chooses the way of every cross term. Returns how many elements the encrypted products reveal in a run at most.
pub(super) fn choose(program: &Program, steps: &mut [Planned]) -> u64 {
    let mut revealed = 0;
    for_products(steps, 1, &mut Trips::default(), &mut |product, times| {
        let Some((map, bits)) = product.map(program) else { return };
        let encrypted = |cross: &Cross| Choice::of(&map, cross, bits, 1).way == Way::Encrypted;
        let count = product.cross().iter().filter(|cross| encrypted(cross)).count() as u64;
        let elements = count.saturating_mul(map.counts()[2] as u64);
        revealed = u64::saturating_add(revealed, elements.saturating_mul(times));
    });
    for_products(steps, 1, &mut Trips::default(), &mut |product, _| {
        product.ways = product.choices(program, revealed).into_iter().map(|choice| choice.way).collect();
    });
    revealed
}

impl Product {
    /// The bilinear map, and the bits of its ring.
    pub fn map(&self, program: &Program) -> Option<(Bilinear, u32)> {
        let (Op::MatMul(x, y) | Op::Conv2d(x, y, _)) = &self.node.op else { return None };
        let [x, y]: [&Type; 2] = [program.ty(*x), program.ty(*y)];
        Some((Bilinear::of(&self.node.op, &x.shape, &y.shape)?, x.elem.bits()))
    }

    /// What either way takes of each cross term, in a run whose encrypted products reveal `revealed` elements.
    pub fn choices(&self, program: &Program, revealed: u64) -> Vec<Choice> {
        let Some((map, bits)) = self.map(program) else { return Vec::new() };
        self.cross().iter().map(|cross| Choice::of(&map, cross, bits, revealed)).collect()
    }
}

/// Calls `f` with each product and how often it is computed at most.
fn for_products(steps: &mut [Planned], times: u64, trips: &mut Trips, f: &mut impl FnMut(&mut Product, u64)) {
    for planned in steps {
        trips.note(&planned.step);
        match &mut planned.step {
            Step::Product(product) => f(product, times),
            Step::Loop { from, to, body, .. } => {
                let inside = trips.of(*from, *to).unwrap_or(MOST_TRIPS);
                for_products(body, times.saturating_mul(inside), trips, f);
            }
            Step::If { then, otherwise, .. } => {
                for_products(then, times, trips, f);
                for_products(otherwise, times, trips, f);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Conv2d, Value};

    /// Large products go under encryption, small ones by transfers.
    #[test]
    fn large_products_are_encrypted() {
        let encrypted = |map: &Bilinear, evaluator_first: bool, bits: u32| {
            let cross = Cross { garbler: Value(0), evaluator: Value(1), evaluator_first };
            Choice::of(map, &cross, bits, 1 << 20).way == Way::Encrypted
        };
        let geometry = Conv2d { stride: [2, 1], dilation: [1, 2], groups: 1 };
        let convolution = Bilinear::Conv2d { x: [2, 3, 14, 12], w: [16, 3, 5, 3], geometry };
        for bits in [32, 40, 64] {
            assert!(encrypted(&Bilinear::MatMul { batch: 1, m: 40, k: 200, n: 60 }, false, bits));
            assert!(encrypted(&Bilinear::MatMul { batch: 1, m: 40, k: 60, n: 30 }, true, bits));
            assert!(encrypted(&Bilinear::MatMul { batch: 1, m: 60, k: 40, n: 60 }, true, bits));
            assert!(encrypted(&convolution, true, bits));
            assert!(!encrypted(&Bilinear::MatMul { batch: 1, m: 4, k: 6, n: 3 }, true, bits));
        }
    }

    /// Where more elements are revealed than flooding has room for, products go by transfers.
    #[test]
    fn what_flooding_cannot_cover_is_transferred() {
        let map = Bilinear::MatMul { batch: 1, m: 60, k: 40, n: 60 };
        let cross = Cross { garbler: Value(0), evaluator: Value(1), evaluator_first: true };
        assert_eq!(Choice::of(&map, &cross, 64, 1 << 40).way, Way::Transfers);
        assert_eq!(Choice::of(&map, &cross, 32, 1 << 40).way, Way::Encrypted);
    }

    /// Message lengths count what is in a tile as it is walked through.
    #[test]
    fn values_of_a_tile_are_counted() {
        let layer = Layer { stride: [2, 3], ..Layer::conv2d(3, 4, [120, 131], 5, [3, 2]) };
        let product = lattice::Product::new(layer, 40, 20, 1).unwrap();
        let tiling = product.tiling();
        for (item_tile, output_tile) in
            (0..tiling.item_tiles()).flat_map(|i| (0..tiling.output_tiles()).map(move |o| (i, o)))
        {
            let mut walked = 0;
            tiling.for_y(item_tile, output_tile, |_, _| walked += 1);
            assert_eq!(tiling.values(item_tile, output_tile), walked);
        }
    }
}
