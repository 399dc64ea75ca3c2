//! Shapes of trees, and that no text whatever upsets the parser.

use proptest::prelude::*;

use super::ast::*;
use super::{fuzz, parse};
use crate::source::FileId;

fn item(text: &str) -> Item {
    let (mut file, errors) = parse(FileId(0), text);
    assert_eq!(errors, [], "{text}");
    assert_eq!(file.items.len(), 1, "{text}");
    file.items.remove(0)
}

fn expr(text: &str) -> String {
    match item(&format!("const X = {text};")) {
        Item::Const(c) => show(&c.value),
        other => panic!("{other:?}"),
    }
}

fn function(text: &str) -> Fn {
    match item(text) {
        Item::Fn(f) => f,
        other => panic!("{other:?}"),
    }
}

/// An expression with every grouping in parentheses.
fn show(e: &Expr) -> String {
    let all = |es: &[Expr]| es.iter().map(show).collect::<Vec<_>>().join(", ");
    match &e.kind {
        ExprKind::Int { digits, suffix, .. } => format!("{digits}{}", suffix.as_deref().unwrap_or("")),
        ExprKind::Decimal(text) => text.clone(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Path(p) => p.segments.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join("::"),
        ExprKind::Unary(op, x) => format!("({op:?} {})", show(x)),
        ExprKind::Binary(op, x, y) => format!("({op:?} {} {})", show(x), show(y)),
        ExprKind::Call { callee, args } => {
            let args = args.iter().map(|a| {
                let name = a.name.as_ref().map(|n| format!("{} = ", n.name)).unwrap_or_default();
                name + &show(&a.value)
            });
            format!("{}({})", show(callee), args.collect::<Vec<_>>().join(", "))
        }
        ExprKind::Index { base, indices } => {
            let end = |e: &Option<Expr>| e.as_ref().map(show).unwrap_or_default();
            let indices = indices.iter().map(|i| match i {
                Index::At(e) => show(e),
                Index::Range(a, b, _) => format!("{}..{}", end(a), end(b)),
                Index::Rest(_) => "..".into(),
            });
            format!("{}[{}]", show(base), indices.collect::<Vec<_>>().join(", "))
        }
        ExprKind::Field(x, name) => format!("{}.{}", show(x), name.name),
        ExprKind::Part(x, n, _) => format!("{}.{n}", show(x)),
        ExprKind::Cast(x, ty) => format!("({} as {})", show(x), ty_text(ty)),
        ExprKind::If { cond, .. } => format!("if {}", show(cond)),
        ExprKind::Block(b) => format!("{{{}}}", b.tail.as_deref().map(show).unwrap_or_default()),
        ExprKind::Array(es) => format!("[{}]", all(es)),
        ExprKind::Repeat(x, n) => format!("[{}; {}]", show(x), show(n)),
        ExprKind::Tuple(es) => format!("<{}>", all(es)),
        ExprKind::Struct { path, fields } => {
            let fields = fields.iter().map(|(n, e)| format!("{}: {}", n.name, show(e))).collect::<Vec<_>>();
            format!("{} {{{}}}", path.segments[0].name, fields.join(", "))
        }
        ExprKind::Closure { params, body } => format!("|{}| {}", params.len(), show(body)),
    }
}

fn ty_text(ty: &Type) -> String {
    match &ty.kind {
        TypeKind::Named { path, args } => {
            let args: Vec<_> = args
                .iter()
                .map(|a| match a {
                    TypeArg::Type(t) => ty_text(t),
                    TypeArg::Expr(e) => show(e),
                })
                .collect();
            let name = path.segments.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join("::");
            if args.is_empty() { name } else { format!("{name}<{}>", args.join(", ")) }
        }
        TypeKind::Indexed { base, dims } => format!("{}[{}]", ty_text(base), dims.len()),
        TypeKind::Tuple(parts) => format!("({})", parts.iter().map(ty_text).collect::<Vec<_>>().join(", ")),
    }
}

#[test]
fn precedence_is_rusts() {
    for (text, tree) in [
        ("a + b * c - d", "(Sub (Add a (Mul b c)) d)"),
        ("-a ** b ** -c", "(Neg (Pow a (Pow b (Neg c))))"),
        ("-x as u8 * y", "(Mul ((Neg x) as u8) y)"),
        ("a & b == c | d ^ e", "(Eq (BitAnd a b) (BitOr c (BitXor d e)))"),
        ("a << 1 + b >> c", "(Shr (Shl a (Add 1 b)) c)"),
        ("a < b && c >= d || e", "(Or (And (Lt a b) (Ge c d)) e)"),
        ("x as u32 < y", "(Lt (x as u32) y)"),
        ("x as fix<40, 13> + y", "(Add (x as fix<40, 13>) y)"),
        ("x as fix < y", "(Lt (x as fix) y)"),
        ("!a[i].b.0.1(c)", "(Not a[i].b.0.1(c))"),
        ("grad(f)(m, x = 2)", "grad(f)(m, x = 2)"),
        ("map(|a, (b, _)| a + b, x)", "map(|2| (Add a b), x)"),
        ("x[.., 1..n, i, 2.., ..3]", "x[.., 1..n, i, 2.., ..3]"),
        ("(a) + (b,).0 + ().0", "(Add (Add a <b>.0) <>.0)"),
        ("[0.0; 8]", "[0.0; 8]"),
        ("[1, 0xff, 7u8,]", "[1, ff, 7u8]"),
        ("P { x: 1, y }", "P {x: 1, y: y}"),
        ("T::BITS - nn::f(2)", "(Sub T::BITS nn::f(2))"),
        ("if a == b { c } else if d { e } else { f }", "if (Eq a b)"),
        ("if {a} == b { c } else { d }", "if (Eq {a} b)"),
        ("1_000.5e-3", "1000.5e-3"),
    ] {
        assert_eq!(expr(text), tree, "{text}");
    }
}

#[test]
fn blocks_end_statements() {
    let f = function("fn f() { if a { b } else { c } -x; { y } -z; if a { b } }");
    assert_eq!(f.body.stmts.len(), 4);
    assert!(f.body.tail.is_some());
}

#[test]
fn signatures() {
    let f = function(
        "/// One.\n/// Two.\npub fn f<T: ord, U>[N, M,](const a: int = 3, b: fix<B, 13>[.., N] @ me,) -> (u8 @ (x, y), T) {}",
    );
    assert_eq!(f.doc, "One.\nTwo.");
    assert!(f.public && f.params[0].is_const && f.params[0].default.is_some());
    assert_eq!((f.types.len(), f.dims.len(), f.params.len()), (2, 2, 2));
    assert_eq!(f.params[1].party.as_ref().map(|p| p.name.as_str()), Some("me"));
    assert!(
        matches!(f.result, Some(ResultType::Parts(parts, _)) if parts[0].to.as_ref().is_some_and(|to| to.len() == 2))
    );
    let f = function("fn f() -> (u8, bool)[3] @ a { }");
    assert!(matches!(f.result, Some(ResultType::One(Shown { to: Some(_), .. }))));
    let f = function("fn f(a: Pair<fix<40, 13>, Pair<u8, Pair<u8, u8>>>) {}");
    assert_eq!(ty_text(&f.params[0].ty), "Pair<fix<40, 13>, Pair<u8, Pair<u8, u8>>>");
}

#[test]
fn assignments() {
    let f = function("fn f() { x = 1; x[i, ..] += 2; p.x >>= 3; t.0 <<= 1; if c { x = 1 } return x }");
    assert_eq!(f.body.stmts.len(), 6);
    assert!(f.body.tail.is_none());
}

#[test]
fn trees_are_bounded() {
    for text in [
        format!("const X = {}1{};", "(".repeat(100_000), ")".repeat(100_000)),
        format!("const X = 1{};", " + 1".repeat(100_000)),
        format!("const X = {}1;", "-".repeat(100_000)),
        format!("const X = a{};", "[0]".repeat(100_000)),
        format!("const X = a{};", "()".repeat(100_000)),
        format!("const X = a{};", ".b".repeat(100_000)),
        format!("const X = a{};", " as u8".repeat(100_000)),
        format!("const X = a{};", " ** a".repeat(100_000)),
        format!("const X = {}1;", "|a| ".repeat(100_000)),
        format!("fn f() {{ {} }}", "if a { b } else ".repeat(100_000)),
        format!("fn f() {{ {}a {}", "if ".repeat(100_000), "{ } ".repeat(100_000)),
        format!("fn f(a: u8{}) {{}}", "[1]".repeat(100_000)),
        format!("fn f(a: {}u8{}) {{}}", "A<".repeat(100_000), ">".repeat(100_000)),
        format!("fn f() {{ {}", "for a in b { ".repeat(100_000)),
        format!("fn f() {{ {}", "P { a: ".repeat(100_000)),
    ] {
        let (_, errors) = parse(FileId(0), &text);
        assert!(errors.iter().any(|e| e.code == "too-deep"), "{}…: {errors:?}", &text[..60]);
    }
}

#[test]
fn long_files_are_refused() {
    assert_eq!(parse(FileId(0), &" ".repeat(super::LONGEST_FILE + 1)).1[0].code, "long-file");
}

/// The samples of mistakes, and the shared programs where they are.
fn samples() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("tests/diagnostics"), root.join("../stdlib"), root.join("../../shared/programs")];
    let files = folders.iter().filter_map(|f| std::fs::read_dir(f).ok()).flatten().filter_map(Result::ok);
    let paths = files.map(|f| f.path()).filter(|p| p.extension().is_some_and(|e| e == "mpc"));
    paths.filter_map(|p| std::fs::read_to_string(p).ok()).filter(|t| t.len() < 20_000).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sources with pieces removed, doubled and exchanged are read or explained.
    #[test]
    fn damaged_sources_are_read_or_explained(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, any::<prop::sample::Index>()), 1..6),
    ) {
        let samples = samples();
        let mut text: Vec<char> = which.get(&samples).chars().collect();
        for (at, len, from) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + len).min(text.len());
            let from = from.index(text.len() + 1);
            let piece: Vec<char> = text[from..(from + len).min(text.len())].to_vec();
            text.splice(at..end, piece);
        }
        fuzz(text.into_iter().collect::<String>().as_bytes());
    }

    /// So is any row of tokens.
    #[test]
    fn rows_of_tokens_are_read_or_explained(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        fuzz(words.join(" ").as_bytes());
        fuzz(format!("fn f() {{ {} }}", words.join(" ")).as_bytes());
    }

    /// And any text.
    #[test]
    fn any_text_is_read_or_explained(text in any::<String>()) {
        fuzz(text.as_bytes());
    }
}

const WORDS: &[&str] = &[
    "fn", "struct", "const", "type", "use", "pub", "extern", "let", "mut", "for", "in", "if", "else", "return", "as",
    "while", "a", "b", "fix", "1", "2.5", "\"t\"", "(", ")", "[", "]", "{", "}", ",", ";", ":", "::", ".", "..", "..=",
    "@", "->", "+", "-", "*", "**", "&", "|", "!", "<", ">", ">>", "==", "=", "+=", "_", "true", "and", "not",
    "///d\n", "\n", "#", "é",
];
