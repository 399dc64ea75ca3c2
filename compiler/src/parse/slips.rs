//! Usual slips: what people write who come from other languages, or who left something out.

use super::explain::Failure;
use super::repair::{Repair, begins_statement, skip_bracket};
use super::token::Token;
use crate::diagnostics::Diagnostic;

/// Looks for one slip.
type Slip = fn(&Failure) -> Option<(Diagnostic, Repair)>;

/// All of them, the most telling first.
pub const SLIPS: &[Slip] = &[
    reserved_word,
    foreign_item,
    nested_item,
    word_operator,
    else_if,
    lone_else,
    equals_in_condition,
    chained_comparison,
    inclusive_range,
    reference,
    increment,
    conditional_expression,
    let_without_value,
    for_without_in,
    type_before_name,
    parameter_without_type,
    result_without_arrow,
    function_without_body,
    rust_array_type,
    head_without_value,
    struct_in_header,
    type_without_let,
    separator,
    missing_semicolon,
    missing_comma,
];

fn error(message: impl Into<String>, f: &Failure) -> Diagnostic {
    Diagnostic::error("syntax", message, f.place(), "")
}

fn replace(f: &Failure, new: &[Token]) -> Repair {
    Repair::Replace(f.at..f.at + 1, new.to_vec())
}

fn insert(f: &Failure, new: &[Token]) -> Repair {
    Repair::Replace(f.at..f.at, new.to_vec())
}

/// `while`, `match`, `break` …
fn reserved_word(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::Reserved {
        return None;
    }
    let word = f.text_at(f.at);
    if !f.wants_expression() && !f.could_be("fn") && f.could_be("name") {
        let message = format!("`{word}` is a reserved word and cannot be a name");
        return Some((error(message, f).help("choose another name"), replace(f, &[Token::Name])));
    }
    let help = match word {
        "while" | "loop" => {
            "how often a loop runs is public: write `for i in 0..n { … }`, and `if` inside for what depends on secrets"
        }
        "match" => "write `if a == … { … } else if … { … } else { … }`",
        "break" | "continue" => "how often a loop runs is public: let an `if` decide what each iteration does",
        "enum" => "use an integer, and constants for its values",
        "impl" | "trait" | "dyn" => "functions stand on their own, and take the struct as a parameter",
        "ref" => "every value is a copy: leave `ref` out",
        "mod" => "each file is a module: `use name;` takes `name.mpc`",
        _ => "leave it out",
    };
    Some((error(format!("there is no `{word}` in this language"), f).help(help), Repair::LeaveOut))
}

/// `def f`, `import m`, `let` outside of functions.
fn foreign_item(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if !(f.could_be("fn") && f.could_be("struct")) {
        return None;
    }
    let message = "expected an item (`fn`, `struct`, `const`, `type`, `use` or `extern circuit`)";
    let message = format!("{message}, found {}", f.found_text());
    let help = match f.text_at(f.at) {
        "def" | "func" | "function" | "proc" => "functions are written `fn name(x: fix) -> fix { … }`",
        "import" | "from" | "include" => "modules are taken in by `use name;`",
        "class" | "record" => "structs are written `struct Name { field: fix }`",
        "let" | "var" => "outside of functions, write `const NAME = …;`",
        "for" | "if" => "statements stand inside functions: `pub fn main(…) { … }`",
        ";" => "take the `;` out",
        _ => return Some((error(message, f), Repair::LeaveOut)),
    };
    Some((error(message, f).help(help), Repair::LeaveOut))
}

/// A function within a function.
fn nested_item(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let what = match f.found()? {
        Token::Fn => "functions",
        Token::Struct => "structs",
        Token::Const => "constants",
        Token::Type => "types",
        Token::Use => "`use`",
        _ => return None,
    };
    f.statement()?;
    let message = format!("{what} stand outside of functions");
    Some((error(message, f).help("move this to the top of the file"), Repair::LeaveOut))
}

/// `a and b`, `not a`.
fn word_operator(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? == Token::Name && f.after_expression() {
        let operator = match f.text_at(f.at) {
            "and" => Some(("&&", Token::AndAnd)),
            "or" => Some(("||", Token::OrOr)),
            "mod" => Some(("%", Token::Percent)),
            "xor" => Some(("^", Token::Caret)),
            _ => None,
        };
        if let Some((symbol, token)) = operator {
            let message = format!("`{}` is no operator", f.text_at(f.at));
            return Some((error(message, f).help(format!("write `{symbol}`")), replace(f, &[token])));
        }
    }
    if f.before(1) == Some(Token::Name) && f.text_before(1) == "not" && f.after_expression() {
        let place = f.places(f.at - 1, f.at);
        let diagnostic = Diagnostic::error("syntax", "`not` is no operator", place, "").help("write `!`");
        return Some((diagnostic, Repair::Replace(f.at - 1..f.at, vec![Token::Bang])));
    }
    None
}

