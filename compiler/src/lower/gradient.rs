//! `grad`: the function becomes a block, which `differentiate` writes forwards and backwards; `with_slope`.

use motet_program::data::Type;
use motet_program::ir::{Block, Op, Value};

use super::{Fails, Lowerer};
use crate::diagnostics::Diagnostic;
use crate::differentiate::{Unit, at_once, gradient, opaque};
use crate::passes::build::Scope;
use crate::typed::tree::{Expr, FunctionId};

impl<'t> Lowerer<'t> {
    pub(super) fn gradient(
        &mut self,
        function: FunctionId,
        args: &'t [Expr],
        with_value: bool,
        expr: &'t Expr,
    ) -> Fails<Vec<Value>> {
        let args = self.all(args)?;
        let tree = self.tree;
        let function = &tree.functions[function.0 as usize];
        let flat: Vec<Value> = args.iter().flatten().copied().collect();
        let tys: Vec<Type> = flat.iter().map(|v| self.b.ty(*v).clone()).collect();
        let params = self.b.open(Scope::Branch, tys);
        let mut rest = params.clone().into_iter();
        let inner = args.iter().map(|leaves| rest.by_ref().take(leaves.len()).collect()).collect();
        self.gradients += 1;
        let result = self.inline(function, inner, expr);
        self.gradients -= 1;
        let block = self.b.close(result?);
        let wanted = args.first().map_or(0, Vec::len);
        let made = gradient(&mut self.b, &mut self.units, block, &flat, wanted);
        let (value, gradients) = made.map_err(|e| {
            let message = format!("`{}` cannot be differentiated: {e}", function.name);
            let place = &self.sites[e.site.0 as usize];
            let place = format!("{}:{}:{}", place.file, place.line, place.column);
            Diagnostic::error("gradient", message, expr.span, "for this gradient").help(format!("it stands at {place}"))
        })?;
        Ok(with_value.then_some(value).into_iter().chain(gradients).collect())
    }

    /// Independent iterations; inside `grad` they are done at once where that is possible.
    pub(super) fn iterations(&mut self, count: u64, body: Block, stacked: Vec<Type>) -> Vec<Value> {
        if self.gradients > 0
            && let Some(results) = at_once(&mut self.b, &mut self.units, count, &body)
        {
            return results;
        }
        self.b.push_many(Op::Each { count, body }, stacked)
    }

    /// `with_slope(y, x, slope)`: inside `grad` an operation that nothing looks through, with what is known of it.
    pub(super) fn with_slope(&mut self, args: &'t [Expr]) -> Fails<Vec<Value>> {
        let [y, x, slope] = args else { return self.all(args).map(|parts| parts.concat()) };
        let y = self.single(y)?;
        if self.gradients == 0 {
            return Ok(vec![y]);
        }
        let unit = Unit { x: self.single(x)?, slope: self.single(slope)? };
        let shape = self.b.shape(y).clone();
        let opaque = opaque(&mut self.b, y);
        self.units.insert(opaque, unit);
        Ok(vec![self.b.reshape(opaque, shape)])
    }
}
