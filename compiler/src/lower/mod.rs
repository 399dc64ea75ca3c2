//! From the typed tree to the core: calls are inlined, structs and tuples become leaves, variables become SSA values,
//! broadcasts and conversions explicit operations.
//!
//! A branch is an `If` whoever knows its condition; `if_conversion` then looks at places. An index is a slice where
//! `secrecy` says that it is public, and an oblivious read or write else.

mod access;
mod assigned;
mod builtin;
mod call;
mod control;
mod expr;
mod gradient;
mod operators;
mod types;

pub(crate) use types::one;

use std::collections::HashMap;

use motet_program::ir::{ExternCircuit, MAX_DEPTH, Op, Output, Param, Party, Program, Site, SourceSite, Value};

use crate::diagnostics::Diagnostic;
use crate::differentiate::Units;
use crate::passes::build::Builder;
use crate::secrecy::{self, InstanceId, Labels};
use crate::source::{Sources, Span};
use crate::typed::tree::{Expr, Function, LocalId, Tree, Ty};

/// The result of a step of lowering.
type Fails<T> = Result<T, Diagnostic>;

/// Most expressions that are looked at, calls being inlined.
const MAX_STEPS: usize = 4_000_000;
/// Most operations of a core.
const MAX_OPERATIONS: usize = 1_000_000;
/// Deepest nesting of expressions, calls being inlined: what fits the compiler's stack.
const MAX_NESTING: usize = 2_000;

/// Lowers a tree with all dimensions known.
pub fn lower(tree: &Tree, sources: &Sources) -> Result<Program, Diagnostic> {
    Lowerer::new(tree, sources).program()
}

struct Lowerer<'t> {
    tree: &'t Tree,
    sources: &'t Sources,
    labels: Labels,
    b: Builder,
    frame: Frame<'t>,
    sites: Vec<SourceSite>,
    site_of: HashMap<(Span, *const Function), Site>,
    steps: usize,
    nesting: usize,
    /// How many `grad`s are open.
    gradients: usize,
    /// What `with_slope` says in them.
    units: Units,
}

/// The function that is being inlined.
struct Frame<'t> {
    function: &'t Function,
    instance: InstanceId,
    /// The leaves of each local that is bound.
    locals: Vec<Option<Vec<Value>>>,
    /// In a function with `return`s.
    returned: Option<Returned>,
}

/// What a function returned early.
struct Returned {
    /// Whether it did.
    flag: Value,
    /// The leaves of the result where it did, else anything.
    result: Vec<Value>,
}

impl<'t> Lowerer<'t> {
    fn new(tree: &'t Tree, sources: &'t Sources) -> Self {
        Lowerer {
            tree,
            sources,
            labels: secrecy::labels(tree),
            b: Builder::new(),
            frame: Frame::of(&tree.functions[tree.entry.0 as usize], Labels::ENTRY),
            sites: Vec::new(),
            site_of: HashMap::new(),
            steps: 0,
            nesting: 0,
            gradients: 0,
            units: Units::new(),
        }
    }

    fn program(mut self) -> Fails<Program> {
        let entry = self.frame.function;
        self.b.site = self.site(entry.span);
        let mut params = Vec::new();
        for (index, local) in entry.params.iter().enumerate() {
            let local = &entry.locals[local.0 as usize];
            let owner = self.tree.owners.get(index).copied().flatten().map(|p| Party(p as u8));
            params.push(Param { name: local.name.clone(), owner, ty: self.data(&local.ty, local.span)? });
            self.b.site = self.site(local.span);
            let leaves = self.leaves(&local.ty, local.span)?;
            let values = leaves
                .into_iter()
                .enumerate()
                .map(|(leaf, ty)| self.b.push(Op::Input { param: index as u32, leaf: leaf as u32 }, ty));
            let values = values.collect();
            self.frame.locals[entry.params[index].0 as usize] = Some(values);
        }
        let results = self.function_body()?;
        let parts: Vec<&Ty> = match &entry.result {
            Ty::Tuple(parts) if self.tree.tuple_result => parts.iter().collect(),
            ty => vec![ty],
        };
        let mut outputs = Vec::new();
        for (ty, to) in parts.into_iter().zip(&self.tree.shown) {
            let to = to.iter().map(|p| Party(*p as u8)).collect();
            outputs.push(Output { to, ty: self.data(ty, entry.span)? });
        }
        let circuits = self.tree.externs.iter();
        let circuits = circuits.map(|e| ExternCircuit { name: e.name.clone(), circuit: (*e.circuit).clone() });
        let frame = Program {
            entry: entry.name.clone(),
            parties: self.tree.parties.clone(),
            params,
            outputs,
            tuple_result: self.tree.tuple_result,
            values: Vec::new(),
            circuits: circuits.collect(),
            body: Default::default(),
            sites: self.sites,
        };
        Ok(self.b.finish(results, frame))
    }

    /// The site of a place in the function that is being inlined.
    fn site(&mut self, span: Span) -> Site {
        let function = self.frame.function;
        *self.site_of.entry((span, std::ptr::from_ref(function))).or_insert_with(|| {
            let (line, column) = self.sources.line_column(span);
            let file = self.sources.get(span.file).name.clone();
            self.sites.push(SourceSite { file, function: function.name.clone(), line, column });
            Site((self.sites.len() - 1) as u32)
        })
    }

    /// Counts a step, and refuses what would take too long, too much memory or too deep a stack.
    fn step(&mut self, expr: &Expr) -> Fails<()> {
        self.steps += 1;
        let entry = &self.tree.functions[self.tree.entry.0 as usize];
        if self.steps > MAX_STEPS || self.b.made() > MAX_OPERATIONS {
            let message = format!("`{}` is too large once its calls are inlined", entry.name);
            return Err(Diagnostic::error("too-large", message, expr.span, "the limit was reached here")
                .label(entry.span, "in this entry point")
                .help("put what is repeated into a loop, or apply a function over a leading dimension"));
        }
        if self.nesting > MAX_NESTING || self.b.depth() + 4 > MAX_DEPTH {
            let message = format!("`{}` nests too deeply once its calls are inlined", entry.name);
            return Err(Diagnostic::error("too-deep", message, expr.span, "the limit was reached here")
                .label(entry.span, "in this entry point"));
        }
        Ok(())
    }

    /// Whether an index is secret.
    fn is_secret(&self, index: &Expr) -> bool {
        self.labels.is_secret(self.frame.instance, index)
    }

    /// The leaves of a local.
    fn local(&self, local: LocalId, span: Span) -> Fails<Vec<Value>> {
        self.frame.locals[local.0 as usize].clone().ok_or_else(|| {
            let name = &self.frame.function.locals[local.0 as usize].name;
            Diagnostic::error("unbound", format!("`{name}` has no value here"), span, "read here")
        })
    }
}

impl<'t> Frame<'t> {
    fn of(function: &'t Function, instance: InstanceId) -> Self {
        Frame { function, instance, locals: vec![None; function.locals.len()], returned: None }
    }
}