/// `elif`, `elseif`.
fn else_if(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let word = f.text_before(1);
    if !matches!(word, "elif" | "elsif" | "elseif") || !f.after_expression() {
        return None;
    }
    let place = f.places(f.at - 1, f.at);
    let diagnostic = Diagnostic::error("syntax", format!("there is no `{word}`"), place, "").help("write `else if`");
    Some((diagnostic, Repair::LeaveOut))
}

/// `else` without its `if`.
fn lone_else(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::Else {
        return None;
    }
    let diagnostic = error("this `else` belongs to no `if`", f);
    let diagnostic = match f.before(1) {
        Some(Token::Semicolon) => {
            diagnostic.help("take out the `;` before it, or give the `if` a block: `if c { … } else { … }`")
        }
        _ => diagnostic.help("`else` stands right behind the block of an `if`: `if c { … } else { … }`"),
    };
    Some((diagnostic, Repair::LeaveOut))
}

/// `if a = b`.
fn equals_in_condition(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::Equals || !f.after_expression() {
        return None;
    }
    let in_condition = f.tokens[..f.at]
        .iter()
        .rev()
        .map(|t| t.token)
        .take_while(|t| !matches!(t, Token::OpenBrace | Token::CloseBrace | Token::Semicolon))
        .any(|t| t == Token::If);
    let message = match in_condition {
        true => "a condition cannot assign",
        false => "an assignment has no value, and cannot stand inside an expression",
    };
    Some((error(message, f).help("`==` compares"), replace(f, &[Token::EqEq])))
}

/// `a < b < c`.
fn chained_comparison(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let is_comparison = |t: Token| {
        use Token::*;
        matches!(t, Less | LessEq | Greater | GreaterEq | EqEq | BangEq)
    };
    if !is_comparison(f.found()?) || !f.after_expression() {
        return None;
    }
    let first = f.tokens[..f.at].iter().rev().find(|t| is_comparison(t.token))?;
    let diagnostic = error("comparisons cannot be chained", f)
        .label(first.span, "the first comparison")
        .help("compare twice, `a < b && b < c`, or put one comparison in parentheses");
    Some((diagnostic, Repair::LeaveOut))
}

/// `0..=n`.
fn inclusive_range(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::DotDotEq {
        return None;
    }
    let diagnostic = error("ranges leave out their end", f).help("write `a..b + 1`");
    Some((diagnostic, replace(f, &[Token::DotDot])))
}

/// `&x`, `&mut x`, `*x`.
fn reference(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let found = f.found()?;
    if !(f.wants_expression() || f.wants_type() || f.could_be("_")) {
        return None;
    }
    let message = match found {
        Token::Amp | Token::AndAnd => "there are no references",
        Token::Star if !f.wants_type() => "there is nothing to dereference",
        Token::Mut if f.wants_expression() || f.wants_type() => "`mut` stands only where a variable is declared",
        _ => return None,
    };
    let mut end = f.at + 1;
    if f.tokens.get(end).is_some_and(|t| t.token == Token::Mut) {
        end += 1;
    }
    let sign = match end - f.at {
        1 => f.text_at(f.at).to_string(),
        _ => format!("{}mut", f.text_at(f.at)),
    };
    let help = format!("every value is a copy: leave `{sign}` out");
    let diagnostic = Diagnostic::error("syntax", message, f.places(f.at, end), "").help(help);
    Some((diagnostic, Repair::Replace(f.at..end, Vec::new())))
}

/// `i++`.
fn increment(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let sign = f.text_at(f.at);
    let doubled = f.found()? == Token::Plus && f.before(1) == Some(Token::Plus)
        || matches!(f.found()?, Token::Semicolon | Token::CloseBrace)
            && f.before(1) == Some(Token::Minus)
            && f.before(2) == Some(Token::Minus);
    if !doubled || !f.wants_expression() {
        return None;
    }
    let sign = if sign == "+" { "+" } else { "-" };
    let diagnostic = error(format!("there is no `{sign}{sign}`"), f).help(format!("write `x {sign}= 1;`"));
    Some((diagnostic, Repair::LeaveOut))
}

