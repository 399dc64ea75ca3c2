//! What a plan costs: gates, bytes and rounds, known before anything runs.

use std::collections::BTreeMap;

use motet_circuits::Counts;
use serde::Serialize;

use super::trips::Trips;
use super::{Encrypted, Kernel, Plan, Planned, Product, Step, Way};
use crate::data::Type;
use crate::ir::{Party, Program, Site, Value};
use crate::place::Place;

/// Bytes that an evaluator's input bit costs: an oblivious transfer extended by SoftSpokenOT with k = 2 (128 / k bits
/// to the garbler) and the correction of its choice.
const INPUT_BITS: u64 = 64 + 1;
/// Bytes of the session's start, both ways, rounded: hello, base OTs, seeds.
const SETUP_BYTES: [u64; 2] = [4_500, 8_600];
/// Rounds of the session's start.
const SETUP_ROUNDS: u64 = 4;

/// The cost of a plan, or of a part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// ANDs that cost something: of one or two ciphertexts.
    pub ands: u64,
    /// Gates by kind.
    pub counts: Gates,
    /// Input bits of the evaluator, an oblivious transfer each.
    pub transfers: u64,
    /// Bytes from the garbler to the evaluator.
    pub to_evaluator: u64,
    /// Bytes from the evaluator to the garbler.
    pub to_garbler: u64,
    /// Changes of direction on the line.
    pub rounds: u64,
    /// Whether every loop's bounds and every branch were known; otherwise loops are counted once.
    pub exact: bool,
    /// ANDs by place in the source.
    pub sites: BTreeMap<u32, u64>,
}

/// Gates by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gates {
    /// Exclusive ors: free.
    pub xor: u64,
    /// ANDs that are free, as one party knows their operands.
    pub free: u64,
    /// ANDs of one ciphertext (16 bytes).
    pub half: u64,
    /// ANDs of two ciphertexts (32 bytes).
    pub full: u64,
}

/// A link's rate and delay, for predictions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Link {
    /// Bytes a second.
    pub rate: f64,
    /// Seconds there and back.
    pub round_trip: f64,
}

impl Link {
    /// A local network: 10 Gbit/s, 0.2 ms.
    pub const LAN: Link = Link { rate: 1.25e9, round_trip: 0.2e-3 };
    /// Two sites: 100 Mbit/s, 40 ms.
    pub const WAN: Link = Link { rate: 12.5e6, round_trip: 40e-3 };
}

impl Cost {
    /// Predicted seconds of a run over the link, at `ands_per_second` of garbling and evaluating together.
    pub fn seconds(&self, link: Link, ands_per_second: f64) -> f64 {
        let bytes = (self.to_evaluator + self.to_garbler) as f64 / link.rate;
        let work = self.ands as f64 / ands_per_second;
        bytes.max(work) + self.rounds as f64 * link.round_trip
    }

    fn add(&mut self, other: &Cost, times: u64) {
        let scaled = |n: u64| n.saturating_mul(times);
        let to = &mut self.counts;
        let from = &other.counts;
        for (to, from) in
            [(&mut to.xor, from.xor), (&mut to.free, from.free), (&mut to.half, from.half), (&mut to.full, from.full)]
        {
            *to = to.saturating_add(scaled(from));
        }
        for (to, from) in [
            (&mut self.ands, other.ands),
            (&mut self.transfers, other.transfers),
            (&mut self.to_evaluator, other.to_evaluator),
            (&mut self.to_garbler, other.to_garbler),
            (&mut self.rounds, other.rounds),
        ] {
            *to = to.saturating_add(scaled(from));
        }
        self.exact &= other.exact;
        for (site, ands) in &other.sites {
            let to = self.sites.entry(*site).or_default();
            *to = to.saturating_add(scaled(*ands));
        }
    }
}

/// The cost of running a plan. `assume` says how often a loop runs whose bounds are known only when running.
pub fn cost(program: &Program, plan: &Plan, assume: u64) -> Cost {
    let mut walk = Walk { program, plan, assume, trips: Trips::default() };
    let mut total = Cost { exact: true, ..Cost::default() };
    total.add(&walk.block(&plan.steps), 1);
    if program.parties.len() == 2 {
        total.to_evaluator += SETUP_BYTES[0];
        total.to_garbler += SETUP_BYTES[1];
        total.rounds += SETUP_ROUNDS;
    }
    total
}

struct Walk<'a> {
    program: &'a Program,
    plan: &'a Plan,
    assume: u64,
    trips: Trips,
}

