//! Fuses exclusive ors with the gates that they feed or are fed by: a full adder becomes one AND and one sum.

use motet_circuits::AndKind;

use super::Source;
use super::flow::Flow;
use super::op::{Gate, NONE, Op};

/// Most operands of an exclusive or.
const WIDEST: usize = 4;
/// Most gates that an exclusive or is computed inside of, rather than once for all of them.
const COPIES: usize = 2;

/// Fuses what can be fused; the operations keep their order and their values' names.
pub(super) fn fuse(flow: &mut Flow) {
    add_to_results(flow);
    let uses = Uses::of(flow);
    for index in 0..flow.ops.len() {
        let op = flow.ops[index];
        let users = uses.of_value(op.dst);
        let wanted = op.gate == Gate::Xor && op.plain() && !uses.is_output(op.dst);
        if wanted && !users.is_empty() && users.len() <= COPIES && fits(&op, users, &flow.ops) {
            for user in users {
                absorb(&mut flow.ops[*user as usize], &op);
            }
            flow.ops[index].labels = false;
        }
    }
    flow.ops.retain(|op| op.labels || op.bits);
}

/// An exclusive or of an AND's result, used nowhere else, and a value made before the AND becomes part of it.
fn add_to_results(flow: &mut Flow) {
    let uses = Uses::of(flow);
    // The name of what was an exclusive or's value and is now an AND's.
    let mut renamed: Vec<u32> = (0..uses.values() as u32).collect();
    for index in 0..flow.ops.len() {
        let mut op = flow.ops[index];
        op.operands_mut().for_each(|operand| *operand = renamed[*operand as usize]);
        flow.ops[index] = op;
        if op.gate != Gate::Xor || !op.plain() {
            continue;
        }
        let [x, y] = [op.a[0], op.b[0]];
        for (and, other) in [(x.max(y), x.min(y)), (x.min(y), x.max(y))] {
            let Some(at) = uses.definer(and) else { continue };
            // An AND's value that took another's name has an addend already.
            let made = &flow.ops[at];
            let alone = made.ciphertexts() > 0 && made.plain() && made.add == NONE;
            if alone && other < and && uses.of_value(and).len() == 1 && !uses.is_output(and) {
                flow.ops[at].add = other;
                flow.ops[at].invert[2] ^= op.invert[2];
                renamed[op.dst as usize] = and;
                flow.ops[index].labels = false;
                break;
            }
        }
    }
    for source in &mut flow.sources {
        if let Source::Slot { slot, .. } | Source::Derived { slot, .. } = source {
            *slot = renamed[*slot as usize];
        }
    }
    flow.ops.retain(|op| op.labels || op.bits);
}

/// Whether all users have room for the exclusive or's operands.
fn fits(op: &Op, users: &[u32], ops: &[Op]) -> bool {
    let more = op.operands().count();
    users.iter().all(|user| {
        let user = &ops[*user as usize];
        let times = |sum: [u32; 2]| sum.iter().filter(|operand| **operand == op.dst).count();
        match user.gate {
            Gate::Xor => {
                user.plain()
                    && user.operands().count() - 1 + more <= WIDEST
                    && user.operands().filter(|o| *o == op.dst).count() == 1
            }
            Gate::And(kind) => {
                let room = |sum: [u32; 2], open: bool| times(sum) == 0 || open && more == 2 && sum[1] == NONE;
                // Where a party's knowledge of an operand counts, its bits stand under the operand's name.
                let (open_a, open_b) = match kind {
                    AndKind::Full => (true, true),
                    AndKind::GarblerHalf | AndKind::EvaluatorHalf => (false, !user.bits),
                    AndKind::Public | AndKind::Garbler => (false, false),
                };
                user.add != op.dst && room(user.a, open_a) && room(user.b, open_b)
            }
        }
    })
}

/// Puts the exclusive or's operands in the place of its value.
fn absorb(user: &mut Op, op: &Op) {
    match user.gate {
        Gate::Xor => {
            let all = user.operands().filter(|operand| *operand != op.dst).chain(op.operands());
            let mut sum = [NONE; WIDEST];
            sum.iter_mut().zip(all.collect::<Vec<_>>()).for_each(|(to, operand)| *to = operand);
            [user.a[0], user.b[0], user.a[1], user.b[1]] = sum;
            user.invert[2] ^= op.invert[2];
        }
        Gate::And(_) => {
            for (sum, invert) in [(&mut user.a, 0), (&mut user.b, 1)] {
                if sum[0] == op.dst {
                    *sum = [op.a[0], op.b[0]];
                    user.invert[invert] ^= op.invert[2];
                }
            }
        }
    }
}

/// Where each value is used: positions of operations, each once.
struct Uses {
    /// Where a value's users begin in `users`.
    first: Vec<u32>,
    users: Vec<u32>,
    output: Vec<bool>,
    /// Where each value is made; `NONE` for inputs.
    definer: Vec<u32>,
}

impl Uses {
    fn of(flow: &Flow) -> Uses {
        let values = flow.ops.last().map_or(0, |op| op.dst as usize + 1).max(flow.inputs);
        let mut first = vec![0u32; values + 2];
        let each = |mut note: Box<dyn FnMut(u32, u32) + '_>| {
            for (op, at) in flow.ops.iter().zip(0..) {
                let mut before = [NONE; 5];
                for (operand, place) in op.operands().zip(0..) {
                    if !before.contains(&operand) {
                        note(operand, at);
                    }
                    before[place] = operand;
                }
            }
        };
        each(Box::new(|value, _| first[value as usize + 2] += 1));
        (2..first.len()).for_each(|i| first[i] += first[i - 1]);
        let mut users = vec![0; first[values + 1] as usize];
        each(Box::new(|value, at| {
            let place = &mut first[value as usize + 1];
            users[*place as usize] = at;
            *place += 1;
        }));
        let mut output = vec![false; values];
        for source in &flow.sources {
            if let Source::Slot { slot, .. } | Source::Derived { slot, .. } = source {
                output[*slot as usize] = true;
            }
        }
        let mut definer = vec![NONE; values];
        flow.ops.iter().zip(0..).for_each(|(op, at)| definer[op.dst as usize] = at);
        Uses { first, users, output, definer }
    }

    fn definer(&self, value: u32) -> Option<usize> {
        Some(self.definer[value as usize]).filter(|at| *at != NONE).map(|at| at as usize)
    }

    fn values(&self) -> usize {
        self.output.len()
    }

    fn of_value(&self, value: u32) -> &[u32] {
        &self.users[self.first[value as usize] as usize..self.first[value as usize + 1] as usize]
    }

    fn is_output(&self, value: u32) -> bool {
        self.output[value as usize]
    }
}
