//! Cuts a file's tokens into items, so that a mistake in one does not touch the next.
//!
//! On the way it matches brackets, bounds how deep syntax trees can get (every later stage recurses on them), and tells
//! apart what one token of lookahead cannot: the `{` of a struct literal from a block's, and the `<` of a cast's type
//! from a comparison.

use super::token::{Spanned, Token};
use crate::diagnostics::Diagnostic;
use crate::source::Span;

/// Most brackets within brackets.
pub const DEEPEST_BRACKETS: usize = 128;
/// Greatest depth of an expression or type: operators, calls, indices and brackets on one path.
pub const DEEPEST_TREE: u32 = 256;

/// The tokens of an item.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The text of its `///` lines.
    pub doc: String,
    /// Its tokens, without documentation.
    pub tokens: Vec<Spanned>,
    /// Whether its brackets match and its depth is within bounds. What is wrong has been reported.
    pub sound: bool,
}

/// Cuts a file into its items.
pub fn outline(text: &str, tokens: &[Spanned], errors: &mut Vec<Diagnostic>) -> Vec<Chunk> {
    let mut outliner = Outliner {
        text,
        errors,
        chunks: Vec::new(),
        chunk: Chunk { sound: true, ..Chunk::default() },
        levels: vec![Level::default()],
        suspect: None,
        skipping: false,
    };
    for (i, &token) in tokens.iter().enumerate() {
        outliner.take(token, &tokens[i + 1..]);
    }
    outliner.close_all(None);
    outliner.finish();
    outliner.chunks
}

/// What is open around a token.
#[derive(Debug, Default)]
struct Level {
    /// The bracket; `None` outside of all.
    open: Option<Spanned>,
    /// `if`, `for`, `fn` and `struct` whose `{` has not come yet.
    headers: u32,
    /// Operators of the current expression.
    operators: u32,
    /// Depth of the deepest bracket of the current expression.
    inner: u32,
    /// Depth of the deepest expression before.
    deepest: u32,
}

impl Level {
    fn depth(&self) -> u32 {
        self.operators + self.inner
    }

    fn next_expression(&mut self) {
        self.deepest = self.deepest.max(self.depth());
        self.operators = 0;
        self.inner = 0;
    }
}

struct Outliner<'a> {
    text: &'a str,
    errors: &'a mut Vec<Diagnostic>,
    chunks: Vec<Chunk>,
    chunk: Chunk,
    /// Never empty.
    levels: Vec<Level>,
    /// The first `{` whose `}` stands further out than its line, and that `}`: the likely culprit where one is missing.
    suspect: Option<(Spanned, Span)>,
    /// Whether everything up to the next item that begins a line is left out.
    skipping: bool,
}

