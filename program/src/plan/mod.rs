//! The plan: how a program is executed under a protocol. A pure function of (program, protocol, link), so that every
//! party derives the same one; the handshake pins its digest.
//!
//! **Contract with the executor.** Each step is run in order by every party. Every value has a place. A *clear*
//! representation (a plain tensor) exists for public values at every party and for private values at their owner. A
//! *shared* representation (wire labels, or bits of which each party holds one half) exists for shared values, and for public and private ones after `Share`.
//! `Planned::last` lists the values that no later step uses: they may be freed or overwritten by the step itself.

mod addends;
mod bridge;
mod build;
pub mod cost;
mod group;
mod kernel;
mod link;
mod liveness;
mod merge;
mod offline;
mod rewrite;
pub(crate) mod scalar;
mod shared_bits;
pub(crate) mod symbolic;
mod templates;
pub mod traffic;
mod transfers;
mod trips;
mod view;
mod way;

use motet_circuits::{Form, Known, Template};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::{Shape, Type};
use crate::depth::Level;
use crate::ir::{Node, Party, Program, Site, Value};
use crate::place::Place;

pub use bridge::{Cross, Factor, Product};
pub(crate) use build::plan_as_one;
pub use build::{PlanError, candidates, plan, plan_over};
pub use link::Link;
pub use liveness::needed;
pub use offline::Offline;
pub use rewrite::{Rewrite, RewriteKind};
pub use transfers::{BACK, Transfers};
pub use way::{Choice, Encrypted, Price, Way};

/// How parties execute a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// Two parties, semi-honest: garbled circuits throughout.
    Yao,
    /// Two parties, semi-honest: matrix products and convolutions on arithmetic shares, the rest in circuits, garbled or
    /// on shared bits as suits the link.
    Mixed,
    /// Two parties, semi-honest: as `Mixed`, with circuits on shared bits instead of garbled ones.
    Gmw,
}

/// How circuits are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Circuits {
    /// Garbled: 32 bytes an AND, few rounds.
    Garbled,
    /// On shared bits: a few bits an AND, a round a level of ANDs.
    SharedBits,
}

impl Circuits {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Circuits::Garbled => "garbled",
            Circuits::SharedBits => "on shared bits",
        }
    }

    /// The forms of gadgets that may suit, the usual one first.
    pub fn forms(self) -> &'static [Form] {
        match self {
            Circuits::Garbled => &[Form::Small],
            Circuits::SharedBits => &[Form::Shallow, Form::Balanced, Form::Small],
        }
    }
}

impl Protocol {
    /// How it may run circuits.
    pub fn circuits(self) -> &'static [Circuits] {
        match self {
            Protocol::Yao => &[Circuits::Garbled],
            Protocol::Mixed => &[Circuits::Garbled, Circuits::SharedBits],
            Protocol::Gmw => &[Circuits::SharedBits],
        }
    }

    /// Its name at the command line.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Yao => "yao",
            Protocol::Mixed => "mixed",
            Protocol::Gmw => "gmw",
        }
    }
}

/// A program's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The protocol.
    pub protocol: Protocol,
    /// The link that it is made for.
    pub link: Link,
    /// How circuits are run.
    pub circuits: Circuits,
    /// How oblivious transfers are made.
    pub transfers: Transfers,
    /// Who garbles, or would.
    pub garbler: Party,
    /// Types of the values that the plan adds; they are numbered after the program's.
    pub extra: Vec<Type>,
    /// Where each value is known, by index: the program's, then the plan's own.
    pub places: Vec<Place>,
    /// The circuit templates.
    pub templates: Vec<Template>,
    /// Elements that encrypted products reveal in a run, at most: what their flooding covers.
    pub revealed: u64,
    /// What was rewritten before planning: values that this adds are the first of `extra`.
    pub rewrites: Vec<Rewrite>,
    /// The steps.
    pub steps: Vec<Planned>,
}

/// The artifact's plan is not the one that its program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPlan {
    /// Another plan.
    #[error("it is not the plan of the program: compile it again with this version of motet")]
    Other,
    /// No plan.
    #[error("the program cannot be planned for its protocol")]
    None,
}