impl Walk<'_> {
    fn ty(&self, v: Value) -> &Type {
        self.plan.ty(self.program, v)
    }

    fn bits(&self, v: Value) -> u64 {
        self.ty(v).count().saturating_mul(u64::from(self.ty(v).elem.bits()))
    }

    fn block(&mut self, steps: &[Planned]) -> Cost {
        let mut total = Cost { exact: true, ..Cost::default() };
        for step in steps {
            let cost = self.step(step);
            total.add(&cost, 1);
        }
        total
    }

    fn step(&mut self, planned: &Planned) -> Cost {
        let mut cost = Cost { exact: true, ..Cost::default() };
        self.trips.note(&planned.step);
        match &planned.step {
            Step::Clear(_) | Step::Structural(_) | Step::Triangular(_) | Step::Mask(_) => {}
            Step::Open { value, to, .. } => self.open(*value, &[*to], &mut cost),
            Step::Product(product) => self.product(product, &mut cost),
            Step::Share(v) => {
                let place = self.plan.places[v.0 as usize];
                if matches!(place, Place::Private(p) if p != self.plan.garbler) {
                    cost.transfers = self.bits(*v);
                    cost.to_garbler = transfer_bytes(cost.transfers);
                    cost.to_evaluator = 16;
                    cost.rounds = 1;
                }
            }
            Step::Kernel(kernel) => self.kernel(kernel, &mut cost),
            Step::Reveal { value, .. } => {
                let both = [Party(0), Party(1)];
                self.open(*value, &both, &mut cost);
            }
            Step::Output { value, to, .. } => self.open(*value, to, &mut cost),
            Step::Loop { from, to, body, .. } => {
                let each = self.block(body);
                let times = self.trips.of(*from, *to);
                cost.add(&each, times.unwrap_or(self.assume));
                cost.exact &= times.is_some();
            }
            Step::If { then, otherwise, .. } => {
                // The dearer side counts: which one is taken is known only when running.
                let (a, b) = (self.block(then), self.block(otherwise));
                cost.add(if a.ands >= b.ands { &a } else { &b }, 1);
                cost.exact &= a == b;
            }
        }
        cost
    }

    /// Showing a value to parties: the bits go to each who does not know them, packed.
    fn open(&self, value: Value, to: &[Party], cost: &mut Cost) {
        let bytes = self.bits(value).div_ceil(8);
        let place = self.plan.places[value.0 as usize];
        for &party in to {
            if place == Place::Public || place == Place::Private(party) {
                continue;
            }
            if party == self.plan.garbler {
                cost.to_garbler += bytes;
                cost.rounds += 1;
            } else {
                cost.to_evaluator += bytes;
            }
        }
    }

    /// Each cross term, by the way that the plan has chosen.
    fn product(&self, product: &Product, cost: &mut Cost) {
        let Some((map, bits)) = product.map(self.program) else { return };
        for (cross, way) in product.cross().iter().zip(&product.ways) {
            let encrypted = Encrypted::of(&map, cross.evaluator_first, bits, self.plan.revealed);
            let [to_garbler, to_evaluator] = match (way, encrypted) {
                (Way::Encrypted, Some(encrypted)) => encrypted.bytes(),
                _ => {
                    let transfers = map.transfers(cross.evaluator_first, bits);
                    cost.transfers = cost.transfers.saturating_add(transfers);
                    [transfer_bytes(transfers), map.correction_bytes(bits)]
                }
            };
            cost.to_garbler = cost.to_garbler.saturating_add(to_garbler);
            cost.to_evaluator = cost.to_evaluator.saturating_add(to_evaluator);
            cost.rounds += 1;
        }
    }

    fn kernel(&self, kernel: &Kernel, cost: &mut Cost) {
        let instances = kernel.shape.iter().fold(1u64, |n, d| n.saturating_mul(*d));
        let mut counts = [(kernel.template, instances)].to_vec();
        if let Some(reduce) = &kernel.reduce {
            let extent = reduce.extents.iter().fold(1u64, |n, d| n.saturating_mul(*d));
            let factor = reduce.wide.map_or(1, |w| w.factor);
            let per_lane = extent / reduce.lanes / factor * factor;
            let rest = extent - per_lane * reduce.lanes;
            let wide = (per_lane / factor).saturating_mul(reduce.lanes) + rest / factor;
            let single = if reduce.wide.is_some() { rest % factor } else { extent };
            if let Some(w) = reduce.wide {
                counts.push((w.template, instances.saturating_mul(wide)));
            }
            counts.push((reduce.step, instances.saturating_mul(single)));
            counts.push((reduce.combine, instances.saturating_mul(reduce.lanes - 1)));
        }
        for (template, times) in counts {
            let Counts { xor, free, half, full } = self.plan.templates[template as usize].counts;
            let to = &mut cost.counts;
            to.xor = to.xor.saturating_add(xor.saturating_mul(times));
            to.free = to.free.saturating_add(free.saturating_mul(times));
            to.half = to.half.saturating_add(half.saturating_mul(times));
            to.full = to.full.saturating_add(full.saturating_mul(times));
        }
        cost.ands = cost.counts.half.saturating_add(cost.counts.full);
        let bytes = cost.counts.half.saturating_mul(16).saturating_add(cost.counts.full.saturating_mul(32));
        cost.to_evaluator = cost.to_evaluator.saturating_add(bytes);
        let named: u64 = kernel.ands.iter().map(|(_, n)| n).sum();
        for (Site(site), ands) in &kernel.ands {
            // Shares of what was counted while gates were made, scaled to what the templates hold.
            let part = (cost.ands as f64 * *ands as f64 / named.max(1) as f64).round() as u64;
            *cost.sites.entry(*site).or_default() += part;
        }
    }
}

/// Bytes to the garbler of oblivious transfers.
pub(super) fn transfer_bytes(transfers: u64) -> u64 {
    transfers.saturating_mul(INPUT_BITS).div_ceil(8)
}

impl Plan {
    /// The type of a value of the program or of the plan.
    pub fn ty<'a>(&'a self, program: &'a Program, v: Value) -> &'a Type {
        let own = program.values.len();
        program.values.get(v.0 as usize).unwrap_or_else(|| &self.extra[v.0 as usize - own])
    }
}
