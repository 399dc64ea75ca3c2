//! From a file's text to its syntax tree.
//!
//! `text → tokens (lexer) → items' tokens (outline) → syntax tree (grammar)`. A mistake is explained (`explain`, `slips`)
//! and repaired (`repair`), and its item is read again, so that independent mistakes come out in one run.

pub mod ast;
mod build;
mod explain;
mod lexer;
mod number;
mod outline;
mod repair;
mod slips;
#[cfg(test)]
mod tests;
mod token;

use std::cell::RefCell;

use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};
use build::Builder;
use explain::Failure;
use outline::Chunk;

#[allow(clippy::all, unused, missing_docs, unreachable_pub)]
mod grammar {
    include!(concat!(env!("OUT_DIR"), "/parse/grammar.rs"));
}

/// Longest source file, in bytes.
pub const LONGEST_FILE: usize = 4 << 20;
/// Most mistakes that are reported for a file.
const MOST_ERRORS: usize = 30;

/// Reads a file. Where there are diagnostics, what they touch is missing from the tree.
///
/// Nothing in the text can make this panic, and trees are at most `outline::DEEPEST_TREE` expressions deep.
pub fn parse(file: FileId, text: &str) -> (ast::File, Vec<Diagnostic>) {
    if text.len() > LONGEST_FILE {
        let start = Span { file, start: 0, end: 0 };
        let message = format!("this file is longer than {} MB", LONGEST_FILE >> 20);
        return (ast::File::default(), vec![Diagnostic::error("long-file", message, start, "")]);
    }
    let mut errors = Vec::new();
    let tokens = lexer::tokens(file, text, &mut errors);
    let unlexed: Vec<Span> = errors.iter().filter_map(|e| e.labels.first()).map(|(span, _)| *span).collect();
    let mut items = Vec::new();
    for chunk in outline::outline(text, &tokens, &mut errors) {
        if chunk.sound && errors.len() < MOST_ERRORS {
            items.extend(item(file, text, chunk, &unlexed, &mut errors));
        }
    }
    if errors.iter().any(|e| e.code == "open-comment") {
        errors.retain(|e| e.code != "unclosed-bracket");
    }
    errors.sort_by_key(|e| e.labels.first().map(|(span, _)| span.start));
    errors.truncate(MOST_ERRORS);
    (ast::File { items }, errors)
}

/// Reads an item, again after each repair, until it is whole or beyond repair.
fn item(
    file: FileId,
    text: &str,
    mut chunk: Chunk,
    unlexed: &[Span],
    errors: &mut Vec<Diagnostic>,
) -> Option<ast::Item> {
    let parser = grammar::ItemParser::new();
    for _ in 0..MOST_ERRORS {
        let builder = Builder { file, text, doc: chunk.doc.clone(), errors: RefCell::new(Vec::new()) };
        let tokens = chunk.tokens.iter().map(|t| Ok((t.span.start, t.token, t.span.end)));
        let error = match parser.parse(&builder, tokens) {
            Ok(item) => {
                errors.append(&mut builder.errors.borrow_mut());
                return Some(item);
            }
            Err(error) => error,
        };
        let failure = Failure::new(file, text, &chunk.tokens, error);
        let (diagnostic, repair) = failure.explain();
        let statement = failure.statement();
        let touched = statement.clone().unwrap_or(0..chunk.tokens.len());
        let range = repair::span(&chunk.tokens, touched);
        if !unlexed.iter().any(|u| range.start <= u.start && u.end <= range.end) {
            errors.push(diagnostic);
        }
        if errors.len() >= MOST_ERRORS || !repair::apply(&mut chunk.tokens, repair, statement) {
            break;
        }
    }
    None
}

/// Reads any bytes, for fuzzing: nothing may panic, hang or overflow the stack.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut sources = crate::source::Sources::default();
        let file = sources.add("fuzz.mpc", text);
        let (_, diagnostics) = parse(file, text);
        for diagnostic in diagnostics {
            let _ = sources.line_column(diagnostic.labels[0].0);
            let _ = format!("{:?}", miette::Report::new(diagnostic.report(&sources)));
        }
    }
}
