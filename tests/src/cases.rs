//! Programs with cases: `NAME.mpc` beside `NAME.json`, which lists inputs and what each party must be shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Ended, Motet, free_port, project, run};

/// Inputs longer than this go to a file.
const SHORT: usize = 1000;

/// Where programs with cases may be found: in `shared/programs` beside the project or further out; `None`, with a word,
/// where they are not.
pub fn shared_programs() -> Option<PathBuf> {
    let found = project().ancestors().skip(1).map(|a| a.join("shared/programs")).find(|f| f.is_dir());
    if found.is_none() {
        eprintln!("skipped: there is no shared/programs");
    }
    found
}

/// Runs every case of a program; what went wrong, by case.
///
/// # Panics
///
/// Where the cases cannot be read.
pub fn failures(folder: &Path, name: &str, protocol: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect("the program's cases");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
    let source = folder.join(format!("{name}.mpc"));
    let outcomes = cases.iter().map(|case| Case::new(&source, case, protocol).run());
    outcomes.enumerate().filter_map(|(i, o)| o.err().map(|e| format!("{name}[{i}]: {e}"))).collect()
}

struct Case<'a> {
    source: &'a Path,
    case: &'a Value,
    entry: &'a str,
    protocol: &'a str,
    temporary: tempfile::TempDir,
}

impl<'a> Case<'a> {
    fn new(source: &'a Path, case: &'a Value, protocol: &'a str) -> Self {
        let entry = case["entry"].as_str().unwrap_or("main");
        Case { source, case, entry, protocol, temporary: tempfile::tempdir().expect("a temporary folder") }
    }

    fn run(&self) -> Result<(), String> {
        let wanted_error = self.case["error"].as_str();
        if let Some(error) = wanted_error {
            let checked = run([Path::new("check"), self.source]);
            if checked.status != Some(0) {
                return expect_error(&checked, error);
            }
        }
        let text = fs::read_to_string(self.source).map_err(|e| e.to_string())?;
        let signature = Signature::read(&text, self.entry).ok_or("the signature is not understood")?;
        let (program, settings) = self.compile();
        let mut running = self.start_parties(&program, &settings, &signature)?;
        if let Some(error) = wanted_error {
            // A party that refuses its input leaves the other waiting: the first to end is the one.
            let first = loop {
                match running.iter_mut().position(Motet::has_ended) {
                    Some(first) => break running.swap_remove(first),
                    None => thread::sleep(Duration::from_millis(5)),
                }
            };
            return expect_error(&first.wait(), error);
        }
        let ended: Vec<Ended> = running.into_iter().map(Motet::wait).collect();
        let tolerance = self.case["tolerance"].as_f64().unwrap_or(0.001);
        for (party, ended) in signature.parties.iter().zip(&ended) {
            if ended.status != Some(0) {
                return Err(format!("{party} ended with {:?}: {}", ended.status, ended.err));
            }
            let printed: Value = serde_json::from_str(&ended.out).map_err(|e| format!("{party}: {e}"))?;
            let wanted = self.case["outputs"].get(party);
            compare(wanted.unwrap_or(&Value::Null), &printed["result"], tolerance)
                .map_err(|e| format!("{party}: {e}"))?;
        }
        Ok(())
    }

    /// Compiles ahead where the dimensions are known; the rest runs from the source, with dimensions read off the data.
    fn compile(&self) -> (PathBuf, Vec<String>) {
        let mut settings = vec!["--entry".to_owned(), self.entry.to_owned()];
        for (name, value) in self.case["set"].as_object().into_iter().flatten() {
            settings.extend(["--set".into(), format!("{name}={value}")]);
        }
        let compiled = self.temporary.path().join("program.mpcx");
        let mut command = vec!["compile".to_owned(), self.source.display().to_string()];
        command.extend(["-o".into(), compiled.display().to_string()]);
        command.extend(settings.iter().cloned());
        match run(command).status {
            Some(0) => (compiled, Vec::new()),
            _ => (self.source.to_owned(), settings),
        }
    }

    fn start_parties(&self, program: &Path, settings: &[String], signature: &Signature) -> Result<Vec<Motet>, String> {
        let port = format!("127.0.0.1:{}", free_port());
        let mut running = Vec::new();
        for (party, way) in signature.parties.iter().zip(["--listen", "--connect"]) {
            let mut command = vec!["run".to_owned(), program.display().to_string()];
            command.extend(["--party", party, way, &port, "--protocol", self.protocol, "--json"].map(String::from));
            command.extend(settings.iter().cloned());
            command.extend(self.inputs(party, signature)?);
            running.push(Motet::start(command));
        }
        Ok(running)
    }

