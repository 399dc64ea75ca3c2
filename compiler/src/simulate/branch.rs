//! Branches: with a secret condition both sides run, and what either assigned is secret from then on.

use std::collections::BTreeSet;

use super::access::{self, Axis};
use super::error::SimulateErrorKind as Kind;
use super::interpret::{Flow, Frame, Interpreter};
use super::value::Value;
use crate::source::Span;
use crate::typed::tree::{Expr, LocalId};

/// What the innermost open side of a secret branch has assigned.
#[derive(Default)]
pub(super) struct Branch {
    /// Whether there is one.
    open: bool,
    /// The parts assigned: variable and fields.
    touched: BTreeSet<(LocalId, Vec<usize>)>,
    /// Where the side's results will not be taken: what stood there before.
    undo: Option<Vec<Undo>>,
}

/// A part of a variable as it was before an assignment.
struct Undo {
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
    /// (its errors stand), then the other; whatever either assigned, and the result, is secret from then on.
    pub fn eval_if(
        &mut self,
        frame: &mut Frame<'t>,
        cond: &'t Expr,
        then: &'t Expr,
        otherwise: &'t Expr,
    ) -> Flow<Value> {
        let cond = self.leaf(frame, cond)?;
        let (taken, other) = if cond.data()[0] == 1 { (then, otherwise) } else { (otherwise, then) };
        if !cond.secret {
            return self.eval(frame, taken);
        }
        let side = Branch { open: true, touched: BTreeSet::new(), undo: Some(Vec::new()) };
        let mut outer = std::mem::replace(&mut frame.branch, side);
        self.idle += 1;
        self.eval(frame, other)?;
        self.idle -= 1;
        let Branch { touched, undo, .. } = std::mem::take(&mut frame.branch);
        for Undo { target, old } in undo.into_iter().flatten().rev() {
            if let Err(kind) = put(frame, &target, old) {
                return Err(self.fail(kind, other.span));
            }
        }
        // What is assigned on the side that is taken must be undone where this whole branch stands on one that is not.
        frame.branch = Branch { open: true, touched, undo: outer.undo.take() };
        let mut value = self.eval(frame, taken)?;
        let Branch { mut touched, undo, .. } = std::mem::take(&mut frame.branch);
        for (local, fields) in &touched {
            if let Some(part) = frame.locals[local.0 as usize].part_mut(fields) {
                part.set_secret(true);
            }
        }
        outer.undo = undo;
        if outer.open {
            outer.touched.append(&mut touched);
        }
        frame.branch = outer;
        value.set_secret(true);
        Ok(value)
    }

    /// Assigns, and remembers it where a secret branch is open.
    pub fn assign(&mut self, frame: &mut Frame<'t>, target: Target, value: Value, span: Span) -> Flow<()> {
        if frame.branch.open {
            frame.branch.touched.insert((target.local, target.fields.clone()));
        }
        if frame.branch.undo.is_some() {
            let old = get(frame, &target);
            let old = self.at(span, old)?;
            if let Some(undo) = &mut frame.branch.undo {
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
        Some(axes) => access::read(part, axes, true, false),
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
