//! The project's chores: `cargo xtask test` checks everything that a change must pass.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::Instant;

const HELP: &str = "\
Chores of the project.

  cargo xtask test [FILTER…]   formatting, lints, and all tests; with filters, the tests that match alone
  cargo xtask constant-time    that no branch and no address depends on a secret (x86-64; needs valgrind)
";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("test") => test(&arguments.collect::<Vec<_>>()),
        Some("constant-time") => constant_time(),
        _ => Err(HELP.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

/// Formatting, lints and tests. Tests run optimised, since they run protocols and train models, but with overflow and
/// debug assertions checked (the profile `checked`).
fn test(filters: &[String]) -> Result<(), String> {
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    if filters.is_empty() {
        cargo("formatting", &["fmt", "--all", "--check"])?;
        cargo("lints", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    }
    // Whole-system tests run the binary.
    cargo("the binary", &["build", "--quiet", "--profile", "checked", "--package", "motet"])?;
    let run = ["test", "--quiet", "--profile", "checked", "--workspace", "--no-fail-fast", "--"];
    cargo("tests", &[&run[..], &filters[..]].concat())
}

/// Secrets marked for valgrind's memcheck, which reports what depends on them.
fn constant_time() -> Result<(), String> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        return Err("xtask: this check needs valgrind, which is not here (on Debian: apt-get install valgrind)".into());
    }
    // Tests run in their package's folder.
    let runner = r#"target.'cfg(unix)'.runner = ["valgrind", "-q", "--tool=memcheck", "--leak-check=no", "--suppressions=constant_time.supp"]"#;
    let test = ["test", "--quiet", "--release", "--package", "motet-tests", "--features", "memcheck"];
    cargo("constant time", &[&["--config", runner], &test[..], &["--test", "constant_time"]].concat())
}

fn cargo(what: &str, arguments: &[&str]) -> Result<(), String> {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let start = Instant::now();
    let status = Command::new(program).args(arguments).status().map_err(|e| format!("cargo cannot be run: {e}"))?;
    let took = start.elapsed().as_secs();
    if status.success() {
        eprintln!("xtask: {what}: fine ({took} s)");
        Ok(())
    } else {
        Err(format!("xtask: {what}: failed after {took} s (cargo {})", arguments.join(" ")))
    }
}
