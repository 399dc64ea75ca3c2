//! The walk over expressions and statements.

use std::collections::HashMap;

use motet_program::data::Elem;

use super::label::{Label, Level, Origin};
use super::labels::InstanceId;
use super::{MAX_WORK, Secrecy};
use crate::diagnostics::Diagnostic;
use crate::parse::ast::BinaryOp;
use crate::source::Span;
use crate::typed::Call;
use crate::typed::tree::*;

/// The function that is looked at.
pub(super) struct Frame<'t> {
    pub function: &'t Function,
    /// Where its labels are noted.
    instance: InstanceId,
    /// The labels of its variables.
    pub state: Vec<Label>,
    /// The secret conditions around, those of the callers first.
    under: Vec<Level>,
    /// How many conditions were around a variable when it was bound: those do not make it secret.
    depth: Vec<usize>,
    /// Of what `return` gives.
    pub returned: Option<Label>,
    /// The states at the heads of loops.
    heads: HashMap<*const Expr, Vec<Label>>,
}

impl<'t> Frame<'t> {
    pub fn new(function: &'t Function, instance: InstanceId, under: Vec<Level>) -> Self {
        let (locals, depth) = (function.locals.len(), under.len());
        Frame {
            function,
            instance,
            state: vec![Label::PUBLIC; locals],
            under,
            depth: vec![depth; locals],
            returned: None,
            heads: HashMap::new(),
        }
    }

    fn bind(&mut self, pattern: &Pattern, label: Label) {
        match pattern {
            Pattern::Local(id) => {
                self.depth[id.0 as usize] = self.under.len();
                self.state[id.0 as usize] = label;
            }
            Pattern::Tuple(parts) => parts.iter().enumerate().for_each(|(i, p)| self.bind(p, label.part(i))),
            Pattern::Wild => {}
        }
    }

    fn join_state(&mut self, other: &[Label]) {
        for (mine, other) in self.state.iter_mut().zip(other) {
            *mine = mine.join(other);
        }
    }

    /// The innermost secret condition.
    fn condition(&self) -> Option<Level> {
        self.under.last().copied()
    }
}

