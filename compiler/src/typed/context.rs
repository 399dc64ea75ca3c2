//! What the checker carries along: the program's files, the instances made so far, and for the function at hand its
//! parameters' values and its variables.

use std::collections::{BTreeMap, HashMap, HashSet};

use motet_program::data::Elem;
use num_rational::BigRational;

use super::dim::Dim;
use super::print;
use super::tree::{self, Expr, ExprKind, FunctionId, LocalId, Ty};
use crate::Options;
use crate::diagnostics::Diagnostic;
use crate::modules::{ItemRef, ModuleId, Modules};
use crate::source::{Sources, Span};

/// An error that has been reported already; whoever meets it stays silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

/// A result whose error has been reported.
pub(crate) type Checked<T> = Result<T, Reported>;

/// Most diagnostics of one run.
const MAX_DIAGNOSTICS: usize = 100;
/// Most nodes of typed expressions of one run: what a program that instantiates exponentially is stopped by.
pub(crate) const MAX_NODES: u64 = 4_000_000;

/// A value known when compiling.
#[derive(Clone, Debug)]
pub(crate) enum Constant {
    /// An `int`, perhaps in terms of dimension parameters.
    Int(Dim),
    /// An integer literal above the largest `int`: it becomes what is asked for.
    Large(u64),
    /// A decimal: it becomes the `fix` that is asked for.
    Decimal(BigRational),
    /// A value of another type.
    Value(Expr),
}

impl Constant {
    /// A text that is equal where the constants are.
    pub fn key(&self) -> String {
        match self {
            Constant::Int(d) => d.to_string(),
            Constant::Large(n) => n.to_string(),
            Constant::Decimal(r) => format!("{r}."),
            Constant::Value(e) => format!("{:?} {}", e.ty, print::expression(e)),
        }
    }
}

/// What the parameters of a function or struct stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    /// Type parameters.
    pub types: BTreeMap<String, Ty>,
    /// Dimension parameters.
    pub dims: BTreeMap<String, Dim>,
    /// `const` parameters.
    pub consts: BTreeMap<String, Constant>,
}

impl Env {
    /// A text that is equal where the environments are.
    pub fn key(&self) -> String {
        let consts: Vec<String> = self.consts.iter().map(|(n, c)| format!("{n}={}", c.key())).collect();
        format!("{:?} {:?} {consts:?}", self.types, self.dims)
    }
}

/// A function that is being checked.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    /// Which.
    pub item: ItemRef,
    /// Its path.
    pub name: String,
    /// Where it is called; `None` for the first.
    pub call: Option<Span>,
}

/// The state of checking one program.
pub(crate) struct Checker<'p> {
    pub modules: &'p Modules,
    pub sources: &'p Sources,
    pub options: &'p Options,
    /// What `fix` means.
    pub fix: Elem,
    /// Whether dimension parameters stand for any value: where a number is needed but not known, checking stops in
    /// silence.
    pub symbolic: bool,
    pub diagnostics: Vec<Diagnostic>,
    seen: HashSet<(&'static str, Span)>,
    pub functions: Vec<tree::Function>,
    pub externs: Vec<tree::ExternFn>,
    pub extern_ids: HashMap<ItemRef, Checked<usize>>,
    pub instances: HashMap<(ItemRef, String), Checked<FunctionId>>,
    pub active: Vec<Active>,
    /// Constants of files; `None` while one is being evaluated.
    pub constants: HashMap<ItemRef, Option<Checked<Constant>>>,
    /// Structs with their parameters filled in.
    pub structs: HashMap<(ItemRef, String), Checked<Ty>>,
    /// Structs being resolved, for cycles.
    pub resolving: Vec<ItemRef>,
    pub nodes: u64,
}

