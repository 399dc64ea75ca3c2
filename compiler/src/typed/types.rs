//! Types as they are written, with their parameters filled in.

use std::sync::Arc;

use motet_program::data::Elem;
use motet_program::ir::MAX_ELEMENTS;

use super::context::{Body, Checked, Constant, Env};
use super::dim::Dim;
use super::similar;
use super::tree::{StructTy, Ty};
use crate::diagnostics::Diagnostic;
use crate::modules::ItemRef;
use crate::parse::ast;
use crate::source::Span;

/// Most scalars and tensors that a value may consist of.
const MAX_LEAVES: usize = 4096;
/// Most axes of a tensor.
const MAX_RANK: usize = 16;

/// What the brackets of a type may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lead {
    /// No `..`.
    Forbidden,
    /// `..` is left out: what is meant is the type for one point of the leading dimensions.
    Dropped,
}

impl Body<'_, '_> {
    /// The type that is written.
    pub fn resolve(&mut self, ty: &ast::Type, lead: Lead) -> Checked<Ty> {
        let resolved = self.resolve_unbounded(ty, lead)?;
        self.bounded(resolved, ty.span)
    }

    fn resolve_unbounded(&mut self, ty: &ast::Type, lead: Lead) -> Checked<Ty> {
        match &ty.kind {
            ast::TypeKind::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|p| self.resolve(p, lead)).collect();
                Ok(Ty::Tuple(parts.into_iter().collect::<Checked<_>>()?))
            }
            ast::TypeKind::Named { path, args } => self.named(path, args, &[], ty.span),
            ast::TypeKind::Indexed { base, dims } => {
                if let ast::TypeKind::Named { path, args } = &base.kind
                    && self.has_dimensions(path)
                {
                    let dims = self.dimensions(dims, Lead::Forbidden)?;
                    return self.named(path, args, &dims, ty.span);
                }
                let element = self.resolve_unbounded(base, Lead::Forbidden);
                let dims = self.dimensions(dims, lead);
                Ok(tensor(element?, dims?))
            }
        }
    }

    /// Whether a path names a struct that has dimension parameters.
    fn has_dimensions(&self, path: &ast::Path) -> bool {
        let Some(item) = self.item_quietly(path) else { return false };
        matches!(self.checker.modules.item(item), ast::Item::Struct(s) if !s.dims.is_empty())
    }

    fn dimensions(&mut self, dims: &[ast::DimArg], lead: Lead) -> Checked<Vec<Dim>> {
        let mut out = Vec::new();
        for (i, dim) in dims.iter().enumerate() {
            match dim {
                ast::DimArg::Rest(span) if lead == Lead::Forbidden => {
                    return Err(self.report(
                        Diagnostic::error("rest-dimension", "`..` cannot stand here", *span, "")
                            .help("`..` stands for any leading dimensions of a parameter or result of a function"),
                    ));
                }
                ast::DimArg::Rest(span) if i > 0 => {
                    return Err(self.error("rest-dimension", "`..` must be the first dimension", *span, ""));
                }
                ast::DimArg::Rest(_) => {}
                ast::DimArg::Expr(e) => out.push(self.dimension(e)?),
            }
        }
        Ok(out)
    }

    /// A size: a constant expression that is not negative.
    pub fn dimension(&mut self, e: &ast::Expr) -> Checked<Dim> {
        let dim = self.constant_int(e, "a dimension")?;
        match dim.known() {
            Some(n) if n < 0 => Err(self.error("negative-dimension", format!("a dimension cannot be {n}"), e.span, "")),
            _ => Ok(dim),
        }
    }

    /// A type by name, with what stands in its brackets.
    fn named(&mut self, path: &ast::Path, args: &[ast::TypeArg], dims: &[Dim], span: Span) -> Checked<Ty> {
        if let [name] = path.segments.as_slice() {
            if let Some(ty) = self.env.types.get(&name.name) {
                let ty = ty.clone();
                return self.no_arguments(args, &name.name, span).map(|()| ty);
            }
            // `fix<40, 13>` is the built-in type also where `type fix = …` says what a bare `fix` means.
            let parameters = name.name == "fix" && !args.is_empty();
            if parameters || self.checker.modules.find(self.module, &name.name).is_none() {
                return self.built_in(name, args, span);
            }
        }
        let item = self.item(path, "type")?;
        let modules = self.checker.modules;
        match modules.item(item) {
            ast::Item::Struct(s) => self.structure(item, s, args, dims, span),
            ast::Item::Type(alias) => {
                self.no_arguments(args, &alias.name.name, span)?;
                self.alias(item, alias)
            }
            _ => {
                let name = modules.path(item);
                Err(self.error("not-a-type", format!("`{name}` is not a type"), span, ""))
            }
        }
    }

    fn no_arguments(&mut self, args: &[ast::TypeArg], name: &str, span: Span) -> Checked<()> {
        if args.is_empty() {
            return Ok(());
        }
        Err(self.error("type-arguments", format!("`{name}` takes nothing in angle brackets"), span, ""))
    }

    fn alias(&mut self, item: ItemRef, alias: &ast::TypeAlias) -> Checked<Ty> {
        self.unless_circular(item, alias.name.span, |checker| {
            Body::new(checker, item.module, Env::default()).resolve(&alias.ty, Lead::Forbidden)
        })
    }

    /// A built-in type: `bool`, `int`, `u8`, `fix`, `fix<40, 13>`.
    fn built_in(&mut self, name: &ast::Ident, args: &[ast::TypeArg], span: Span) -> Checked<Ty> {
        if name.name == "fix" && !args.is_empty() {
            return self.fixed_point(args, span).map(Ty::Scalar);
        }
        match elem(&name.name, self.checker.fix) {
            Some(Ok(e)) => self.no_arguments(args, &name.name, span).map(|()| Ty::Scalar(e)),
            Some(Err(range)) => Err(self.error("no-type", format!("there is no type `{}`", name.name), span, range)),
            None => {
                let diagnostic = Diagnostic::error("no-type", format!("there is no type `{}`", name.name), span, "");
                let help = match name.name.as_str() {
                    "f32" | "f64" | "float" | "double" => {
                        Some("numbers with a fraction are `fix` (fixed point)".to_owned())
                    }
                    "usize" | "isize" | "integer" => {
                        Some("public numbers are `int`; others say their width, as in `u32`".to_owned())
                    }
                    other => {
                        let module = self.checker.modules.get(self.module);
                        let known =
                            module.items.keys().map(String::as_str).chain(self.env.types.keys().map(String::as_str));
                        similar(other, known.chain(["bool", "int", "fix"])).map(|s| format!("did you mean `{s}`?"))
                    }
                };
                Err(self.report(Diagnostic { help, ..diagnostic }))
            }
        }
    }

    fn fixed_point(&mut self, args: &[ast::TypeArg], span: Span) -> Checked<Elem> {
        let mut numbers = Vec::new();
        for arg in args {
            match arg {
                ast::TypeArg::Expr(e) => numbers.push((self.constant_int(e, "the number of bits")?, e.span)),
                // A bare name is read as a type.
                ast::TypeArg::Type(t) => {
                    let ast::TypeKind::Named { path, args } = &t.kind else { break };
                    if !args.is_empty() {
                        break;
                    }
                    let e = ast::Expr { kind: ast::ExprKind::Path(path.clone()), span: t.span };
                    numbers.push((self.constant_int(&e, "the number of bits")?, t.span));
                }
            }
        }
        let [(bits, bits_span), (frac, frac_span)] = numbers.as_slice() else {
            return Err(self.report(
                Diagnostic::error("type-arguments", "`fix<B, F>` takes two numbers", span, "")
                    .help("`fix<40, 13>` has 40 bits, 13 of them after the point"),
            ));
        };
        let bits = self.needs_number(bits, *bits_span, "the number of bits")?;
        let frac = self.needs_number(frac, *frac_span, "the number of fractional bits")?;
        if !(2..=64).contains(&bits) {
            return Err(self.error("fix-bits", format!("`fix` cannot have {bits} bits"), *bits_span, "from 2 to 64"));
        }
        if !(0..bits).contains(&frac) {
            let message = format!("`fix` of {bits} bits cannot have {frac} of them after the point");
            return Err(self.error("fix-bits", message, *frac_span, format!("from 0 to {}", bits - 1)));
        }
        Ok(Elem::Fix { bits: bits as u8, frac: frac as u8 })
    }

    fn structure(
        &mut self,
        item: ItemRef,
        s: &ast::Struct,
        args: &[ast::TypeArg],
        dims: &[Dim],
        span: Span,
    ) -> Checked<Ty> {
        let name = &s.name.name;
        if args.len() != s.types.len() || dims.len() != s.dims.len() {
            let wants = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
            let message =
                format!("`{name}` takes {} and {}", wants(s.types.len(), "type"), wants(s.dims.len(), "dimension"));
            let note = format!("{} and {} are given", wants(args.len(), "type"), wants(dims.len(), "dimension"));
            return Err(self
                .report(Diagnostic::error("type-arguments", message, span, note).label(s.name.span, "declared here")));
        }
        let mut env = Env::default();
        for (param, arg) in s.types.iter().zip(args) {
            let ast::TypeArg::Type(ty) = arg else {
                return Err(self.error(
                    "type-arguments",
                    format!("`{}` is a type", param.name.name),
                    span,
                    "not a number",
                ));
            };
            let ty = self.resolve(ty, Lead::Forbidden)?;
            env.types.insert(param.name.name.clone(), ty);
        }
        env.dims.extend(s.dims.iter().map(|d| d.name.clone()).zip(dims.iter().cloned()));
        self.structure_in(item, s, env)
    }

    /// The struct with its parameters filled in.
    pub fn structure_in(&mut self, item: ItemRef, s: &ast::Struct, env: Env) -> Checked<Ty> {
        let key = (item, env.key());
        if let Some(known) = self.checker.structs.get(&key) {
            return known.clone();
        }
        let name = self.checker.modules.path(item);
        let made = self.unless_circular(item, s.name.span, |checker| {
            let mut body = Body::new(checker, item.module, env);
            let fields: Vec<_> =
                s.fields.iter().map(|f| Ok((f.name.name.clone(), body.resolve(&f.ty, Lead::Forbidden)?))).collect();
            let fields = fields.into_iter().collect::<Checked<_>>()?;
            Ok(Ty::Struct(Arc::new(StructTy { name, fields })))
        });
        self.checker.structs.insert(key, made.clone());
        made
    }

    fn unless_circular(
        &mut self,
        item: ItemRef,
        span: Span,
        f: impl FnOnce(&mut super::context::Checker) -> Checked<Ty>,
    ) -> Checked<Ty> {
        if self.checker.resolving.contains(&item) {
            let name = self.checker.modules.path(item);
            return Err(self.error(
                "type-circle",
                format!("`{name}` contains itself"),
                span,
                "its size would be infinite",
            ));
        }
        self.checker.resolving.push(item);
        let out = f(self.checker);
        self.checker.resolving.pop();
        out
    }

    /// Refuses types that are too large to work with.
    pub fn bounded(&mut self, ty: Ty, span: Span) -> Checked<Ty> {
        if leaves(&ty) > MAX_LEAVES {
            let message = format!("this type has more than {MAX_LEAVES} parts");
            return Err(self.error("too-large", message, span, "count each number and tensor in it"));
        }
        if !elements_bounded(&ty, 1) {
            let shown = self.show(&ty);
            let message = format!("`{shown}` has more than 2^32 elements");
            return Err(self.error("too-large", message, span, "this is more than a program can work with"));
        }
        if ty.shape().len() > MAX_RANK {
            return Err(self.error("too-large", format!("a tensor has at most {MAX_RANK} dimensions"), span, ""));
        }
        Ok(ty)
    }

    /// The constant of the environment, a dimension or `const` parameter.
    pub fn parameter(&self, name: &str) -> Option<Constant> {
        let dim = self.env.dims.get(name).cloned().map(Constant::Int);
        dim.or_else(|| self.env.consts.get(name).cloned())
    }
}

