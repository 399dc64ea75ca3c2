//! `grad` and `value_and_grad`, and what computes while a tape is open.

use motet_program::data::Elem;

use super::error::SimulateErrorKind as Kind;
use super::interpret::{Flow, Frame, Interpreter};
use super::number;
use super::reports::RangeKind;
use super::tape::{Computation, Tape};
use super::value::{Array, Value};
use crate::source::Span;
use crate::typed::tree::{Expr, FunctionId, Ty};

impl<'t> Interpreter<'t> {
    /// Runs a function on a tape, and reads it backwards.
    pub fn gradient(
        &mut self,
        frame: &mut Frame<'t>,
        function: FunctionId,
        args: &'t [Expr],
        with_value: bool,
        e: &'t Expr,
    ) -> Flow<Value> {
        if self.tape.is_some() {
            return Err(self.fail(Kind::NestedGradients, e.span));
        }
        let args = args.iter().map(|a| self.eval(frame, a)).collect::<Flow<Vec<_>>>()?;
        let mut tape = Tape::new(self.options.elements);
        let mut marked = Vec::with_capacity(args.len());
        for (k, arg) in args.iter().enumerate() {
            let marks = if k == 0 { tape.variables(arg) } else { tape.enter(arg) };
            marked.push(self.at(e.span, marks)?);
        }
        let Some(first) = marked.first().cloned() else {
            return Err(self.fail(Kind::Malformed("a gradient in nothing"), e.span));
        };
        self.tape = Some(tape);
        self.calls.push(e.span);
        let instance = self.labels.callee(frame.instance, e);
        let result = self.call(function, instance, marked)?;
        self.calls.pop();
        let (Some(tape), Value::Leaf(result)) = (self.tape.take(), result) else {
            return Err(self.fail(Kind::Malformed("a gradient of no number"), e.span));
        };
        let mut slopes = tape.gradient(result.data()[0], &first).into_iter();
        self.spend(slopes.len() as u64, e.span)?;
        let gradient = self.noting(&args_type(e, with_value), e.span, |left| {
            Ok(rounded(&first, &mut slopes, &mut |slope| left.note(RangeKind::Sum, slope)))
        })?;
        let value = tape.numbers(&Value::Leaf(result));
        Ok(if with_value { Value::Group(vec![value, gradient]) } else { gradient })
    }

    /// A computation: inside `grad` it is handed the numbers of its operands, and goes on the tape.
    pub fn computed(
        &mut self,
        how: Computation<'t>,
        operands: Vec<Value>,
        span: Span,
        f: impl FnOnce(&mut Self, Vec<Value>) -> Flow<Value>,
    ) -> Flow<Value> {
        let Some(tape) = &self.tape else { return f(self, operands) };
        let numbers = operands.iter().map(|v| tape.numbers(v)).collect();
        let result = f(self, numbers)?;
        let marked = match &mut self.tape {
            Some(tape) => tape.record(how, &operands, &result),
            None => Ok(result),
        };
        self.at(span, marked)
    }

    /// `with_slope(y, x, slope)`; outside `grad` it is `y`, and no more is evaluated.
    pub fn with_slope(&mut self, frame: &mut Frame<'t>, args: &'t [Expr], span: Span) -> Flow<Value> {
        let [y, x, slope] = args else { return Err(self.fail(Kind::Malformed("a slope of nothing"), span)) };
        if self.tape.is_none() {
            return self.eval(frame, y);
        }
        let (y, x, slope) = (self.leaf(frame, y)?, self.leaf(frame, x)?, self.leaf(frame, slope)?);
        let marked = match &mut self.tape {
            Some(tape) if matches!(y.elem, Elem::Fix { .. }) => tape.with_slope(&y, &x, &slope),
            _ => Ok(y),
        };
        self.at(span, marked.map(Value::Leaf))
    }
}

/// The type that a gradient has.
fn args_type(e: &Expr, with_value: bool) -> Ty {
    match &e.ty {
        Ty::Tuple(parts) if with_value && parts.len() == 2 => parts[1].clone(),
        ty => ty.clone(),
    }
}

/// Numbers in the form of a value, to nearest; those out of range are noted, and wrap.
fn rounded(like: &Value, numbers: &mut impl Iterator<Item = f64>, note: &mut impl FnMut(i128)) -> Value {
    match like {
        Value::Group(parts) => Value::Group(parts.iter().map(|p| rounded(p, numbers, note)).collect()),
        Value::Leaf(a) => {
            let frac = if let Elem::Fix { frac, .. } = a.elem { frac } else { 0 };
            let mut ring = |x: f64| {
                let units = (x * f64::from(frac).exp2()).round() as i128;
                if !number::fits_signed(units, a.elem.bits()) {
                    note(units);
                }
                units as u64 & a.elem.mask()
            };
            let elements = numbers.take(a.data().len()).map(&mut ring).collect();
            Value::Leaf(Array::new(a.elem, a.shape.clone(), elements))
        }
    }
}
