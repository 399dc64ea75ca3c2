//! Branches: with a secret condition both sides run.

use super::access::{self, Axis};
use super::error::SimulateErrorKind as Kind;
use super::interpret::{Flow, Frame, Interpreter};
use super::value::Value;
use crate::source::Span;
use crate::typed::tree::{Expr, LocalId};

/// A part of a variable as it was before an assignment.
pub(super) struct Undo {
    target: Target,
    old: Value,
}

/// What is assigned: fields inwards, then a box where it is indexed.
#[derive(Clone)]
pub(super) struct Target {
    pub local: LocalId,
    pub fields: Vec<usize>,
    pub axes: Option<Vec<Axis>>,
}

impl<'t> Interpreter<'t> {
    /// A branch. With a secret condition both sides run: first the one that is not taken, whose assignments are undone
    /// (its errors stand), then the other.
    pub fn eval_if(
        &mut self,
        frame: &mut Frame<'t>,
        cond: &'t Expr,
        then: &'t Expr,
        otherwise: &'t Expr,
    ) -> Flow<Value> {
        let secret = self.is_secret(frame, cond);
        let (taken, other) = if self.leaf(frame, cond)?.data()[0] == 1 { (then, otherwise) } else { (otherwise, then) };
        if !secret {
            return self.eval(frame, taken);
        }
        let outer = frame.undo.replace(Vec::new());
        self.idle += 1;
        self.eval(frame, other)?;
        self.idle -= 1;
        // What is assigned on the side that is taken must be undone where this whole branch stands on one that is not.
        let undo = std::mem::replace(&mut frame.undo, outer);
        for Undo { target, old } in undo.into_iter().flatten().rev() {
            if let Err(kind) = put(frame, &target, old) {
                return Err(self.fail(kind, other.span));
            }
        }
        self.eval(frame, taken)
    }

    /// Assigns, and remembers what stood there where that must be undone.
    pub fn assign(&mut self, frame: &mut Frame<'t>, target: Target, value: Value, span: Span) -> Flow<()> {
        if frame.undo.is_some() {
            let old = get(frame, &target);
            let old = self.at(span, old)?;
            if let Some(undo) = &mut frame.undo {
                undo.push(Undo { target: target.clone(), old });
            }
        }
        let done = put(frame, &target, value);
        self.at(span, done)
    }
}

fn get(frame: &mut Frame<'_>, target: &Target) -> std::result::Result<Value, Kind> {
    let part = part(frame, target)?;
    match &target.axes {
        None => Ok(part.clone()),
        Some(axes) => access::read(part, axes, true),
    }
}

fn put(frame: &mut Frame<'_>, target: &Target, value: Value) -> std::result::Result<(), Kind> {
    let part = part(frame, target)?;
    match &target.axes {
        None => *part = value,
        Some(axes) => access::write(part, axes, &value)?,
    }
    Ok(())
}

fn part<'f>(frame: &'f mut Frame<'_>, target: &Target) -> std::result::Result<&'f mut Value, Kind> {
    frame.locals[target.local.0 as usize].part_mut(&target.fields).ok_or(Kind::Malformed("a part that is none"))
}