impl<'p> Checker<'p> {
    pub fn new(modules: &'p Modules, sources: &'p Sources, options: &'p Options, symbolic: bool) -> Self {
        Checker {
            modules,
            sources,
            options,
            fix: Elem::Fix { bits: 64, frac: 16 },
            symbolic,
            diagnostics: Vec::new(),
            seen: HashSet::new(),
            functions: Vec::new(),
            externs: Vec::new(),
            extern_ids: HashMap::new(),
            instances: HashMap::new(),
            active: Vec::new(),
            constants: HashMap::new(),
            structs: HashMap::new(),
            resolving: Vec::new(),
            nodes: 0,
        }
    }

    /// Reports an error or warning; one that stands in the library is shown at the user's call.
    pub fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        let calls: Vec<Call> = self.active.iter().map(|a| Call { name: a.name.clone(), span: a.call }).collect();
        let diagnostic = at_users_call(self.modules, &calls, diagnostic);
        let key = (diagnostic.code, diagnostic.labels[0].0);
        if self.diagnostics.len() < MAX_DIAGNOSTICS && self.seen.insert(key) {
            self.diagnostics.push(diagnostic);
        }
        Reported
    }

    /// Reports an error at a place.
    pub fn error(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        note: impl Into<String>,
    ) -> Reported {
        self.report(Diagnostic::error(code, message, span, note))
    }

    /// What is written at a place.
    pub fn text(&self, span: Span) -> &'p str {
        self.sources.get(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("…")
    }

    /// The text of a type in messages.
    pub fn show(&self, ty: &Ty) -> String {
        print::ty(ty, self.fix)
    }

    /// Counts nodes of typed expressions, so that no program makes unboundedly many.
    pub fn spend(&mut self, nodes: u64, span: Span) -> Checked<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let over = Diagnostic::error("too-large", "this program is too large once its functions are made for their types and sizes", span, "the limit is reached here")
            .help("a function is checked once for each combination of types, dimensions and `const` arguments that it is called with: call it with fewer");
        // Everything after the limit fails too: one report is enough.
        if !self.diagnostics.iter().any(|d| d.code == "too-large") {
            self.report(over);
        }
        Err(Reported)
    }
}

/// A call that is being looked at: the function's path, and where it is called (`None` for the first).
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub name: String,
    pub span: Option<Span>,
}

/// Moves the main label of an error in a library function to the call in the user's file, and names the calls between.
pub(crate) fn at_users_call(modules: &Modules, calls: &[Call], diagnostic: Diagnostic) -> Diagnostic {
    if !modules.in_library(diagnostic.labels[0].0.file) {
        return diagnostic;
    }
    let users = |c: &Call| c.span.filter(|s| !modules.in_library(s.file));
    let Some((at, span)) = calls.iter().enumerate().rev().find_map(|(i, c)| users(c).map(|s| (i, s))) else {
        return diagnostic;
    };
    let mut labels = vec![(span, format!("in this call of `{}`", calls[at].name))];
    for inner in &calls[at + 1..] {
        labels.extend(inner.span.map(|s| (s, format!("which calls `{}`", inner.name))));
    }
    labels.extend(diagnostic.labels);
    Diagnostic { labels, ..diagnostic }
}

/// What is asked of an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want<'t> {
    /// Nothing.
    Any,
    /// An element type, of any shape.
    Elem(Elem),
    /// A type.
    Ty(&'t Ty),
}

impl Want<'_> {
    /// The element type that is asked for.
    pub fn elem(&self) -> Option<Elem> {
        match self {
            Want::Any => None,
            Want::Elem(e) => Some(*e),
            Want::Ty(ty) => ty.elem(),
        }
    }
}

/// Where an expected type comes from.
pub(crate) type Why = Option<(Span, String)>;

/// What a name stands for inside of a function.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub local: LocalId,
    /// `None` where its type could not be found (which has been reported).
    pub ty: Option<Ty>,
    pub mutable: bool,
    /// The value of an immutable `int`, where it is known.
    pub constant: Option<Dim>,
    /// How many closures it stands in.
    pub closures: usize,
    pub span: Span,
    pub used: bool,
}

