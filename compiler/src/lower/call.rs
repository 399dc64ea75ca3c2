//! Calls, inlined; functions applied over leading dimensions; `map` and `fold`.

use motet_program::data::Type;
use motet_program::ir::Value;

use super::{Fails, Frame, Lowerer};
use crate::typed::dim::Dim;
use crate::typed::tree::{Closure, Expr, FunctionId, Ty};

impl<'t> Lowerer<'t> {
    pub(super) fn call(
        &mut self,
        function: FunctionId,
        lead: &'t [Dim],
        args: &'t [(Expr, bool)],
        expr: &'t Expr,
    ) -> Fails<Vec<Value>> {
        let mut values = Vec::with_capacity(args.len());
        for (arg, _) in args {
            values.push(self.expr(arg)?);
        }
        let tree = self.tree;
        let function = &tree.functions[function.0 as usize];
        if lead.is_empty() {
            return self.inline(function, values, expr);
        }
        let lead = self.dims(lead, expr.span)?;
        for (leaves, _) in values.iter_mut().zip(args).filter(|(_, (_, mapped))| *mapped) {
            leaves.iter_mut().for_each(|v| *v = self.flattened(*v, lead.len()));
        }
        self.each(&lead, expr, |me, index| {
            let rows = values.iter().zip(args).map(|(leaves, (_, mapped))| match mapped {
                true => leaves.iter().map(|v| me.b.row(*v, index)).collect(),
                false => leaves.clone(),
            });
            let rows = rows.collect();
            me.inline(function, rows, expr)
        })
    }

    /// The body of a function, called at `expr`.
    pub(super) fn inline(
        &mut self,
        function: &'t crate::typed::tree::Function,
        args: Vec<Vec<Value>>,
        expr: &Expr,
    ) -> Fails<Vec<Value>> {
        let mut frame = Frame::of(function, self.labels.callee(self.frame.instance, expr));
        for (param, leaves) in function.params.iter().zip(args) {
            frame.locals[param.0 as usize] = Some(leaves);
        }
        let caller = std::mem::replace(&mut self.frame, frame);
        let result = self.function_body();
        self.frame = caller;
        result
    }

    /// The first `axes` axes as one.
    fn flattened(&mut self, v: Value, axes: usize) -> Value {
        let shape = self.b.shape(v);
        let count = shape[..axes].iter().product();
        let flat = [&[count], &shape[axes..]].concat();
        self.b.reshape(v, flat)
    }

    /// Independent iterations, one for each point of `lead`, which stands in front of each leaf of the result.
    fn each(
        &mut self,
        lead: &[u64],
        expr: &'t Expr,
        body: impl FnOnce(&mut Self, Value) -> Fails<Vec<Value>>,
    ) -> Fails<Vec<Value>> {
        let tys = self.leaves(&expr.ty, expr.span)?;
        let count: u64 = lead.iter().product();
        let results = match count {
            0 => return Ok(tys.into_iter().map(|ty| self.b.constant(0, ty)).collect()),
            1 => {
                let index = self.b.int(0);
                body(self, index)?
            }
            _ => {
                let (from, to) = (self.b.int(0), self.b.int(count as i64));
                let params = self.b.open_loop(from, to, []);
                let results = body(self, params[0])?;
                let stacked = results.iter().map(|v| {
                    let ty = self.b.ty(*v);
                    Type { elem: ty.elem, shape: [&[count], ty.shape.as_slice()].concat() }
                });
                let stacked: Vec<Type> = stacked.collect();
                let body = self.b.close(results);
                self.iterations(count, body, stacked)
            }
        };
        Ok(results.into_iter().zip(tys).map(|(v, ty)| self.b.reshape(v, ty.shape)).collect())
    }

    pub(super) fn map(&mut self, xs: &'t [Expr], closure: &'t Closure, expr: &'t Expr) -> Fails<Vec<Value>> {
        let mut operands = self.all(xs)?;
        let lead = xs.first().map_or(Ok(Vec::new()), |x| self.dims(x.ty.shape(), x.span))?;
        for leaves in &mut operands {
            leaves.iter_mut().for_each(|v| *v = self.flattened(*v, lead.len()));
        }
        self.each(&lead, expr, |me, index| {
            for ((pattern, x), leaves) in closure.params.iter().zip(xs).zip(&operands) {
                let elements: Vec<Value> = leaves.iter().map(|v| me.b.row(*v, index)).collect();
                me.bind(pattern, element(&x.ty), &elements);
            }
            me.expr(&closure.body)
        })
    }

    pub(super) fn fold(&mut self, start: &'t Expr, xs: &'t Expr, closure: &'t Closure) -> Fails<Vec<Value>> {
        let init = self.expr(start)?;
        let leaves = self.expr(xs)?;
        let (count, row) = self.row_type(&xs.ty, xs.span)?;
        let (from, to) = (self.b.int(0), self.b.int(count as i64));
        self.iterate(from, to, init, |me, index, carried| {
            let rows: Vec<Value> = leaves.iter().map(|v| me.b.row(*v, index)).collect();
            for (pattern, (ty, leaves)) in closure.params.iter().zip([(&start.ty, carried), (&row, rows)]) {
                me.bind(pattern, ty, &leaves);
            }
            me.expr(&closure.body)
        })
    }
}

/// The element of a tensor (of a scalar: itself).
fn element(ty: &Ty) -> &Ty {
    match ty {
        Ty::Tensor(of, _) => of,
        ty => ty,
    }
}
