//! Dimension parameters of an entry point, read off the shapes of its inputs.

use std::collections::BTreeMap;

use super::context::{Body, Checked, Checker, Constant, Env};
use super::dim::Dim;
use super::tree::Ty;
use super::types::Lead;
use crate::modules::ModuleId;
use crate::parse::ast;

/// Largest value that is tried for a parameter that stands in a power or quotient, such as `2 ** D - 1`.
const TRIED: i64 = 4096;

/// A dimension of a parameter's type, and the size that the input has there.
type Equation = (Dim, i64);

impl<'p> Checker<'p> {
    /// The dimension parameters of an entry point that the shapes of its inputs tell, besides those that are given.
    /// Shapes have dotted paths (`model.w1`). Whether all shapes fit is not looked at.
    pub fn dimensions(&mut self, name: &str, shapes: &BTreeMap<String, Vec<u64>>) -> Checked<BTreeMap<String, i64>> {
        let (_, f) = self.entry(name)?;
        let mut known = BTreeMap::new();
        for dim in &f.dims {
            if let Some(n) = self.options.sets.get(&dim.name) {
                known.insert(dim.name.clone(), *n);
            }
        }
        // Each round may make known what another equation needs.
        while let Some((name, n)) = f.params.iter().find_map(|p| self.told_by(f, p, &known, shapes)) {
            known.insert(name, n);
        }
        Ok(known)
    }

    /// A dimension that is not known yet, and that one parameter's input tells.
    fn told_by(
        &mut self,
        f: &ast::Fn,
        param: &ast::Param,
        known: &BTreeMap<String, i64>,
        shapes: &BTreeMap<String, Vec<u64>>,
    ) -> Option<(String, i64)> {
        let equations = self.equations(f, param, known, shapes);
        if equations.iter().all(|(dim, _)| dim.known().is_some()) {
            return None;
        }
        let unknown = || f.dims.iter().map(|d| &d.name).filter(|name| !known.contains_key(*name));
        for name in unknown() {
            let solved = equations.iter().find_map(|(dim, n)| dim.solve(name, &Dim::number(*n))?.known());
            if let Some(n) = solved.filter(|n| *n >= 0) {
                return Some((name.clone(), n));
            }
        }
        for name in unknown() {
            for n in 0..=TRIED {
                let mut guess = known.clone();
                guess.insert(name.clone(), n);
                let holds = |(dim, size): &Equation| dim.known() == Some(*size);
                let tried = self.equations(f, param, &guess, shapes);
                // At least one equation more than before must hold for the guess to mean anything.
                let decided = equations.iter().zip(&tried).any(|(was, is)| was.0.known().is_none() && holds(is));
                if decided && tried.iter().all(|e| holds(e) || e.0.known().is_none()) {
                    return Some((name.clone(), n));
                }
            }
        }
        None
    }

    /// What a parameter's type says of its input's shapes, some dimensions being known.
    fn equations(
        &mut self,
        f: &ast::Fn,
        param: &ast::Param,
        known: &BTreeMap<String, i64>,
        shapes: &BTreeMap<String, Vec<u64>>,
    ) -> Vec<Equation> {
        let mut env = Env::default();
        for dim in &f.dims {
            let value = known.get(&dim.name).map_or_else(|| Dim::parameter(dim.name.clone()), |n| Dim::number(*n));
            env.dims.insert(dim.name.clone(), value);
        }
        for constant in f.params.iter().filter(|p| p.is_const) {
            if let Some(n) = self.options.sets.get(&constant.name.name) {
                env.consts.insert(constant.name.name.clone(), Constant::Int(Dim::number(*n)));
            }
        }
        let mut equations = Vec::new();
        if let Ok(ty) = Body::new(self, ModuleId(0), env).resolve(&param.ty, Lead::Forbidden) {
            collect(&param.name.name, &ty, &[], shapes, &mut equations);
        }
        equations
    }
}

/// The equations of a part of an input, under the axes of the tensors of structs around it.
fn collect(path: &str, ty: &Ty, lead: &[Dim], shapes: &BTreeMap<String, Vec<u64>>, out: &mut Vec<Equation>) {
    let mut dims = lead.to_vec();
    let element = match ty {
        Ty::Tensor(of, own) => {
            dims.extend(own.iter().cloned());
            of
        }
        other => other,
    };
    if let Some(shape) = shapes.get(path) {
        // A list of structs tells its own axis, and no more.
        let sizes = shape.iter().filter_map(|n| i64::try_from(*n).ok());
        if shape.len() == dims.len() || element.elem().is_none() {
            out.extend(dims.iter().cloned().zip(sizes));
        }
    }
    match element {
        Ty::Struct(s) => s.fields.iter().for_each(|(n, t)| collect(&format!("{path}.{n}"), t, &dims, shapes, out)),
        Ty::Tuple(parts) => {
            parts.iter().enumerate().for_each(|(k, t)| collect(&format!("{path}.{k}"), t, &dims, shapes, out));
        }
        Ty::Scalar(_) | Ty::Tensor(..) => {}
    }
}
