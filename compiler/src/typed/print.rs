//! Types and typed trees as text, for messages and tests.

use std::fmt::Write;

use motet_program::data::Elem;

use super::operators::symbol;
use super::tree::*;
use crate::parse::ast::UnaryOp;

/// A type as the user would write it; `fix` stands for the program's own.
pub fn ty(ty: &Ty, fix: Elem) -> String {
    match ty {
        Ty::Scalar(e) => elem(*e, fix),
        Ty::Tensor(of, shape) => format!("{}[{}]", self::ty(of, fix), join(shape)),
        Ty::Tuple(parts) if parts.len() == 1 => format!("({},)", self::ty(&parts[0], fix)),
        Ty::Tuple(parts) => format!("({})", parts.iter().map(|p| self::ty(p, fix)).collect::<Vec<_>>().join(", ")),
        Ty::Struct(s) => s.name.clone(),
    }
}

/// An element type as the user would write it.
pub fn elem(e: Elem, fix: Elem) -> String {
    match e {
        Elem::Bool => "bool".into(),
        Elem::Int => "int".into(),
        Elem::Uint(n) => format!("u{n}"),
        Elem::Sint(n) => format!("i{n}"),
        Elem::Fix { .. } if e == fix => "fix".into(),
        Elem::Fix { bits, frac } => format!("fix<{bits}, {frac}>"),
    }
}

/// Texts with commas between.
pub fn join<T: std::fmt::Display>(of: &[T]) -> String {
    of.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// A tree: every function with its variables' types, in order.
pub fn tree(tree: &Tree) -> String {
    let mut out = String::new();
    for function in &tree.functions {
        out.push_str(&self::function(tree, function));
        out.push('\n');
    }
    let entry = &tree.functions[tree.entry.0 as usize].name;
    let owners: Vec<String> =
        tree.owners.iter().map(|o| o.map_or("public".into(), |o| tree.parties[o].clone())).collect();
    let shown: Vec<String> = tree
        .shown
        .iter()
        .map(|to| format!("({})", to.iter().map(|p| tree.parties[*p].as_str()).collect::<Vec<_>>().join(", ")))
        .collect();
    let _ = writeln!(out, "entry {entry}({}) shown to {}", owners.join(", "), shown.join(", "));
    out
}

/// A function.
pub fn function(tree: &Tree, function: &Function) -> String {
    let printer = Printer { names: Some((tree, function)) };
    let params: Vec<String> = function.params.iter().map(|p| printer.declared(*p)).collect();
    let head = format!("fn {}({}) -> {} ", function.name, params.join(", "), plain(&function.result));
    head + &printer.expr(&function.body, 0) + "\n"
}

/// An expression, variables and functions by number.
pub fn expression(e: &Expr) -> String {
    Printer { names: None }.expr(e, 0)
}

/// A type with each `fix` written out.
fn plain(t: &Ty) -> String {
    ty(t, Elem::Bool)
}

struct Printer<'a> {
    names: Option<(&'a Tree, &'a Function)>,
}

