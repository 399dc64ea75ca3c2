//! For batches of few instances: an order in which gates that can be computed side by side stand together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::MAX_BATCH;
use super::flow::Flow;
use super::op::{NONE, Op};

/// Orders the operations so that gates of one kind that do not wait for each other stand in runs as long as the vectors
/// of a batch; what costs nothing comes as soon as it can.
pub(super) fn side_by_side(flow: &mut Flow) {
    let mut waiting = Waiting::of(flow);
    let mut free = BinaryHeap::new();
    let mut paid = BinaryHeap::new();
    let mut order: Vec<Op> = Vec::with_capacity(flow.ops.len());
    let mut ready: Vec<u32> = (0..flow.ops.len() as u32).filter(|at| waiting.left[*at as usize] == 0).collect();
    loop {
        for at in ready.drain(..) {
            let queue = if flow.ops[at as usize].ciphertexts() == 0 { &mut free } else { &mut paid };
            queue.push(Reverse(at));
        }
        if let Some(Reverse(at)) = free.pop() {
            order.push(flow.ops[at as usize]);
            waiting.done(at, &mut ready);
            continue;
        }
        let Some(Reverse(first)) = paid.pop() else { break };
        let gate = flow.ops[first as usize].gate;
        let mut run = vec![first];
        let mut others = Vec::new();
        while run.len() < MAX_BATCH
            && let Some(Reverse(at)) = paid.pop()
        {
            if flow.ops[at as usize].gate == gate { run.push(at) } else { others.push(Reverse(at)) }
        }
        paid.extend(others);
        for at in run {
            order.push(flow.ops[at as usize]);
            waiting.done(at, &mut ready);
        }
    }
    flow.ops = order;
}

/// How many operands of each operation are still to be made, and who waits for it.
struct Waiting {
    left: Vec<u32>,
    /// Where an operation's users begin in `users`.
    first: Vec<u32>,
    users: Vec<u32>,
}

impl Waiting {
    fn of(flow: &Flow) -> Waiting {
        let count = flow.ops.len();
        let values = flow.ops.last().map_or(0, |op| op.dst as usize + 1);
        let mut definer = vec![NONE; values.max(flow.inputs)];
        flow.ops.iter().zip(0..).for_each(|(op, at)| definer[op.dst as usize] = at);
        let made = |op: &Op| op.operands().map(|operand| definer[operand as usize]).filter(|at| *at != NONE);
        let left = flow.ops.iter().map(|op| made(op).count() as u32).collect();
        let mut first = vec![0u32; count + 2];
        flow.ops.iter().flat_map(made).for_each(|at| first[at as usize + 2] += 1);
        (2..first.len()).for_each(|i| first[i] += first[i - 1]);
        let mut users = vec![0; first[count + 1] as usize];
        for (op, at) in flow.ops.iter().zip(0..) {
            for definer in made(op) {
                let place = &mut first[definer as usize + 1];
                users[*place as usize] = at;
                *place += 1;
            }
        }
        Waiting { left, first, users }
    }

    /// Notes that an operation was done, and which others are ready by that.
    fn done(&mut self, at: u32, ready: &mut Vec<u32>) {
        for user in &self.users[self.first[at as usize] as usize..self.first[at as usize + 1] as usize] {
            let left = &mut self.left[*user as usize];
            *left -= 1;
            if *left == 0 {
                ready.push(*user);
            }
        }
    }
}
