//! Secrecy: who knows each value, and whether what must be public is.
//!
//! The pass walks the typed tree from the entry point with a label for every value (public, private to a party, shared;
//! of tuples and structs one for each part). It follows assignments in order; at a loop's head the labels of all
//! iterations are joined, and since labels only rise, each loop is walked a few times at most: the states of inner loops'
//! heads are kept from one walk of the outer loop to the next. A function is walked once for each combination of its
//! arguments' labels.

mod label;
mod labels;
mod report;
mod walk;

use std::collections::HashMap;

use crate::diagnostics::Diagnostic;
use crate::modules::Modules;
use crate::typed::tree::{FunctionId, Tree};
use label::{Label, Level, Origin, Who};
pub(crate) use labels::{InstanceId, Labels};
use walk::Frame;

/// Most expressions that are looked at, counting repetitions.
const MAX_WORK: u64 = 50_000_000;

/// What is wrong with the secrecy of a program; nothing where it is in order.
pub fn check(tree: &Tree, modules: &Modules) -> Vec<Diagnostic> {
    walk(tree, Some(modules)).diagnostics
}

/// The labels of what decides, in a program that is in order.
pub(crate) fn labels(tree: &Tree) -> Labels {
    walk(tree, None).labels
}

/// Walks the program from the entry point; without the modules nothing is reported.
fn walk<'t>(tree: &'t Tree, modules: Option<&'t Modules>) -> Secrecy<'t> {
    let mut secrecy = Secrecy {
        tree,
        modules,
        diagnostics: Vec::new(),
        known: HashMap::new(),
        labels: Labels::default(),
        calls: Vec::new(),
        work: 0,
    };
    let owners = tree.owners.iter().enumerate();
    let labels = owners.map(|(i, owner)| match owner {
        Some(party) => Label::Whole(Level { who: Who::Private(*party), origin: Some(Origin::Parameter(i)) }),
        None => Label::PUBLIC,
    });
    secrecy.function(tree.entry, labels.collect(), Vec::new());
    secrecy
}

/// A function with its arguments' labels, and whether it is called under a secret condition.
type Key = (FunctionId, Vec<Option<Who>>, bool);

struct Secrecy<'t> {
    tree: &'t Tree,
    modules: Option<&'t Modules>,
    diagnostics: Vec<Diagnostic>,
    /// The labels of results, and where a function's own are noted.
    known: HashMap<Key, (Label, InstanceId)>,
    labels: Labels,
    /// The calls around what is looked at.
    calls: Vec<crate::typed::Call>,
    work: u64,
}

impl Secrecy<'_> {
    /// The label of a function's result, and where its own are noted.
    fn function(&mut self, id: FunctionId, args: Vec<Label>, under: Vec<Level>) -> (Label, InstanceId) {
        let mut labels = Vec::new();
        args.iter().for_each(|a| a.key(&mut labels));
        let key = (id, labels, under.is_empty());
        if let Some((known, instance)) = self.known.get(&key) {
            // The same of who knows what; where it comes from is this call's.
            let level = args.iter().fold(Level::PUBLIC, |l, a| l.join(a.level()));
            let origin = level.origin.or(under.first().and_then(|u| u.origin));
            return (reoriginated(known, origin), *instance);
        }
        let function = &self.tree.functions[id.0 as usize];
        let instance = self.labels.instance();
        let mut frame = Frame::new(function, instance, under);
        for (param, label) in function.params.iter().zip(args) {
            frame.state[param.0 as usize] = label;
        }
        let body = self.expr(&mut frame, &function.body);
        let result = frame.returned.take().map_or(body.clone(), |r| r.join(&body));
        self.known.insert(key, (result.clone(), instance));
        (result, instance)
    }
}

fn reoriginated(label: &Label, origin: Option<Origin>) -> Label {
    match label {
        Label::Whole(level) if level.is_public() => label.clone(),
        Label::Whole(level) => Label::Whole(Level { origin: origin.or(level.origin), ..*level }),
        Label::Parts(parts) => Label::Parts(parts.iter().map(|p| reoriginated(p, origin)).collect()),
    }
}
