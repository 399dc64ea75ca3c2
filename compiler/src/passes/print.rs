//! A program as text, for people and for tests: one operation a line, its type behind it.
//!
//! Values are numbered in the order in which they appear, so that equal programs print alike.

use std::collections::HashMap;
use std::fmt::Write;

use motet_program::ir::{Block, Constant, Node, Op, Program, Value};

/// The program as text.
pub fn print(program: &Program) -> String {
    let mut printer = Printer { program, names: HashMap::new(), out: String::new() };
    printer.block(&program.body, 0, "return");
    printer.out
}

struct Printer<'p> {
    program: &'p Program,
    names: HashMap<Value, usize>,
    out: String,
}

impl Printer<'_> {
    fn name(&mut self, v: Value) -> String {
        let next = self.names.len();
        format!("%{}", self.names.entry(v).or_insert(next))
    }

    /// A value where it is read: scalar constants by what they are.
    fn names(&mut self, vs: &[Value]) -> String {
        vs.iter().map(|v| self.name(*v)).collect::<Vec<_>>().join(", ")
    }

    fn typed(&mut self, vs: &[Value]) -> String {
        let typed = |v: &Value| format!("{}: {}", self.name(*v), self.program.ty(*v));
        vs.iter().map(typed).collect::<Vec<_>>().join(", ")
    }

    fn line(&mut self, depth: usize, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{}{text}", "  ".repeat(depth));
    }

    fn block(&mut self, block: &Block, depth: usize, last: &str) {
        block.ops.iter().for_each(|node| self.node(node, depth));
        if !block.results.is_empty() {
            let results = self.names(&block.results);
            self.line(depth, &format!("{last} {results}"));
        }
    }

    fn node(&mut self, node: &Node, depth: usize) {
        match &node.op {
            Op::Loop { from, to, init, body } => {
                let (from, to, init) = (self.name(*from), self.name(*to), self.names(init));
                let params = self.typed(&body.params);
                self.line(depth, &format!("loop {from}..{to} ({init}) as {params} {{"));
                self.block(body, depth + 1, "next");
            }
            Op::Each { count, body } => {
                let params = self.typed(&body.params);
                self.line(depth, &format!("each {count} as {params} {{"));
                self.block(body, depth + 1, "row");
            }
            Op::If { cond, then, otherwise } => {
                let cond = self.name(*cond);
                self.line(depth, &format!("if {cond} {{"));
                self.block(then, depth + 1, "give");
                self.line(depth, "} else {");
                self.block(otherwise, depth + 1, "give");
            }
            op => {
                let text = self.operation(op);
                let text = match &node.results[..] {
                    [] => text,
                    results => format!("{} = {text}", self.typed(results)),
                };
                return self.line(depth, &text);
            }
        }
        let results = self.typed(&node.results);
        self.line(depth, if results.is_empty() { "}".into() } else { format!("}} -> {results}") }.as_str());
    }

    fn operation(&mut self, op: &Op) -> String {
        let mut operands = Vec::new();
        op.for_each_operand(|v| operands.push(v));
        let names = self.names(&operands);
        match op {
            Op::Input { param, leaf } => {
                let name = self.program.params.get(*param as usize).map_or("?", |p| &p.name);
                format!("input {name}.{leaf}")
            }
            Op::Const(Constant::Splat(ring)) => format!("const {}", *ring as i64),
            Op::Const(Constant::Iota) => "iota".into(),
            Op::Const(Constant::Dense(rings)) => format!("const {:?}", rings),
            Op::Reveal(_) => format!("reveal {names}"),
            Op::Assert(_) => format!("assert {names}"),
            Op::RandomPublic(_) => format!("random_public {names}"),
            Op::Reshape(_) => format!("reshape {names}"),
            Op::Broadcast(_) => format!("broadcast {names}"),
            Op::Transpose(_, perm) => format!("transpose {names} {perm:?}"),
            Op::Slice(v, starts) => format!("{}[{}]", self.name(*v), self.names(starts)),
            Op::Update { base, part, starts } => {
                format!("{} with [{}] = {}", self.name(*base), self.names(starts), self.name(*part))
            }
            Op::Concat(_, axis) => format!("concat {names} axis {axis}"),
            Op::Pad { widths, .. } => format!("pad {names} {widths:?}"),
            Op::Gather(..) => format!("gather {names}"),
            Op::MatMul(..) => format!("matmul {names}"),
            Op::Conv2d(_, _, conv) => {
                let motet_program::ir::Conv2d { stride, dilation, groups } = conv;
                format!("conv2d {names} stride {stride:?} dilation {dilation:?} groups {groups}")
            }
            Op::Unary(op, _) => format!("{} {names}", format!("{op:?}").to_lowercase()),
            Op::Binary(op, ..) => format!("{} {names}", format!("{op:?}").to_lowercase()),
            Op::Cast(_) => format!("cast {names}"),
            Op::Coerce(_) => format!("coerce {names}"),
            Op::Select(..) => format!("select {names}"),
            Op::Reduce(op, _, axis) => format!("reduce {} {names} axis {axis}", format!("{op:?}").to_lowercase()),
            Op::Read { .. } => format!("read {names}"),
            Op::Write { .. } => format!("write {names}"),
            Op::Circuit { circuit, batch, .. } => format!("circuit {circuit} batch {batch} {names}"),
            Op::Loop { .. } | Op::Each { .. } | Op::If { .. } => String::new(),
        }
    }
}
