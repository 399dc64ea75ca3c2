//! Entry points: whose the parameters are, who is shown the result, and the dimensions that are given from outside.

use super::context::{Body, Checked, Checker, Constant, Env, Reported};
use super::dim::Dim;
use super::similar;
use super::tree::{FunctionId, Tree, Ty};
use crate::diagnostics::Diagnostic;
use crate::modules::{ItemRef, ModuleId};
use crate::parse::ast;

/// Most parties of a program.
const MAX_PARTIES: usize = 64;

impl<'p> Checker<'p> {
    /// The entry point of a name.
    pub fn entry(&mut self, name: &str) -> Checked<(ItemRef, &'p ast::Fn)> {
        let root = ModuleId(0);
        let modules = self.modules;
        let entries: Vec<&str> = entries(modules.get(root)).map(|f| f.name.name.as_str()).collect();
        let top = crate::source::Span { file: modules.get(root).file, start: 0, end: 0 };
        match modules.find(root, name).map(|item| (item, modules.item(item))) {
            Some((item, ast::Item::Fn(f))) if f.public => Ok((item, f)),
            Some((_, ast::Item::Fn(f))) => Err(self.report(
                Diagnostic::error("no-entry", format!("`{name}` is not an entry point"), f.span, "it is not `pub`")
                    .help("entry points are the `pub fn`s of the root file"),
            )),
            _ => {
                let diagnostic = Diagnostic::error("no-entry", format!("there is no entry point `{name}`"), top, "");
                Err(self.report(match (similar(name, entries.iter().copied()), entries.as_slice()) {
                    (Some(close), _) => diagnostic.help(format!("did you mean `{close}`?")),
                    (None, []) => {
                        diagnostic.help("an entry point is a `pub fn` of the root file: `pub fn main(…) { … }`")
                    }
                    (None, some) => {
                        diagnostic.help(format!("this file has `{}`: choose one by `--entry`", some.join("`, `")))
                    }
                }))
            }
        }
    }

    /// `type fix = fix<40, 13>;` of the root file, unless the options say otherwise.
    pub fn set_fix(&mut self) -> Checked<()> {
        if let Some((bits, frac)) = self.options.fix {
            self.fix = motet_program::data::Elem::Fix { bits, frac };
            return Ok(());
        }
        let modules = self.modules;
        let Some(item) = modules.find(ModuleId(0), "fix") else { return Ok(()) };
        let ast::Item::Type(alias) = modules.item(item) else {
            let span = crate::modules::name(modules.item(item)).map(|n| n.span);
            return Err(
                span.map_or(Reported, |s| self.error("fix", "`fix` is the name of a type", s, "choose another name"))
            );
        };
        let ty = Body::new(self, ModuleId(0), Env::default()).resolve(&alias.ty, super::types::Lead::Forbidden)?;
        match ty.elem() {
            Some(elem @ motet_program::data::Elem::Fix { .. }) if ty.shape().is_empty() => {
                self.fix = elem;
                Ok(())
            }
            _ => Err(self.report(
                Diagnostic::error(
                    "fix",
                    "`type fix` says what `fix` means in the whole program",
                    alias.ty.span,
                    "this is no fixed-point type",
                )
                .help("write it as in `type fix = fix<40, 13>;`"),
            )),
        }
    }

    /// The tree of an entry point; its dimensions are those of `env`.
    pub fn entry_tree(&mut self, item: ItemRef, f: &ast::Fn, env: Env) -> Checked<Tree> {
        let parties = self.parties(f)?;
        let index = |party: &ast::Ident| parties.iter().position(|p| *p == party.name);
        let owners = f.params.iter().filter(|p| !p.is_const).map(|p| p.party.as_ref().and_then(index)).collect();
        let every: Vec<usize> = (0..parties.len()).collect();
        let shown_to = |shown: &ast::Shown| match &shown.to {
            None => every.clone(),
            Some(to) => to.iter().filter_map(index).collect(),
        };
        let entry = self.instance(item, f, env, None)?;
        let result = self.functions[entry.0 as usize].result.clone();
        let (shown, tuple_result) = match (&f.result, &result) {
            (Some(ast::ResultType::Parts(parts, _)), _) => (parts.iter().map(shown_to).collect(), true),
            (Some(ast::ResultType::One(shown)), Ty::Tuple(parts)) => (vec![shown_to(shown); parts.len()], true),
            (Some(ast::ResultType::One(shown)), _) => (vec![shown_to(shown)], false),
            (None, _) => (Vec::new(), true),
        };
        // What refers to the functions goes with them.
        self.instances.clear();
        self.extern_ids.clear();
        Ok(Tree {
            functions: std::mem::take(&mut self.functions),
            entry: FunctionId(entry.0),
            parties,
            owners,
            shown,
            tuple_result,
            externs: std::mem::take(&mut self.externs),
        })
    }