    /// `--input` for what the party holds, and for what is public.
    fn inputs(&self, party: &str, signature: &Signature) -> Result<Vec<String>, String> {
        let mut arguments = Vec::new();
        for (name, value) in self.case["inputs"].as_object().into_iter().flatten() {
            let owner = signature.owners.get(name).ok_or(format!("there is no parameter {name}"))?;
            if owner.as_ref().is_some_and(|owner| owner != party) {
                continue;
            }
            let folder = self.source.parent().unwrap_or(Path::new("."));
            let literal = match value.get("file").and_then(Value::as_str) {
                Some(file) => folder.join(file).display().to_string(),
                None if value.to_string().len() < SHORT => value.to_string(),
                None => {
                    let path = self.temporary.path().join(format!("{party}.{name}.json"));
                    fs::write(&path, value.to_string()).map_err(|e| e.to_string())?;
                    path.display().to_string()
                }
            };
            arguments.extend(["--input".to_owned(), format!("{name}={literal}")]);
        }
        Ok(arguments)
    }
}

fn expect_error(ended: &Ended, words: &str) -> Result<(), String> {
    match ended.status {
        Some(1) if ended.err.contains(words) => Ok(()),
        _ => Err(format!("expected status 1 and {words:?}: {ended:?}")),
    }
}

/// Whose each parameter of an entry point is, read off the source by hand: the tests trust no compiler.
struct Signature {
    owners: BTreeMap<String, Option<String>>,
    parties: Vec<String>,
}

impl Signature {
    fn read(text: &str, entry: &str) -> Option<Signature> {
        let text: String =
            text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join(" ");
        let head = format!("pub fn {entry}");
        let starts = text.match_indices(&head).map(|(at, m)| at + m.len());
        let rest = starts.map(|at| &text[at..]).find(|rest| rest.starts_with(['(', '[']))?;
        let rest = &rest[rest.find('(')?..];
        let mut depth = 0;
        let close = rest.find(|c| {
            depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
            depth == 0
        })?;
        let mut signature = Signature { owners: BTreeMap::new(), parties: Vec::new() };
        for part in split(&rest[1..close]) {
            let (name, ty) = part.split_once(':')?;
            let owner = ty.split_once('@').map(|(_, party)| party.trim().to_owned());
            signature.meet(owner.iter());
            signature.owners.insert(name.trim().to_owned(), owner);
        }
        let result = rest[close + 1..].split('{').next()?;
        for part in result.split('@').skip(1) {
            let part = part.trim_start();
            let names = match part.strip_prefix('(') {
                Some(many) => many.split(')').next()?,
                None => part.split(|c: char| !c.is_alphanumeric() && c != '_').next()?,
            };
            let names: Vec<String> = names.split(',').map(|n| n.trim().to_owned()).collect();
            signature.meet(names.iter());
        }
        Some(signature)
    }

    fn meet<'n>(&mut self, names: impl Iterator<Item = &'n String>) {
        for name in names {
            if !self.parties.contains(name) {
                self.parties.push(name.clone());
            }
        }
    }
}

/// Splits at the commas that stand outside every bracket.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        depth += i32::from("([{<".contains(c)) - i32::from(")]}>".contains(c));
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

/// Whole numbers and booleans are exact; what is written with a point is within the tolerance.
fn compare(wanted: &Value, found: &Value, tolerance: f64) -> Result<(), String> {
    let fine = match (wanted, found) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            return a.iter().zip(b).try_for_each(|(a, b)| compare(a, b, tolerance));
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            return a.iter().try_for_each(|(k, a)| compare(a, b.get(k).unwrap_or(&Value::Null), tolerance));
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() => {
            a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= tolerance)
        }
        (a, b) => a == b,
    };
    if fine { Ok(()) } else { Err(format!("expected {wanted}, found {found}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read() {
        let text = "use nn; // pub fn main(\npub fn main_one() {}\npub fn main[A, B](x: fix[A, 2 * (B)] @ alice, // a, b\n k: (u8, u8), y: P<3> @ bob) -> (u8 @ carol, u8 @ (bob, dan)) { 1 }";
        let signature = Signature::read(text, "main").unwrap();
        assert_eq!(signature.parties, ["alice", "bob", "carol", "dan"]);
        assert_eq!(signature.owners["k"], None);
        assert_eq!(signature.owners["y"].as_deref(), Some("bob"));
    }

    #[test]
    fn results_are_compared() {
        let json = |text: &str| text.parse::<Value>().unwrap();
        let same = |a: &str, b: &str| compare(&json(a), &json(b), 0.01).is_ok();
        assert!(same("[1, 2.5, {\"a\": true}]", "[1, 2.505, {\"a\": true}]"));
        assert!(!same("1", "1.0001") && !same("1.0", "1.02") && !same("[1]", "[1, 2]") && !same("true", "1"));
        assert!(!same("{\"a\": 1}", "{\"b\": 1}"));
    }
}
