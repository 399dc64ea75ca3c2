//! From `.mpc` source to a program.
//!
//! The stages, each a function from one data type to the next: files are read and parsed (`modules`, `parse`), names,
//! types and shapes make a typed tree of them (`typed`), and secrecy is inferred on it (`secrecy`); the tree becomes a
//! tensor program (`lower`), which is rewritten until it is what parties run (`passes`).

use std::collections::BTreeMap;

pub mod diagnostics;
mod differentiate;
pub mod library;
pub mod lower;
pub mod modules;
pub mod parse;
pub mod passes;
pub mod secrecy;
pub mod simulate;
pub mod source;
pub mod typed;

use diagnostics::Diagnostic;
use modules::Loader;
use motet_program::ir::Program;
use motet_program::validate::{Form, validate};
use source::Sources;
use typed::tree::Tree;

/// What is compiled, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The entry point.
    pub entry: String,
    /// Dimension parameters, `const` parameters and constants of the root file that are given from outside.
    pub sets: BTreeMap<String, i64>,
    /// What `fix` means: bits, and how many of them are after the point.
    pub fix: Option<(u8, u8)>,
    /// Whether a program that reveals values in its middle is refused.
    pub deny_reveal: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { entry: "main".into(), sets: BTreeMap::new(), fix: None, deny_reveal: false }
    }
}

/// Why there is no result: what is wrong, and the files that it is wrong in.
#[derive(Debug, thiserror::Error)]
#[error("the program has {} error(s)", diagnostics.iter().filter(|d| !d.warning).count())]
pub struct Failure {
    /// The files that were read.
    pub sources: Sources,
    /// Errors; at least one.
    pub diagnostics: Vec<Diagnostic>,
}

/// A result, the files it was made of, and warnings about them.
#[derive(Debug)]
pub struct Success<T> {
    /// The result.
    pub value: T,
    /// The files that were read.
    pub sources: Sources,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

/// Checks every item of a program, whatever its dimensions will be.
///
/// # Errors
/// What is wrong with it.
pub fn check(root: &str, loader: &(dyn Loader + Sync), options: &Options) -> Result<Success<()>, Failure> {
    deep(|| {
        stages(root, loader, |modules, sources| {
            let (trees, mut diagnostics) = typed::check(modules, sources, options);
            diagnostics.extend(trees.iter().flat_map(|tree| secrecy::check(tree, modules)));
            (Some(()), diagnostics)
        })
    })
}

/// The typed tree of the entry point that the options name; all its dimensions must be given.
///
/// # Errors
/// What is wrong with the program.
pub fn tree(root: &str, loader: &(dyn Loader + Sync), options: &Options) -> Result<Success<Tree>, Failure> {
    deep(|| {
        stages(root, loader, |modules, sources| {
            let (tree, mut diagnostics) = typed::tree(modules, sources, options);
            diagnostics.extend(tree.iter().flat_map(|tree| secrecy::check(tree, modules)));
            (tree, diagnostics)
        })
    })
}

/// The dimension parameters of the entry point that the shapes of its inputs tell, by dotted path of the input
/// (`model.w1`); those that the options give are among them.
///
/// # Errors
/// Where the files cannot be read or there is no such entry point.
pub fn dimensions(
    root: &str,
    loader: &(dyn Loader + Sync),
    options: &Options,
    shapes: &BTreeMap<String, Vec<u64>>,
) -> Result<BTreeMap<String, i64>, Failure> {
    let told = deep(|| stages(root, loader, |modules, sources| typed::dimensions(modules, sources, options, shapes)))?;
    Ok(told.value)
}

/// The program of the entry point that the options name; all its dimensions must be given.
///
/// # Errors
/// What is wrong with it.
pub fn compile(root: &str, loader: &(dyn Loader + Sync), options: &Options) -> Result<Success<Program>, Failure> {
    let Success { value: tree, sources, warnings } = tree(root, loader, options)?;
    match deep(|| core(&tree, &sources).and_then(|core| finished(&tree, &core))) {
        Ok(value) => Ok(Success { value, sources, warnings }),
        Err(error) => Err(Failure { sources, diagnostics: warnings.into_iter().chain([error]).collect() }),
    }
}

/// The tree as a tensor program that may still branch on secrets.
///
/// # Errors
/// Where it becomes too large, or holds what this version cannot compile.
pub fn core(tree: &Tree, sources: &Sources) -> Result<Program, Diagnostic> {
    let core = lower::lower(tree, sources)?;
    valid(tree, &core, Form::Core)?;
    Ok(core)
}

/// What the passes make of a core.
fn finished(tree: &Tree, core: &Program) -> Result<Program, Diagnostic> {
    let program = passes::finish(core);
    valid(tree, &program, Form::Finished)?;
    Ok(program)
}

/// Whether a program keeps the contract of `motet_program::ir`; where not, the compiler is wrong.
fn valid(tree: &Tree, program: &Program, form: Form) -> Result<(), Diagnostic> {
    validate(program, form).map_err(|e| {
        let span = tree.functions[tree.entry.0 as usize].span;
        Diagnostic::error("internal", format!("the compiler has made an invalid program: {e}"), span, "of this")
            .help("please report this, with the program")
    })
}

/// Reads the program's files, and runs what follows on them where they are in order.
fn stages<T>(
    root: &str,
    loader: &dyn Loader,
    next: impl FnOnce(&modules::Modules, &Sources) -> (Option<T>, Vec<Diagnostic>),
) -> Result<Success<T>, Failure> {
    let mut sources = Sources::default();
    let (modules, mut diagnostics) = modules::load(root, loader, &mut sources);
    let wrong = |d: &[Diagnostic]| d.iter().any(|d| !d.warning);
    if wrong(&diagnostics) {
        return Err(Failure { sources, diagnostics });
    }
    let (value, more) = next(&modules, &sources);
    diagnostics.extend(more);
    if wrong(&diagnostics) {
        // Warnings may be consequences of errors.
        diagnostics.retain(|d| !d.warning);
    }
    match value {
        Some(value) if !wrong(&diagnostics) => Ok(Success { value, sources, warnings: diagnostics }),
        _ => Err(Failure { sources, diagnostics }),
    }
}

/// Stack of the thread that compiles, in bytes: nesting of source, calls and types is bounded, and fits.
const STACK: usize = 1 << 29;

/// Runs `f` on a thread with a stack that is large enough for the deepest program.
fn deep<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, f) {
        Ok(thread) => match thread.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        },
        Err(e) => panic!("no thread could be started: {e}"),
    })
}
