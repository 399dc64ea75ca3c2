//! `grad`: the function becomes a block, which `differentiate` writes forwards and backwards.

use motet_program::data::Type;
use motet_program::ir::{Block, Op, Value};

use super::{Fails, Lowerer};
use crate::diagnostics::Diagnostic;
use crate::differentiate::{Rule, at_once, gradient, mark};
use crate::passes::build::Scope;
use crate::typed::tree::{Expr, Function, FunctionId};

/// Library functions that are tables and have no rule yet.
const WITHOUT_RULE: [&str; 4] = ["math::sin", "math::cos", "math::erf", "math::pow"];

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

    /// Notes that a library function has a rule for its derivative; gives what stands for its result.
    pub(super) fn unit(
        &mut self,
        function: &Function,
        arg: Option<Value>,
        results: Vec<Value>,
        at: &Expr,
    ) -> Fails<Vec<Value>> {
        if self.gradients == 0 || !self.sources.get(function.span.file).name.starts_with("std/") {
            return Ok(results);
        }
        if WITHOUT_RULE.contains(&function.name.as_str()) {
            let message = format!("`{}` has no derivative in this version", function.name);
            return Err(Diagnostic::error("gradient", message, at.span, "called here, inside `grad`"));
        }
        let (Some(rule), Some(arg), &[result]) = (Rule::of(&function.name), arg, &results[..]) else {
            return Ok(results);
        };
        // An operation that nothing looks through.
        let ty = self.b.ty(result).clone();
        let led = Type { elem: ty.elem, shape: [&[1], ty.shape.as_slice()].concat() };
        let unit = mark(&mut self.b, result, led);
        self.units.insert(unit, (rule, arg));
        Ok(vec![self.b.reshape(unit, ty.shape)])
    }
}
