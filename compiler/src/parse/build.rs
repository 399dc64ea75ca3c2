//! What the grammar's actions are made of: syntax nodes from their parts.

use std::cell::RefCell;

use super::ast::*;
use super::number;
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};

/// Makes the nodes of one item.
pub struct Builder<'t> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'t str,
    /// The item's documentation.
    pub doc: String,
    /// Mistakes that do not stop the parser.
    pub errors: RefCell<Vec<Diagnostic>>,
}

/// What stands in parentheses.
pub enum TupleOf<T> {
    /// `(a)`.
    Only(T),
    /// `()`, `(a,)`, `(a, b)`.
    Many(Vec<T>),
}

/// A statement of a block.
pub enum Statement {
    /// One that gives the block no value.
    Done(Stmt),
    /// An `if` or a block without a semicolon: the block's value where it stands last.
    Open(Expr),
}

impl Builder<'_> {
    /// A range of bytes.
    pub fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end: end.max(start) }
    }

    /// The item's documentation.
    pub fn doc(&self) -> String {
        self.doc.clone()
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    fn report(&self, diagnostic: Diagnostic) {
        self.errors.borrow_mut().push(diagnostic);
    }

    /// A name.
    pub fn name(&self, l: u32, r: u32) -> Ident {
        Ident { name: self.slice(l, r).to_string(), span: self.span(l, r) }
    }

    /// `use name;`
    pub fn import(&self, public: Option<Span>, name: Ident) -> Item {
        if let Some(public) = public {
            let message = "an imported module cannot be handed on";
            self.report(Diagnostic::error("pub-use", message, public, "").help("leave `pub` out"));
        }
        Item::Use(name)
    }

    /// `extern circuit …`; `word` should be `circuit`.
    pub fn external(&self, word: Ident, item: Extern) -> Item {
        if word.name != "circuit" {
            let message = format!("expected `circuit`, found `{}`", word.name);
            self.report(
                Diagnostic::error("syntax", message, word.span, "")
                    .help("a circuit is imported by `extern circuit name(a: u64) -> u64 = \"file.txt\";`"),
            );
        }
        for p in item.params.iter().filter(|p| p.is_const || p.party.is_some() || p.default.is_some()) {
            let message = "a circuit's parameter has only a name and a type";
            self.report(Diagnostic::error("extern-parameter", message, p.span, ""));
        }
        Item::Extern(item)
    }

    /// A type with dimensions behind it, each with the place of its `]`.
    pub fn indexed(&self, base: Type, dims: Vec<(Vec<DimArg>, u32)>) -> Type {
        dims.into_iter().fold(base, |base, (dims, end)| {
            let span = self.span(base.span.start, end);
            Type { kind: TypeKind::Indexed { base: Box::new(base), dims }, span }
        })
    }

    /// `(T, U)`, or `(T)`, which is `T`.
    pub fn tuple_type(&self, parts: TupleOf<Type>, span: Span) -> Type {
        match parts {
            TupleOf::Only(ty) => Type { span, ..ty },
            TupleOf::Many(parts) => Type { kind: TypeKind::Tuple(parts), span },
        }
    }

    /// The parts of a result as one type, which is shown as a whole.
    pub fn tuple_of(&self, parts: TupleOf<Shown>, span: Span) -> Type {
        let parts = match parts {
            TupleOf::Only(part) => vec![part],
            TupleOf::Many(parts) => parts,
        };
        if let Some(name) = parts.iter().find_map(|p| p.to.as_ref().and_then(|to| to.first())) {
            let message = "a tuple is shown as a whole or by its parts, not both";
            self.report(Diagnostic::error("shown-twice", message, name.span, "this part is already shown to a party"));
        }
        let mut types: Vec<Type> = parts.into_iter().map(|p| p.ty).collect();
        match (types.len(), types.pop()) {
            (1, Some(ty)) => Type { span, ..ty },
            (_, last) => {
                types.extend(last);
                Type { kind: TypeKind::Tuple(types), span }
            }
        }
    }

    /// `target = value`.
    pub fn assign(&self, target: Expr, op: Option<BinaryOp>, value: Expr, l: u32, r: u32) -> Stmt {
        if !is_place(&target) {
            let mut diagnostic = Diagnostic::error(
                "not-a-place",
                "this cannot be assigned to",
                target.span,
                "a variable, or an element or field of one, is expected here",
            );
            if matches!(target.kind, ExprKind::Binary(..)) && op.is_none() {
                diagnostic = diagnostic.help("`==` compares");
            }
            self.report(diagnostic);
        }
        Stmt { kind: StmtKind::Assign { target, op, value }, span: self.span(l, r) }
    }

    /// `a + b`.
    pub fn binary(&self, op: BinaryOp, a: Expr, b: Expr, l: u32, r: u32) -> Expr {
        Expr { kind: ExprKind::Binary(op, Box::new(a), Box::new(b)), span: self.span(l, r) }
    }

    /// `-a`.
    pub fn unary(&self, op: UnaryOp, a: Expr, l: u32, r: u32) -> Expr {
        Expr { kind: ExprKind::Unary(op, Box::new(a)), span: self.span(l, r) }
    }

    /// `base.0`; the number begins at `at`.
    pub fn part(&self, base: Expr, l: u32, at: u32, r: u32) -> Expr {
        let digits = self.slice(at, r);
        let index = digits.parse().unwrap_or_else(|_| {
            let message = format!("`{digits}` does not number a part of a tuple");
            self.report(Diagnostic::error("syntax", message, self.span(at, r), "").help("parts are `.0`, `.1`, …"));
            0
        });
        Expr { kind: ExprKind::Part(Box::new(base), index, self.span(at, r)), span: self.span(l, r) }
    }

    /// An integer literal; a bad one has been reported by the lexer.
    pub fn integer(&self, l: u32, r: u32) -> Expr {
        let kind = match number::integer(self.slice(l, r)) {
            Ok(n) => ExprKind::Int { digits: n.digits, radix: n.radix, suffix: n.suffix },
            Err(_) => ExprKind::Int { digits: "0".into(), radix: 10, suffix: None },
        };
        Expr { kind, span: self.span(l, r) }
    }

    /// A decimal literal; a bad one has been reported by the lexer.
    pub fn decimal(&self, l: u32, r: u32) -> Expr {
        let text = number::decimal(self.slice(l, r)).unwrap_or_else(|_| "0.0".into());
        Expr { kind: ExprKind::Decimal(text), span: self.span(l, r) }
    }

    /// A string without its quotes.
    pub fn text(&self, l: u32, r: u32) -> (String, Span) {
        (self.slice(l, r).trim_matches('"').to_string(), self.span(l, r))
    }
}