impl Printer<'_> {
    fn local(&self, id: LocalId) -> String {
        match self.names {
            Some((_, f)) => format!("{}#{}", f.locals[id.0 as usize].name, id.0),
            None => format!("#{}", id.0),
        }
    }

    fn declared(&self, id: LocalId) -> String {
        match self.names {
            Some((_, f)) => format!("{}: {}", self.local(id), plain(&f.locals[id.0 as usize].ty)),
            None => self.local(id),
        }
    }

    fn pattern(&self, p: &Pattern) -> String {
        match p {
            Pattern::Local(id) => self.declared(*id),
            Pattern::Tuple(parts) => {
                format!("({})", parts.iter().map(|p| self.pattern(p)).collect::<Vec<_>>().join(", "))
            }
            Pattern::Wild => "_".into(),
        }
    }

    fn list(&self, of: &[Expr], depth: usize) -> String {
        of.iter().map(|e| self.expr(e, depth)).collect::<Vec<_>>().join(", ")
    }

    fn closure(&self, c: &Closure, depth: usize) -> String {
        let params: Vec<String> = c.params.iter().map(|p| self.pattern(p)).collect();
        format!("|{}| {}", params.join(", "), self.expr(&c.body, depth))
    }

    fn indices(&self, indices: &[Index], depth: usize) -> String {
        let parts: Vec<String> = indices
            .iter()
            .map(|i| match i {
                Index::At(e) => self.expr(e, depth),
                Index::Range(start, len) => format!("{}; {len}", self.expr(start, depth)),
                Index::All => "..".into(),
            })
            .collect();
        format!("[{}]", parts.join(", "))
    }

    fn expr(&self, e: &Expr, depth: usize) -> String {
        match &e.kind {
            ExprKind::Const(ring) => match &e.ty {
                Ty::Scalar(Elem::Bool) => (*ring != 0).to_string(),
                Ty::Scalar(elem) => {
                    let suffix = if *elem == Elem::Int { String::new() } else { self::elem(*elem, Elem::Bool) };
                    format!("{}{suffix}", elem.number(*ring))
                }
                _ => ring.to_string(),
            },
            ExprKind::Dim(d) => format!("{{{d}}}"),
            ExprKind::Local(id) => self.local(*id),
            ExprKind::Unary(op, of) => {
                format!("{}{}", if *op == UnaryOp::Neg { "-" } else { "!" }, self.expr(of, depth))
            }
            ExprKind::Binary(op, l, r) => format!("({} {} {})", self.expr(l, depth), symbol(*op), self.expr(r, depth)),
            ExprKind::Cast(of) => format!("({} as {})", self.expr(of, depth), plain(&e.ty)),
            ExprKind::Coerce(of) => format!("({} to {})", self.expr(of, depth), plain(&e.ty)),
            ExprKind::Call { function, lead, args } => {
                let args: Vec<String> = args
                    .iter()
                    .map(|(a, mapped)| format!("{}{}", if *mapped { "each " } else { "" }, self.expr(a, depth)))
                    .collect();
                let name = match self.names {
                    Some((tree, _)) => format!("{}#{}", tree.functions[function.0 as usize].name, function.0),
                    None => format!("fn#{}", function.0),
                };
                let over = if lead.is_empty() { String::new() } else { format!(" over [{}]", join(lead)) };
                format!("{name}({}){over}", args.join(", "))
            }
            ExprKind::Extern(index, args) => match self.names {
                Some((tree, _)) => format!("extern {}({})", tree.externs[*index].name, self.list(args, depth)),
                None => format!("extern#{index}({})", self.list(args, depth)),
            },
            ExprKind::Builtin(builtin, args) => format!("{builtin:?}({}): {}", self.list(args, depth), plain(&e.ty)),
            ExprKind::Map { xs, closure } => format!("map({}, {})", self.closure(closure, depth), self.list(xs, depth)),
            ExprKind::Fold { start, xs, closure } => {
                format!("fold({}, {}, {})", self.closure(closure, depth), self.expr(start, depth), self.expr(xs, depth))
            }
            ExprKind::Grad { function, args, with_value } => {
                let name = if *with_value { "value_and_grad" } else { "grad" };
                format!("{name}(fn#{})({})", function.0, self.list(args, depth))
            }
            ExprKind::Index(base, indices) => self.expr(base, depth) + &self.indices(indices, depth),
            ExprKind::Field(base, i) => format!("{}.{i}", self.expr(base, depth)),
            ExprKind::Aggregate(parts) => format!("({})", self.list(parts, depth)),
            ExprKind::Array(parts) => format!("[{}]", self.list(parts, depth)),
            ExprKind::Repeat(of, n) => format!("[{}; {n}]", self.expr(of, depth)),
            ExprKind::If { cond, then, otherwise } => {
                format!("if {} {} else {}", self.expr(cond, depth), self.expr(then, depth), self.expr(otherwise, depth))
            }
            ExprKind::Block(stmts, value) => self.block(stmts, value.as_deref(), depth),
        }
    }

    fn block(&self, stmts: &[Stmt], value: Option<&Expr>, depth: usize) -> String {
        let pad = "    ".repeat(depth + 1);
        let mut out = String::from("{\n");
        for stmt in stmts {
            let _ = writeln!(out, "{pad}{}", self.stmt(stmt, depth + 1));
        }
        if let Some(value) = value {
            let _ = writeln!(out, "{pad}{}", self.expr(value, depth + 1));
        }
        out + &"    ".repeat(depth) + "}"
    }

    fn stmt(&self, stmt: &Stmt, depth: usize) -> String {
        match &stmt.kind {
            StmtKind::Let(p, e) => format!("let {} = {};", self.pattern(p), self.expr(e, depth)),
            StmtKind::Assign(place, e) => {
                let path: String = place
                    .path
                    .iter()
                    .map(|s| match s {
                        Step::Field(i) => format!(".{i}"),
                        Step::Index(indices) => self.indices(indices, depth),
                    })
                    .collect();
                format!("{}{path} = {};", self.local(place.local), self.expr(e, depth))
            }
            StmtKind::Range { pattern, from, to, body } => format!(
                "for {} in {}..{} {}",
                self.pattern(pattern),
                self.expr(from, depth),
                self.expr(to, depth),
                self.expr(body, depth)
            ),
            StmtKind::Rows { pattern, xs, body } => {
                format!("for {} in {} {}", self.pattern(pattern), self.expr(xs, depth), self.expr(body, depth))
            }
            StmtKind::Return(e) => format!("return {};", self.expr(e, depth)),
            StmtKind::Expr(e) => format!("{};", self.expr(e, depth)),
        }
    }
}
