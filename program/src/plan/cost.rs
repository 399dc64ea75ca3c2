//! What a plan costs: gates, bytes and rounds, known before anything runs.

use std::collections::BTreeMap;

use motet_circuits::Counts;
use serde::Serialize;

use super::shared_bits::Sent;
use super::traffic::{self, Line, PRODUCT_TRANSFERS, SEED, To};
use super::trips::Trips;
use super::{BACK, Choose, Circuits, Encrypted, Kernel, Link, Plan, Planned, Product, Step, Transfers, Way, way};
use crate::data::Type;
use crate::ir::{Party, Program, Site, Value};
use crate::place::Place;

/// The cost of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// ANDs that cost something: of one or two ciphertexts.
    pub ands: u64,
    /// Gates by kind.
    pub counts: Gates,
    /// Oblivious transfers: input bits of the evaluator, and bits of what it multiplies by them.
    pub transfers: u64,
    /// Oblivious transfers in which the garbler chooses.
    pub transfers_back: u64,
    /// Products under encryption.
    pub encrypted: u64,
    /// Seconds of work, at whichever side has more of it.
    pub work: f64,
    /// Bytes from the garbler to the evaluator.
    pub to_evaluator: u64,
    /// Bytes from the evaluator to the garbler.
    pub to_garbler: u64,
    /// Round trips: how often a party waits for the other to answer.
    pub rounds: u64,
    /// Whether every loop's bounds and every branch were known; otherwise loops are counted once.
    pub exact: bool,
    /// ANDs by place in the source.
    pub sites: BTreeMap<u32, u64>,
    /// Bytes by place in the source, to the evaluator and to the garbler, without what begins a session and framing.
    pub bytes_by_site: BTreeMap<u32, [u64; 2]>,
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

impl Cost {
    /// Predicted seconds of a run over the link.
    pub fn seconds(&self, link: Link) -> f64 {
        let bytes = link.seconds(self.to_evaluator.saturating_add(self.to_garbler));
        bytes.max(self.work) + link.waits(self.rounds)
    }
}

/// Seconds of an AND: garbled and evaluated, by two processes on one machine's cores; or on shared bits, without the
/// transfers that it takes.
fn and_work(circuits: Circuits) -> f64 {
    match circuits {
        Circuits::Garbled => 10e-9,
        // Measured: `lenet` on 32 images, 10^8 ANDs, 4.5 s of a core with their transfers.
        Circuits::SharedBits => 30e-9,
    }
}

/// The cost of running a plan. `assume` says how often a loop runs whose bounds are known only when running.
pub fn cost(program: &Program, plan: &Plan, assume: u64) -> Cost {
    let mut walk = Walk { program, plan, assume, trips: Trips::default() };
    let part = walk.block(&plan.steps);
    let mut line = Line::default();
    let mut rounds = 0;
    if program.parties.len() == 2 {
        line.say(To::Evaluator, SEED);
        if part.transfers > 0 {
            plan.transfers.set_up(&mut line);
        }
        if part.transfers_back > 0 {
            let mut back = Line::default();
            BACK.set_up(&mut back);
            line.then(&back.turned(), 1);
        }
        for to in part.keys.iter().flatten() {
            traffic::set_up_encryption(&mut line, *to);
        }
        line.then(&part.line, 1);
        let [to_evaluator, to_garbler] = plan.transfers.extension(part.transfers);
        let [back_to_garbler, back_to_evaluator] = BACK.extension(part.transfers_back);
        line.to_evaluator = line.to_evaluator.saturating_add(to_evaluator).saturating_add(back_to_evaluator);
        line.to_garbler = line.to_garbler.saturating_add(to_garbler).saturating_add(back_to_garbler);
        line.frame();
        let [to_evaluator, to_garbler] = traffic::handshake(program, plan.protocol);
        line.to_evaluator = line.to_evaluator.saturating_add(to_evaluator);
        line.to_garbler = line.to_garbler.saturating_add(to_garbler);
        // Two exchanges of messages that cross on the line, then those of the protocol.
        rounds = (2 + line.turns + 1).div_ceil(2);
    }
    Cost {
        ands: part.ands(),
        counts: part.counts,
        transfers: part.transfers,
        transfers_back: part.transfers_back,
        encrypted: part.encrypted,
        work: part.work + and_work(plan.circuits) * part.ands() as f64 + plan.transfers.work(part.transfers),
        to_evaluator: line.to_evaluator,
        to_garbler: line.to_garbler,
        rounds,
        exact: part.exact,
        sites: part.sites,
        bytes_by_site: part.bytes_by_site,
    }
}

/// The cost of some steps; what is sent once in a session and the framing come on top.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    counts: Gates,
    transfers: u64,
    transfers_back: u64,
    encrypted: u64,
    /// Whom keys of encryption are sent to.
    keys: [Option<To>; 2],
    /// Seconds for products on addends, by either way, without the transfers themselves.
    work: f64,
    line: Line,
    exact: bool,
    sites: BTreeMap<u32, u64>,
    bytes_by_site: BTreeMap<u32, [u64; 2]>,
}

