//! Where each value of a program is known: public, private to one party, or shared.

use serde::{Deserialize, Serialize};

use crate::ir::{Block, Node, Op, Party, Program, Value};

/// Where a value is known in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// By all parties.
    Public,
    /// By one party alone.
    Private(Party),
    /// By nobody.
    Shared,
}

impl Place {
    /// Where a value computed from both is known.
    pub fn join(self, other: Place) -> Place {
        match (self, other) {
            (Place::Public, x) | (x, Place::Public) => x,
            (a, b) if a == b => a,
            _ => Place::Shared,
        }
    }
}

/// The place of every value, by index: the least ones that follow from the inputs' owners.
///
/// A branch makes its results at least as secret as its condition. What a loop carries is as secret as what comes in
/// and what its body yields: places only rise, and passes are repeated until none does.
pub fn places(program: &Program) -> Vec<Place> {
    places_where(program, &|param| program.params[param as usize].owner.map_or(Place::Public, Place::Private))
}

/// The same, for parameters that are known where `input` says.
pub(crate) fn places_where(program: &Program, input: &dyn Fn(u32) -> Place) -> Vec<Place> {
    let mut places = Places { input, of: vec![Place::Public; program.values.len()], rose: true };
    while places.rose {
        places.rose = false;
        places.block(&program.body);
    }
    places.of
}

struct Places<'a> {
    input: &'a dyn Fn(u32) -> Place,
    of: Vec<Place>,
    rose: bool,
}

impl Places<'_> {
    fn get(&self, v: Value) -> Place {
        self.of[v.0 as usize]
    }

    fn raise(&mut self, v: Value, to: Place) {
        let slot = &mut self.of[v.0 as usize];
        let joined = slot.join(to);
        self.rose |= joined != *slot;
        *slot = joined;
    }

    fn block(&mut self, block: &Block) {
        block.ops.iter().for_each(|node| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        match &node.op {
            Op::Input { param, .. } => self.raise(node.results[0], (self.input)(*param)),
            Op::Const(_) | Op::Reveal(_) | Op::Assert(_) | Op::RandomPublic(_) => {}
            Op::Loop { init, body, .. } => {
                for ((init, param), result) in init.iter().zip(&body.params[1..]).zip(&node.results) {
                    self.raise(*param, self.get(*init));
                    self.raise(*result, self.get(*init));
                }
                self.block(body);
                for ((yielded, param), result) in body.results.iter().zip(&body.params[1..]).zip(&node.results) {
                    self.raise(*param, self.get(*yielded));
                    self.raise(*result, self.get(*yielded));
                }
            }
            Op::Each { body, .. } => {
                self.block(body);
                for (yielded, result) in body.results.iter().zip(&node.results) {
                    self.raise(*result, self.get(*yielded));
                }
            }
            Op::If { cond, then, otherwise } => {
                for side in [then, otherwise] {
                    self.block(side);
                    for (value, result) in side.results.iter().zip(&node.results) {
                        let place = self.get(*value).join(self.get(*cond));
                        self.raise(*result, place);
                    }
                }
            }
            op => {
                let mut place = Place::Public;
                op.for_each_operand(|v| place = place.join(self.get(v)));
                node.results.iter().for_each(|r| self.raise(*r, place));
            }
        }
    }
}
