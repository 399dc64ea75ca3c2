//! What is said about a secret where a public value is needed.

use super::Secrecy;
use super::label::{Level, Origin, Who};
use crate::diagnostics::Diagnostic;
use crate::source::Span;
use crate::typed::at_users_call;

impl Secrecy<'_> {
    /// Reports a secret where a public value is needed.
    pub(super) fn secret(&mut self, code: &'static str, message: &str, level: Level, span: Span, help: &str) {
        let note = format!("this is {}", self.who(level.who));
        let diagnostic = Diagnostic::error(code, message, span, note);
        let diagnostic = self.origin(diagnostic, level).help(help);
        self.report(diagnostic);
    }

    /// Reports what may not stand under a secret condition.
    pub(super) fn conditional(&mut self, what: &str, level: Level, span: Span, help: &str) {
        let message = format!("{what} cannot stand under a secret condition");
        let diagnostic = Diagnostic::error("secret-condition", message, span, "whether this is reached is secret");
        let diagnostic = self.origin(diagnostic, level).help(help);
        self.report(diagnostic);
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        let Some(modules) = self.modules else { return };
        let diagnostic = at_users_call(modules, &self.calls, diagnostic);
        let place = diagnostic.labels[0].0;
        if !self.diagnostics.iter().any(|d| d.code == diagnostic.code && d.labels[0].0 == place) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// With the place that a secret comes from.
    fn origin(&self, diagnostic: Diagnostic, level: Level) -> Diagnostic {
        let entry = &self.tree.functions[self.tree.entry.0 as usize];
        match level.origin {
            None => diagnostic,
            Some(Origin::Condition(span)) => diagnostic.label(span, "the condition here is secret"),
            Some(Origin::Parameter(i)) => match entry.params.get(i).map(|p| &entry.locals[p.0 as usize]) {
                Some(local) => {
                    let whose = self.tree.owners.get(i).copied().flatten().map_or(Who::Shared, Who::Private);
                    let note = match level.who {
                        Who::Shared => {
                            format!("it comes, among others, from `{}`, which is {}", local.name, self.who(whose))
                        }
                        _ => format!("it comes from `{}`, which is {}", local.name, self.who(whose)),
                    };
                    diagnostic.label(local.span, note)
                }
                None => diagnostic,
            },
        }
    }

    fn who(&self, who: Who) -> String {
        match who {
            Who::Public => "public".into(),
            Who::Private(p) => match self.tree.parties.get(p) {
                Some(name) => format!("private to `{name}`, and secret to the others"),
                None => "private".into(),
            },
            Who::Shared => "secret: no party knows it".into(),
        }
    }
}