/// A name with indices and fields.
fn is_place(mut e: &Expr) -> bool {
    loop {
        e = match &e.kind {
            ExprKind::Path(path) => return path.segments.len() == 1,
            ExprKind::Index { base, .. } | ExprKind::Field(base, _) | ExprKind::Part(base, ..) => base,
            _ => return false,
        };
    }
}

/// `{ … }`.
pub fn block((statements, mut tail): (Vec<Statement>, Option<Expr>), span: Span) -> Block {
    let mut stmts = Vec::with_capacity(statements.len());
    let mut rest = statements.into_iter().peekable();
    while let Some(statement) = rest.next() {
        match statement {
            Statement::Done(stmt) => stmts.push(stmt),
            Statement::Open(value) if rest.peek().is_none() && tail.is_none() => tail = Some(value),
            Statement::Open(value) => stmts.push(expression(value)),
        }
    }
    Block { stmts, tail: tail.map(Box::new), span }
}

/// `e;`
pub fn expression(e: Expr) -> Stmt {
    Stmt { span: e.span, kind: StmtKind::Expr(e) }
}

/// A result in parentheses.
pub fn parts(parts: TupleOf<Shown>, span: Span) -> ResultType {
    match parts {
        TupleOf::Only(part) => ResultType::One(part),
        TupleOf::Many(parts) if parts.is_empty() => {
            ResultType::One(Shown { ty: Type { kind: TypeKind::Tuple(Vec::new()), span }, to: None })
        }
        TupleOf::Many(parts) => ResultType::Parts(parts, span),
    }
}

/// `(a, b)` that binds.
pub fn pattern(parts: TupleOf<Pattern>, span: Span) -> Pattern {
    match parts {
        TupleOf::Only(pattern) => pattern,
        TupleOf::Many(parts) => Pattern::Tuple(parts, span),
    }
}

/// `(a, b)`, or `(a)`, which is `a`.
pub fn tuple(parts: TupleOf<Expr>, span: Span) -> Expr {
    match parts {
        TupleOf::Only(e) => Expr { span, ..e },
        TupleOf::Many(parts) => Expr { kind: ExprKind::Tuple(parts), span },
    }
}

/// `..b`, or `..` alone.
pub fn leading_range(to: Option<Expr>, span: Span) -> Index {
    match to {
        Some(to) => Index::Range(None, Some(to), span),
        None => Index::Rest(span),
    }
}

/// `b` for `b: b`.
pub fn shorthand(name: Ident) -> (Ident, Expr) {
    let span = name.span;
    (name.clone(), Expr { kind: ExprKind::Path(Path { segments: vec![name] }), span })
}

/// `a::b`.
pub fn path(first: Ident, rest: Vec<Ident>) -> Path {
    Path { segments: std::iter::once(first).chain(rest).collect() }
}
