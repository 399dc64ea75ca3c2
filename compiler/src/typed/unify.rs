//! What a call's arguments say about the parameters of the function: its types, dimensions and leading dimensions.

use std::collections::BTreeMap;

use motet_program::data::Elem;

use super::context::{Body, Env};
use super::dim::Dim;
use super::tree::Ty;
use super::types::tensor;
use crate::modules::ModuleId;
use crate::parse::ast;
use crate::source::Span;

/// Where a parameter's value comes from: an argument and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub span: Span,
    pub text: String,
}

/// What is known so far about the parameters of the function or struct that is used.
pub(crate) struct Unifier<'a> {
    pub module: ModuleId,
    pub types: &'a [ast::TypeParam],
    pub dims: &'a [ast::Ident],
    pub env: Env,
    pub origins: BTreeMap<String, Origin>,
    /// Leading dimensions, and the argument that has them.
    pub lead: Option<(Vec<Dim>, Span)>,
    /// Dimensions that are expressions of parameters: solved once the others are known.
    pub equations: Vec<(&'a ast::Expr, Dim, Span)>,
}

impl<'a> Unifier<'a> {
    pub fn new(module: ModuleId, types: &'a [ast::TypeParam], dims: &'a [ast::Ident]) -> Self {
        Unifier {
            module,
            types,
            dims,
            env: Env::default(),
            origins: BTreeMap::new(),
            lead: None,
            equations: Vec::new(),
        }
    }

    fn type_parameter(&self, path: &ast::Path) -> Option<&'a ast::TypeParam> {
        let [name] = path.segments.as_slice() else { return None };
        self.types.iter().find(|t| t.name.name == name.name)
    }

    fn bind_type(&mut self, param: &ast::TypeParam, actual: Ty, span: Span, shown: String) {
        let name = &param.name.name;
        let weak = |ty: &Ty| ty.elem() == Some(Elem::Int);
        let known = self.env.types.get(name);
        if known.is_none_or(|k| weak(k) && !weak(&actual)) {
            self.env.types.insert(name.clone(), actual);
            self.origins.insert(name.clone(), Origin { span, text: shown });
        }
    }

    fn bind_dim(&mut self, name: &str, actual: &Dim, span: Span) {
        if !self.env.dims.contains_key(name) {
            self.env.dims.insert(name.to_owned(), actual.clone());
            self.origins.insert(name.to_owned(), Origin { span, text: actual.to_string() });
        }
    }

    /// The parameters that occur in an expression and are not known yet.
    fn unknowns(&self, e: &ast::Expr, out: &mut Vec<String>) {
        match &e.kind {
            ast::ExprKind::Path(path) => {
                if let [name] = path.segments.as_slice() {
                    let declared = self.dims.iter().any(|d| d.name == name.name);
                    if declared && !self.env.dims.contains_key(&name.name) && !out.contains(&name.name) {
                        out.push(name.name.clone());
                    }
                }
            }
            ast::ExprKind::Unary(_, of) => self.unknowns(of, out),
            ast::ExprKind::Binary(_, l, r) => {
                self.unknowns(l, out);
                self.unknowns(r, out);
            }
            ast::ExprKind::Call { args, .. } => args.iter().for_each(|a| self.unknowns(&a.value, out)),
            _ => {}
        }
    }
}

