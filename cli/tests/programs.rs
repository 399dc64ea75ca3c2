//! The shared programs in simulation, as users run it. Skipped where they are not beside the project.

mod support;

use std::path::Path;

use serde_json::Value;

/// Programs that train: they need `grad`, which is not there yet.
const LATER: [&str; 3] = ["credit", "fraud", "logistic"];

#[test]
fn simulation_gives_what_each_case_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/programs");
    if !folder.is_dir() {
        eprintln!("skipped: no programs at {}", folder.display());
        return;
    }
    let temporary = tempfile::tempdir().expect("a folder");
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("the folder").flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|e| e != "json") || LATER.contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("the cases");
        let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        for (k, case) in cases.iter().enumerate() {
            if let Err(why) = check(&folder, temporary.path(), &name, case) {
                failures.push(format!("{name}[{k}]: {why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(folder: &Path, temporary: &Path, name: &str, case: &Value) -> Result<(), String> {
    let mut arguments = vec!["simulate".to_owned(), format!("{name}.mpc"), "--json".to_owned()];
    if let Some(entry) = case["entry"].as_str() {
        arguments.extend(["--entry".to_owned(), entry.to_owned()]);
    }
    for (key, value) in case["set"].as_object().into_iter().flatten() {
        arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
    }
    for (key, value) in case["inputs"].as_object().into_iter().flatten() {
        let value = match value["file"].as_str() {
            Some(file) => file.to_owned(),
            None => {
                let path = temporary.join(format!("{key}.json"));
                std::fs::write(&path, value.to_string()).map_err(|e| e.to_string())?;
                path.display().to_string()
            }
        };
        arguments.extend(["--input".to_owned(), format!("{key}={value}")]);
    }
    let simulate = |more: &[&str]| {
        let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        support::run(folder, &all)
    };
    if let Some(error) = case["error"].as_str() {
        let output = simulate(&[]);
        let said = support::printed(&output);
        let right = said.contains(error) && output.status.code() == Some(1);
        return if right { Ok(()) } else { Err(format!("want an error with {error:?}, got {said}")) };
    }
    for (party, want) in case["outputs"].as_object().into_iter().flatten() {
        let output = simulate(&["--party", party]);
        let got: Value = serde_json::from_slice(&output.stdout).map_err(|_| support::printed(&output))?;
        if got["result"] != *want {
            return Err(format!("{party}: want {want}, got {}", got["result"]));
        }
    }
    Ok(())
}