/// The function that is being checked.
pub(crate) struct Body<'c, 'p> {
    pub checker: &'c mut Checker<'p>,
    pub module: ModuleId,
    pub env: Env,
    pub locals: Vec<tree::Local>,
    pub scopes: Vec<HashMap<String, Binding>>,
    /// How many closures are around.
    pub closures: usize,
    /// What is returned, and where that is said; `None` outside of functions.
    pub result: Option<(Ty, Span)>,
}

impl<'c, 'p> Body<'c, 'p> {
    pub fn new(checker: &'c mut Checker<'p>, module: ModuleId, env: Env) -> Self {
        Body { checker, module, env, locals: Vec::new(), scopes: vec![HashMap::new()], closures: 0, result: None }
    }

    pub fn error(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        note: impl Into<String>,
    ) -> Reported {
        self.checker.error(code, message, span, note)
    }

    pub fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        self.checker.report(diagnostic)
    }

    pub fn show(&self, ty: &Ty) -> String {
        self.checker.show(ty)
    }

    /// A new variable.
    pub fn local(&mut self, name: &str, ty: Ty, span: Span) -> LocalId {
        self.locals.push(tree::Local { name: name.to_owned(), ty, span });
        LocalId((self.locals.len() - 1) as u32)
    }

    /// Makes a name stand for a variable until the scope ends.
    pub fn bind(&mut self, name: &str, binding: Binding) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), binding);
        }
    }

    /// What a name stands for.
    pub fn lookup(&mut self, name: &str) -> Option<&mut Binding> {
        self.scopes.iter_mut().rev().find_map(|s| s.get_mut(name))
    }

    /// Runs `f` in a scope of its own.
    pub fn scoped<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(HashMap::new());
        let out = f(self);
        self.close_scope();
        out
    }

    fn close_scope(&mut self) {
        let Some(scope) = self.scopes.pop() else { return };
        let mut unused: Vec<_> = scope.into_iter().filter(|(n, b)| !b.used && !n.starts_with('_')).collect();
        unused.sort_by_key(|(_, b)| b.span.start);
        for (name, binding) in unused {
            if !self.checker.modules.in_library(binding.span.file) && binding.ty.is_some() {
                self.report(
                    Diagnostic::warning("unused-variable", format!("`{name}` is never used"), binding.span, "")
                        .help(format!("name it `_{name}` if that is meant")),
                );
            }
        }
    }

    /// Tries `f`; where it fails or `keep` says no, all that it reported and declared is taken back.
    pub fn attempt<T>(&mut self, f: impl FnOnce(&mut Self) -> Checked<T>, keep: impl FnOnce(&T) -> bool) -> Option<T> {
        let diagnostics = self.checker.diagnostics.len();
        let seen = self.checker.seen.clone();
        let (locals, scopes) = (self.locals.len(), self.scopes.len());
        match f(self) {
            Ok(t) if keep(&t) => Some(t),
            _ => {
                self.checker.diagnostics.truncate(diagnostics);
                self.checker.seen = seen;
                // Their errors have been taken back: they must be found again.
                self.checker.instances.retain(|_, made| made.is_ok());
                self.checker.structs.retain(|_, made| made.is_ok());
                self.checker.constants.retain(|_, known| !matches!(known, Some(Err(_))));
                self.locals.truncate(locals);
                self.scopes.truncate(scopes);
                None
            }
        }
    }

    /// An expression.
    pub fn make(&mut self, kind: ExprKind, ty: Ty, span: Span) -> Checked<Expr> {
        self.checker.spend(1, span)?;
        Ok(Expr { kind, ty, span })
    }

    /// A place where a number is needed that is not known: an error, unless dimension parameters stand for any value.
    pub fn needs_number(&mut self, dim: &Dim, span: Span, what: &str) -> Checked<i64> {
        match dim.known() {
            Some(n) => Ok(n),
            None if self.checker.symbolic => Err(Reported),
            None => Err(self.error(
                "not-constant",
                format!("{what} must be known when compiling"),
                span,
                format!("this is `{dim}`"),
            )),
        }
    }
}
