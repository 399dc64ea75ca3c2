//! Imported circuits: their files, and whether they fit their signatures.

use std::sync::Arc;

use motet_circuits::Bristol;

use super::context::{Body, Checked, Checker, Reported};
use super::tree::{ExternFn, Ty};
use super::types::Lead;
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

impl Checker<'_> {
    /// The index of an imported circuit, which is read the first time.
    pub fn extern_circuit(&mut self, item: ItemRef, e: &ast::Extern) -> Checked<usize> {
        if let Some(known) = self.extern_ids.get(&item) {
            return *known;
        }
        let index = self.import(item, e);
        self.extern_ids.insert(item, index);
        index
    }

    fn import(&mut self, item: ItemRef, e: &ast::Extern) -> Checked<usize> {
        let mut body = Body::new(self, item.module, Default::default());
        let params: Vec<_> = e.params.iter().map(|p| body.resolve(&p.ty, Lead::Forbidden)).collect();
        let result = body.resolve(&e.result, Lead::Forbidden)?;
        let params = params.into_iter().collect::<Checked<Vec<_>>>()?;
        let inputs = self.widths(&params, e.params.iter().map(|p| p.ty.span))?;
        let outputs = self.widths(std::slice::from_ref(&result), std::iter::once(e.result.span))?;
        let text = match self.modules.get(item.module).circuits.get(&item.index) {
            Some(Ok(text)) => text,
            Some(Err(reason)) => {
                return Err(self.error("circuit", format!("`{}` cannot be read: {reason}", e.path), e.path_span, ""));
            }
            None => return Err(Reported),
        };
        let file = match Bristol::parse(text) {
            Ok(file) => file,
            Err(error) => {
                let message = format!("`{}` is not a Bristol Fashion circuit", e.path);
                return Err(self.error("circuit", message, e.path_span, error.to_string()));
            }
        };
        let (has, gives) = (bit_count(&file.inputs), bit_count(&file.outputs));
        if (inputs, outputs) != (has, gives) {
            let message = format!("the circuit `{}` does not fit this signature", e.path);
            let note = format!("it takes {has} bits and gives {gives}");
            return Err(self.report(
                Diagnostic::error("circuit", message, e.path_span, note)
                    .label(e.span, format!("these parameters have {inputs} bits, the result {outputs}")),
            ));
        }
        self.externs.push(ExternFn { name: self.modules.path(item), circuit: Arc::new(file.circuit) });
        Ok(self.externs.len() - 1)
    }

    /// The number of bits of some values.
    fn widths(&mut self, types: &[Ty], spans: impl Iterator<Item = Span>) -> Checked<u64> {
        let mut sum = 0u64;
        for (ty, span) in types.iter().zip(spans) {
            match bits(ty).and_then(|b| sum.checked_add(b)) {
                Some(total) => sum = total,
                None => {
                    let shown = self.show(ty);
                    let note = "its values are bits, of a number that is known";
                    return Err(self.error("circuit", format!("a circuit has no `{shown}`"), span, note));
                }
            }
        }
        Ok(sum)
    }
}

fn bit_count(widths: &[u32]) -> u64 {
    widths.iter().map(|w| u64::from(*w)).sum()
}

/// The number of bits of a value; `None` for `int`s, which have no place in a circuit.
fn bits(ty: &Ty) -> Option<u64> {
    use motet_program::data::Elem;
    match ty {
        Ty::Scalar(Elem::Int) => None,
        Ty::Scalar(e) => Some(e.bits().into()),
        Ty::Tensor(of, shape) => {
            let count = shape.iter().try_fold(1u64, |n, d| n.checked_mul(u64::try_from(d.known()?).ok()?))?;
            bits(of)?.checked_mul(count)
        }
        Ty::Tuple(parts) => parts.iter().map(bits).sum(),
        Ty::Struct(s) => s.fields.iter().map(|(_, f)| bits(f)).sum(),
    }
}