/// The element type of a name; `Some(Err(range))` where it is an integer type of an impossible width.
pub(crate) fn elem(name: &str, fix: Elem) -> Option<Result<Elem, &'static str>> {
    match name {
        "bool" => return Some(Ok(Elem::Bool)),
        "int" => return Some(Ok(Elem::Int)),
        "fix" => return Some(Ok(fix)),
        _ => {}
    }
    let digits = name.strip_prefix(['u', 'i']).filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))?;
    let width = digits.parse::<u8>().ok().filter(|_| !digits.starts_with('0'));
    Some(match (name.starts_with('u'), width) {
        (true, Some(n @ 1..=64)) => Ok(Elem::Uint(n)),
        (false, Some(n @ 2..=64)) => Ok(Elem::Sint(n)),
        (true, _) => Err("widths are from `u1` to `u64`"),
        (false, _) => Err("widths are from `i2` to `i64`"),
    })
}

/// The tensor of an element type, shapes joined; the element itself where there are no dimensions.
pub(crate) fn tensor(element: Ty, mut dims: Vec<Dim>) -> Ty {
    if dims.is_empty() {
        return element;
    }
    match element {
        Ty::Tensor(of, inner) => {
            dims.extend(inner);
            Ty::Tensor(of, dims)
        }
        other => Ty::Tensor(Box::new(other), dims),
    }
}

