//! The plan's templates, each made once.

use std::collections::HashMap;

use motet_circuits::{Circuit, Known, Template};

use super::liveness::blocks_mut;
use super::{Planned, Step};

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

impl Templates {
    /// Drops the templates that no kernel of the steps uses.
    pub fn keep_used(&mut self, steps: &mut [Planned]) {
        let mut used = vec![false; self.all.len()];
        for_each_template(steps, &mut |index| used[*index as usize] = true);
        let mut place = Vec::with_capacity(used.len());
        let mut kept = 0;
        for used in &used {
            place.push(kept);
            kept += u32::from(*used);
        }
        for_each_template(steps, &mut |index| *index = place[*index as usize]);
        let mut used = used.into_iter();
        self.all.retain(|_| used.next() == Some(true));
        self.made.clear();
    }
}

fn for_each_template(steps: &mut [Planned], f: &mut impl FnMut(&mut u32)) {
    for planned in steps {
        if let Step::Kernel(kernel) = &mut planned.step {
            f(&mut kernel.template);
            if let Some(reduce) = &mut kernel.reduce {
                f(&mut reduce.step);
                if reduce.lanes > 1 {
                    f(&mut reduce.combine);
                }
                if let Some(wide) = &mut reduce.wide {
                    f(&mut wide.template);
                }
            }
        }
        blocks_mut(&mut planned.step).into_iter().for_each(|body| for_each_template(body, f));
    }
}