impl Body<'_, '_> {
    /// Takes from an actual type what it says about the parameters in a declared one; what does not fit is left to the
    /// comparison of the whole types later.
    pub fn unify<'a>(&mut self, u: &mut Unifier<'a>, declared: &'a ast::Type, actual: &Ty, span: Span) {
        match (&declared.kind, actual) {
            (ast::TypeKind::Tuple(parts), Ty::Tuple(actuals)) => {
                parts.iter().zip(actuals).for_each(|(p, a)| self.unify(u, p, a, span));
            }
            (ast::TypeKind::Named { path, args }, _) => {
                if let Some(param) = u.type_parameter(path) {
                    let shown = self.show(actual);
                    u.bind_type(param, actual.clone(), span, shown);
                } else {
                    self.unify_struct(u, path, args, &[], actual, span);
                }
            }
            (ast::TypeKind::Indexed { base, dims }, _) => {
                if let ast::TypeKind::Named { path, args } = &base.kind
                    && self.unify_struct(u, path, args, dims, actual, span)
                {
                    return;
                }
                self.unify_tensor(u, base, dims, actual, span);
            }
            _ => {}
        }
    }

    fn unify_tensor<'a>(
        &mut self,
        u: &mut Unifier<'a>,
        base: &'a ast::Type,
        dims: &'a [ast::DimArg],
        actual: &Ty,
        span: Span,
    ) {
        let leads = matches!(dims.first(), Some(ast::DimArg::Rest(_)));
        let named = &dims[usize::from(leads)..];
        let shape = actual.shape();
        if shape.len() < named.len() {
            return;
        }
        let element = match actual {
            Ty::Tensor(of, _) => &**of,
            other => other,
        };
        let mut at = 0;
        if leads {
            at = shape.len() - named.len();
            if u.lead.as_ref().is_none_or(|(l, _)| l.is_empty()) {
                u.lead = Some((shape[..at].to_vec(), span));
            }
        }
        for (dim, actual) in named.iter().zip(&shape[at..]) {
            if let ast::DimArg::Expr(e) = dim {
                self.unify_dim(u, e, actual, span);
            }
        }
        let rest = &shape[at + named.len()..];
        self.unify(u, base, &tensor(element.clone(), rest.to_vec()), span);
    }

    fn unify_dim<'a>(&mut self, u: &mut Unifier<'a>, declared: &'a ast::Expr, actual: &Dim, span: Span) {
        let mut unknowns = Vec::new();
        u.unknowns(declared, &mut unknowns);
        match (&declared.kind, unknowns.as_slice()) {
            (_, []) => {}
            (ast::ExprKind::Path(_), [name]) => u.bind_dim(name, actual, span),
            _ => u.equations.push((declared, actual.clone(), span)),
        }
    }

    /// The parameters of a struct, from the types of its fields. `false` where the path names no struct.
    fn unify_struct<'a>(
        &mut self,
        u: &mut Unifier<'a>,
        path: &ast::Path,
        args: &'a [ast::TypeArg],
        dims: &'a [ast::DimArg],
        actual: &Ty,
        span: Span,
    ) -> bool {
        let modules = self.checker.modules;
        let item = match path.segments.as_slice() {
            [name] => modules.find(u.module, &name.name),
            [module, name] => modules.get(u.module).uses.get(&module.name).and_then(|m| modules.find(*m, &name.name)),
            _ => None,
        };
        let Some(item) = item else { return false };
        let ast::Item::Struct(s) = modules.item(item) else { return false };
        if s.dims.is_empty() && !dims.is_empty() {
            return false;
        }
        let Ty::Struct(actual) = actual else { return true };
        if actual.name != modules.path(item) || args.len() != s.types.len() || dims.len() != s.dims.len() {
            return true;
        }
        let mut inner = Unifier::new(item.module, &s.types, &s.dims);
        for (field, (_, ty)) in s.fields.iter().zip(&actual.fields) {
            self.unify(&mut inner, &field.ty, ty, span);
        }
        self.solve(&mut inner);
        for (param, arg) in s.types.iter().zip(args) {
            if let (Some(ty), ast::TypeArg::Type(declared)) = (inner.env.types.get(&param.name.name), arg) {
                self.unify(u, declared, ty, span);
            }
        }
        for (param, arg) in s.dims.iter().zip(dims) {
            if let (Some(dim), ast::DimArg::Expr(declared)) = (inner.env.dims.get(&param.name), arg) {
                self.unify_dim(u, declared, dim, span);
            }
        }
        true
    }

    /// Solves the equations that hold one unknown parameter each.
    pub fn solve(&mut self, u: &mut Unifier) {
        loop {
            let before = u.equations.len();
            for (declared, actual, span) in std::mem::take(&mut u.equations) {
                let mut unknowns = Vec::new();
                u.unknowns(declared, &mut unknowns);
                match unknowns.as_slice() {
                    [] => {}
                    [name] => match self.solve_one(u, declared, name, &actual) {
                        Some(solution) => u.bind_dim(name, &solution, span),
                        None => u.equations.push((declared, actual, span)),
                    },
                    _ => u.equations.push((declared, actual, span)),
                }
            }
            if u.equations.is_empty() || u.equations.len() == before {
                return;
            }
        }
    }

    fn solve_one(&mut self, u: &Unifier, declared: &ast::Expr, name: &str, target: &Dim) -> Option<Dim> {
        let mut value_at = |candidate: Dim| -> Option<Dim> {
            let mut env = u.env.clone();
            env.dims.insert(name.to_owned(), candidate);
            self.quiet_int(u.module, env, declared)
        };
        // The parameter's own name may be one of the caller's; a fresh one cannot be confused with it.
        let fresh = format!("?{name}");
        if let Some(solution) = value_at(Dim::parameter(fresh.clone())).and_then(|v| v.solve(&fresh, target)) {
            return Some(solution);
        }
        if let Some(wanted) = target.known() {
            for n in 0..=4096 {
                match value_at(Dim::number(n)).and_then(|v| v.known()) {
                    Some(v) if v == wanted => return Some(Dim::number(n)),
                    Some(_) => {}
                    None => return None,
                }
            }
            return None;
        }
        // Otherwise one of the caller's parameters may fit.
        let callers: Vec<Dim> = self.env.dims.values().cloned().collect();
        callers.into_iter().find(|d| {
            let mut env = u.env.clone();
            env.dims.insert(name.to_owned(), d.clone());
            self.quiet_int(u.module, env, declared).is_some_and(|v| v == *target)
        })
    }

    /// The number that an expression in a signature stands for, without reports.
    pub fn quiet_int(&mut self, module: ModuleId, env: Env, e: &ast::Expr) -> Option<Dim> {
        let mut body = Body::new(self.checker, module, env);
        body.attempt(|b| b.constant_int(e, "a dimension"), |_| true)
    }
}
