//! `optim::batches` leaves out a last incomplete batch, which is said where it is called.

use super::context::{Body, Constant, Env};
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::source::Span;

impl Body<'_, '_> {
    /// Warns where a call of the library's `optim::batches` leaves out rows, once all sizes are known.
    pub fn rows_left_out(&mut self, item: ItemRef, env: &Env, call: Span) {
        let modules = self.checker.modules;
        if !modules.get(item.module).library || modules.path(item) != "optim::batches" {
            return;
        }
        let rows = env.dims.get("N").and_then(|n| n.known());
        let size = match env.consts.get("size") {
            Some(Constant::Int(size)) => size.known(),
            _ => None,
        };
        let (Some(rows), Some(size)) = (rows, size) else { return };
        let left = if size > 0 { rows % size } else { 0 };
        if left == 0 {
            return;
        }
        let message = match rows / size {
            0 => format!("no batch is complete: there are {rows} rows, and a batch has {size}"),
            1 => format!("the last {left} of {rows} rows are left out: one batch has {size}"),
            n => format!("the last {left} of {rows} rows are left out: {n} batches have {size} each"),
        };
        let help = match rows / size {
            0 => "take smaller batches",
            _ => "where rows are shuffled before each epoch, others are left out each time",
        };
        let warning = Diagnostic::warning("incomplete-batch", message, call, "a last incomplete batch is left out");
        self.report(warning.help(help));
    }
}
