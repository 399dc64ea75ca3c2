//! How cross terms are computed: under lattice-based encryption or by oblivious transfer.
//!
//! The noise of encrypted products is flooded by as much as all elements that they reveal in a run need, so how many
//! those are is found first. Then each cross term goes the way that takes less time over the plan's link.

use serde::{Deserialize, Serialize};

use super::trips::Trips;
use super::{Cross, Link, Planned, Product, Step, Transfers};
use crate::bilinear::Bilinear;
use crate::data::Type;
use crate::ir::{Op, Program, Value};
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

/// Seconds of work at both parties for a polynomial modulo a prime: sampled, transformed, multiplied and packed. (Roughly
/// what a core of 4 GHz takes; where it is off, the choice is a little worse, and no result another.)
const POLYNOMIAL: f64 = 20e-6;
/// Seconds for the pads of an oblivious transfer, and for a byte of a correction.
const PADS: f64 = 0.4e-6;
const CORRECTION_BYTE: f64 = 1e-9;

/// Seconds of work for the pads of transfers and the corrections that follow from them.
pub(super) fn correction_work(transfers: u64, corrections: u64) -> f64 {
    PADS * transfers as f64 + CORRECTION_BYTE * corrections as f64
}

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

    /// Seconds of work at both parties.
    pub(super) fn work(&self) -> f64 {
        let tiling = self.product.tiling();
        let (items, inputs, outputs) = (tiling.item_tiles(), tiling.input_tiles(), tiling.output_tiles());
        // Encoded weights; ciphertexts up, made and read; ciphertexts down, made, covered and read.
        let polynomials = inputs * outputs + items * (2 * inputs + 4 * outputs);
        POLYNOMIAL * (polynomials * self.product.parameters().primes()) as f64
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// How it is computed.
    pub way: Way,
    /// By oblivious transfer.
    pub by_transfers: Price,
    /// Under encryption, where it serves; a session's key, which is sent once, not counted.
    pub by_encryption: Option<Price>,
}

/// What a way takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Bytes both ways.
    pub bytes: u64,
    /// Predicted seconds: of bytes on the link and of work.
    pub seconds: f64,
}

impl Price {
    fn new(link: Link, bytes: u64, work: f64) -> Price {
        Price { bytes, seconds: link.seconds(bytes) + work }
    }

    /// A session's key, with what its first use takes.
    fn of_key(link: Link) -> Price {
        Price::new(link, lattice::public_key_len() as u64, POLYNOMIAL * 4.0 * lattice::MOST_PRIMES as f64)
    }
}

impl Choice {
    /// The better way in a run whose encrypted products reveal `revealed` elements.
    fn of(map: &Bilinear, cross: &Cross, bits: u32, (link, made): (Link, Transfers), revealed: u64) -> Choice {
        let transfers = map.transfers(cross.evaluator_first, bits);
        let corrections = map.correction_bytes(bits);
        let bytes = made.share(transfers).saturating_add(transfers / 8).saturating_add(corrections);
        let work = made.work_beside(transfers) + correction_work(transfers, corrections);
        let by_transfers = Price::new(link, bytes, work);
        let encrypted = Encrypted::of(map, cross.evaluator_first, bits, revealed);
        let by_encryption = encrypted.map(|e| Price::new(link, e.bytes().iter().sum(), e.work()));
        let better = by_encryption.is_some_and(|price| price.seconds < by_transfers.seconds);
        Choice { way: if better { Way::Encrypted } else { Way::Transfers }, by_transfers, by_encryption }
    }

    /// Seconds that encryption saves, where it is chosen.
    fn saves(&self) -> f64 {
        match (self.way, self.by_encryption) {
            (Way::Encrypted, Some(price)) => self.by_transfers.seconds - price.seconds,
            _ => 0.0,
        }
    }
}

/// Chooses the way of every cross term, where transfers are made so. Returns how many elements the encrypted products reveal in a run at most.
pub(super) fn choose(program: &Program, over: (Link, Transfers), steps: &mut [Planned]) -> u64 {
    let (mut revealed, mut saved) = (0u64, 0.0);
    for_products(steps, 1, &mut Trips::default(), &mut |product, times| {
        let Some((map, _)) = product.map(|v| program.ty(v)) else { return };
        let choices = product.choices(|v| program.ty(v), over, 1);
        let count = choices.iter().filter(|choice| choice.way == Way::Encrypted).count() as u64;
        let elements = count.saturating_mul(map.counts()[2] as u64);
        revealed = revealed.saturating_add(elements.saturating_mul(times));
        saved += choices.iter().map(Choice::saves).sum::<f64>() * times as f64;
    });
    // A key is worth sending only for what it saves.
    let keyed = saved > Price::of_key(over.0).seconds;
    for_products(steps, 1, &mut Trips::default(), &mut |product, _| {
        let choices = product.choices(|v| program.ty(v), over, revealed);
        product.ways = choices.iter().map(|choice| if keyed { choice.way } else { Way::Transfers }).collect();
    });
    if keyed { revealed } else { 0 }
}

impl Product {
    /// The bilinear map, and the bits of its ring.
    pub fn map<'a>(&self, ty: impl Fn(Value) -> &'a Type) -> Option<(Bilinear, u32)> {
        let (Op::MatMul(x, y) | Op::Conv2d(x, y, _)) = &self.node.op else { return None };
        let [x, y] = [ty(*x), ty(*y)];
        Some((Bilinear::of(&self.node.op, &x.shape, &y.shape)?, x.elem.bits()))
    }

    /// What either way takes of each cross term over a link, where transfers are made so, in a run whose encrypted products
    /// reveal `revealed` elements.
    pub fn choices<'a>(&self, ty: impl Fn(Value) -> &'a Type, over: (Link, Transfers), revealed: u64) -> Vec<Choice> {
        let Some((map, bits)) = self.map(ty) else { return Vec::new() };
        self.cross().iter().map(|cross| Choice::of(&map, cross, bits, over, revealed)).collect()
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
    use crate::ir::Conv2d;

    const LAN: (Link, Transfers) = (Link::LAN, Transfers::SoftSpoken2);

    /// Large products go under encryption, small ones by transfers.
    #[test]
    fn large_products_are_encrypted() {
        let encrypted = |map: &Bilinear, evaluator_first: bool, bits: u32| {
            let cross = Cross { garbler: Value(0), evaluator: Value(1), evaluator_first };
            Choice::of(map, &cross, bits, LAN, 1 << 20).way == Way::Encrypted
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
        assert_eq!(Choice::of(&map, &cross, 64, LAN, 1 << 60).way, Way::Transfers);
        assert_eq!(Choice::of(&map, &cross, 32, LAN, 1 << 60).way, Way::Encrypted);
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