impl Outliner<'_> {
    fn take(&mut self, spanned: Spanned, rest: &[Spanned]) {
        if begins_item(spanned.token) {
            self.item(spanned);
        }
        if self.skipping {
            return;
        }
        match spanned.token {
            Token::Doc => self.document(spanned),
            Token::OpenParen | Token::OpenBracket | Token::OpenBrace => self.open(spanned),
            Token::CloseParen | Token::CloseBracket | Token::CloseBrace => self.close(spanned),
            Token::Less if self.opens_cast(rest) => self.operator(Spanned { token: Token::OpenAngle, ..spanned }),
            Token::Comma | Token::Semicolon => self.separator(spanned),
            Token::If | Token::For | Token::Fn | Token::Struct | Token::Reserved => self.header(spanned),
            Token::Let | Token::Return => {
                self.level().next_expression();
                self.chunk.tokens.push(spanned);
            }
            token if is_operator(token) => self.operator(spanned),
            _ => self.operand(spanned),
        }
    }

    /// An item ends where the next one begins, and an item that begins a line ends all brackets before it.
    fn item(&mut self, spanned: Spanned) {
        let begins_line = spanned.span.start == 0
            || self.text.as_bytes().get(spanned.span.start as usize - 1).is_some_and(|&b| b == b'\n');
        if self.skipping {
            if begins_line {
                self.skipping = false;
                self.finish();
            }
            return;
        }
        let is_parameter =
            spanned.token == Token::Const && self.level().open.is_some_and(|open| open.token == Token::OpenParen);
        if self.levels.len() > 1 && begins_line && !is_parameter {
            self.close_all(Some(spanned));
            self.finish();
        } else if self.levels.len() == 1 && !matches!(self.previous(), None | Some(Token::Pub) | Some(Token::Extern)) {
            self.finish();
        }
    }

    fn document(&mut self, spanned: Spanned) {
        if self.levels.len() == 1 && self.chunk.tokens.is_empty() {
            let line = &self.text[spanned.span.start as usize + 3..spanned.span.end as usize];
            if !self.chunk.doc.is_empty() {
                self.chunk.doc.push('\n');
            }
            self.chunk.doc.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
        }
    }

    fn open(&mut self, mut spanned: Spanned) {
        if self.levels.len() > DEEPEST_BRACKETS {
            return self.too_deep(spanned, format!("brackets are nested more than {DEEPEST_BRACKETS} deep"));
        }
        let previous = self.previous();
        match spanned.token {
            Token::OpenBrace if ends_operand(previous) && self.level().headers > 0 => self.level().headers -= 1,
            Token::OpenBrace if previous == Some(Token::Name) => spanned.token = Token::OpenLiteral,
            Token::OpenBrace => {}
            _ if ends_operand(previous) => self.level().operators += 1,
            _ => {}
        }
        self.chunk.tokens.push(spanned);
        self.levels.push(Level { open: Some(spanned), ..Level::default() });
    }

    fn close(&mut self, spanned: Spanned) {
        let matches = |level: &Level| level.open.is_some_and(|open| closing(open.token) == spanned.token);
        match self.levels.iter().rposition(matches) {
            None => return self.unmatched(spanned),
            Some(at) if at + 1 < self.levels.len() => {
                self.unclosed(Some(spanned));
                self.levels.truncate(at + 1);
            }
            Some(_) => {}
        }
        self.chunk.tokens.push(spanned);
        let mut level = self.levels.pop().unwrap_or_default();
        self.compare_indents(level.open, spanned);
        level.next_expression();
        let parent = self.level();
        parent.inner = parent.inner.max(level.deepest + 1);
        self.bound_depth(spanned);
        let head = self.chunk.tokens.iter().map(|t| t.token).find(|&t| t != Token::Pub);
        let ends_with_semicolon = matches!(head, Some(Token::Use | Token::Type | Token::Const | Token::Extern));
        if self.levels.len() == 1 && spanned.token == Token::CloseBrace && !ends_with_semicolon {
            self.finish();
        }
    }

    fn operator(&mut self, spanned: Spanned) {
        self.level().operators += 1;
        self.chunk.tokens.push(spanned);
        self.bound_depth(spanned);
    }

    fn operand(&mut self, spanned: Spanned) {
        if self.previous() == Some(Token::CloseBrace) {
            self.level().next_expression();
        }
        self.chunk.tokens.push(spanned);
    }

    /// `if` nests what it begins in the expression it stands in, so that it counts like an operator.
    fn header(&mut self, spanned: Spanned) {
        if self.previous() == Some(Token::CloseBrace) {
            self.level().next_expression();
        }
        self.level().headers += 1;
        self.operator(spanned);
    }

    fn separator(&mut self, spanned: Spanned) {
        self.level().next_expression();
        self.chunk.tokens.push(spanned);
        if spanned.token == Token::Semicolon {
            self.level().headers = 0;
            if self.levels.len() == 1 {
                self.finish();
            }
        }
    }

    /// Whether a `<` opens the arguments of `as fix<B, F>`.
    fn opens_cast(&self, rest: &[Spanned]) -> bool {
        let [.., before, name] = self.chunk.tokens[..] else { return false };
        before.token == Token::As
            && &self.text[name.span.start as usize..name.span.end as usize] == "fix"
            && (rest.first().is_some_and(|t| t.token == Token::OpenBrace)
                || rest.get(1).is_some_and(|t| matches!(t.token, Token::Comma | Token::PathSep)))
    }

    fn finish(&mut self) {
        let chunk = std::mem::replace(&mut self.chunk, Chunk { sound: true, ..Chunk::default() });
        if !chunk.tokens.is_empty() {
            self.chunks.push(chunk);
        }
        self.levels.clear();
        self.levels.push(Level::default());
        self.suspect = None;
    }

    fn compare_indents(&mut self, open: Option<Spanned>, close: Spanned) {
        if let (Some(open), None) = (open, &self.suspect)
            && let Some(inner) = self.indent(close.span)
        {
            let line = self.text[..open.span.start as usize].rfind('\n').map_or(0, |i| i + 1);
            let first = self.text[line..].trim_start_matches([' ', '\t']);
            if inner < self.text.len() - line - first.len() {
                self.suspect = Some((open, close.span));
            }
        }
    }

    /// How far a token that begins a line is from its start.
    fn indent(&self, span: Span) -> Option<usize> {
        let before = self.text[..span.start as usize].trim_end_matches([' ', '\t']);
        (before.is_empty() || before.ends_with('\n')).then(|| span.start as usize - before.len())
    }

    /// Reports what is open where an item or the file's end comes.
    fn close_all(&mut self, next: Option<Spanned>) {
        if self.levels.len() > 1 && !self.skipping {
            self.unclosed(next);
        }
    }

    fn unclosed(&mut self, found: Option<Spanned>) {
        self.chunk.sound = false;
        let Some(open) = self.level().open else { return };
        if let Some((open, close)) = self.suspect
            && found.is_none_or(|found| begins_item(found.token))
        {
            return self.errors.push(
                Diagnostic::error("unclosed-bracket", "this `{` is never closed", open.span, "opened here")
                    .label(close, "this `}` stands further out, and belongs to a block around it"),
            );
        }
        let bracket = self.slice(open.span).to_string();
        let (span, note) = match found {
            Some(found) if begins_item(found.token) => (found.span, "before this item begins".to_string()),
            Some(found) => (found.span, format!("before this `{}`", self.slice(found.span))),
            None => (end_of(self.text, open.span), "before the file ends".to_string()),
        };
        self.errors.push(
            Diagnostic::error(
                "unclosed-bracket",
                format!("this `{bracket}` is never closed"),
                open.span,
                "opened here",
            )
            .label(span, format!("expected `{}` {note}", closing_text(open.token))),
        );
    }

    fn unmatched(&mut self, spanned: Spanned) {
        let bracket = self.slice(spanned.span).to_string();
        let message = format!("this `{bracket}` closes nothing");
        let mut diagnostic = Diagnostic::error("unmatched-bracket", message, spanned.span, "");
        if let Some(open) = self.level().open {
            self.chunk.sound = false;
            diagnostic =
                diagnostic.label(open.span, format!("this is open here, and closed by `{}`", closing_text(open.token)));
        } else {
            diagnostic = diagnostic.help("take it out, or look for a bracket that was closed too early before it");
        }
        self.errors.push(diagnostic);
    }

    fn bound_depth(&mut self, spanned: Spanned) {
        if self.level().depth() > DEEPEST_TREE {
            self.too_deep(spanned, format!("this expression is more than {DEEPEST_TREE} operators deep"));
        }
    }

    /// Leaves the rest of the item out.
    fn too_deep(&mut self, spanned: Spanned, message: String) {
        self.errors.push(
            Diagnostic::error("too-deep", message, spanned.span, "")
                .help("give parts of it names of their own with `let`, or put the numbers into a tensor"),
        );
        self.chunk.sound = false;
        self.skipping = true;
    }

    fn slice(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    fn previous(&self) -> Option<Token> {
        self.chunk.tokens.last().map(|t| t.token)
    }

    fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }
}

