//! A template cut into levels of ANDs that do not depend on each other, as one party runs it.

use motet_circuits::{AndKind, Fan, Instr, Known, Output, Template};
use motet_program::plan::traffic;

/// Which of the two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The plan's garbler.
    Garbler,
    /// The other one.
    Evaluator,
}

impl Role {
    /// Whether this party's bit of a wire may be other than 0: a wire that one party knows is that party's alone.
    fn holds(self, known: Known) -> bool {
        match known {
            Known::Public | Known::Nobody => true,
            Known::Garbler => self == Role::Garbler,
            Known::Evaluator => self == Role::Evaluator,
        }
    }

    /// Whether this party is the one that complements a wire, and that adds a public bit to it.
    fn anchors(self, known: Known) -> bool {
        match known {
            Known::Public => true,
            Known::Garbler | Known::Nobody => self == Role::Garbler,
            Known::Evaluator => self == Role::Evaluator,
        }
    }
}

/// An operand as this party sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// The slot; none where the bit is 0 before inversion.
    pub slot: Option<usize>,
    /// Whether it is complemented.
    pub invert: bool,
}

/// What needs no message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Local {
    /// `dst = a ⊕ b`.
    Xor { dst: usize, a: Read, b: Read },
    /// `dst = a ∧ b`.
    And { dst: usize, a: Read, b: Read },
}

/// An AND that needs a message: what this party computes of it alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct And {
    pub dst: usize,
    pub a: Read,
    pub b: Read,
}

impl And {
    /// The product of this party's bits.
    pub fn local(self) -> Local {
        Local::And { dst: self.dst, a: self.a, b: self.b }
    }
}

/// A cross term: this party's factor, and where its share of the product is added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub factor: Read,
    pub dst: usize,
}

/// Local steps, then ANDs whose messages go together.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub locals: Vec<Local>,
    pub ands: Vec<And>,
    /// Cross terms of each fan, in order: as many of `terms`.
    pub fans: Vec<usize>,
    /// The cross terms, fan after fan; of a fan the evaluator's factors are the same.
    pub terms: Vec<Term>,
}

/// A template ready to run on shared bits. Input `i` is in slot `i` before the first level.
pub struct Levels {
    pub(super) levels: Vec<Level>,
    pub(super) outputs: Vec<Read>,
    inputs: Vec<Known>,
    slots: usize,
    together: usize,
    ands: u64,
    role: Role,
}

impl Levels {
    /// The template as this party runs it. The template is valid (`Template::check`).
    ///
    /// # Panics
    /// Where it is not.
    pub fn new(template: &Template, role: Role) -> Levels {
        let wires = Wires::of(template);
        let mut slots = Slots::new(template, &wires);
        let fans = template.fans();
        let mut levels = Vec::new();
        let depth = wires.gates.iter().map(|gate| gate.level).max().map_or(0, |last| last + 1);
        let mut by_level: Vec<[Vec<usize>; 2]> = vec![Default::default(); depth];
        for (at, gate) in wires.gates.iter().enumerate() {
            by_level[gate.level][usize::from(gate.messages)].push(at);
        }
        for [locals, ands] in by_level {
            let mut level = Level::default();
            for at in locals {
                level.locals.push(wires.local(at, &mut slots, role));
            }
            // The operands of a level's ANDs stand until all of their messages are in.
            let placed: Vec<And> = ands.iter().map(|at| wires.and(*at, &mut slots, role)).collect();
            ands.iter().for_each(|at| slots.release(&wires.gates[*at]));
            level.ands = placed;
            if let Some(fans) = fans.get(levels.len()) {
                level.take(fans, &ands, role);
            }
            levels.push(level);
        }
        let outputs = template.outputs.iter().zip(&wires.outputs).map(|(output, wire)| match (*output, *wire) {
            (Output::Slot { invert, .. }, Some(wire)) => {
                let known = wires.known[wire];
                // As a shared bit, what both know is the garbler's.
                let mine = if known == Known::Public { role == Role::Garbler } else { role.holds(known) };
                let invert = invert && role.anchors(known) && mine;
                Read { slot: mine.then(|| slots.at(wire)), invert }
            }
            (Output::Const(bit), _) => Read { slot: None, invert: bit && role == Role::Garbler },
            (Output::Slot { .. }, None) => Read::default(),
        });
        let outputs = outputs.collect();
        Levels {
            levels,
            outputs,
            inputs: template.inputs.clone(),
            slots: slots.count,
            together: traffic::together(template) as usize,
            ands: template.counts.half + template.counts.full,
            role,
        }
    }

