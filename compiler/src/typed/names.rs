//! What paths stand for: items of this file and of the modules that it uses.

use super::context::{Body, Checked};
use super::similar;
use crate::diagnostics::Diagnostic;
use crate::modules::{ItemRef, ModuleId};
use crate::parse::ast;

impl Body<'_, '_> {
    /// The item that a path names, where it names one that may be used here.
    pub fn item_quietly(&self, path: &ast::Path) -> Option<ItemRef> {
        let modules = self.checker.modules;
        match path.segments.as_slice() {
            [name] => modules.find(self.module, &name.name),
            [module, name] => {
                let module = *modules.get(self.module).uses.get(&module.name)?;
                modules.find(module, &name.name)
            }
            _ => None,
        }
    }

    /// The item that a path names; `what` says what is looked for.
    pub fn item(&mut self, path: &ast::Path, what: &str) -> Checked<ItemRef> {
        let modules = self.checker.modules;
        match path.segments.as_slice() {
            [name] => match modules.find(self.module, &name.name) {
                Some(item) => Ok(item),
                None => Err(self.unknown(name, what)),
            },
            [module, name] => {
                let id = self.module_named(module)?;
                let Some(item) = modules.find(id, &name.name) else {
                    return Err(self.unknown_in(id, module, name, what));
                };
                if !is_public(modules.item(item)) {
                    let message = format!("`{}` is private to `{}`", name.name, module.name);
                    let mut diagnostic = Diagnostic::error("private", message, name.span, "");
                    if let Some(declared) = crate::modules::name(modules.item(item)) {
                        diagnostic = diagnostic.label(declared.span, "declared here, without `pub`");
                    }
                    return Err(self.report(diagnostic));
                }
                Ok(item)
            }
            segments => {
                let span = segments[0].span.to(segments[segments.len() - 1].span);
                Err(self.error("no-module", "modules have no modules inside", span, "write `module::name`"))
            }
        }
    }

    fn module_named(&mut self, name: &ast::Ident) -> Checked<ModuleId> {
        let module = self.checker.modules.get(self.module);
        if let Some(id) = module.uses.get(&name.name) {
            return Ok(*id);
        }
        let declared = module.tree.items.iter().any(|i| matches!(i, ast::Item::Use(u) if u.name == name.name));
        if declared {
            // `use` failed; that has been reported.
            return Err(super::context::Reported);
        }
        let diagnostic =
            Diagnostic::error("no-module", format!("there is no module `{}` here", name.name), name.span, "");
        let help = if crate::library::MODULES.contains(&name.name.as_str()) {
            Some(format!("add `use {};` at the head of the file", name.name))
        } else {
            let known = module.uses.keys().map(String::as_str).chain(crate::library::MODULES.iter().copied());
            similar(&name.name, known).map(|s| format!("did you mean `{s}`?"))
        };
        Err(self.report(Diagnostic { help, ..diagnostic }))
    }

    fn unknown_in(
        &mut self,
        id: ModuleId,
        module: &ast::Ident,
        name: &ast::Ident,
        what: &str,
    ) -> super::context::Reported {
        let items = &self.checker.modules.get(id).items;
        let tree = &self.checker.modules.get(id).tree;
        let public: Vec<&str> =
            items.iter().filter(|(_, i)| is_public(&tree.items[**i])).map(|(n, _)| n.as_str()).collect();
        let message = format!("`{}` has no {what} `{}`", module.name, name.name);
        let diagnostic = Diagnostic::error("unknown-name", message, name.span, "");
        self.report(match similar(&name.name, public.iter().copied()) {
            Some(s) => diagnostic.help(format!("did you mean `{}::{s}`?", module.name)),
            None => diagnostic,
        })
    }

    /// Reports a name that stands for nothing.
    pub fn unknown(&mut self, name: &ast::Ident, what: &str) -> super::context::Reported {
        let module = self.checker.modules.get(self.module);
        let locals = self.scopes.iter().flat_map(|s| s.keys().map(String::as_str));
        let params = self.env.dims.keys().chain(self.env.consts.keys()).map(String::as_str);
        let items = module.items.keys().map(String::as_str);
        let known: Vec<&str> = match what {
            "function" => items.chain(super::builtins::NAMES.iter().copied()).collect(),
            _ => locals.chain(params).chain(items).collect(),
        };
        let close = similar(&name.name, known.into_iter()).map(|s| format!("did you mean `{s}`?"));
        let in_library = || {
            let holds = crate::library::MODULES.iter().find(|m| {
                let marker = format!("pub fn {}", name.name);
                crate::library::module(m).is_some_and(|t| {
                    t.match_indices(&marker)
                        .any(|(i, _)| !t[i + marker.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                })
            })?;
            Some(format!("the library has `{holds}::{}`: `use {holds};` and write it so", name.name))
        };
        let help = if what == "function" { in_library().or(close) } else { close };
        let diagnostic = Diagnostic::error(
            "unknown-name",
            format!("there is no {what} `{}`", name.name),
            name.span,
            "not found here",
        );
        self.report(Diagnostic { help, ..diagnostic })
    }
}

fn is_public(item: &ast::Item) -> bool {
    match item {
        ast::Item::Use(_) => false,
        ast::Item::Type(t) => t.public,
        ast::Item::Const(c) => c.public,
        ast::Item::Struct(s) => s.public,
        ast::Item::Fn(f) => f.public,
        ast::Item::Extern(e) => e.public,
    }
}