/// `a if c else b`.
fn conditional_expression(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::If || !f.after_expression() || f.begins_line() {
        return None;
    }
    let diagnostic = error("`if` stands before the values it chooses from", f).help("write `if c { a } else { b }`");
    Some((diagnostic, Repair::LeaveOut))
}

/// `let x;`, `let x 5;`
fn let_without_value(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if !f.could_be("=") {
        return None;
    }
    let in_let = f.tokens[..f.at]
        .iter()
        .rev()
        .map(|t| t.token)
        .take_while(|t| !matches!(t, Token::OpenBrace | Token::CloseBrace | Token::Semicolon))
        .find(|t| matches!(t, Token::Let | Token::Const))?;
    let word = if in_let == Token::Let { "let" } else { "const" };
    let found = f.found();
    if found == Some(Token::Semicolon) || found.is_some_and(begins_statement) || f.begins_line() {
        let diagnostic = Diagnostic::error("syntax", format!("`{word}` without a value"), f.gap(), "expected `= …`");
        let help = match word {
            "let" => "every variable has a value from the start: `let mut x = 0;`",
            _ => "write `const NAME = …;`",
        };
        return Some((diagnostic.help(help), Repair::LeaveOut));
    }
    if f.text_at(f.at) == ":" {
        return None;
    }
    let message = format!("expected `=` before {}", f.found_text());
    let diagnostic = Diagnostic::error("syntax", message, f.gap(), "expected `=` here");
    Some((diagnostic, insert(f, &[Token::Equals])))
}

/// `for i = 0; …`, `for i 0..n`.
fn for_without_in(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if !f.could_be("in") {
        return None;
    }
    let message = format!("expected `in`, found {}", f.found_text());
    let diagnostic = error(message, f).help("loops are written `for i in 0..n { … }` or `for row in x { … }`");
    let start = f.tokens[..f.at].iter().rposition(|t| t.token == Token::For)?;
    let body = f.tokens[f.at..].iter().position(|t| t.token == Token::OpenBrace);
    let repair =
        body.map_or(Repair::LeaveOut, |i| Repair::Replace(start..skip_bracket(f.tokens, f.at + i), Vec::new()));
    Some((diagnostic, repair))
}

/// `int x = 5;`, `u8 a`.
fn type_before_name(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let name = f.text_at(f.at);
    let word = f.text_before(1);
    let is_keyword = matches!(word, "var" | "val" | "auto" | "int" | "fix" | "bool" | "float" | "double");
    let assigned = f.tokens.get(f.at + 1).is_some_and(|t| t.token == Token::Equals);
    if f.found()? != Token::Name || !f.after_expression() || !is_keyword || !assigned {
        return None;
    }
    let diagnostic = Diagnostic::error("syntax", "variables are declared by `let`", f.places(f.at - 1, f.at + 1), "")
        .help(format!("write `let {name} = …;`, or `let mut {name} = …;` where it is assigned later"));
    Some((diagnostic, Repair::Replace(f.at - 1..f.at, vec![Token::Let])))
}

/// `fn f(x)`.
fn parameter_without_type(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if !f.could_be(":") || f.could_be("=") || f.before(1) != Some(Token::Name) {
        return None;
    }
    if !matches!(
        f.found()?,
        Token::Comma | Token::CloseParen | Token::CloseBrace | Token::At | Token::Equals | Token::Name
    ) {
        return None;
    }
    if f.could_be("+") || f.could_be(",") || f.could_be(">") {
        return None;
    }
    let name = f.text_before(1);
    let diagnostic = Diagnostic::error("syntax", format!("`{name}` has no type"), f.places(f.at - 1, f.at), "")
        .help(format!("write its type behind it: `{name}: fix`"));
    Some((diagnostic, insert(f, &[Token::Colon, Token::Name])))
}

/// `fn f() u8 {`, `fn f(): u8 {`.
fn result_without_arrow(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if !(f.could_be("->") && f.could_be("{")) {
        return None;
    }
    let diagnostic = match f.found()? {
        Token::Colon | Token::FatArrow => {
            let message = format!("a result's type is behind `->`, not `{}`", f.text_at(f.at));
            return Some((error(message, f).help("write `-> T`"), replace(f, &[Token::Arrow])));
        }
        Token::Name | Token::OpenParen => {
            Diagnostic::error("syntax", "the result's type lacks its `->`", f.gap(), "expected `->` here")
        }
        _ => return None,
    };
    Some((diagnostic, insert(f, &[Token::Arrow])))
}