impl Plan {
    /// That this is the plan of the program. A plan is a function of the program, and making it takes milliseconds:
    /// comparing is a complete check, and a short one.
    ///
    /// # Errors
    /// Where it is another.
    pub fn check(&self, program: &Program) -> Result<(), InvalidPlan> {
        match plan_over(program, self.protocol, self.link) {
            Ok(own) if own == *self => Ok(()),
            Ok(_) => Err(InvalidPlan::Other),
            Err(_) => Err(InvalidPlan::None),
        }
    }
}

/// A step, with what it is the last to use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// What is done.
    pub step: Step,
    /// Values that no later step uses.
    pub last: Vec<Value>,
    /// Where it comes from.
    pub site: Site,
}

impl<'de> Deserialize<'de> for Planned {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Planned")]
        struct Fields {
            step: Step,
            last: Vec<Value>,
            site: Site,
        }
        let _level = Level::enter()?;
        let Fields { step, last, site } = Fields::deserialize(deserializer)?;
        Ok(Planned { step, last, site })
    }
}

/// A step of execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// An operation without blocks on public or private values: by all, or by its results' owner. `Assert` too.
    Clear(Node),
    /// Sums of one operand of a product, on a public or private value: by all, or by its owner.
    Triangular(Triangular),
    /// A structural operation on shared representations (slice starts and gather indices are public).
    Structural(Node),
    /// Gives a public or private value its shared representation too.
    Share(Value),
    /// A circuit template over a batch.
    Kernel(Kernel),
    /// The garbler draws a uniform value of its own.
    Mask(Value),
    /// Shows a shared value to one party: `result` is that party's.
    Open {
        /// Shared.
        value: Value,
        /// Who is shown it.
        to: Party,
        /// Private to that party.
        result: Value,
    },
    /// A product on addends.
    Product(Product),
    /// Takes a shared bit apart: it is the exclusive or of two, of which the garbler knows the first and the evaluator the
    /// second.
    Halves {
        /// Shared, `Bool`.
        value: Value,
        /// Private to the garbler, and to the evaluator.
        halves: [Value; 2],
    },
    /// A product of one party's bits with the other's numbers, on addends.
    Choose(Choose),
    /// Makes a value public: `result` is its clear representation at every party.
    Reveal {
        /// Shared, or private to a party (who then sends it).
        value: Value,
        /// The public value.
        result: Value,
    },
    /// Shows a leaf of the result to the parties named.
    Output {
        /// The leaf's index among the body's results.
        index: u32,
        /// Its value; public, private to a party (who sends it to the others named) or shared.
        value: Value,
        /// Who is shown it.
        to: Vec<Party>,
    },
    /// A loop. Where a carried value is shared, so (after `Share`) are its initial and yielded values.
    Loop {
        /// First index.
        from: Value,
        /// One past the last.
        to: Value,
        /// The index's value in the body.
        index: Value,
        /// For each carried value: its initial value, its parameter in the body, what the body yields, the result.
        carried: Vec<Carried>,
        /// The body.
        body: Vec<Planned>,
    },
    /// A public branch. Where a result is shared, so (after `Share`) are both sides' values.
    If {
        /// A public condition.
        cond: Value,
        /// Taken where it holds.
        then: Vec<Planned>,
        /// Taken where not.
        otherwise: Vec<Planned>,
        /// For each result: the value on either side, and the result.
        results: Vec<Joined>,
    },
}

/// Where a run stands in a block: the step that it is in, which is a loop or a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The step's index in the block.
    pub step: u32,
    /// The loop's index, or whether the branch's condition holds (1 or 0).
    pub turn: i64,
}

/// Products, element by element, of bits that one party knows with numbers that the other knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choose {
    /// `Bool`, private to one party.
    pub bits: Value,
    /// Private to the other: multiples of 2^`low`.
    pub numbers: Value,
    /// How many low bits of the numbers are 0.
    pub low: u8,
    /// The addends of the products, of the numbers' type: the garbler's, the evaluator's.
    pub result: [Value; 2],
}

