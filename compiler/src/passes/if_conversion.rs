//! A branch on a secret: both sides are computed, and what comes out of it is selected. Branches on public conditions
//! stay, but those that only pick between public scalars, such as `a && b` of public `a` and `b`.

use motet_program::ir::{Block, Node, Op, Program};
use motet_program::place::{Place, places};

use super::rewrite::{Output, Rewrite, rewrite};

/// Rewrites branches on secrets as selections.
pub fn if_conversion(program: &Program) -> Program {
    rewrite(program, IfConversion { places: places(program), out: Output::of(program) })
}

struct IfConversion {
    places: Vec<Place>,
    out: Output,
}

impl Rewrite for IfConversion {
    fn output(&mut self) -> &mut Output {
        &mut self.out
    }

    fn node(&mut self, node: &Node) {
        let Op::If { cond, then, otherwise } = &node.op else { return self.copy(node) };
        let secret = self.places[cond.0 as usize] != Place::Public;
        if !secret && !self.picks(node, then, otherwise) {
            return self.copy(node);
        }
        let cond = self.out.get(*cond);
        let left = self.inline(then);
        let right = self.inline(otherwise);
        let out = &mut self.out;
        out.b.site = node.site;
        for ((result, a), b) in node.results.iter().zip(left).zip(right) {
            let new = out.b.select(cond, a, b);
            out.set(*result, new);
        }
    }
}

impl IfConversion {
    /// Whether a public branch only picks between public scalars that are there already, or cost nothing to compute.
    fn picks(&self, node: &Node, then: &Block, otherwise: &Block) -> bool {
        let public = |v: &motet_program::ir::Value| {
            self.places[v.0 as usize] == Place::Public && self.out.ty(*v).shape.is_empty()
        };
        let free = |n: &Node| match &n.op {
            Op::Const(_) | Op::Select(..) | Op::Cast(_) => true,
            Op::Unary(_, v) | Op::Binary(_, v, _) => {
                self.out.ty(*v).elem != motet_program::data::Elem::Int
                    || matches!(&n.op, Op::Binary(motet_program::ir::Binary::Eq | motet_program::ir::Binary::Lt, ..))
            }
            _ => false,
        };
        let cheap = |b: &Block| b.ops.iter().all(|n| free(n) && n.results.iter().all(public));
        node.results.iter().all(public) && cheap(then) && cheap(otherwise)
    }
}