/// `fn f();`
fn function_without_body(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let is_end = matches!(f.found(), None | Some(Token::Semicolon | Token::Equals));
    if !is_end || !f.could_be("{") || f.statement().is_some() {
        return None;
    }
    let message = match f.tokens.iter().any(|t| t.token == Token::Fn) {
        true => "a function has a body",
        false => "a struct has fields",
    };
    let diagnostic = Diagnostic::error("syntax", message, f.gap(), "expected `{` behind this").help("write `{ … }`");
    Some((diagnostic, Repair::LeaveOut))
}

/// `x: [u8; 4]`.
fn rust_array_type(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::OpenBracket || !f.wants_type() {
        return None;
    }
    let end = skip_bracket(f.tokens, f.at);
    let is_array = f.tokens.get(f.at + 2).is_some_and(|t| t.token == Token::Semicolon) && end == f.at + 5;
    let help = match is_array {
        true => format!("write `{}[{}]`", f.text_at(f.at + 1), f.text_at(f.at + 3)),
        false => "write `u8[4]`, `fix[2, 3]`".into(),
    };
    let message = "a tensor's dimensions are behind its element type";
    let diagnostic = Diagnostic::error("syntax", message, f.places(f.at, end), "").help(help);
    Some((diagnostic, Repair::Replace(f.at..end, vec![Token::Name])))
}

/// `for x in { … }`, `if { … }`.
fn head_without_value(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.before(1) != Some(Token::CloseBrace) || !f.could_be("{") || f.could_be("let") {
        return None;
    }
    let range = f.statement()?;
    let (message, help) = match f.tokens.get(range.start)?.token {
        Token::For => ("this loop runs over nothing", "write `for i in 0..n { … }` or `for row in x { … }`"),
        Token::If => ("this `if` has no condition", "write `if c { … }`"),
        _ => return None,
    };
    let place = f.places(range.start, range.start + 1);
    let diagnostic = Diagnostic::error("syntax", message, place, "").help(help);
    Some((diagnostic, Repair::Replace(range.start..f.at, Vec::new())))
}

/// `if p == P { x: 1 } { … }`.
fn struct_in_header(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::Colon || !f.after_expression() || f.before(2) != Some(Token::OpenBrace) {
        return None;
    }
    let open = f.at - 2;
    let diagnostic = error("expected an operator or `;`, found `:`", f)
        .help("a struct's value in the head of an `if` or `for` stands in parentheses: `if p == (P { x: 1 }) { … }`");
    Some((diagnostic, Repair::Replace(open..skip_bracket(f.tokens, open), Vec::new())))
}

/// `x: u8 = 3;`
fn type_without_let(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::Colon || !f.after_expression() {
        return None;
    }
    let diagnostic = error(format!("expected an operator, found {}", f.found_text()), f)
        .help("a variable's type is given where it is declared: `let x: fix = …;`");
    Some((diagnostic, Repair::LeaveOut))
}

/// Fields or dimensions separated by `;`.
fn separator(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if f.found()? != Token::Semicolon || !f.could_be(",") {
        return None;
    }
    let what = match () {
        () if f.could_be("}") => "fields are separated by `,`",
        () if f.could_be("]") => "dimensions and indices are separated by `,`",
        () => "expected `,` or `)`, found `;`",
    };
    Some((error(what, f).help("write `,`"), replace(f, &[Token::Comma])))
}

/// A statement or item without its `;`.
fn missing_semicolon(f: &Failure) -> Option<(Diagnostic, Repair)> {
    if !f.could_be(";") || f.could_be("]") {
        return None;
    }
    let ends = match f.found() {
        None | Some(Token::CloseBrace) => true,
        Some(token) => begins_statement(token) || f.begins_line(),
    };
    if !ends {
        return None;
    }
    let diagnostic = Diagnostic::error("syntax", "missing `;`", f.gap(), "expected `;` behind this");
    Some((diagnostic, insert(f, &[Token::Semicolon])))
}

/// `f(a b)`, `[1 2]`.
fn missing_comma(f: &Failure) -> Option<(Diagnostic, Repair)> {
    let begins_operand = matches!(
        f.found()?,
        Token::Name | Token::Integer | Token::Decimal | Token::True | Token::False | Token::If | Token::Const
    );
    if !f.could_be(",") || !begins_operand {
        return None;
    }
    let message = format!("missing `,` before {}", f.found_text());
    let diagnostic = Diagnostic::error("syntax", message, f.gap(), "expected `,` behind this");
    Some((diagnostic, insert(f, &[Token::Comma])))
}
