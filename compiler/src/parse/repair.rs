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

/// The statement around a token, with its semicolon, in the innermost block; `None` outside of blocks. Where no
/// statement may begin at the token, one that ends right before it is part of it.
pub fn statement(tokens: &[Spanned], at: usize, may_begin: bool) -> Option<Range<usize>> {
    let block = innermost_block(tokens, at)?;
    let (mut before, mut start, mut end) = (block + 1, block + 1, block + 1);
    while end < tokens.len() && tokens[end].token != Token::CloseBrace {
        let first = end;
        end = match tokens[first].token {
            Token::OpenParen | Token::OpenBracket | Token::OpenBrace | Token::OpenLiteral => {
                skip_bracket(tokens, first)
            }
            _ => first + 1,
        };
        let next = tokens.get(end).map(|t| t.token);
        let ends = tokens[first].token == Token::Semicolon
            || tokens[first].token == Token::OpenBrace && !continues(next)
            || next.is_some_and(begins_statement);
        if ends && end > at {
            break;
        }
        if ends {
            (before, start) = (start, end);
        }
    }
    let start = if start >= at && !may_begin { before } else { start };
    Some(start..end)
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
