//! Checkpoints: where a run stands, the state that is kept there, and how another session goes on from it.
//!
//! Both parties come to the same turns of the same loops in the same order, and count them. After a number of turns that
//! the garbler names they write their states, and tell each other that they have. A session that goes on has a Δ, keys and
//! OTs of its own. Of a garbled value the evaluator chooses by its half in a correlated OT for each bit, and the garbler
//! adds its own half by a free exclusive or: the new labels stand for the same value, and nothing is shown to anybody.

use std::time::{Duration, Instant};

use motet_program::data::Type;
use motet_program::ir::{Op, Value};
use motet_program::place::Place;
use motet_program::plan::{Position, Step, needed};

use super::super::Keeping;
use super::super::array::{Array, buffer};
use super::super::clear::{Clear, sizes};
use super::super::error::ProtocolError;
use super::super::state::{Half, Kept, Packed, State};
use super::bits::{self, packed_len};
use super::party::Side;
use super::steps::Run;
use super::values::{Entry, Shared};
use crate::crypto::Block;

/// The state is not one of this plan.
pub(super) const UNFIT: ProtocolError = ProtocolError::Plan("the checkpoint does not fit the plan");
/// Of the time between two checkpoints one takes at most one part in so many.
const SHARE: u32 = 20;

/// Where a run stands, and where it is to go on.
#[derive(Default)]
pub(super) struct Trail {
    here: Vec<Position>,
    /// The levels that are still to be entered on the way to where the run goes on, the next one last.
    ahead: Vec<Position>,
}

impl Trail {
    /// A block begins; its first step.
    pub fn enter(&mut self) -> usize {
        self.here.push(Position { step: 0, turn: 0 });
        self.ahead.last().map_or(0, |level| level.step as usize)
    }

    /// The block's step.
    pub fn step(&mut self, step: usize) {
        if let Some(level) = self.here.last_mut() {
            *level = Position { step: step as u32, turn: 0 };
        }
    }

    /// The turn of the loop, or the side of the branch, that is the innermost step.
    pub fn turn(&mut self, turn: i64) {
        if let Some(level) = self.here.last_mut() {
            level.turn = turn;
        }
    }

    /// The turn at which the loop or branch that begins goes on.
    pub fn taken_up(&mut self) -> Option<i64> {
        self.ahead.pop().map(|level| level.turn)
    }

    /// The block ends.
    pub fn leave(&mut self) {
        self.here.pop();
    }
}

/// When checkpoints are due.
pub(super) struct Schedule<'k> {
    keeping: Keeping<'k>,
    /// Turns from the last one to the next.
    gap: u64,
    /// Turns that are left.
    left: u64,
    since: Instant,
}

impl<'k> Schedule<'k> {
    pub fn new(keeping: Keeping<'k>) -> Self {
        Schedule { keeping, gap: 1, left: 1, since: Instant::now() }
    }

