//! Statements: binding, assigning, loops.

use motet_program::data::Elem;

use super::access::Axis;
use super::branch::Target;
use super::error::{Exit, SimulateErrorKind as Kind};
use super::interpret::{Flow, Frame, Interpreter};
use super::value::Value;
use crate::source::Span;
use crate::typed::tree::{Expr, Pattern, Place, Step, Stmt, StmtKind, Ty};

impl<'t> Interpreter<'t> {
    /// Runs a statement.
    pub fn run(&mut self, frame: &mut Frame<'t>, stmt: &'t Stmt) -> Flow<()> {
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                let value = self.eval(frame, value)?;
                self.bind(frame, pattern, value, stmt.span)
            }
            StmtKind::Assign(place, value) => {
                let value = self.eval(frame, value)?;
                // A secret index out of range writes nothing.
                let (target, within) = self.resolve(frame, place, stmt.span)?;
                if within { self.assign(frame, target, value, stmt.span) } else { Ok(()) }
            }
            StmtKind::Range { pattern, from, to, body } => self.range(frame, pattern, [from, to], body, stmt.span),
            StmtKind::Rows { pattern, xs, body } => {
                let rows = self.rows(&xs.ty, stmt.span)?;
                let xs = self.eval(frame, xs)?;
                for r in 0..rows {
                    self.bind(frame, pattern, xs.row(r), stmt.span)?;
                    self.eval(frame, body)?;
                }
                Ok(())
            }
            StmtKind::Return(value) => {
                let value = self.eval(frame, value)?;
                Err(Exit::Return(value))
            }
            StmtKind::Expr(e) => self.eval(frame, e).map(drop),
        }
    }

    fn range(
        &mut self,
        frame: &mut Frame<'t>,
        pattern: &'t Pattern,
        [from, to]: [&'t Expr; 2],
        body: &'t Expr,
        span: Span,
    ) -> Flow<()> {
        let (from, to) = (self.number(frame, from)?, self.number(frame, to)?);
        for i in from..to {
            let Ok(i) = i64::try_from(i) else {
                return Err(self.fail(Kind::IntOverflow { a: i64::MAX, operator: "+", b: 1 }, span));
            };
            self.bind(frame, pattern, Value::scalar(Elem::Int, i as u64), span)?;
            self.eval(frame, body)?;
        }
        Ok(())
    }

    /// Binds the variables of a pattern.
    pub fn bind(&mut self, frame: &mut Frame<'t>, pattern: &Pattern, value: Value, span: Span) -> Flow<()> {
        match (pattern, value) {
            (Pattern::Local(id), value) => frame.locals[id.0 as usize] = value,
            (Pattern::Wild, _) => {}
            (Pattern::Tuple(patterns), Value::Group(parts)) if patterns.len() == parts.len() => {
                for (pattern, part) in patterns.iter().zip(parts) {
                    self.bind(frame, pattern, part, span)?;
                }
            }
            (Pattern::Tuple(_), _) => return Err(self.fail(Kind::Malformed("a tuple pattern for no tuple"), span)),
        }
        Ok(())
    }

    /// Where an assignment goes, and whether every secret index is within its axis: indices are evaluated, and apply to
    /// the axes that are left, from the outermost.
    fn resolve(&mut self, frame: &mut Frame<'t>, place: &'t Place, span: Span) -> Flow<(Target, bool)> {
        let function = frame.function;
        let (mut fields, mut axes, mut indexed) = (Vec::new(), Vec::new(), false);
        let mut within = true;
        let mut element = self.enter(&function.locals[place.local.0 as usize].ty, &mut axes, span)?;
        for step in &place.path {
            match step {
                Step::Field(k) => {
                    let field = match element {
                        Ty::Struct(s) => s.fields.get(*k).map(|(_, t)| t),
                        Ty::Tuple(parts) => parts.get(*k),
                        _ => None,
                    };
                    let Some(field) = field else {
                        return Err(self.fail(Kind::Malformed("a field of something that has none"), span));
                    };
                    fields.push(*k);
                    element = self.enter(field, &mut axes, span)?;
                }
                Step::Index(indices) => {
                    within &= self.narrow(frame, &mut axes, indices, span)?;
                    indexed = true;
                }
            }
        }
        let target = Target { local: place.local, fields, axes: indexed.then_some(axes) };
        Ok((target, within))
    }

    /// Adds the axes of a tensor type; what is left is its element.
    fn enter(&mut self, ty: &'t Ty, axes: &mut Vec<Axis>, span: Span) -> Flow<&'t Ty> {
        match ty {
            Ty::Tensor(of, dims) => {
                axes.extend(self.whole(dims, span)?);
                Ok(of)
            }
            _ => Ok(ty),
        }
    }
}