/// The type with leading dimensions: those of each part of a tuple.
pub(crate) fn with_lead(ty: Ty, lead: &[Dim]) -> Ty {
    match ty {
        Ty::Tuple(parts) if !lead.is_empty() => Ty::Tuple(parts.into_iter().map(|p| with_lead(p, lead)).collect()),
        other => tensor(other, lead.to_vec()),
    }
}

/// The type of a row: without the first axis.
pub(crate) fn row(ty: &Ty) -> Option<(Dim, Ty)> {
    let Ty::Tensor(of, shape) = ty else { return None };
    let (first, rest) = shape.split_first()?;
    Some((first.clone(), tensor((**of).clone(), rest.to_vec())))
}

/// How many scalars and tensors a value of the type consists of.
fn leaves(ty: &Ty) -> usize {
    match ty {
        Ty::Scalar(_) => 1,
        Ty::Tensor(of, _) => leaves(of),
        Ty::Tuple(parts) => parts.iter().map(leaves).fold(1, usize::saturating_add),
        Ty::Struct(s) => s.fields.iter().map(|(_, f)| leaves(f)).fold(1, usize::saturating_add),
    }
}

fn elements_bounded(ty: &Ty, times: u64) -> bool {
    match ty {
        Ty::Scalar(_) => true,
        Ty::Tensor(of, shape) => {
            let known = shape.iter().filter_map(|d| d.known()).map(|n| n.max(0) as u64);
            let count = known.fold(times, u64::saturating_mul);
            count <= MAX_ELEMENTS && elements_bounded(of, count)
        }
        Ty::Tuple(parts) => parts.iter().all(|p| elements_bounded(p, times)),
        Ty::Struct(s) => s.fields.iter().all(|(_, f)| elements_bounded(f, times)),
    }
}
