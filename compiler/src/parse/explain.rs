//! Explains what the parser could not read, in people's words.

use std::collections::BTreeSet;
use std::ops::Range;

use lalrpop_util::ParseError;

use super::outline::ends_operand;
use super::repair::{self, Repair};
use super::slips;
use super::token::{Spanned, Token};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};

/// Where the parser stopped.
pub struct Failure<'a> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'a str,
    /// The item's tokens.
    pub tokens: &'a [Spanned],
    /// The token that cannot stand where it does; the number of tokens where the item ends too early.
    pub at: usize,
    /// What could have stood there, by the grammar's names of tokens.
    expected: BTreeSet<String>,
}

impl<'a> Failure<'a> {
    /// From the parser's own report.
    pub fn new(file: FileId, text: &'a str, tokens: &'a [Spanned], error: ParseError<u32, Token, ()>) -> Self {
        let (at, expected) = match error {
            ParseError::UnrecognizedToken { token: (start, token, _), expected } => {
                (find(tokens, start, token), expected)
            }
            ParseError::ExtraToken { token: (start, token, _) } => (find(tokens, start, token), Vec::new()),
            ParseError::UnrecognizedEof { expected, .. } => (tokens.len(), expected),
            ParseError::InvalidToken { .. } | ParseError::User { .. } => (tokens.len(), Vec::new()),
        };
        let expected = expected.into_iter().map(|name| name.trim_matches('"').to_string()).collect();
        Failure { file, text, tokens, at, expected }
    }

    /// What is wrong, and how to go on.
    pub fn explain(&self) -> (Diagnostic, Repair) {
        slips::SLIPS.iter().find_map(|slip| slip(self)).unwrap_or_else(|| self.plain())
    }

    /// "expected an expression, found `}`".
    fn plain(&self) -> (Diagnostic, Repair) {
        let wanted = self.wanted();
        let message = match self.found() {
            Some(_) => format!("expected {wanted}, found {}", self.found_text()),
            None => format!("expected {wanted} before the end of this item"),
        };
        let diagnostic = Diagnostic::error("syntax", message, self.place(), format!("expected {wanted}"));
        (diagnostic, Repair::LeaveOut)
    }

    /// The token at which the parser stopped.
    pub fn found(&self) -> Option<Token> {
        self.tokens.get(self.at).map(|t| t.token)
    }

    /// The token `back` places before it.
    pub fn before(&self, back: usize) -> Option<Token> {
        self.at.checked_sub(back).and_then(|i| self.tokens.get(i)).map(|t| t.token)
    }

    /// Its text, empty where there is none.
    pub fn text_before(&self, back: usize) -> &'a str {
        self.at.checked_sub(back).map_or("", |i| self.text_at(i))
    }

    /// A token's text, empty where there is none.
    pub fn text_at(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |t| &self.text[t.span.start as usize..t.span.end as usize])
    }

    /// The place of the token at which the parser stopped, else the end of the last one.
    pub fn place(&self) -> Span {
        match self.tokens.get(self.at) {
            Some(t) => t.span,
            None => self.gap(),
        }
    }

    /// The place of some tokens.
    pub fn places(&self, from: usize, to: usize) -> Span {
        repair::span(self.tokens, from..to)
    }

    /// The last character before the token at which the parser stopped: where something is missing.
    pub fn gap(&self) -> Span {
        let end = self.at.checked_sub(1).map_or(0, |i| self.tokens[i].span.end);
        let last = self.text[..end as usize].chars().next_back().map_or(0, |c| c.len_utf8() as u32);
        Span { file: self.file, start: end - last, end }
    }

    /// Whether the token at which the parser stopped begins a line (or there is none).
    pub fn begins_line(&self) -> bool {
        let (Some(last), Some(next)) = (self.at.checked_sub(1), self.tokens.get(self.at)) else { return true };
        self.text[self.tokens[last].span.end as usize..next.span.start as usize].contains('\n')
    }

    /// Whether a token could have stood here.
    pub fn could_be(&self, name: &str) -> bool {
        self.expected.contains(name)
    }

    /// Whether an expression could have begun here.
    pub fn wants_expression(&self) -> bool {
        self.could_be("integer") && self.could_be("!")
    }

    /// Whether an expression has just ended here. (The parser may have reduced it already, so that operators are not
    /// among what it expects.)
    pub fn after_expression(&self) -> bool {
        let in_signature = self.could_be(":") || self.could_be("->") || self.could_be("in") || self.could_be("@");
        self.could_be("+") && self.could_be("*")
            || ends_operand(self.before(1)) && !in_signature && !self.wants_expression() && !self.wants_type()
    }

    /// The statement around the mistake, in the innermost block.
    pub fn statement(&self) -> Option<Range<usize>> {
        repair::statement(self.tokens, self.at, self.could_be("let"))
    }

    /// Whether a type could have begun here.
    pub fn wants_type(&self) -> bool {
        self.could_be("name") && self.could_be("(") && !self.could_be("integer") && !self.could_be("_")
    }

    /// "the number `5`", "`}`".
    pub fn found_text(&self) -> String {
        let text = self.text_at(self.at);
        let short: String = text.chars().take(30).collect();
        match self.found() {
            None => "the end of the item".into(),
            Some(Token::Text) => format!("the string {short}"),
            Some(_) => format!("`{short}`"),
        }
    }

    /// What could have stood here.
    fn wanted(&self) -> String {
        if self.wants_expression() {
            return "an expression".into();
        }
        if self.could_be("_") {
            return "a name or a pattern".into();
        }
        if self.wants_type() {
            return "a type".into();
        }
        let punctuation = ["->", "=", ":", ";", ",", ")", "]", "}", "{", "(", "in", "string", "name", "fn"];
        let mut words: Vec<String> = punctuation
            .iter()
            .filter(|p| self.could_be(p))
            .map(|&p| match p {
                "name" => "a name".into(),
                "string" => "a string".into(),
                "fn" => "an item".into(),
                _ => format!("`{p}`"),
            })
            .collect();
        if self.could_be("fn") {
            return "an item (`fn`, `struct`, `const`, `type`, `use` or `extern circuit`)".into();
        }
        words.truncate(4);
        if self.after_expression() && words.len() < 4 {
            words.push("an operator".into());
        }
        match words.split_last() {
            None => "something else".into(),
            Some((only, [])) => only.clone(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        }
    }
}

fn find(tokens: &[Spanned], start: u32, token: Token) -> usize {
    let first = tokens.partition_point(|t| t.span.start < start);
    first + tokens[first..].iter().position(|t| t.token == token).unwrap_or(0)
}
