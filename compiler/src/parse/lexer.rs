//! From text to tokens.

use logos::Logos;

use super::number;
use super::token::{LexError, Spanned, Token};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};

/// The tokens of a file that is shorter than 4 GB. What is no token is reported and left out.
pub fn tokens(file: FileId, text: &str, errors: &mut Vec<Diagnostic>) -> Vec<Spanned> {
    let mut tokens: Vec<Spanned> = Vec::new();
    let mut unknown: Option<Span> = None;
    let mut seen_hash = false;
    for (token, range) in Token::lexer(text).spanned() {
        let span = Span { file, start: range.start as u32, end: range.end as u32 };
        match token {
            Ok(Token::Decimal) if tokens.last().is_some_and(|t| t.token == Token::Dot && t.span.end == span.start) => {
                parts_of_tuples(span, text, &mut tokens)
            }
            Ok(token) => {
                check_literal(token, span, text, errors);
                join_angles(&mut tokens, token, span);
                tokens.push(Spanned { token, span });
            }
            Err(LexError::Unknown) => match &mut unknown {
                Some(run) if run.end == span.start => run.end = span.end,
                _ => errors.extend(unknown.replace(span).map(|run| unknown_text(run, text))),
            },
            Err(LexError::OpenComment) => errors.push(
                Diagnostic::error("open-comment", "this comment is never closed", start_of(span, 2), "opened here")
                    .help("close it with `*/`; comments nest, so each `/*` within needs its own"),
            ),
            Err(LexError::Hash) if !seen_hash => {
                seen_hash = true;
                errors.push(
                    Diagnostic::error("hash", "`#` begins nothing", start_of(span, 1), "")
                        .help("comments begin with `//`"),
                );
            }
            Err(LexError::Hash) => {}
        }
    }
    errors.extend(unknown.map(|run| unknown_text(run, text)));
    tokens
}

/// `t.0.1` reads `0.1` as a decimal: these are two parts and a dot.
fn parts_of_tuples(span: Span, text: &str, tokens: &mut Vec<Spanned>) {
    let file = span.file;
    let mut start = span.start;
    for piece in text[span.start as usize..span.end as usize].split_inclusive('.') {
        let digits = piece.trim_end_matches('.').len() as u32;
        tokens.push(Spanned { token: Token::Integer, span: Span { file, start, end: start + digits } });
        if piece.ends_with('.') {
            tokens.push(Spanned {
                token: Token::Dot,
                span: Span { file, start: start + digits, end: start + digits + 1 },
            });
        }
        start += piece.len() as u32;
    }
}

/// Marks a `>` that another follows without a gap.
fn join_angles(tokens: &mut [Spanned], token: Token, span: Span) {
    if let (Some(last), Token::Greater) = (tokens.last_mut(), token)
        && last.token == Token::Greater
        && last.span.end == span.start
    {
        last.token = Token::GreaterJoint;
    }
}

fn check_literal(token: Token, span: Span, text: &str, errors: &mut Vec<Diagnostic>) {
    let literal = &text[span.start as usize..span.end as usize];
    if token == Token::Text && (literal.len() < 2 || !literal.ends_with('"')) {
        let message = "this string is not closed on its line";
        errors.push(Diagnostic::error("open-string", message, span, "").help("close it with `\"`"));
    }
    let result = match token {
        Token::Integer => number::integer(literal).map(drop),
        Token::Decimal => number::decimal(literal).map(drop),
        _ => return,
    };
    if let Err(error) = result {
        let mut diagnostic = Diagnostic::error("bad-number", error.to_string(), span, "");
        diagnostic.help = error.help();
        errors.push(diagnostic);
    }
}

fn unknown_text(span: Span, text: &str) -> Diagnostic {
    let run = &text[span.start as usize..span.end as usize];
    let shown: String = run.chars().take(20).flat_map(char::escape_debug).collect();
    let what = if run.chars().count() == 1 { "character" } else { "text" };
    let diagnostic = Diagnostic::error("unknown-character", format!("unknown {what} `{shown}`"), span, "");
    let help = match run.chars().next() {
        Some('?') => "there is no `?`: write `if c { a } else { b }`",
        Some('\'' | '‘' | '’') => "there are no character literals; write the number",
        Some('“' | '”') => "write straight quotes: `\"`",
        Some('×') => "write `*`",
        Some('÷') => "write `/`",
        Some('−' | '–' | '—') => "write `-`",
        Some('≤') => "write `<=`",
        Some('≥') => "write `>=`",
        Some('≠') => "write `!=`",
        Some('→') => "write `->`",
        Some('…') => "write `..`",
        Some('~') => "the complement of an integer is `!x`",
        Some(c) if c.is_alphabetic() => "names are written with the letters a to z, digits and `_`",
        Some(c) if c.is_whitespace() => "write an ordinary space",
        _ => return diagnostic,
    };
    diagnostic.help(help)
}

fn start_of(span: Span, len: u32) -> Span {
    Span { end: span.end.min(span.start + len), ..span }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Token> {
        let mut errors = Vec::new();
        let tokens = tokens(FileId(0), text, &mut errors);
        assert_eq!(errors, []);
        tokens.into_iter().map(|t| t.token).collect()
    }

    #[test]
    fn ranges_are_not_decimals() {
        assert_eq!(kinds("1..n"), [Token::Integer, Token::DotDot, Token::Name]);
        assert_eq!(kinds("1.5..2.5e-3"), [Token::Decimal, Token::DotDot, Token::Decimal]);
        assert_eq!(kinds("0x1e-3"), [Token::Integer, Token::Minus, Token::Integer]);
    }

    #[test]
    fn parts_of_parts() {
        assert_eq!(kinds("t.0.1"), [Token::Name, Token::Dot, Token::Integer, Token::Dot, Token::Integer]);
    }

    #[test]
    fn angles_know_their_neighbours() {
        assert_eq!(
            kinds("a>>b > > >="),
            [
                Token::Name,
                Token::GreaterJoint,
                Token::Greater,
                Token::Name,
                Token::Greater,
                Token::Greater,
                Token::GreaterEq
            ]
        );
        assert_eq!(kinds(">>="), [Token::ShrEq]);
    }

    #[test]
    fn comments_nest_and_documentation_stays() {
        assert_eq!(
            kinds("/* a /* b */ c */ x // y\n/// doc\n//// no doc\n_ _a"),
            [Token::Name, Token::Doc, Token::Underscore, Token::Name]
        );
    }

    #[test]
    fn what_is_no_token_is_reported() {
        for (text, code) in [
            ("é", "unknown-character"),
            ("/* /* */", "open-comment"),
            ("\"abc\nx", "open-string"),
            ("99999999999999999999", "bad-number"),
        ] {
            let mut errors = Vec::new();
            tokens(FileId(0), text, &mut errors);
            assert_eq!(errors.iter().map(|e| e.code).collect::<Vec<_>>(), [code]);
        }
    }
}