impl Part {
    fn nothing() -> Part {
        Part {
            counts: Gates::default(),
            transfers: 0,
            transfers_back: 0,
            encrypted: 0,
            keys: [None; 2],
            work: 0.0,
            line: Line::default(),
            exact: true,
            sites: BTreeMap::new(),
            bytes_by_site: BTreeMap::new(),
        }
    }

    /// Notes which places the bytes of a step come from: those of its gates, by their ANDs, or its own.
    fn place(&mut self, own: Site, transfers: Transfers) {
        let (extension, back) = (transfers.share(self.transfers), BACK.share(self.transfers_back));
        let [to_evaluator, to_garbler] = if transfers == Transfers::Silent { [extension, 0] } else { [0, extension] };
        let bytes = [
            self.line.to_evaluator.saturating_add(to_evaluator).saturating_add(back),
            self.line.to_garbler.saturating_add(to_garbler),
        ];
        if bytes == [0, 0] {
            return;
        }
        let whole: u64 = self.sites.values().fold(0, |sum, ands| sum.saturating_add(*ands));
        if whole == 0 {
            self.bytes_by_site.insert(own.0, bytes);
        }
        for (site, ands) in &self.sites {
            let share = bytes.map(|bytes| (u128::from(bytes) * u128::from(*ands) / u128::from(whole)) as u64);
            self.bytes_by_site.insert(*site, share);
        }
    }

    fn ands(&self) -> u64 {
        self.counts.half.saturating_add(self.counts.full)
    }

    fn add(&mut self, other: &Part, times: u64) {
        let add = |to: &mut u64, n: u64| *to = to.saturating_add(n.saturating_mul(times));
        add(&mut self.counts.xor, other.counts.xor);
        add(&mut self.counts.free, other.counts.free);
        add(&mut self.counts.half, other.counts.half);
        add(&mut self.counts.full, other.counts.full);
        add(&mut self.transfers, other.transfers);
        add(&mut self.transfers_back, other.transfers_back);
        add(&mut self.encrypted, other.encrypted);
        if times > 0 {
            self.keys = [0, 1].map(|i| self.keys[i].or(other.keys[i]));
        }
        self.work += other.work * times as f64;
        self.line.then(&other.line, times);
        self.exact &= other.exact;
        for (site, ands) in &other.sites {
            add(self.sites.entry(*site).or_default(), *ands);
        }
        for (site, bytes) in &other.bytes_by_site {
            let to = self.bytes_by_site.entry(*site).or_default();
            to.iter_mut().zip(bytes).for_each(|(to, bytes)| add(to, *bytes));
        }
    }
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

    fn block(&mut self, steps: &[Planned]) -> Part {
        let mut total = Part::nothing();
        for step in steps {
            let mut part = self.step(step);
            if !matches!(step.step, Step::Loop { .. } | Step::If { .. }) {
                part.place(step.site, self.plan.transfers);
            }
            total.add(&part, 1);
        }
        total
    }

    fn step(&mut self, planned: &Planned) -> Part {
        let mut part = Part::nothing();
        self.trips.note(&planned.step);
        match &planned.step {
            Step::Clear(_) | Step::Structural(_) | Step::Triangular(_) | Step::Mask(_) | Step::Halves { .. } => {}
            Step::Choose(choose) => self.choose(choose, &mut part),
            Step::Open { value, to, .. } => self.open(*value, &[*to], &mut part.line),
            Step::Product(product) => self.product(product, &mut part),
            Step::Share(_) if self.plan.circuits == Circuits::SharedBits => {}
            Step::Share(v) => {
                let place = self.plan.places[v.0 as usize];
                if matches!(place, Place::Private(p) if p != self.plan.garbler) {
                    part.transfers = self.bits(*v);
                    traffic::choose(&mut part.line, To::Garbler, part.transfers);
                }
            }
            Step::Kernel(kernel) => self.kernel(kernel, &mut part),
            Step::Reveal { value, .. } => self.open(*value, &[Party(0), Party(1)], &mut part.line),
            Step::Output { value, to, .. } => self.open(*value, to, &mut part.line),
            Step::Loop { from, to, body, .. } => {
                let each = self.block(body);
                let times = self.trips.of(*from, *to);
                part.add(&each, times.unwrap_or(self.assume));
                part.exact &= times.is_some();
            }
            Step::If { then, otherwise, .. } => {
                // The dearer side counts: which one is taken is known only when running.
                let sides = [self.block(then), self.block(otherwise)];
                let alike = sides[0] == sides[1];
                let bytes = |side: &Part| side.line.to_evaluator.saturating_add(side.line.to_garbler);
                let dearer = sides.into_iter().max_by_key(|side| (bytes(side), side.ands()));
                part = dearer.unwrap_or(part);
                part.exact &= alike;
            }
        }
        part
    }

