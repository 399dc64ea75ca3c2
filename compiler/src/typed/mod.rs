//! Names, types, shapes: from the syntax tree to the typed tree.

mod arguments;
mod batches;
mod builtins;
mod calls;
mod constants;
mod context;
pub mod data_types;
pub mod dim;
mod dimensions;
mod entry;
mod evaluate;
mod exprs;
mod externs;
mod indexing;
mod instances;
mod literals;
mod names;
mod number;
mod operators;
mod parameters;
pub mod print;
mod statements;
mod structs;
pub mod tree;
mod types;
mod unify;

use std::collections::BTreeMap;

use motet_program::data::Elem;

use crate::Options;
use crate::diagnostics::Diagnostic;
use crate::modules::{ItemRef, ModuleId, Modules};
use crate::parse::ast;
use crate::source::Sources;
use context::{Body, Checker, Constant, Env};
pub(crate) use context::{Call, at_users_call};
use dim::Dim;
use tree::{Tree, Ty};

/// The typed tree of the entry point that the options name; all its dimensions must be given.
pub fn tree(modules: &Modules, sources: &Sources, options: &Options) -> (Option<Tree>, Vec<Diagnostic>) {
    let mut checker = Checker::new(modules, sources, options, false);
    let tree = checker.set_fix().and_then(|()| {
        let (item, f) = checker.entry(&options.entry)?;
        checker.check_signature(item, f)?;
        checker.check_sets(f)?;
        let env = checker.given(f)?;
        checker.entry_tree(item, f, env)
    });
    finish(checker, tree.ok())
}

/// The dimension parameters of the entry point that the shapes of inputs tell, by dotted path of the input.
pub fn dimensions(
    modules: &Modules,
    sources: &Sources,
    options: &Options,
    shapes: &BTreeMap<String, Vec<u64>>,
) -> (Option<BTreeMap<String, i64>>, Vec<Diagnostic>) {
    let mut checker = Checker::new(modules, sources, options, true);
    match checker.dimensions(&options.entry, shapes) {
        // What was tried on the way and did not fit is no error of the program.
        Ok(dimensions) => (Some(dimensions), Vec::new()),
        Err(_) => (None, finish(checker, None).1),
    }
}

/// Checks every item of the user's files, whatever the dimension parameters are. Gives the trees of all entry points
/// that are in order, their dimensions symbols.
pub fn check(modules: &Modules, sources: &Sources, options: &Options) -> (Vec<Tree>, Vec<Diagnostic>) {
    let mut checker = Checker::new(modules, sources, options, true);
    let mut trees = Vec::new();
    if checker.set_fix().is_ok() {
        for (id, module) in modules.iter().filter(|(_, m)| !m.library) {
            for index in 0..module.tree.items.len() {
                let item = ItemRef { module: id, index };
                if let Some(tree) = check_item(&mut checker, item) {
                    trees.push(tree);
                }
            }
        }
    }
    (trees, finish(checker, None).1)
}

/// One item of the user's files; the tree where it is an entry point in order.
fn check_item(checker: &mut Checker, item: ItemRef) -> Option<Tree> {
    let modules = checker.modules;
    match modules.item(item) {
        ast::Item::Use(_) => {}
        ast::Item::Type(alias) => {
            let _ = Body::new(checker, item.module, Env::default()).resolve(&alias.ty, types::Lead::Forbidden);
        }
        ast::Item::Const(c) => {
            let _ = Body::new(checker, item.module, Env::default()).constant_item(item, c);
        }
        ast::Item::Struct(s) => {
            let mut env = Env::default();
            env.dims.extend(s.dims.iter().map(|d| (d.name.clone(), Dim::parameter(d.name.clone()))));
            env.types.extend(s.types.iter().map(|t| (t.name.name.clone(), Ty::Scalar(checker.fix))));
            let _ = Body::new(checker, item.module, Env::default()).structure_in(item, s, env);
        }
        ast::Item::Extern(e) => {
            let _ = checker.extern_circuit(item, e);
        }
        ast::Item::Fn(f) => return check_function(checker, item, f),
    }
    None
}

/// A function for any dimensions, and for types that stand for all within the bounds of its type parameters.
fn check_function(checker: &mut Checker, item: ItemRef, f: &ast::Fn) -> Option<Tree> {
    checker.check_signature(item, f).ok()?;
    let symbols = symbols(checker, f)?;
    let entry = item.module == ModuleId(0) && f.public;
    if entry {
        return checker.entry_tree(item, f, symbols).ok();
    }
    let kinds = if f.types.is_empty() { 1 } else { 3 };
    for kind in 0..kinds {
        let mut env = symbols.clone();
        for param in &f.types {
            let bound = param.bound.as_ref().map(|b| b.name.as_str());
            let elem = match (kind, bound) {
                (0, _) => Elem::Uint(32),
                (1, _) => Elem::Sint(13),
                (_, Some("int")) => Elem::Uint(64),
                _ => checker.fix,
            };
            env.types.insert(param.name.name.clone(), Ty::Scalar(elem));
        }
        checker.instance(item, f, env, None).ok()?;
    }
    None
}

/// Dimension and `const` parameters as symbols; `None` where a `const` parameter is no `int`.
fn symbols(checker: &mut Checker, f: &ast::Fn) -> Option<Env> {
    let mut env = Env::default();
    env.dims.extend(f.dims.iter().map(|d| (d.name.clone(), Dim::parameter(d.name.clone()))));
    for param in f.params.iter().filter(|p| p.is_const) {
        let ty = Body::new(checker, ModuleId(0), env.clone()).resolve(&param.ty, types::Lead::Forbidden).ok()?;
        if ty != Ty::Scalar(Elem::Int) {
            return None;
        }
        env.consts.insert(param.name.name.clone(), Constant::Int(Dim::opaque(param.name.name.clone())));
    }
    Some(env)
}

/// The result, and what was reported; warnings only where there is nothing worse.
fn finish(checker: Checker, tree: Option<Tree>) -> (Option<Tree>, Vec<Diagnostic>) {
    let mut diagnostics = checker.diagnostics;
    if diagnostics.iter().any(|d| !d.warning) {
        diagnostics.retain(|d| !d.warning);
        return (None, diagnostics);
    }
    (tree, diagnostics)
}

/// Of some names the one that another was probably meant to be.
pub(crate) fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    known
        .map(|k| (distance(name, k), k))
        .filter(|(d, k)| *d > 0 && *d <= allowed && k.chars().count() > 1 || k.eq_ignore_ascii_case(name) && *k != name)
        .min()
        .map(|(_, k)| k.to_owned())
}

/// The number of letters to insert, remove, replace, or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                _ => {
                    let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        best.min(rows[i - 2][j - 2] + 1)
                    } else {
                        best
                    }
                }
            };
        }
    }
    rows[a.len()][b.len()]
}