    /// The parties of an entry point, in order of appearance.
    fn parties(&mut self, f: &ast::Fn) -> Checked<Vec<String>> {
        let mut names: Vec<&ast::Ident> = f.params.iter().filter_map(|p| p.party.as_ref()).collect();
        let owners: Vec<&str> = names.iter().map(|n| n.name.as_str()).collect();
        let parts: Vec<&ast::Shown> = match &f.result {
            None => Vec::new(),
            Some(ast::ResultType::One(shown)) => vec![shown],
            Some(ast::ResultType::Parts(parts, _)) => parts.iter().collect(),
        };
        let shown: Vec<&ast::Ident> = parts.iter().filter_map(|s| s.to.as_ref()).flatten().collect();
        for party in &shown {
            // A party that only receives is fine, unless its name looks like a slip.
            if !owners.contains(&party.name.as_str())
                && let Some(close) = similar(&party.name, owners.iter().copied())
            {
                let message = format!("`{}` gives no input, but `{close}` does", party.name);
                self.report(
                    Diagnostic::warning("party", message, party.span, "").help(format!("did you mean `{close}`?")),
                );
            }
        }
        names.extend(shown);
        let mut parties: Vec<String> = Vec::new();
        for name in names {
            if !parties.contains(&name.name) {
                parties.push(name.name.clone());
            }
            if parties.len() > MAX_PARTIES {
                return Err(self.error("party", format!("a program has at most {MAX_PARTIES} parties"), name.span, ""));
            }
        }
        Ok(parties)
    }

    /// What is wrong with a function's signature whatever it is called with.
    pub fn check_signature(&mut self, item: ItemRef, f: &ast::Fn) -> Checked<()> {
        let entry = item.module == ModuleId(0) && f.public;
        let mut ok = Ok(());
        if let (false, Some(party)) = (entry, f.params.iter().find_map(|p| p.party.as_ref())) {
            ok = Err(self.report(
                Diagnostic::error("party", format!("`@ {}` cannot stand here", party.name), party.span, "").help(
                    "only entry points, the `pub fn`s of the root file, say whose a value is; inside, it is inferred",
                ),
            ));
        }
        if let (true, Some(param)) = (entry, f.params.iter().find(|p| super::calls::has_rest(&p.ty))) {
            ok = Err(self.report(
                Diagnostic::error(
                    "rest-dimension",
                    "`..` cannot stand in an entry point",
                    param.span,
                    "the size of an input must have a name",
                )
                .help("write dimension parameters, as in `fn main[N](x: fix[N, 64])`"),
            ));
        }
        if let (true, Some(param)) = (entry, f.types.first()) {
            ok = Err(self.error(
                "entry",
                "an entry point has no type parameters",
                param.name.span,
                "its inputs have types of their own",
            ));
        }
        for param in f.params.iter().filter(|p| p.is_const && p.party.is_some()) {
            ok = Err(self.error("party", format!("`{}` is `const`: it is public", param.name.name), param.span, ""));
        }
        for param in &f.types {
            if let Some(bound) = param.bound.as_ref().filter(|b| !matches!(b.name.as_str(), "int" | "num" | "ord")) {
                let message = format!("there is no bound `{}`", bound.name);
                ok = Err(self.report(
                    Diagnostic::error("bound", message, bound.span, "").help("bounds are `int`, `num` and `ord`"),
                ));
            }
        }
        let mut names: Vec<&ast::Ident> =
            f.params.iter().map(|p| &p.name).chain(&f.dims).chain(f.types.iter().map(|t| &t.name)).collect();
        names.sort_by_key(|n| (n.name.clone(), n.span.start));
        for pair in names.windows(2).filter(|p| p[0].name == p[1].name) {
            let message = format!("`{}` is declared twice", pair[1].name);
            ok = Err(self.report(
                Diagnostic::error("duplicate", message, pair[1].span, "again here").label(pair[0].span, "first here"),
            ));
        }
        ok
    }