impl Secrecy<'_> {
    /// The label of an expression's value.
    pub(super) fn expr(&mut self, frame: &mut Frame, e: &Expr) -> Label {
        self.work += 1;
        if self.work > MAX_WORK {
            let message = "this program is too large for its secrecy to be inferred";
            self.report(Diagnostic::error("too-large", message, frame.function.span, ""));
            return Label::PUBLIC;
        }
        let label = self.kind(frame, e);
        let level = label.level();
        if e.ty.elem() == Some(Elem::Int) && !level.is_public() {
            let message = "an `int` is always public, but this value would be secret";
            self.secret("secret-int", message, level, e.span, "give it a type of a width, as in `u32`");
            return Label::PUBLIC;
        }
        label
    }

    /// The label of an index or a condition, which is noted: what is done depends on it.
    fn deciding(&mut self, frame: &mut Frame, e: &Expr) -> Label {
        let label = self.expr(frame, e);
        if !label.level().is_public() {
            self.labels.note_secret(frame.instance, e);
        }
        label
    }

    fn all<'e>(&mut self, frame: &mut Frame, of: impl IntoIterator<Item = &'e Expr>) -> Level {
        of.into_iter().fold(Level::PUBLIC, |level, e| level.join(self.expr(frame, e).level()))
    }

    fn kind(&mut self, frame: &mut Frame, e: &Expr) -> Label {
        match &e.kind {
            ExprKind::Const(_) | ExprKind::Dim(_) => Label::PUBLIC,
            ExprKind::Local(id) => frame.state[id.0 as usize].clone(),
            ExprKind::Unary(_, of) | ExprKind::Cast(of) | ExprKind::Coerce(of) | ExprKind::Repeat(of, _) => {
                self.expr(frame, of)
            }
            ExprKind::Binary(BinaryOp::And | BinaryOp::Or, l, r) => {
                let (l, r) = (self.deciding(frame, l), self.expr(frame, r));
                l.join(&r)
            }
            ExprKind::Binary(_, l, r) => {
                let (l, r) = (self.expr(frame, l), self.expr(frame, r));
                l.join(&r)
            }
            ExprKind::Call { function, args, .. } => {
                let labels: Vec<Label> = args.iter().map(|(a, _)| self.expr(frame, a)).collect();
                self.call(frame, *function, labels, e)
            }
            ExprKind::Extern(_, args) => Label::Whole(self.all(frame, args)),
            ExprKind::Builtin(builtin, args) => self.builtin(frame, builtin, args, e.span),
            ExprKind::Map { xs, closure } => {
                for (param, x) in closure.params.iter().zip(xs) {
                    let label = self.expr(frame, x);
                    frame.bind(param, label);
                }
                self.expr(frame, &closure.body)
            }
            ExprKind::Fold { start, xs, closure } => self.fold(frame, start, xs, closure),
            ExprKind::Grad { function, args, with_value } => {
                let labels: Vec<Label> = args.iter().map(|a| self.expr(frame, a)).collect();
                let level = labels.iter().fold(Level::PUBLIC, |l, a| l.join(a.level()));
                let value = self.call(frame, *function, labels, e);
                let gradient = Label::Whole(level);
                if *with_value { Label::Parts(vec![value, gradient]) } else { gradient }
            }
            ExprKind::Index(base, indices) => {
                let base = self.expr(frame, base);
                let level = self.indices(frame, indices);
                base.with(level)
            }
            ExprKind::Field(base, i) => self.expr(frame, base).part(*i),
            ExprKind::Aggregate(parts) => Label::Parts(parts.iter().map(|p| self.expr(frame, p)).collect()),
            ExprKind::Array(parts) => parts.iter().fold(Label::PUBLIC, |label, p| label.join(&self.expr(frame, p))),
            ExprKind::If { cond, then, otherwise } => self.branch(frame, cond, then, otherwise),
            ExprKind::Block(stmts, value) => {
                for stmt in stmts {
                    self.stmt(frame, stmt);
                }
                value.as_ref().map_or(Label::PUBLIC, |v| self.expr(frame, v))
            }
        }
    }

    fn call(&mut self, frame: &Frame, function: FunctionId, labels: Vec<Label>, e: &Expr) -> Label {
        let name = self.tree.functions[function.0 as usize].name.clone();
        self.calls.push(Call { name, span: Some(e.span) });
        let (result, callee) = self.function(function, labels, frame.under.clone());
        self.calls.pop();
        self.labels.note_call(frame.instance, e, callee);
        result
    }

    fn fold(&mut self, frame: &mut Frame, start: &Expr, xs: &Expr, closure: &Closure) -> Label {
        let mut acc = self.expr(frame, start);
        let xs = self.expr(frame, xs);
        loop {
            frame.bind(&closure.params[0], acc.clone());
            frame.bind(&closure.params[1], xs.clone());
            let next = acc.join(&self.expr(frame, &closure.body));
            if next.same(&acc) {
                return acc;
            }
            acc = next;
        }
    }

    /// The level of indices; bounds of slices must be public.
    fn indices(&mut self, frame: &mut Frame, indices: &[Index]) -> Level {
        let mut level = Level::PUBLIC;
        for index in indices {
            match index {
                Index::At(e) => level = level.join(self.deciding(frame, e).level()),
                Index::Range(start, _) => {
                    let message = "the bounds of a slice must be public, but this one is secret";
                    let help =
                        "elements at secret places are read one by one, as in `x[i]`, or by `gather(x, indices)`";
                    self.must_be_public(frame, start, "secret-slice", message, help);
                }
                Index::All => {}
            }
        }
        level
    }

    fn must_be_public(&mut self, frame: &mut Frame, e: &Expr, code: &'static str, message: &str, help: &str) {
        let level = self.expr(frame, e).level();
        if !level.is_public() {
            self.secret(code, message, level, e.span, help);
        }
    }

    fn builtin(&mut self, frame: &mut Frame, builtin: &Builtin, args: &[Expr], span: Span) -> Label {
        match builtin {
            Builtin::Reveal => {
                let help =
                    "reveal the value first and branch on it, or select by the secret condition and reveal the result";
                if let Some(condition) = frame.condition() {
                    self.conditional("`reveal`", condition, span, help);
                }
                self.all(frame, args);
                Label::PUBLIC
            }
            Builtin::Assert => {
                if let Some(condition) = frame.condition() {
                    let help = "put the condition into what is asserted, and `reveal` that";
                    self.conditional("`assert`", condition, span, help);
                }
                for arg in args {
                    let message = "what is asserted must be public, but this is secret";
                    let help = "everyone sees whether it fails: write `assert(reveal(…))` if that is meant";
                    self.must_be_public(frame, arg, "secret-assert", message, help);
                }
                Label::PUBLIC
            }
            Builtin::Slice { .. } => {
                let label = self.expr(frame, &args[0]);
                let message = "the start of a slice must be public, but this one is secret";
                let help = "elements at secret places are read one by one, as in `x[i]`, or by `gather(x, indices)`";
                self.must_be_public(frame, &args[1], "secret-slice", message, help);
                label
            }
            Builtin::Zip => Label::Parts(args.iter().map(|a| self.expr(frame, a)).collect()),
            Builtin::Select => {
                let condition = self.expr(frame, &args[0]).level();
                let (a, b) = (self.expr(frame, &args[1]), self.expr(frame, &args[2]));
                a.join(&b).with(condition)
            }
            Builtin::Concat | Builtin::Stack | Builtin::Reshape | Builtin::Transpose(_) | Builtin::Broadcast => {
                args.iter().fold(Label::PUBLIC, |label, a| label.join(&self.expr(frame, a)))
            }
            Builtin::Gather => {
                let x = self.expr(frame, &args[0]);
                let indices = self.deciding(frame, &args[1]).level();
                x.with(indices)
            }
            _ => Label::Whole(self.all(frame, args)),
        }
    }

    fn branch(&mut self, frame: &mut Frame, cond: &Expr, then: &Expr, otherwise: &Expr) -> Label {
        let level = self.deciding(frame, cond).level();
        let secret = !level.is_public();
        if secret {
            let origin = Some(Origin::Condition(cond.span));
            frame.under.push(Level { who: level.who, origin });
        }
        let before = frame.state.clone();
        let a = self.expr(frame, then);
        let after = std::mem::replace(&mut frame.state, before);
        let b = self.expr(frame, otherwise);
        frame.join_state(&after);
        let joined = a.join(&b);
        match frame.under.pop_if(|_| secret) {
            Some(condition) => joined.with(condition),
            None => joined,
        }
    }

    fn stmt(&mut self, frame: &mut Frame, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(pattern, e) => {
                let label = self.expr(frame, e);
                frame.bind(pattern, label);
            }
            StmtKind::Assign(place, e) => self.assign(frame, place, e, stmt.span),
            StmtKind::Range { pattern, from, to, body } => {
                for bound in [from, to] {
                    let level = self.expr(frame, bound).level();
                    if !level.is_public() {
                        self.secret_bound(bound, level);
                    }
                }
                self.repeat(frame, body, |frame| frame.bind(pattern, Label::PUBLIC));
            }
            StmtKind::Rows { pattern, xs, body } => {
                let rows = self.expr(frame, xs);
                self.repeat(frame, body, |frame| frame.bind(pattern, rows.clone()));
            }
            StmtKind::Return(e) => {
                if let Some(condition) = frame.condition() {
                    let help = "keep the result in a variable, and give it back at the end of the function";
                    self.conditional("`return`", condition, stmt.span, help);
                }
                let label = self.expr(frame, e);
                frame.returned = Some(frame.returned.take().map_or(label.clone(), |r| r.join(&label)));
            }
            StmtKind::Expr(e) => {
                self.expr(frame, e);
            }
        }
    }

    fn secret_bound(&mut self, bound: &Expr, level: Level) {
        let message = "a loop's bound must be public, but this one is secret: how often the loop runs would reveal it";
        let help = "loop to a public bound and select inside: `for i in 0..MAX { if i < n { … } }` where `MAX` is public; \
                    or write `reveal(n)` if everyone may know it";
        self.secret("secret-bound", message, level, bound.span, help);
    }

    /// A loop's body, until the labels at its head no longer rise.
    fn repeat<'t>(&mut self, frame: &mut Frame<'t>, body: &Expr, bind: impl Fn(&mut Frame<'t>)) {
        let key: *const Expr = body;
        if let Some(head) = frame.heads.remove(&key) {
            frame.join_state(&head);
        }
        loop {
            let head = frame.state.clone();
            bind(frame);
            self.expr(frame, body);
            frame.join_state(&head);
            if frame.state.iter().zip(&head).all(|(a, b)| a.same(b)) || self.work > MAX_WORK {
                frame.heads.insert(key, head);
                return;
            }
        }
    }

    fn assign(&mut self, frame: &mut Frame, place: &Place, e: &Expr, span: Span) {
        let value = self.expr(frame, e);
        let id = place.local.0 as usize;
        let around = frame.under[frame.depth[id].min(frame.under.len())..].iter();
        let condition = around.fold(Level::PUBLIC, |l, c| l.join(*c));
        if place.ty.elem() == Some(Elem::Int) && !condition.is_public() {
            let local = &frame.function.locals[id];
            let message = format!(
                "`{}` is an `int`, which is always public, but is assigned under a secret condition",
                local.name
            );
            let diagnostic = Diagnostic::error("secret-int", message, span, "whether this is done is secret")
                .label(local.span, format!("`{}` is an `int`", local.name))
                .help(format!("give it a type of a width: `let mut {}: u32 = …`", local.name));
            let diagnostic = match condition.origin {
                Some(Origin::Condition(at)) => diagnostic.label(at, "the condition here is secret"),
                _ => diagnostic,
            };
            self.report(diagnostic);
            return;
        }
        let mut levels = Vec::new();
        for step in &place.path {
            levels.push(match step {
                Step::Index(indices) => self.indices(frame, indices),
                Step::Field(_) => Level::PUBLIC,
            });
        }
        let level = levels.into_iter().fold(condition, Level::join);
        let old = std::mem::replace(&mut frame.state[id], Label::PUBLIC);
        let ty = &frame.function.locals[id].ty;
        frame.state[id] = assigned(old, ty, &place.path, &value.with(level), !condition.is_public());
    }
}

/// A variable's label after a part of it is assigned; where `weak`, it may also keep what it was.
fn assigned(old: Label, ty: &Ty, path: &[Step], new: &Label, weak: bool) -> Label {
    match path.split_first() {
        None if weak => old.join(new),
        None => new.clone(),
        Some((Step::Index(_), rest)) => assigned(old, ty, rest, new, true),
        Some((Step::Field(i), rest)) => {
            let types = parts(ty);
            let mut labels: Vec<Label> = (0..types.len()).map(|j| old.part(j)).collect();
            if let (Some(label), Some(ty)) = (labels.get(*i).cloned(), types.get(*i)) {
                labels[*i] = assigned(label, ty, rest, new, weak);
            }
            Label::Parts(labels)
        }
    }
}

/// The types of a tuple's or struct's parts; of a tensor of them too.
fn parts(ty: &Ty) -> Vec<&Ty> {
    match ty {
        Ty::Scalar(_) => Vec::new(),
        Ty::Tensor(of, _) => parts(of),
        Ty::Tuple(types) => types.iter().collect(),
        Ty::Struct(s) => s.fields.iter().map(|(_, f)| f).collect(),
    }
}
