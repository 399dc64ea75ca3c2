//! An oblivious read or write by an index that everyone knows is a slice or an update, out of range an error.

use motet_program::data::Elem;
use motet_program::ir::{Node, Op, Program};
use motet_program::place::{Place, places};

use super::rewrite::{Output, Rewrite, rewrite};

/// Rewrites reads and writes by public scalars.
pub fn public_reads(program: &Program) -> Program {
    rewrite(program, PublicReads { places: places(program), out: Output::of(program) })
}

struct PublicReads {
    places: Vec<Place>,
    out: Output,
}

impl Rewrite for PublicReads {
    fn output(&mut self) -> &mut Output {
        &mut self.out
    }

    fn node(&mut self, node: &Node) {
        let (Op::Read { index, .. } | Op::Write { index, .. }) = &node.op else { return self.copy(node) };
        if self.places[index.0 as usize] != Place::Public || !self.out.ty(*index).shape.is_empty() {
            return self.copy(node);
        }
        let out = &mut self.out;
        out.b.site = node.site;
        let index = out.get(*index);
        let at = out.b.cast(index, Elem::Int);
        let new = match &node.op {
            Op::Write { table, value, .. } => {
                let (table, value) = (out.get(*table), out.get(*value));
                let row = [&[1], out.b.shape(value).as_slice()].concat();
                let part = out.b.reshape(value, row);
                let mut starts = vec![out.b.int(0); out.b.shape(table).len()];
                starts[0] = at;
                out.b.update(table, part, starts)
            }
            Op::Read { table, .. } => {
                let table = out.get(*table);
                out.b.row(table, at)
            }
            _ => return,
        };
        out.set(node.results[0], new);
    }
}
