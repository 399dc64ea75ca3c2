//! Puts the commit into the version string, where the source is a git checkout and git is there.

use std::process::Command;

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let output = Command::new("git").args(["rev-parse", "--short=9", "HEAD"]).output();
    let commit = output
        .ok()
        .filter(|o| o.status.success())
        .and_then(|o| String::from_utf8(o.stdout).ok())
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    let full = commit.map_or_else(|| version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=MOTET_VERSION={full}");
    // A commit moves what HEAD names; where there is no such file cargo would run this each time.
    for file in ["../.git/HEAD", "../.git/logs/HEAD"] {
        if std::path::Path::new(file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}