    /// The dimensions and `const` parameters of an entry point as they are given.
    pub fn given(&mut self, f: &ast::Fn) -> Checked<Env> {
        let mut env = Env::default();
        let mut missing = Vec::new();
        for dim in &f.dims {
            match self.options.sets.get(&dim.name) {
                Some(n) if *n < 0 => {
                    return Err(self.error(
                        "negative-dimension",
                        format!("`{}` cannot be {n}", dim.name),
                        dim.span,
                        "it is a dimension",
                    ));
                }
                Some(n) => {
                    env.dims.insert(dim.name.clone(), Dim::number(*n));
                }
                None => missing.push(dim),
            }
        }
        for param in f.params.iter().filter(|p| p.is_const) {
            match self.options.sets.get(&param.name.name) {
                Some(n) => {
                    env.consts.insert(param.name.name.clone(), Constant::Int(Dim::number(*n)));
                }
                None if param.default.is_none() => missing.push(&param.name),
                None => self.default_of(param, &mut env)?,
            }
        }
        let Some(first) = missing.first() else { return Ok(env) };
        let names: Vec<String> = missing.iter().map(|m| format!("`{}`", m.name)).collect();
        let sets: Vec<String> = missing.iter().map(|m| format!("--set {}=…", m.name)).collect();
        let message = format!("{} of `{}` must be given", names.join(", "), f.name.name);
        Err(self.report(Diagnostic::error("unknown-dimension", message, first.span, "not known").help(format!(
            "give it by `{}`; where `motet run` is given the source, each party reads it off its own files",
            sets.join(" ")
        ))))
    }

    fn default_of(&mut self, param: &ast::Param, env: &mut Env) -> Checked<()> {
        let Some(default) = &param.default else { return Err(Reported) };
        let mut body = Body::new(self, ModuleId(0), env.clone());
        let ty = body.resolve(&param.ty, super::types::Lead::Forbidden)?;
        let value = body.expect(default, &ty, Some((param.span, "declared here".into())))?;
        let constant = body.constant(value, "a default")?;
        env.consts.insert(param.name.name.clone(), constant);
        Ok(())
    }

    /// Refuses names at the command line that stand for nothing.
    pub fn check_sets(&mut self, f: &ast::Fn) -> Checked<()> {
        let root = self.modules.get(ModuleId(0));
        let constants = root.tree.items.iter().filter_map(|i| match i {
            ast::Item::Const(c) => Some(c.name.name.as_str()),
            _ => None,
        });
        let params = f.params.iter().filter(|p| p.is_const).map(|p| p.name.name.as_str());
        let known: Vec<&str> = f.dims.iter().map(|d| d.name.as_str()).chain(params).chain(constants).collect();
        if let Some(name) = self.options.sets.keys().find(|n| !known.contains(&n.as_str())) {
            let message =
                format!("`{name}` is set, but `{}` has no such dimension and the file no such constant", f.name.name);
            let diagnostic = Diagnostic::error("set", message, f.span, "");
            return Err(self.report(match (similar(name, known.iter().copied()), known.as_slice()) {
                (Some(close), _) => diagnostic.help(format!("did you mean `{close}`?")),
                (None, []) => diagnostic,
                (None, known) => diagnostic.help(format!("`{}` may be set", known.join("`, `"))),
            }));
        }
        Ok(())
    }
}

/// The entry points of the root file.
pub(crate) fn entries(root: &crate::modules::Module) -> impl Iterator<Item = &ast::Fn> {
    root.tree.items.iter().filter_map(|i| match i {
        ast::Item::Fn(f) if f.public => Some(f),
        _ => None,
    })
}
