//! Operators: element by element with NumPy's broadcasting, and field by field on structs.

use motet_program::ir::{Binary, Unary, Value};

use super::types::width;
use super::{Fails, Lowerer};
use crate::parse::ast::{BinaryOp, UnaryOp};
use crate::typed::tree::{Expr, Ty};

impl<'t> Lowerer<'t> {
    pub(super) fn unary(&mut self, op: UnaryOp, a: &'t Expr) -> Fails<Vec<Value>> {
        let op = match op {
            UnaryOp::Neg => Unary::Neg,
            UnaryOp::Not => Unary::Not,
        };
        let leaves = self.expr(a)?;
        Ok(leaves.into_iter().map(|v| self.b.unary(op, v)).collect())
    }

    pub(super) fn binary(&mut self, op: BinaryOp, a: &'t Expr, b: &'t Expr, expr: &'t Expr) -> Fails<Vec<Value>> {
        let scalars = matches!((&a.ty, &b.ty), (Ty::Scalar(_), Ty::Scalar(_)));
        match op {
            // The right side runs only where it matters; `if_conversion` evaluates both where the left is secret.
            BinaryOp::And if scalars => {
                let left = self.single(a)?;
                return self.branch_on(left, b, |me| me.expr(b), |me| Ok(vec![me.boolean(false)]));
            }
            BinaryOp::Or if scalars => {
                let left = self.single(a)?;
                return self.branch_on(left, b, |me| Ok(vec![me.boolean(true)]), |me| me.expr(b));
            }
            _ => {}
        }
        let (left, right) = (self.expr(a)?, self.expr(b)?);
        let tys = self.leaves(&expr.ty, expr.span)?;
        let (one_left, one_right) = (width(&a.ty) == 1, width(&b.ty) == 1);
        Ok(tys
            .into_iter()
            .enumerate()
            .map(|(leaf, ty)| {
                let a = self.b.broadcast(left[if one_left { 0 } else { leaf }], &ty.shape);
                let b = self.b.broadcast(right[if one_right { 0 } else { leaf }], &ty.shape);
                self.elementwise(op, a, b)
            })
            .collect())
    }

    fn elementwise(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        let op = match op {
            BinaryOp::Add => Binary::Add,
            BinaryOp::Sub => Binary::Sub,
            BinaryOp::Mul => Binary::Mul,
            BinaryOp::Div => Binary::Div,
            BinaryOp::Rem => Binary::Rem,
            BinaryOp::Pow => Binary::Pow,
            BinaryOp::Shl => Binary::Shl,
            BinaryOp::Shr => Binary::Shr,
            BinaryOp::BitAnd | BinaryOp::And => Binary::And,
            BinaryOp::BitOr | BinaryOp::Or => Binary::Or,
            BinaryOp::BitXor => Binary::Xor,
            BinaryOp::Eq => Binary::Eq,
            BinaryOp::Lt => Binary::Lt,
            BinaryOp::Gt => return self.b.binary(Binary::Lt, b, a),
            BinaryOp::Ne => return self.negated(Binary::Eq, a, b),
            BinaryOp::Ge => return self.negated(Binary::Lt, a, b),
            BinaryOp::Le => return self.negated(Binary::Lt, b, a),
        };
        self.b.binary(op, a, b)
    }

    fn negated(&mut self, op: Binary, a: Value, b: Value) -> Value {
        let holds = self.b.binary(op, a, b);
        self.b.unary(Unary::Not, holds)
    }
}
