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
