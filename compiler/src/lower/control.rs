//! Statements and control flow: variables become the values that branches and loops hand on.

use motet_program::data::{Elem, Type};
use motet_program::ir::{Op, Value};

use super::assigned::Effects;
use super::{Fails, Lowerer, Returned};
use crate::passes::build::Scope;
use crate::source::Span;
use crate::typed::tree::{Expr, LocalId, Pattern, Stmt, StmtKind, Ty};

/// The variables that a branch or loop may change.
struct State {
    locals: Vec<LocalId>,
    returns: bool,
}

impl<'t> Lowerer<'t> {
    pub(super) fn boolean(&mut self, b: bool) -> Value {
        self.b.constant(u64::from(b), Type::scalar(Elem::Bool))
    }

    /// Zeros in every leaf.
    pub(super) fn zeros(&mut self, ty: &Ty, span: Span) -> Fails<Vec<Value>> {
        let tys = self.leaves(ty, span)?;
        Ok(tys.into_iter().map(|ty| self.b.constant(0, ty)).collect())
    }

    /// The current function's body, with its early returns.
    pub(super) fn function_body(&mut self) -> Fails<Vec<Value>> {
        let function = self.frame.function;
        if !Effects::of(&function.body).returns {
            return self.expr(&function.body);
        }
        let result = self.zeros(&function.result, function.span)?;
        self.frame.returned = Some(Returned { flag: self.boolean(false), result });
        let last = self.expr(&function.body)?;
        let Some(Returned { flag, result }) = self.frame.returned.take() else { return Ok(last) };
        match self.b.splat(flag) {
            Some(0) => Ok(last),
            Some(_) => Ok(result),
            None => self.join(flag, None, |_| Ok(result), |_| Ok(last)),
        }
    }

    /// Whether the function has returned: `None` where only the run knows.
    fn has_returned(&self) -> Option<bool> {
        self.frame.returned.as_ref().map_or(Some(false), |r| self.b.splat(r.flag).map(|flag| flag == 1))
    }

    pub(super) fn block(
        &mut self,
        stmts: &'t [Stmt],
        tail: Option<&'t Expr>,
        ty: &'t Ty,
        span: Span,
    ) -> Fails<Vec<Value>> {
        for (at, stmt) in stmts.iter().enumerate() {
            match self.has_returned() {
                Some(false) => self.stmt(stmt)?,
                Some(true) => return self.zeros(ty, span),
                None => return self.unless_returned(&stmts[at..], tail, ty, span),
            }
        }
        match (tail, self.has_returned()) {
            (None, _) => Ok(Vec::new()),
            (Some(tail), Some(false)) => self.expr(tail),
            (Some(_), Some(true)) => self.zeros(ty, span),
            (Some(_), None) => self.unless_returned(&[], tail, ty, span),
        }
    }

    /// The rest of a block, where the function has not returned before it.
    fn unless_returned(
        &mut self,
        stmts: &'t [Stmt],
        tail: Option<&'t Expr>,
        ty: &'t Ty,
        span: Span,
    ) -> Fails<Vec<Value>> {
        let Some(flag) = self.frame.returned.as_ref().map(|r| r.flag) else { return self.zeros(ty, span) };
        let effects = Effects::of_rest(stmts, tail);
        let leaves = self.join(
            flag,
            Some(&effects),
            |me| me.zeros(ty, span),
            |me| {
                // On this side it has not: what follows need not ask again.
                if let Some(returned) = &mut me.frame.returned {
                    returned.flag = me.b.constant(0, Type::scalar(Elem::Bool));
                }
                me.block(stmts, tail, ty, span)
            },
        )?;
        if let Some(returned) = self.frame.returned.as_mut().filter(|_| !effects.returns) {
            returned.flag = flag;
        }
        Ok(leaves)
    }

    fn stmt(&mut self, stmt: &'t Stmt) -> Fails<()> {
        let outer = self.b.site;
        self.b.site = self.site(stmt.span);
        let done = self.stmt_kind(stmt);
        self.b.site = outer;
        done
    }