/// What a matrix product by triangular numbers needs of one operand: `-Σ t(z)` with `t(z) = z (z + 1) / 2`, mod 2^N.
///
/// Its elements are the points of `shape`, row-major; each sums over the points of `extents`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Triangular {
    /// The operand and how it moves along the axes of `shape`, then of `extents`.
    pub input: KernelInput,
    /// The axes of the result.
    pub shape: Shape,
    /// The axes that are summed.
    pub extents: Shape,
    /// The sums.
    pub result: Value,
}

/// A value that a loop carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Before the first iteration.
    pub init: Value,
    /// In the body.
    pub param: Value,
    /// What an iteration hands to the next.
    pub yielded: Value,
    /// After the last iteration.
    pub result: Value,
}

/// A result of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Where the condition holds.
    pub then: Value,
    /// Where not.
    pub otherwise: Value,
    /// After the branch.
    pub result: Value,
}

/// A template over a batch of instances, with an optional sequential reduction inside each.
///
/// Instances are the points of `shape`, row-major. Without `reduce`, `template` maps the inputs' bits to the outputs'
/// bits. With it, see `Reduce`; `template` then finishes: it maps `finish` inputs' bits, then the accumulator's bits,
/// to the outputs' bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// The instance axes.
    pub shape: Shape,
    /// Inputs of the template (without `reduce`) or of each reduction step.
    pub inputs: Vec<KernelInput>,
    /// The reduction, if any.
    pub reduce: Option<Reduce>,
    /// Index into `Plan::templates`.
    pub template: u32,
    /// What it makes; the template's outputs are theirs in order.
    pub outputs: Vec<KernelOutput>,
    /// For `explain`: how many ANDs of an instance come from which place in the source.
    pub ands: Vec<(Site, u64)>,
}

/// A sequential reduction inside each instance: `acc = step(inputs at r, acc)` for `r` over the extents, row-major.
///
/// With `lanes` > 1 each instance is split: lane `l` takes indices `l·n .. (l+1)·n` of the flattened extent, where
/// `n = (extent / lanes)` rounded down to a multiple of `wide`'s factor where there is one; what remains after
/// `lanes·n` is added by lane 0; then lanes are combined pairwise: while `k > 1` lanes remain, `h = k / 2`, lane `i`
/// (`i < h`) becomes `combine(lane i, lane k - h + i)`, and `k - h` remain.
/// In each lane, as many `wide` steps as fit come first, then single steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reduce {
    /// The extents; input axes follow them after the instance axes.
    pub extents: Shape,
    /// The accumulator's bits before the first step: constants.
    pub start: Vec<bool>,
    /// Template: the inputs' bits, then the accumulator's → the accumulator's.
    pub step: u32,
    /// Takes several consecutive indices at once.
    pub wide: Option<Wide>,
    /// Into how many lanes each instance is split; at least 1.
    pub lanes: u64,
    /// Template: accumulator, accumulator → accumulator; used where `lanes` > 1.
    pub combine: u32,
    /// Inputs of the finishing template, by the instance axes alone.
    pub finish: Vec<KernelInput>,
}

/// A reduction step that takes several indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wide {
    /// How many consecutive indices.
    pub factor: u64,
    /// Template: for each index the inputs' bits, then the accumulator's → the accumulator's.
    pub template: u32,
}

/// An operand of a kernel: how its elements follow the kernel's axes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelInput {
    /// The value. Its clear representation is read where `known` says so; its shared one unless `Public`.
    pub value: Value,
    /// Who knows its bits.
    pub known: Known,
    /// For each axis of the kernel (instance axes, then reduction axes): the value's axis that it moves along, and by
    /// how many elements a step; `None` where the value does not depend on it. Several may move along one axis.
    pub walk: Vec<Option<Walk>>,
    /// Axes of the value that stand whole inside the template, row-major in this order, each element lowest bit first.
    pub inner: Vec<u8>,
}

/// How a kernel's axis moves along a value's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Walk {
    /// The value's axis.
    pub axis: u8,
    /// Elements of that axis a step.
    pub step: u64,
}

/// A result of a kernel: row-major over the instances, then over the elements that an instance makes (the value's own
/// shape may group the same elements otherwise).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelOutput {
    /// The value.
    pub value: Value,
    /// Elements of it that an instance makes (1 for a scalar function).
    pub inner: u64,
}
