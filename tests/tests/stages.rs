//! Every stage of the compiler agrees with `simulate` on the shared programs.

use std::collections::HashMap;
use std::path::Path;

use motet_compiler::Options;
use motet_tests::{inputs, stages};
use serde_json::Value;

/// Programs whose cases give their inputs in the JSON itself.
const PROGRAMS: &[&str] =
    &["aes", "auction", "crosstabs", "integers", "intersection", "matching", "median", "millionaires", "tree"];

#[test]
fn shared_programs_agree_with_simulate_after_every_pass() {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(folder) = above.map(|a| a.join("shared/programs")).find(|f| f.exists()) else {
        eprintln!("skipped: there is no shared/programs");
        return;
    };
    let mut failures = Vec::new();
    for program in PROGRAMS {
        let mut files = HashMap::new();
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if let Ok(text) = std::fs::read_to_string(entry.path()) {
                files.insert(entry.file_name().to_string_lossy().into_owned(), text);
            }
        }
        let cases: Vec<Value> = serde_json::from_str(&files[&format!("{program}.json")]).unwrap();
        for (k, case) in cases.iter().enumerate().filter(|(_, case)| case.get("error").is_none()).take(6) {
            let mut options = Options::default();
            if let Some(entry) = case["entry"].as_str() {
                options.entry = entry.into();
            }
            if let Some(sets) = case["set"].as_object() {
                options.sets = sets.iter().map(|(name, n)| (name.clone(), n.as_i64().unwrap())).collect();
            }
            sizes(program, case, &mut options);
            let agreed = stages::agree(&format!("{program}.mpc"), &files, &options, |p| {
                p.params
                    .iter()
                    .map(|param| inputs::from_json(&param.ty, &case["inputs"][&param.name]).unwrap())
                    .collect()
            });
            if let Err(why) = agreed {
                failures.push(format!("{program} case {k}: {why}"));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Dimensions that the inputs give.
fn sizes(program: &str, case: &Value, options: &mut Options) {
    let len = |v: &Value| v.as_array().map_or(0, Vec::len) as i64;
    let of = |name: &str| len(&case["inputs"][name]);
    let dims = match program {
        "auction" => vec![("N", of("bids"))],
        "crosstabs" => vec![("N", of("ids_a")), ("C", of("bins"))],
        "intersection" | "median" => vec![("N", of("xs")), ("M", of("ys"))],
        "matching" => vec![("N", of("database")), ("D", of("probe"))],
        "tree" => vec![("F", of("x"))],
        _ => Vec::new(),
    };
    for (name, n) in dims {
        options.sets.entry(name.into()).or_insert(n);
    }
}

/// Who knows a value is decided by the program's text, not by what a run does: by all iterations of a loop, both sides of
/// a public branch, and every place that a function returns from. So it is the same to `simulate` and to every stage.
#[test]
fn an_index_out_of_range_means_the_same_to_every_stage() {
    let cases = [
        // Public in the first iteration, secret in later ones: reads zero.
        ("let mut i = 9u8; let mut r = 0u8; for k in 0..3 { r = r * 2 + t[i]; i = s; } r", false),
        // The same where the loop runs once.
        ("let mut i = 9u8; let mut r = 0u8; for k in 0..1 { r += t[i]; i = s; } r", false),
        // Secret on the side of a public branch that is not taken.
        ("let mut i = 9u8; if n == 0 { i = s; } t[i]", false),
        // A part of a tensor is as secret as the whole.
        ("let j = [9u8, s]; t[j[0]]", false),
        // What is computed from a secret is secret, even if it is always the same.
        ("t[s * 0 + 9]", false),
        ("let mut u = t; u[s * 0 + 9] = 1; u[0]", false),
        ("sum(gather(t, [9u8, s]))", false),
        ("t[pick(n, s)]", false),
        // Public, and so checked: of any type, and in a function that is also called with a secret.
        ("let i = 9u8; t[i]", true),
        ("sum(gather(t, [9u8, 0]))", true),
        ("at(t, s) + at(t, 9)", true),
        ("t[pick(n, 9)]", true),
    ];
    for (body, fails) in cases {
        let source = format!(
            "fn at(t: u8[3], i: u8) -> u8 {{ t[i] }}
             fn pick(n: u8, i: u8) -> u8 {{ if n == 0 {{ return i; }} 9u8 }}
             pub fn main(t: u8[3] @ alice, s: u8 @ bob, n: u8) -> u8 {{ {body} }}"
        );
        let files = HashMap::from([("m.mpc".to_owned(), source)]);
        let given = [serde_json::json!([5, 6, 7]), 1.into(), 1.into()];
        let agreed = stages::agree("m.mpc", &files, &Options::default(), |p| {
            p.params.iter().zip(&given).map(|(param, v)| inputs::from_json(&param.ty, v).unwrap()).collect()
        });
        match agreed {
            Ok(agreed) => assert_eq!(agreed.error.is_some(), fails, "{body}: {:?}", agreed.error),
            Err(why) => panic!("{body}: {why}"),
        }
    }
}