    fn stmt_kind(&mut self, stmt: &'t Stmt) -> Fails<()> {
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                let leaves = self.expr(value)?;
                self.bind(pattern, &value.ty, &leaves);
            }
            StmtKind::Assign(place, value) => self.assign(place, value, stmt.span)?,
            StmtKind::Range { pattern, from, to, body } => {
                let (from, to) = (self.int(from)?, self.int(to)?);
                let ty = Ty::Scalar(Elem::Int);
                self.run(from, to, body, |me, index| {
                    me.bind(pattern, &ty, &[index]);
                    Ok(())
                })?;
            }
            StmtKind::Rows { pattern, xs, body } => self.rows(pattern, xs, body)?,
            StmtKind::Return(value) => {
                let result = self.expr(value)?;
                let flag = self.boolean(true);
                self.frame.returned = Some(Returned { flag, result });
            }
            StmtKind::Expr(e) => drop(self.expr(e)?),
        }
        Ok(())
    }

    fn rows(&mut self, pattern: &'t Pattern, xs: &'t Expr, body: &'t Expr) -> Fails<()> {
        let leaves = self.expr(xs)?;
        let (count, row) = self.row_type(&xs.ty, xs.span)?;
        let (from, to) = (self.b.int(0), self.b.int(count as i64));
        self.run(from, to, body, |me, index| {
            let leaves: Vec<Value> = leaves.iter().map(|v| me.b.row(*v, index)).collect();
            me.bind(pattern, &row, &leaves);
            Ok(())
        })
    }

    /// How many rows a tensor, or each tensor of a tuple, has, and a row's type.
    pub(super) fn row_type(&self, ty: &Ty, span: Span) -> Fails<(u64, Ty)> {
        match ty {
            Ty::Tensor(of, dims) if dims.len() == 1 => Ok((self.dim(&dims[0], span)?, (**of).clone())),
            Ty::Tensor(of, dims) => Ok((self.dim(&dims[0], span)?, Ty::Tensor(of.clone(), dims[1..].to_vec()))),
            Ty::Tuple(parts) => {
                let rows: Vec<(u64, Ty)> = parts.iter().map(|p| self.row_type(p, span)).collect::<Fails<_>>()?;
                let count = rows.first().map_or(0, |(n, _)| *n);
                Ok((count, Ty::Tuple(rows.into_iter().map(|(_, ty)| ty).collect())))
            }
            _ => Ok((0, Ty::unit())),
        }
    }

    /// A loop whose body is a unit.
    fn run(
        &mut self,
        from: Value,
        to: Value,
        body: &'t Expr,
        start: impl FnOnce(&mut Self, Value) -> Fails<()>,
    ) -> Fails<()> {
        let effects = Effects::of(body);
        let state = self.state_of(&effects);
        let init = self.save(&state);
        let end = self.iterate(from, to, init, |me, index, carried| {
            me.restore(&state, carried);
            let skip = me.frame.returned.as_ref().map(|r| r.flag).filter(|_| state.returns);
            let go = |me: &mut Self| {
                start(me, index)?;
                me.expr(body).map(|_| Vec::new())
            };
            match skip {
                None => go(me)?,
                Some(flag) => me.join(
                    flag,
                    Some(&effects),
                    |_| Ok(Vec::new()),
                    |me| {
                        if let Some(returned) = &mut me.frame.returned {
                            returned.flag = me.b.constant(0, Type::scalar(Elem::Bool));
                        }
                        go(me)
                    },
                )?,
            };
            Ok(me.save(&state))
        })?;
        self.restore(&state, end);
        Ok(())
    }

    /// A loop over `from..to`; `body` takes the index and the carried values and gives the next ones.
    pub(super) fn iterate(
        &mut self,
        from: Value,
        to: Value,
        init: Vec<Value>,
        body: impl FnOnce(&mut Self, Value, Vec<Value>) -> Fails<Vec<Value>>,
    ) -> Fails<Vec<Value>> {
        if let (Some(first), Some(end)) = (self.b.known(from), self.b.known(to)) {
            match i128::from(end) - i128::from(first) {
                ..=0 => return Ok(init),
                1 => return body(self, from, init),
                _ => {}
            }
        }
        let tys: Vec<Type> = init.iter().map(|v| self.b.ty(*v).clone()).collect();
        let params = self.b.open_loop(from, to, tys.iter().cloned());
        let results = body(self, params[0], params[1..].to_vec())?;
        let body = self.b.close(results);
        Ok(self.b.push_many(Op::Loop { from, to, init, body }, tys))
    }

    pub(super) fn branch(&mut self, cond: &'t Expr, then: &'t Expr, otherwise: &'t Expr) -> Fails<Vec<Value>> {
        let cond = self.single(cond)?;
        let effects = Effects::of(then).and(Effects::of(otherwise));
        self.join(cond, Some(&effects), |me| me.expr(then), |me| me.expr(otherwise))
    }

    /// A branch of which one side is the expression.
    pub(super) fn branch_on(
        &mut self,
        cond: Value,
        side: &'t Expr,
        then: impl FnOnce(&mut Self) -> Fails<Vec<Value>>,
        otherwise: impl FnOnce(&mut Self) -> Fails<Vec<Value>>,
    ) -> Fails<Vec<Value>> {
        self.join(cond, Some(&Effects::of(side)), then, otherwise)
    }

    /// A branch: gives the leaves of either side's value, and joins the variables that they assign.
    fn join(
        &mut self,
        cond: Value,
        effects: Option<&Effects>,
        then: impl FnOnce(&mut Self) -> Fails<Vec<Value>>,
        otherwise: impl FnOnce(&mut Self) -> Fails<Vec<Value>>,
    ) -> Fails<Vec<Value>> {
        match self.b.splat(cond) {
            Some(0) => return otherwise(self),
            Some(_) => return then(self),
            None => {}
        }
        let state = effects.map_or(State { locals: Vec::new(), returns: false }, |e| self.state_of(e));
        let before = self.save(&state);
        self.b.open(Scope::Branch, []);
        let mut left = then(self)?;
        let after = self.save(&state);
        let width = left.len();
        left.extend(&after);
        let left = self.b.close(left);
        self.restore(&state, before.clone());
        self.b.open(Scope::Branch, []);
        let mut right = otherwise(self)?;
        right.extend(self.save(&state));
        let right = self.b.close(right);
        // Only what one of the sides changed comes out of the branch.
        let (mut then, mut otherwise) = (left.clone(), right.clone());
        let differs =
            |k: usize| k < width || left.results[k] != before[k - width] || right.results[k] != before[k - width];
        let kept: Vec<usize> = (0..left.results.len()).filter(|k| differs(*k)).collect();
        then.results = kept.iter().map(|k| left.results[*k]).collect();
        otherwise.results = kept.iter().map(|k| right.results[*k]).collect();
        let tys: Vec<Type> = then.results.iter().map(|v| self.b.ty(*v).clone()).collect();
        let joined = self.b.push_many(Op::If { cond, then, otherwise }, tys);
        let mut out = before;
        for (k, value) in kept.iter().zip(&joined).skip(width) {
            out[k - width] = *value;
        }
        self.restore(&state, out);
        Ok(joined[..width].to_vec())
    }

    fn state_of(&self, effects: &Effects) -> State {
        let bound = |l: &LocalId| self.frame.locals[l.0 as usize].is_some();
        State {
            locals: effects.locals().filter(bound).collect(),
            returns: effects.returns && self.frame.returned.is_some(),
        }
    }

    fn save(&self, state: &State) -> Vec<Value> {
        let locals = state.locals.iter().flat_map(|l| self.frame.locals[l.0 as usize].iter().flatten().copied());
        let returned = self.frame.returned.iter().filter(|_| state.returns);
        locals.chain(returned.flat_map(|r| std::iter::once(r.flag).chain(r.result.iter().copied()))).collect()
    }

    fn restore(&mut self, state: &State, values: Vec<Value>) {
        let mut values = values.into_iter();
        for local in &state.locals {
            if let Some(leaves) = &mut self.frame.locals[local.0 as usize] {
                leaves.iter_mut().zip(&mut values).for_each(|(leaf, value)| *leaf = value);
            }
        }
        if let Some(returned) = self.frame.returned.as_mut().filter(|_| state.returns) {
            let leaves = std::iter::once(&mut returned.flag).chain(&mut returned.result);
            leaves.zip(values).for_each(|(leaf, value)| *leaf = value);
        }
    }
}
