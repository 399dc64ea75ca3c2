//! Reading a file, whatever it holds.

use super::{Bristol, BristolError, Expected, MAX_INPUT_BITS, Problem};
use crate::builder::MAX_NODES;
use crate::circuit::{Bit, Circuit, Gate};

/// Most wires, so that every one can be a node.
const MAX_WIRES: u64 = MAX_NODES as u64 - 1;

impl Bristol {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first thing wrong, with its line.
    pub fn parse(text: &str) -> Result<Bristol, BristolError> {
        let mut lines = Lines::new(text);

        let mut line = lines.next(Expected::GateCount)?;
        let gates = line.number(Expected::GateCount)?;
        let wires = line.number(Expected::WireCount)?;
        line.end()?;
        // The shortest gate is `1 1 0 1 EQ`.
        if gates > text.len() as u64 / 10 {
            return Err(line.wrong(Problem::Gates { gates, bytes: text.len() }));
        }
        let mut line = lines.next(Expected::ValueCount)?;
        let inputs = line.values()?;
        let input_bits = inputs.iter().map(|&bits| u64::from(bits)).sum();
        if input_bits > MAX_INPUT_BITS {
            return Err(line.wrong(Problem::Inputs(input_bits)));
        }
        // Every gate takes at least two characters for each wire that it sets.
        let most = input_bits + text.len() as u64 / 2;
        if wires < input_bits || wires > most.min(MAX_WIRES) {
            return Err(line.wrong(Problem::Wires { wires, made: most.min(input_bits + gates) }));
        }
        let mut line = lines.next(Expected::ValueCount)?;
        let outputs = line.values()?;
        let output_bits = outputs.iter().map(|&bits| u64::from(bits)).sum();
        if output_bits > wires {
            return Err(line.wrong(Problem::Outputs { bits: output_bits, wires }));
        }

        let mut reader = Reader::new(input_bits as u32, wires, gates);
        for _ in 0..gates {
            reader.gate(&mut lines.next(Expected::Arity)?)?;
        }
        if let Ok(line) = lines.next(Expected::LineEnd) {
            return Err(line.wrong(Problem::Surplus(gates)));
        }
        if reader.set != wires {
            return Err(lines.wrong(Problem::Wires { wires, made: reader.set }));
        }
        let outputs_from = (wires - output_bits)..wires;
        let bits = outputs_from.map(|w| reader.wires[w as usize].ok_or(lines.wrong(Problem::UnsetOutput(w))));
        reader.circuit.outputs = bits.collect::<Result<_, _>>()?;
        Ok(Bristol { circuit: reader.circuit, inputs, outputs })
    }
}

/// What has been read of the gates.
struct Reader {
    circuit: Circuit,
    wires: Vec<Option<Bit>>,
    /// Wires that have been set.
    set: u64,
}

impl Reader {
    fn new(inputs: u32, wires: u64, gates: u64) -> Reader {
        let mut set: Vec<Option<Bit>> = (1..=inputs).map(|node| Some(Bit::of(node))).collect();
        set.resize(wires as usize, None);
        let circuit = Circuit { inputs, gates: Vec::with_capacity(gates as usize), outputs: Vec::new() };
        Reader { circuit, wires: set, set: u64::from(inputs) }
    }