    /// Showing a value to parties: the bits go to each who does not know them, packed, to the evaluator first.
    fn open(&self, value: Value, to: &[Party], line: &mut Line) {
        let bytes = self.bits(value).div_ceil(8);
        let garbler = self.plan.garbler;
        let place = self.plan.places[value.0 as usize];
        let shown = |party: &&Party| place != Place::Public && place != Place::Private(**party);
        let learns = |who: To| to.iter().filter(shown).any(|party| (*party == garbler) == (who == To::Garbler));
        for who in [To::Evaluator, To::Garbler].into_iter().filter(|who| learns(*who)) {
            line.say(who, bytes);
        }
    }

    /// Each cross term, by the way that the plan has chosen.
    fn product(&self, product: &Product, part: &mut Part) {
        let Some((map, bits)) = product.map(|v| self.ty(v)) else { return };
        for (cross, way) in product.cross().iter().zip(&product.ways) {
            let encrypted = Encrypted::of(&map, cross.evaluator_first, bits, self.plan.revealed);
            match (way, encrypted) {
                (Way::Encrypted, Some(encrypted)) => {
                    let [to_garbler, to_evaluator] = encrypted.bytes();
                    let mut messages = [(To::Garbler, to_garbler), (To::Evaluator, to_evaluator)];
                    if encrypted.garbler_encrypts {
                        messages.reverse();
                    }
                    messages.iter().for_each(|(to, bytes)| part.line.say(*to, *bytes));
                    part.keys[usize::from(encrypted.garbler_encrypts)] = Some(messages[0].0);
                    part.encrypted += 1;
                    part.work += encrypted.work();
                }
                _ => {
                    let transfers = map.transfers(cross.evaluator_first, bits);
                    let pieces = transfers.div_ceil(PRODUCT_TRANSFERS).max(1);
                    let mut piece = Line::default();
                    traffic::choose(&mut piece, To::Garbler, transfers / pieces);
                    piece.say(To::Evaluator, map.correction_bytes(bits) / pieces);
                    part.line.then(&piece, pieces);
                    part.transfers = part.transfers.saturating_add(transfers);
                    part.work += way::correction_work(transfers, map.correction_bytes(bits));
                }
            }
        }
    }

    /// A transfer for each element, and a correction in whole bytes of the bits that may be set.
    fn choose(&self, choose: &Choose, part: &mut Part) {
        let ty = self.ty(choose.numbers);
        let (count, bits) = (ty.count(), ty.elem.bits() - u32::from(choose.low));
        let by_garbler = self.plan.places[choose.bits.0 as usize] == Place::Private(self.plan.garbler);
        let sender = if by_garbler { To::Evaluator } else { To::Garbler };
        for (pieces, size) in [(count / PRODUCT_TRANSFERS, PRODUCT_TRANSFERS), (1, count % PRODUCT_TRANSFERS)] {
            let mut piece = Line::default();
            if size > 0 {
                traffic::choose(&mut piece, sender, size);
                piece.say(sender.other(), size.saturating_mul(u64::from(bits.div_ceil(8))));
                part.line.then(&piece, pieces);
            }
        }
        let transfers = if by_garbler { &mut part.transfers_back } else { &mut part.transfers };
        *transfers = count;
    }

    fn kernel(&self, kernel: &Kernel, part: &mut Part) {
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
            let to = &mut part.counts;
            to.xor = to.xor.saturating_add(xor.saturating_mul(times));
            to.free = to.free.saturating_add(free.saturating_mul(times));
            to.half = to.half.saturating_add(half.saturating_mul(times));
            to.full = to.full.saturating_add(full.saturating_mul(times));
        }
        match self.plan.circuits {
            Circuits::Garbled => {
                let bytes = part.counts.half.saturating_mul(16).saturating_add(part.counts.full.saturating_mul(32));
                part.line.say(To::Evaluator, bytes);
            }
            Circuits::SharedBits => {
                let sent = Sent::of(kernel, &self.plan.templates);
                part.line = sent.line;
                part.transfers = sent.transfers;
            }
        }
        let named: u64 = kernel.ands.iter().map(|(_, n)| n).sum();
        for (Site(site), ands) in &kernel.ands {
            // Shares of what was counted while gates were made, scaled to what the templates hold.
            let share = (part.ands() as f64 * *ands as f64 / named.max(1) as f64).round() as u64;
            *part.sites.entry(*site).or_default() += share;
        }
    }
}

impl Plan {
    /// The type of a value of the program or of the plan.
    pub fn ty<'a>(&'a self, program: &'a Program, v: Value) -> &'a Type {
        let own = program.values.len();
        program.values.get(v.0 as usize).unwrap_or_else(|| &self.extra[v.0 as usize - own])
    }
}
