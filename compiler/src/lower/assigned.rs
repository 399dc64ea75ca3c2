//! Which variables a piece of code assigns that it has not declared itself, and whether it may return.

use std::collections::BTreeSet;

use crate::typed::tree::{Closure, Expr, ExprKind, Index, LocalId, Pattern, Place, Step, Stmt, StmtKind};

/// What a piece of code changes outside itself.
#[derive(Default)]
pub(super) struct Effects {
    assigned: BTreeSet<LocalId>,
    bound: BTreeSet<LocalId>,
    /// Whether it holds a `return`.
    pub returns: bool,
}

impl Effects {
    /// Of an expression.
    pub fn of(expr: &Expr) -> Effects {
        let mut effects = Effects::default();
        effects.expr(expr);
        effects
    }

    /// Of the end of a block.
    pub fn of_rest(stmts: &[Stmt], tail: Option<&Expr>) -> Effects {
        let mut effects = Effects::default();
        stmts.iter().for_each(|s| effects.stmt(s));
        tail.into_iter().for_each(|e| effects.expr(e));
        effects
    }

    /// Of two pieces.
    pub fn and(mut self, other: Effects) -> Effects {
        self.assigned.extend(other.assigned);
        self.bound.extend(other.bound);
        self.returns |= other.returns;
        self
    }

    /// The variables from outside that it assigns.
    pub fn locals(&self) -> impl Iterator<Item = LocalId> + '_ {
        self.assigned.difference(&self.bound).copied()
    }

    fn exprs<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        exprs.into_iter().for_each(|e| self.expr(e));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Const(_) | ExprKind::Dim(_) | ExprKind::Local(_) => {}
            ExprKind::Unary(_, a) | ExprKind::Cast(a) | ExprKind::Coerce(a) | ExprKind::Field(a, _) => self.expr(a),
            ExprKind::Repeat(a, _) => self.expr(a),
            ExprKind::Binary(_, a, b) => self.exprs([&**a, &**b]),
            ExprKind::Call { args, .. } => self.exprs(args.iter().map(|(e, _)| e)),
            ExprKind::Extern(_, args)
            | ExprKind::Builtin(_, args)
            | ExprKind::Aggregate(args)
            | ExprKind::Array(args)
            | ExprKind::Grad { args, .. } => self.exprs(args),
            ExprKind::Map { xs, closure } => {
                self.exprs(xs);
                self.closure(closure);
            }
            ExprKind::Fold { start, xs, closure } => {
                self.exprs([&**start, &**xs]);
                self.closure(closure);
            }
            ExprKind::Index(base, indices) => {
                self.expr(base);
                self.indices(indices);
            }
            ExprKind::If { cond, then, otherwise } => self.exprs([&**cond, &**then, &**otherwise]),
            ExprKind::Block(stmts, tail) => {
                stmts.iter().for_each(|s| self.stmt(s));
                self.exprs(tail.as_deref());
            }
        }
    }

    fn closure(&mut self, closure: &Closure) {
        closure.params.iter().for_each(|p| self.pattern(p));
        self.expr(&closure.body);
    }

    fn indices(&mut self, indices: &[Index]) {
        for index in indices {
            if let Index::At(e) | Index::Range(e, _) = index {
                self.expr(e);
            }
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Local(local) => {
                self.bound.insert(*local);
            }
            Pattern::Tuple(parts) => parts.iter().for_each(|p| self.pattern(p)),
            Pattern::Wild => {}
        }
    }

    fn place(&mut self, place: &Place) {
        self.assigned.insert(place.local);
        for step in &place.path {
            if let Step::Index(indices) = step {
                self.indices(indices);
            }
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                self.pattern(pattern);
                self.expr(value);
            }
            StmtKind::Assign(place, value) => {
                self.place(place);
                self.expr(value);
            }
            StmtKind::Range { pattern, from, to, body } => {
                self.pattern(pattern);
                self.exprs([from, to, body]);
            }
            StmtKind::Rows { pattern, xs, body } => {
                self.pattern(pattern);
                self.exprs([xs, body]);
            }
            StmtKind::Return(value) => {
                self.returns = true;
                self.expr(value);
            }
            StmtKind::Expr(e) => self.expr(e),
        }
    }
}