    fn gate(&mut self, line: &mut Line<'_>) -> Result<(), BristolError> {
        let inputs = line.number(Expected::Arity)?;
        let outputs = line.number(Expected::Arity)?;
        let kind = line.last_word();
        let arity = |kind: &'static str, legal: bool| match legal {
            true => Ok(()),
            false => Err(line.wrong(Problem::Arity { kind, inputs, outputs })),
        };
        match kind {
            Some("XOR") => {
                arity("XOR", (inputs, outputs) == (2, 1))?;
                let (a, b) = (self.read(line)?, self.read(line)?);
                self.push(line, Gate::Xor(a, b))?;
            }
            Some("AND") => {
                arity("AND", (inputs, outputs) == (2, 1))?;
                let (a, b) = (self.read(line)?, self.read(line)?);
                self.push(line, Gate::And(a, b))?;
            }
            Some("INV" | "NOT") => {
                arity("INV", (inputs, outputs) == (1, 1))?;
                let a = self.read(line)?;
                self.write(line, !a)?;
            }
            Some("EQW") => {
                arity("EQW", (inputs, outputs) == (1, 1))?;
                let a = self.read(line)?;
                self.write(line, a)?;
            }
            Some("EQ") => {
                arity("EQ", (inputs, outputs) == (1, 1))?;
                let value = match line.number(Expected::Constant)? {
                    0 => Bit::FALSE,
                    1 => Bit::TRUE,
                    other => {
                        let found = other.to_string();
                        return Err(line.wrong(Problem::Unexpected { expected: Expected::Constant, found }));
                    }
                };
                self.write(line, value)?;
            }
            Some("MAND") => {
                arity("MAND", inputs.checked_div(2) == Some(outputs) && inputs % 2 == 0 && outputs > 0)?;
                // No more are read than stand on the line.
                let operands = (0..inputs).map(|_| self.read(line)).collect::<Result<Vec<Bit>, _>>()?;
                let (a, b) = operands.split_at(outputs as usize);
                for (&a, &b) in a.iter().zip(b) {
                    self.push(line, Gate::And(a, b))?;
                }
            }
            other => {
                let found = shortened(other.unwrap_or_default());
                return Err(line.wrong(Problem::Unexpected { expected: Expected::Kind, found }));
            }
        }
        match line.word() {
            word if word == kind => line.end(),
            word => {
                let found = shortened(word.unwrap_or_default());
                Err(line.wrong(Problem::Unexpected { expected: Expected::Kind, found }))
            }
        }
    }

    fn read(&self, line: &mut Line<'_>) -> Result<Bit, BristolError> {
        let wire = self.wire(line)?;
        self.wires[wire].ok_or_else(|| line.wrong(Problem::Unset(wire as u64)))
    }

    fn push(&mut self, line: &mut Line<'_>, gate: Gate) -> Result<(), BristolError> {
        let node = self.circuit.nodes() as u32;
        self.circuit.gates.push(gate);
        self.write(line, Bit::of(node))
    }

    fn write(&mut self, line: &mut Line<'_>, bit: Bit) -> Result<(), BristolError> {
        let wire = self.wire(line)?;
        if self.wires[wire].replace(bit).is_some() {
            return Err(line.wrong(Problem::SetTwice(wire as u64)));
        }
        self.set += 1;
        Ok(())
    }

    fn wire(&self, line: &mut Line<'_>) -> Result<usize, BristolError> {
        let wire = line.number(Expected::Wire)?;
        let wires = self.wires.len() as u64;
        if wire < wires { Ok(wire as usize) } else { Err(line.wrong(Problem::NoSuchWire { wire, wires })) }
    }
}

/// The lines that are not blank.
struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Lines<'a> {
        Lines { lines: text.lines().enumerate(), number: 1 }
    }

    fn next(&mut self, expected: Expected) -> Result<Line<'a>, BristolError> {
        for (i, text) in self.lines.by_ref() {
            self.number = i + 1;
            if !text.trim_ascii().is_empty() {
                return Ok(Line { number: i + 1, rest: text.trim_ascii() });
            }
        }
        Err(self.wrong(Problem::Ends(expected)))
    }

    fn wrong(&self, problem: Problem) -> BristolError {
        BristolError { line: self.number, problem }
    }
}

/// What is left of a line.
struct Line<'a> {
    number: usize,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_ascii_start();
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn last_word(&self) -> Option<&'a str> {
        self.rest.rsplit(|c: char| c.is_ascii_whitespace()).next()
    }

    fn number(&mut self, expected: Expected) -> Result<u64, BristolError> {
        let word = self.word().ok_or_else(|| self.wrong(Problem::Ends(expected)))?;
        let digits = word.bytes().all(|c| c.is_ascii_digit());
        let number = if digits { word.parse().ok() } else { None };
        number.ok_or_else(|| self.wrong(Problem::Unexpected { expected, found: shortened(word) }))
    }

    /// A count, and so many numbers of bits.
    fn values(&mut self) -> Result<Vec<u32>, BristolError> {
        let count = self.number(Expected::ValueCount)?;
        let mut values = Vec::new();
        for _ in 0..count {
            let bits = self.number(Expected::Bits)?;
            values.push(u32::try_from(bits).map_err(|_| self.wrong(Problem::Inputs(bits)))?);
        }
        self.end()?;
        Ok(values)
    }

    fn end(&mut self) -> Result<(), BristolError> {
        match self.word() {
            None => Ok(()),
            Some(word) => Err(self.wrong(Problem::Unexpected { expected: Expected::LineEnd, found: shortened(word) })),
        }
    }

    fn wrong(&self, problem: Problem) -> BristolError {
        BristolError { line: self.number, problem }
    }
}

/// The beginning of a word from a file, fit to be shown.
fn shortened(word: &str) -> String {
    let mut short: String = word.chars().take(20).flat_map(char::escape_debug).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    short
}
