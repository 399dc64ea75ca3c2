//! In which order to run a circuit's gates, so that few wires are alive at once.

use crate::circuit::{Circuit, Gate};

/// The gates' nodes in an order with few live wires: the better of how the circuit was built (gadgets work through
/// their words in good order) and of making each output's gates when they are asked for (files from elsewhere often hold
/// all partial products first). Both are sunk: an exclusive or that could as well be made later is.
pub(crate) fn order(circuit: &Circuit) -> Vec<u32> {
    let first = 1 + circuit.inputs;
    let built = sunk(circuit, &(first..circuit.nodes() as u32).collect::<Vec<_>>());
    let demanded = sunk(circuit, &on_demand(circuit));
    if most_alive(circuit, &demanded) < most_alive(circuit, &built) { demanded } else { built }
}

/// Each output's gates when they are needed, operands first.
fn on_demand(circuit: &Circuit) -> Vec<u32> {
    let first = 1 + circuit.inputs;
    let mut order = Vec::with_capacity(circuit.gates.len());
    let mut seen = vec![false; circuit.nodes()];
    seen[..first as usize].fill(true);
    let mut todo = Vec::new();
    for output in &circuit.outputs {
        todo.push((output.node(), false));
        while let Some((node, ready)) = todo.pop() {
            if ready {
                order.push(node);
            } else if !std::mem::replace(&mut seen[node as usize], true) {
                todo.push((node, true));
                let (a, b) = circuit.gates[(node - first) as usize].operands();
                // What was made later is likely to be the deeper, and goes first.
                let (early, late) = if a.node() < b.node() { (a, b) } else { (b, a) };
                todo.extend([(early.node(), false), (late.node(), false)]);
            }
        }
    }
    order
}

/// The same order, but exclusive ors of which an operand stays alive in any case come just before their first use:
/// until then the other operand is kept instead of the result, often for several of them at once.
fn sunk(circuit: &Circuit, order: &[u32]) -> Vec<u32> {
    let first = 1 + circuit.inputs;
    let gate = |node: u32| circuit.gates[(node - first) as usize];
    let never = u32::MAX;
    let (mut first_use, mut last_use) = (vec![never; circuit.nodes()], vec![0; circuit.nodes()]);
    for (&node, at) in order.iter().zip(0u32..) {
        let (a, b) = gate(node).operands();
        for operand in [a.node() as usize, b.node() as usize] {
            first_use[operand] = first_use[operand].min(at);
            last_use[operand] = at;
        }
    }
    for output in &circuit.outputs {
        last_use[output.node() as usize] = never;
    }
    let waits = |node: u32| {
        let (a, b) = gate(node).operands();
        let needed = first_use[node as usize];
        let alive = |node: u32| last_use[node as usize] > needed;
        matches!(gate(node), Gate::Xor(..)) && needed != never && (alive(a.node()) || alive(b.node()))
    };
    let mut result = Vec::with_capacity(order.len());
    let mut made = vec![false; circuit.nodes()];
    made[..first as usize].fill(true);
    let mut todo = Vec::new();
    for &node in order {
        if waits(node) {
            continue;
        }
        todo.push((node, false));
        while let Some((node, ready)) = todo.pop() {
            if made[node as usize] {
                continue;
            }
            if ready {
                made[node as usize] = true;
                result.push(node);
            } else {
                let (a, b) = gate(node).operands();
                todo.extend([(node, true), (b.node(), false), (a.node(), false)]);
            }
        }
    }
    result
}

/// The most wires alive at once.
fn most_alive(circuit: &Circuit, order: &[u32]) -> usize {
    let first = 1 + circuit.inputs;
    let mut uses = vec![0u32; circuit.nodes()];
    let operands = circuit.gates.iter().flat_map(|gate| <[_; 2]>::from(gate.operands()));
    for bit in operands.chain(circuit.outputs.iter().copied()) {
        uses[bit.node() as usize] += 1;
    }
    let mut alive = uses[1..first as usize].iter().filter(|&&uses| uses > 0).count();
    let mut most = alive;
    for &node in order {
        let (a, b) = circuit.gates[(node - first) as usize].operands();
        for operand in [a, b] {
            let uses = &mut uses[operand.node() as usize];
            *uses -= 1;
            alive -= usize::from(*uses == 0);
        }
        alive += 1;
        most = most.max(alive);
    }
    most
}