/// Whether a token is the first of an item.
pub fn begins_item(token: Token) -> bool {
    use Token::*;
    matches!(token, Pub | Use | Type | Const | Struct | Fn | Extern)
}

/// Whether an operand may end with the token, so that a bracket behind it calls, indexes or begins a body.
pub fn ends_operand(token: Option<Token>) -> bool {
    use Token::*;
    matches!(
        token,
        Some(
            Name | Integer
                | Decimal
                | Text
                | True
                | False
                | Reserved
                | CloseParen
                | CloseBracket
                | CloseBrace
                | Greater
                | GreaterJoint
        )
    )
}

/// Whether a token makes a tree deeper by one.
fn is_operator(token: Token) -> bool {
    use Token::*;
    matches!(
        token,
        As | Else
            | Dot
            | Plus
            | Minus
            | Star
            | Power
            | Slash
            | Percent
            | Amp
            | Pipe
            | Caret
            | Bang
            | AndAnd
            | OrOr
            | Shl
            | Less
            | Greater
            | GreaterJoint
            | LessEq
            | GreaterEq
            | EqEq
            | BangEq
    )
}

/// The bracket that closes one.
pub fn closing(open: Token) -> Token {
    match open {
        Token::OpenParen => Token::CloseParen,
        Token::OpenBracket => Token::CloseBracket,
        _ => Token::CloseBrace,
    }
}

fn closing_text(open: Token) -> &'static str {
    match open {
        Token::OpenParen => ")",
        Token::OpenBracket => "]",
        _ => "}",
    }
}

/// The place behind the last character that is not blank.
fn end_of(text: &str, near: Span) -> Span {
    let end = text.trim_end().len() as u32;
    Span { start: end, end, ..near }
}
