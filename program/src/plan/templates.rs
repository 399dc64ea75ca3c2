//! The plan's templates, each made once.

use std::collections::HashMap;

use motet_circuits::{Circuit, Known, Template};

/// Templates by index; equal circuits with equal knowledge share one.
#[derive(Default)]
pub struct Templates {
    /// The templates.
    pub all: Vec<Template>,
    /// Gates of all of them.
    pub gates: u64,
    made: HashMap<(Circuit, Vec<Known>), u32>,
}

impl Templates {
    /// Forgets all templates but the first `count`, which had so many gates.
    pub fn truncate(&mut self, count: usize, gates: u64) {
        self.all.truncate(count);
        self.made.retain(|_, index| (*index as usize) < count);
        self.gates = gates;
    }

    /// The index of the circuit's template.
    pub fn add(&mut self, circuit: Circuit, known: Vec<Known>) -> u32 {
        if let Some(&index) = self.made.get(&(circuit.clone(), known.clone())) {
            return index;
        }
        let index = self.all.len() as u32;
        self.gates += circuit.gates.len() as u64;
        self.all.push(Template::new(&circuit, &known));
        self.made.insert((circuit, known), index);
        index
    }
}
