//! Writing a file.

use std::collections::HashMap;
use std::fmt;

use super::Bristol;
use crate::circuit::{Bit, Circuit, Gate};

/// The text of a file: header, a blank line, a line for each gate.
impl fmt::Display for Bristol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writer = Writer::new(&self.circuit);
        let wires = u64::from(self.circuit.inputs) + writer.lines.len() as u64;
        writeln!(f, "{} {wires}", writer.lines.len())?;
        for values in [&self.inputs, &self.outputs] {
            write!(f, "{}", values.len())?;
            values.iter().try_for_each(|bits| write!(f, " {bits}"))?;
            writeln!(f)?;
        }
        writeln!(f)?;
        writer.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A gate's line.
enum GateLine {
    Xor(u32, u32, u32),
    And(u32, u32, u32),
    Inv(u32, u32),
    Eq(bool, u32),
    Eqw(u32, u32),
}

impl fmt::Display for GateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            GateLine::Xor(a, b, out) => write!(f, "2 1 {a} {b} {out} XOR"),
            GateLine::And(a, b, out) => write!(f, "2 1 {a} {b} {out} AND"),
            GateLine::Inv(a, out) => write!(f, "1 1 {a} {out} INV"),
            GateLine::Eq(value, out) => write!(f, "1 1 {} {out} EQ", u8::from(value)),
            GateLine::Eqw(a, out) => write!(f, "1 1 {a} {out} EQW"),
        }
    }
}

/// Numbers wires such that the outputs come last.
struct Writer {
    lines: Vec<GateLine>,
    /// Wires of bits that have one.
    wires: HashMap<Bit, u32>,
    next: u32,
}

impl Writer {
    fn new(circuit: &Circuit) -> Writer {
        // An output has to be set by a gate of its own; the first output of a gate's bit is set by the gate itself.
        let mut own: HashMap<Bit, usize> = HashMap::new();
        for (i, &bit) in circuit.outputs.iter().enumerate() {
            if bit.node() > circuit.inputs && !bit.inverted() {
                own.entry(bit).or_insert(i);
            }
        }
        // Number first as if the outputs came after 2³¹ others, for how many there are is known at the end.
        const OUTPUTS: u32 = 1 << 31;
        let inputs = (0..circuit.inputs).map(|wire| (Bit::of(1 + wire), wire)).collect();
        let mut writer = Writer { lines: Vec::new(), wires: inputs, next: circuit.inputs };
        for (gate, node) in circuit.gates.iter().zip(1 + circuit.inputs..) {
            let (a, b) = gate.operands();
            let (a, b) = (writer.wire(a), writer.wire(b));
            let out = match own.get(&Bit::of(node)) {
                Some(&i) => OUTPUTS + i as u32,
                None => writer.fresh(),
            };
            writer.wires.insert(Bit::of(node), out);
            writer.lines.push(match gate {
                Gate::Xor(..) => GateLine::Xor(a, b, out),
                Gate::And(..) => GateLine::And(a, b, out),
            });
        }
        for (i, &bit) in circuit.outputs.iter().enumerate() {
            let out = OUTPUTS + i as u32;
            let line = match bit {
                _ if own.get(&bit) == Some(&i) => continue,
                Bit::FALSE | Bit::TRUE => GateLine::Eq(bit == Bit::TRUE, out),
                _ if bit.inverted() => GateLine::Inv(writer.wire(!bit), out),
                _ => GateLine::Eqw(writer.wire(bit), out),
            };
            writer.lines.push(line);
        }
        let last = writer.next;
        let renumber = |wire: &mut u32| {
            if *wire >= OUTPUTS {
                *wire = *wire - OUTPUTS + last;
            }
        };
        for line in &mut writer.lines {
            match line {
                GateLine::Xor(a, b, out) | GateLine::And(a, b, out) => [a, b, out].into_iter().for_each(renumber),
                GateLine::Inv(a, out) | GateLine::Eqw(a, out) => [a, out].into_iter().for_each(renumber),
                GateLine::Eq(_, out) => renumber(out),
            }
        }
        writer
    }

    /// The wire of a bit, made if there is none.
    fn wire(&mut self, bit: Bit) -> u32 {
        if let Some(&wire) = self.wires.get(&bit) {
            return wire;
        }
        let line = match bit {
            Bit::FALSE | Bit::TRUE => {
                let out = self.fresh();
                (GateLine::Eq(bit == Bit::TRUE, out), out)
            }
            _ => {
                let plain = self.wire(!bit);
                let out = self.fresh();
                (GateLine::Inv(plain, out), out)
            }
        };
        self.wires.insert(bit, line.1);
        self.lines.push(line.0);
        line.1
    }

    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }
}
