//! Tokens: the words of the language.

use logos::{FilterResult, Lexer, Logos};

use crate::source::Span;

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned {
    /// What.
    pub token: Token,
    /// Where.
    pub span: Span,
}

/// Why a piece of text is no token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LexError {
    /// A character that begins no token.
    #[default]
    Unknown,
    /// `/*` without its `*/`.
    OpenComment,
    /// `#` and the rest of its line.
    Hash,
}

/// The kinds of tokens. Names, numbers and strings keep their text in the source, at their span.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(error = LexError)]
#[logos(skip r"[ \t\r\n\f\u{feff}]+")]
#[allow(missing_docs)]
pub enum Token {
    /// A line of documentation; other comments are skipped.
    #[regex(r"//[^\n]*", documentation, allow_greedy = true)]
    #[token("/*", block_comment)]
    #[regex(r"#[^\n]*", hash, allow_greedy = true)]
    Doc,

    #[regex("[A-Za-z_][A-Za-z0-9_]*", priority = 3)]
    Name,
    /// A number whose text has yet to be judged.
    #[regex(r"[0-9][0-9A-Za-z_]*")]
    Integer,
    #[regex(r"[0-9][0-9_]*\.[0-9][0-9A-Za-z_]*", priority = 4)]
    #[regex(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?[eE][+-]?[0-9][0-9A-Za-z_]*", priority = 5)]
    Decimal,
    /// A string; one that is not closed ends with its line.
    #[regex(r#""[^"\n]*"?"#)]
    Text,
    #[token("_", priority = 10)]
    Underscore,

    #[token("as")]
    As,
    #[token("const")]
    Const,
    #[token("else")]
    Else,
    #[token("extern")]
    Extern,
    #[token("false")]
    False,
    #[token("fn")]
    Fn,
    #[token("for")]
    For,
    #[token("if")]
    If,
    #[token("in")]
    In,
    #[token("let")]
    Let,
    #[token("mut")]
    Mut,
    #[token("pub")]
    Pub,
    #[token("return")]
    Return,
    #[token("struct")]
    Struct,
    #[token("true")]
    True,
    #[token("type")]
    Type,
    #[token("use")]
    Use,
    /// A word of Rust's that means nothing here, and may not be a name.
    #[regex("while|loop|match|break|continue|enum|impl|trait|ref|static|where|unsafe|async|await|move|dyn|mod")]
    Reserved,

    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token("[")]
    OpenBracket,
    #[token("]")]
    CloseBracket,
    #[token("{")]
    OpenBrace,
    /// The `{` of a struct literal; told from a block's by `outline`.
    OpenLiteral,
    #[token("}")]
    CloseBrace,

    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token(":")]
    Colon,
    #[token("::")]
    PathSep,
    #[token(".")]
    Dot,
    #[token("..")]
    DotDot,
    #[token("..=")]
    DotDotEq,
    #[token("@")]
    At,
    #[token("->")]
    Arrow,
    #[token("=>")]
    FatArrow,

    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("**")]
    Power,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("&")]
    Amp,
    #[token("|")]
    Pipe,
    #[token("^")]
    Caret,
    #[token("!")]
    Bang,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("<<")]
    Shl,
    #[token("<")]
    Less,
    /// A `<` in an expression that opens a type's arguments (`x as fix<40, 13>`); told from a comparison by `outline`.
    OpenAngle,
    #[token(">")]
    Greater,
    /// A `>` with another right behind it: half of `>>`, or the end of a type within a type.
    GreaterJoint,
    #[token("<=")]
    LessEq,
    #[token(">=")]
    GreaterEq,
    #[token("==")]
    EqEq,
    #[token("!=")]
    BangEq,

    #[token("=")]
    Equals,
    #[token("+=")]
    PlusEq,
    #[token("-=")]
    MinusEq,
    #[token("*=")]
    StarEq,
    #[token("/=")]
    SlashEq,
    #[token("%=")]
    PercentEq,
    #[token("&=")]
    AmpEq,
    #[token("|=")]
    PipeEq,
    #[token("^=")]
    CaretEq,
    #[token("<<=")]
    ShlEq,
    #[token(">>=")]
    ShrEq,
}

/// Keeps `///`, skips other comments to the end of the line.
fn documentation(lexer: &mut Lexer<Token>) -> FilterResult<(), LexError> {
    let text = lexer.slice();
    match text.starts_with("///") && !text.starts_with("////") {
        true => FilterResult::Emit(()),
        false => FilterResult::Skip,
    }
}

/// Skips a block comment, with those inside it.
fn block_comment(lexer: &mut Lexer<Token>) -> FilterResult<(), LexError> {
    let rest = lexer.remainder().as_bytes();
    let mut open = 1usize;
    let mut at = 0;
    while at < rest.len() {
        match (rest[at], rest.get(at + 1)) {
            (b'/', Some(b'*')) => (open, at) = (open + 1, at + 2),
            (b'*', Some(b'/')) => (open, at) = (open - 1, at + 2),
            _ => at += 1,
        }
        if open == 0 {
            lexer.bump(at);
            return FilterResult::Skip;
        }
    }
    lexer.bump(rest.len());
    FilterResult::Error(LexError::OpenComment)
}

/// No comment begins so.
fn hash(_: &mut Lexer<Token>) -> FilterResult<(), LexError> {
    FilterResult::Error(LexError::Hash)
}