    /// Most instances that are run together.
    pub fn together(&self) -> usize {
        self.together
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Who knows each input bit.
    pub fn inputs(&self) -> &[Known] {
        &self.inputs
    }

    /// Whether this party has a bit of the input.
    pub fn holds(&self, input: usize) -> bool {
        self.role.holds(self.inputs[input])
    }

    /// Number of output bits.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// ANDs of one instance that cost something, as plans count them.
    pub fn ands(&self) -> u64 {
        self.ands
    }

    /// Which party runs it.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// How many OTs one instance takes.
    pub(super) fn transfers(&self) -> usize {
        self.levels.iter().map(|level| level.fans.len()).sum()
    }

    /// Levels that need messages.
    pub fn depth(&self) -> usize {
        self.levels.iter().filter(|level| !level.ands.is_empty()).count()
    }
}

impl Level {
    /// Takes the fans of this level, whose ANDs are the instructions `ands`.
    fn take(&mut self, fans: &[Fan], ands: &[usize], role: Role) {
        for fan in fans {
            self.fans.push(fan.terms.len());
            for term in &fan.terms {
                let at = ands.binary_search(&term.instr).expect("a cross term is of an AND of its level");
                let And { dst, a, b } = self.ands[at];
                let first = term.garblers_first == (role == Role::Garbler);
                self.terms.push(Term { factor: if first { a } else { b }, dst });
            }
        }
    }
}

/// A gate on wires instead of slots: inputs come first, then the results of gates in order.
struct Gate {
    instr: Instr,
    a: usize,
    b: usize,
    out: usize,
    /// How many levels with messages come before it.
    level: usize,
    /// Whether it needs a message.
    messages: bool,
}

/// The template's wires, each written once.
struct Wires {
    gates: Vec<Gate>,
    known: Vec<Known>,
    outputs: Vec<Option<usize>>,
}

impl Wires {
    fn of(template: &Template) -> Wires {
        let inputs = template.inputs.len();
        let mut wire_of: Vec<usize> = (0..template.slots as usize).collect();
        let mut known = template.inputs.clone();
        let mut level = vec![0; inputs];
        let mut gates = Vec::with_capacity(template.code.len());
        for instr in &template.code {
            let (dst, a, b) = instr.slots();
            let (a, b) = (wire_of[a as usize], wire_of[b as usize]);
            let out = known.len();
            let result = known[a].join(known[b]);
            let messages = match instr {
                Instr::Xor { .. } | Instr::And { kind: AndKind::Public | AndKind::Garbler, .. } => false,
                Instr::And { .. } => result != Known::Evaluator,
            };
            let at = level[a].max(level[b]);
            known.push(result);
            level.push(at + usize::from(messages));
            gates.push(Gate { instr: *instr, a, b, out, level: at, messages });
            wire_of[dst as usize] = out;
        }
        let outputs = template.outputs.iter().map(|output| match output {
            Output::Slot { slot, .. } => Some(wire_of[*slot as usize]),
            Output::Const(_) => None,
        });
        let outputs = outputs.collect();
        Wires { gates, known, outputs }
    }

    /// An operand of a gate whose result is known so, as the party reads it.
    fn read(&self, wire: usize, result: Known, slots: &Slots, role: Role) -> Read {
        let known = self.known[wire];
        let held = role.holds(known) && (known != Known::Public || role.anchors(result));
        Read { slot: held.then(|| slots.at(wire)), invert: false }
    }

    /// A gate without messages.
    fn local(&self, at: usize, slots: &mut Slots, role: Role) -> Local {
        let gate = &self.gates[at];
        let result = self.known[gate.out];
        let local = match gate.instr {
            Instr::Xor { invert, .. } => {
                let mut a = self.read(gate.a, result, slots, role);
                let b = self.read(gate.b, result, slots, role);
                a.invert = invert && role.anchors(result);
                (a, b, true)
            }
            Instr::And { kind: AndKind::Public, invert_a, invert_b, .. } => {
                let a = Read { slot: Some(slots.at(gate.a)), invert: invert_a };
                let known = self.known[gate.b];
                let slot = role.holds(known).then(|| slots.at(gate.b));
                (a, Read { slot, invert: invert_b && role.anchors(known) }, false)
            }
            // One party knows both; at the other the result is 0.
            Instr::And { invert_a, invert_b, .. } => {
                let mine = role.holds(result);
                let read =
                    |wire: usize, invert: bool| Read { slot: mine.then(|| slots.at(wire)), invert: invert && mine };
                (read(gate.a, invert_a), read(gate.b, invert_b), false)
            }
        };
        slots.release(gate);
        let dst = slots.place(gate.out);
        let (a, b, xor) = local;
        if xor { Local::Xor { dst, a, b } } else { Local::And { dst, a, b } }
    }

    /// A gate with messages.
    fn and(&self, at: usize, slots: &mut Slots, role: Role) -> And {
        let gate = &self.gates[at];
        let Instr::And { invert_a, invert_b, .. } = gate.instr else {
            unreachable!("an exclusive or needs no message")
        };
        let read = |wire: usize, invert: bool| {
            let known = self.known[wire];
            Read { slot: role.holds(known).then(|| slots.at(wire)), invert: invert && role.anchors(known) }
        };
        let (a, b) = (read(gate.a, invert_a), read(gate.b, invert_b));
        And { dst: slots.place(gate.out), a, b }
    }
}

/// Where wires stand, and how often they are still read.
struct Slots {
    slot_of: Vec<Option<usize>>,
    left: Vec<u32>,
    free: Vec<usize>,
    count: usize,
}

impl Slots {
    fn new(template: &Template, wires: &Wires) -> Slots {
        let inputs = template.inputs.len();
        let mut left = vec![0; wires.known.len()];
        for gate in &wires.gates {
            left[gate.a] += 1;
            left[gate.b] += 1;
        }
        // An output is never read for the last time.
        wires.outputs.iter().flatten().for_each(|wire| left[*wire] += 1);
        let mut slot_of = vec![None; wires.known.len()];
        (0..inputs).for_each(|input| slot_of[input] = Some(input));
        let free = (0..inputs).filter(|input| left[*input] == 0).collect();
        Slots { slot_of, left, free, count: inputs }
    }

    fn at(&self, wire: usize) -> usize {
        self.slot_of[wire].expect("a wire is written before it is read")
    }

    fn place(&mut self, wire: usize) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.slot_of[wire] = Some(slot);
        if self.left[wire] == 0 {
            self.free.push(slot);
        }
        slot
    }

    /// The gate has read its operands.
    fn release(&mut self, gate: &Gate) {
        for wire in [gate.a, gate.b] {
            self.left[wire] -= 1;
            if self.left[wire] == 0 {
                self.free.push(self.at(wire));
            }
        }
    }
}