    /// Whether one is due, a turn having been reached.
    fn due(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// After how many turns the next one is to come, where making this one took `cost`: at most twice as many as last,
    /// since turns need not be alike.
    fn next(&self, cost: Duration) -> u64 {
        if self.keeping.every.is_zero() {
            return 1;
        }
        let pause = self.keeping.every.max(cost * SHARE);
        let passed = self.since.elapsed().as_secs_f64().max(1e-6);
        let turns = self.gap as f64 * pause.as_secs_f64() / passed;
        (turns as u64).clamp(1, self.gap.saturating_mul(2))
    }
}

impl Run<'_, '_> {
    /// A turn of a loop is about to begin: keeps a checkpoint where one is due.
    ///
    /// # Errors
    /// The link or the other party failed. What cannot be written is told, and the run goes on without it.
    pub fn reached(&mut self) -> Result<(), ProtocolError> {
        if !self.schedule.as_mut().is_some_and(Schedule::due) {
            return Ok(());
        }
        let begun = Instant::now();
        let state = self.state()?;
        let Some(schedule) = &mut self.schedule else { return Ok(()) };
        let written = match schedule.keeping.keeper.write(&state) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("no checkpoint was kept: {error}");
                false
            }
        };
        drop(state);
        let (theirs, gap) = self.side.both_wrote(written, schedule.next(begun.elapsed()))?;
        if written && theirs {
            schedule.keeping.keeper.confirm()?;
        }
        (schedule.gap, schedule.left, schedule.since) = (gap, gap, Instant::now());
        Ok(())
    }

    /// This party's side of the run, which stands before the body of a turn.
    fn state(&self) -> Result<State, ProtocolError> {
        let mut values = Vec::new();
        for v in needed(&self.job.plan.steps, &self.trail.here).ok_or(UNFIT)? {
            let kept = self.kept(v, self.values.get(v))?;
            if kept.clear.is_some() || kept.shared.is_some() {
                values.push((v.0, kept));
            }
        }
        let (ands, shown) = self.side.meter.so_far();
        Ok(State { trail: self.trail.here.clone(), revealed: self.side.revealed, ands, shown, values })
    }

    fn kept(&self, v: Value, entry: &Entry) -> Result<Kept, ProtocolError> {
        let bits = self.ty(v)?.elem.bits() as usize;
        let pack = |clear: &Clear| Packed(bits::of_clear(clear, bits));
        if self.place(v) != Place::Shared {
            let clear = entry.clear.as_ref().filter(|_| !self.is_input(v)).map(pack);
            return Ok(Kept { clear, shared: entry.shared.as_ref().map(|_| Half::FromClear) });
        }
        let shared = entry.shared.as_ref().map(|shared| match shared {
            Shared::Public(clear) => Half::Public(pack(clear)),
            Shared::Garbler(clear) => Half::Garbler(clear.as_ref().map(pack)),
            Shared::Evaluator(clear) => Half::Evaluator(clear.as_ref().map(pack)),
            Shared::Labels(labels) => Half::Labels(Packed(bits::colours(labels))),
            Shared::Bits(halves) => Half::Bits(pack(halves)),
        });
        Ok(Kept { clear: None, shared })
    }

    /// Whether a value is an input, which is read again.
    fn is_input(&self, v: Value) -> bool {
        self.job.plan.steps.iter().any(|planned| match &planned.step {
            Step::Clear(node) => matches!(node.op, Op::Input { .. }) && node.results.contains(&v),
            _ => false,
        })
    }

    /// Goes to where a state was kept.
    ///
    /// # Errors
    /// The link or the other party failed, there is not enough memory, or the state is not one of this plan.
    pub fn resume(&mut self, state: &State) -> Result<(), ProtocolError> {
        let plan = self.job.plan;
        let needed = needed(&plan.steps, &state.trail).ok_or(UNFIT)?;
        for planned in &plan.steps {
            if let Step::Clear(node) = &planned.step
                && matches!(node.op, Op::Input { .. })
                && node.results.iter().any(|v| needed.contains(v))
            {
                self.clear(node, &[], planned.site)?;
            }
        }
        for (number, kept) in &state.values {
            self.restore(Value(*number), kept)?;
        }
        self.side.revealed = state.revealed;
        self.side.meter.go_on(state.ands, &state.shown, self.side.channel);
        self.trail.ahead = state.trail.iter().rev().copied().collect();
        Ok(())
    }

    fn restore(&mut self, v: Value, Kept { clear, shared }: &Kept) -> Result<(), ProtocolError> {
        let ty = self.ty(v)?.clone();
        if let Some(packed) = clear {
            self.values.set_clear(v, unpack(packed, &ty)?)?;
        }
        let maybe = |packed: &Option<Packed>| packed.as_ref().map(|packed| unpack(packed, &ty)).transpose();
        let shared = match shared {
            None => return Ok(()),
            Some(Half::FromClear) => return self.share(v),
            Some(Half::Public(packed)) => Shared::Public(unpack(packed, &ty)?),
            Some(Half::Garbler(packed)) => Shared::Garbler(maybe(packed)?),
            Some(Half::Evaluator(packed)) => Shared::Evaluator(maybe(packed)?),
            Some(Half::Labels(packed)) => Shared::Labels(self.side.relabel(packed, &ty)?),
            Some(Half::Bits(packed)) => Shared::Bits(unpack(packed, &ty)?),
        };
        self.values.set_shared(v, shared)
    }
}

impl Side<'_> {
    /// Tells the other party whether this one has written its state, and hears whether that one has; the garbler's
    /// number of turns until the next one.
    fn both_wrote(&mut self, written: bool, gap: u64) -> Result<(bool, u64), ProtocolError> {
        let mut theirs = [0; 9];
        if self.garbles() {
            let ours = [&[u8::from(written)][..], &gap.to_le_bytes()].concat();
            self.channel.send(&ours)?;
            self.channel.receive(&mut theirs[..1])?;
            return Ok((theirs[0] == 1, gap));
        }
        self.channel.receive(&mut theirs)?;
        self.channel.send(&[u8::from(written)])?;
        self.channel.flush()?;
        let [wrote, gap @ ..] = theirs;
        Ok((wrote == 1, u64::from_le_bytes(gap).max(1)))
    }

    /// Labels, under this session's Δ, for a value of which each party has half of every bit.
    fn relabel(&mut self, own: &Packed, ty: &Type) -> Result<Array<Block>, ProtocolError> {
        let (bits, shape) = (ty.elem.bits() as usize, sizes(ty));
        let mut labels: Vec<Block> = buffer(bits, shape.iter().product())?;
        let Packed(own) = own;
        if own.len() != packed_len(labels.len()) {
            return Err(UNFIT);
        }
        if self.garbles() {
            self.transfer(None, &mut labels)?;
            self.add_halves(own, &mut labels);
        } else {
            let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            let choices: Vec<u64> = own.chunks(8).map(word).collect();
            self.transfer(Some(&choices), &mut labels)?;
        }
        Ok(Array::new(bits, &shape, labels))
    }
}

/// The elements of a packed value of the type.
fn unpack(Packed(packed): &Packed, ty: &Type) -> Result<Clear, ProtocolError> {
    let (bits, shape) = (ty.elem.bits() as usize, sizes(ty));
    let count = shape.iter().product();
    if packed.len() != packed_len(bits.saturating_mul(count)) {
        return Err(UNFIT);
    }
    Ok(Array::new(1, &shape, bits::unpack(packed, bits, count)?))
}
