//! Imported circuits, gate by gate in the clear.

use motet_circuits::{Bit, Circuit, Gate};

use super::error::SimulateErrorKind as Kind;
use super::value::Value;

/// Evaluates a circuit; `result` gives the form of what it makes. Bits are elements in order, low bit first.
pub(super) fn evaluate(circuit: &Circuit, args: &[Value], mut result: Value) -> Result<Value, Kind> {
    let mut nodes = vec![false];
    for arg in args {
        arg.for_each_leaf(&mut |a| {
            for ring in a.data() {
                nodes.extend((0..a.elem.bits()).map(|k| ring >> k & 1 == 1));
            }
        });
    }
    if nodes.len() != circuit.inputs as usize + 1 {
        return Err(Kind::Malformed("a circuit with other inputs than its declaration"));
    }
    let bit = |nodes: &[bool], b: Bit| {
        nodes.get(b.node() as usize).map(|v| v ^ b.inverted()).ok_or(Kind::Malformed("a circuit with a loose wire"))
    };
    for gate in &circuit.gates {
        let value = match *gate {
            Gate::Xor(a, b) => bit(&nodes, a)? ^ bit(&nodes, b)?,
            Gate::And(a, b) => bit(&nodes, a)? & bit(&nodes, b)?,
        };
        nodes.push(value);
    }
    let mut outputs = Vec::with_capacity(circuit.outputs.len());
    for &b in &circuit.outputs {
        outputs.push(bit(&nodes, b)?);
    }
    let mut rest = outputs.as_slice();
    fill(&mut result, &mut rest).ok_or(Kind::Malformed("a circuit with fewer outputs than its declaration"))?;
    Ok(result)
}

/// Fills a value's elements from bits.
fn fill(value: &mut Value, bits: &mut &[bool]) -> Option<()> {
    match value {
        Value::Group(parts) => parts.iter_mut().try_for_each(|p| fill(p, bits)),
        Value::Leaf(a) => {
            let width = a.elem.bits() as usize;
            for element in a.data_mut() {
                let (now, rest) = bits.split_at_checked(width)?;
                *element = now.iter().rev().fold(0, |ring, &b| ring << 1 | u64::from(b));
                *bits = rest;
            }
            Some(())
        }
    }
}
