//! Repairs of an item's tokens, so that the rest of it can be read.

use std::ops::Range;

use super::outline::closing;
use super::token::{Spanned, Token};
use crate::source::Span;

/// A change to an item's tokens. Each makes progress: the mistake it answers is not met again.
#[derive(Clone, Debug)]
pub enum Repair {
    /// Puts other tokens in the place of some.
    Replace(Range<usize>, Vec<Token>),
    /// Leaves out the statement around the mistake.
    LeaveOut,
}

/// Applies a repair; `statement` is the one around the mistake. False where nothing can be done.
pub fn apply(tokens: &mut Vec<Spanned>, repair: Repair, statement: Option<Range<usize>>) -> bool {
    match (repair, statement) {
        (Repair::Replace(range, new), _) => {
            let at = span(tokens, range.clone());
            tokens.splice(range, new.into_iter().map(|token| Spanned { token, span: at }));
            true
        }
        (Repair::LeaveOut, Some(range)) if !range.is_empty() => {
            tokens.drain(range);
            true
        }
        (Repair::LeaveOut, _) => false,
    }
}

/// The place of some tokens; of none, the end of the one before.
pub fn span(tokens: &[Spanned], range: Range<usize>) -> Span {
    match (tokens.get(range.start), range.end.checked_sub(1).and_then(|last| tokens.get(last))) {
        (Some(first), Some(last)) if !range.is_empty() => first.span.to(last.span),
        (_, Some(before)) => Span { start: before.span.end, ..before.span },
        (Some(first), None) => Span { end: first.span.start, ..first.span },
        (None, None) => Span { file: crate::source::FileId(0), start: 0, end: 0 },
    }
}

/// The statement around a token, with its semicolon, in the innermost block; `None` outside of blocks.
pub fn statement(tokens: &[Spanned], at: usize) -> Option<Range<usize>> {
    let block = innermost_block(tokens, at)?;
    let mut start = block + 1;
    let mut i = start;
    while i < tokens.len() {
        let after = match tokens[i].token {
            Token::OpenParen | Token::OpenBracket | Token::OpenBrace | Token::OpenLiteral => skip_bracket(tokens, i),
            Token::CloseBrace => break,
            _ => i + 1,
        };
        let ends = tokens[i].token == Token::Semicolon
            || tokens[i].token == Token::OpenBrace && !continues(tokens.get(after).map(|t| t.token))
            || tokens.get(after).is_some_and(|t| begins_statement(t.token));
        if ends && after > at {
            return Some(start..after);
        }
        if ends {
            start = after;
        }
        i = after;
    }
    Some(start..i.max(start))
}

/// The innermost `{` of a block that is open at a token.
fn innermost_block(tokens: &[Spanned], at: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut is_struct = false;
    for (i, t) in tokens[..at.min(tokens.len())].iter().enumerate() {
        match t.token {
            Token::Struct => is_struct = true,
            Token::OpenParen | Token::OpenBracket | Token::OpenBrace | Token::OpenLiteral => open.push(i),
            Token::CloseParen | Token::CloseBracket | Token::CloseBrace => drop(open.pop()),
            _ => {}
        }
    }
    open.into_iter().rev().find(|&i| tokens[i].token == Token::OpenBrace && !is_struct)
}

/// One past the bracket that closes the one at `open`.
pub fn skip_bracket(tokens: &[Spanned], open: usize) -> usize {
    let mut expected = vec![closing(tokens[open].token)];
    let mut i = open + 1;
    while i < tokens.len() && !expected.is_empty() {
        match tokens[i].token {
            t @ (Token::OpenParen | Token::OpenBracket | Token::OpenBrace | Token::OpenLiteral) => {
                expected.push(closing(t))
            }
            t if expected.last() == Some(&t) => drop(expected.pop()),
            _ => {}
        }
        i += 1;
    }
    i
}

/// Whether what began with a block goes on.
fn continues(token: Option<Token>) -> bool {
    use Token::*;
    matches!(
        token,
        Some(Else | Semicolon | OpenBrace | Dot | As | Comma | CloseParen | CloseBracket | EqEq | Plus | Star)
    )
}

/// Whether a token begins a statement wherever it stands.
pub fn begins_statement(token: Token) -> bool {
    matches!(token, Token::Let | Token::For | Token::Return)
}
