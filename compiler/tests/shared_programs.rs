//! The programs that the project was given, where they are at hand: each is checked and made a tree for its sizes.

use std::path::{Path, PathBuf};

use motet_compiler::diagnostics::Diagnostic;
use motet_compiler::modules::Folder;
use motet_compiler::source::Sources;
use motet_compiler::{Options, check, tree, typed};

/// `shared/programs` beside the project, or further up.
fn folder() -> Option<PathBuf> {
    let found =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|a| a.join("shared/programs")).find(|f| f.exists());
    if found.is_none() {
        eprintln!("skipped: there is no shared/programs");
    }
    found
}

fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut shown = String::new();
    for diagnostic in diagnostics {
        handler.render_report(&mut shown, &diagnostic.report(sources)).expect("a report");
        shown.push('\n');
    }
    shown
}

fn options(entry: &str, sets: &[(&str, i64)]) -> Options {
    let sets = sets.iter().map(|(n, v)| (n.to_string(), *v)).collect();
    Options { entry: entry.into(), sets, ..Options::default() }
}

/// A program, its entry point, and the sizes it is given.
type Case = (&'static str, &'static str, &'static [(&'static str, i64)]);

#[test]
fn programs_are_checked_and_made_trees() {
    let Some(folder) = folder() else { return };
    let programs: &[Case] = &[
        ("millionaires", "main", &[]),
        ("auction", "main", &[("N", 5)]),
        ("crosstabs", "main", &[("N", 4), ("C", 3)]),
        ("integers", "main", &[]),
        ("integers", "widths", &[]),
        ("intersection", "main", &[("N", 4), ("M", 3)]),
        ("matching", "main", &[("N", 4), ("D", 3)]),
        ("tree", "main", &[("D", 3), ("F", 5)]),
        ("aes", "main", &[]),
        ("digits", "main", &[]),
        ("digits", "batch", &[("N", 8)]),
        ("lenet", "main", &[("N", 2)]),
        ("mlp", "main", &[("N", 2)]),
        ("median", "main", &[("N", 4), ("M", 5)]),
    ];
    let mut failed = String::new();
    for (name, entry, sets) in programs {
        let file = format!("{name}.mpc");
        let text = std::fs::read_to_string(folder.join(&file)).expect("a program");
        let used = text.lines().filter_map(|l| l.strip_prefix("use ")).map(|l| l.trim_end_matches(';'));
        if used.into_iter().any(|m| !motet_compiler::library::MODULES.contains(&m)) {
            eprintln!("skipped: {name} uses what the library does not have yet");
            continue;
        }
        let loader = Folder(folder.clone());
        let options = options(entry, sets);
        if let Err(failure) = check(&file, &loader, &options) {
            failed += &format!("check {name}\n{}", render(&failure.diagnostics, &failure.sources));
            continue;
        }
        match tree(&file, &loader, &options) {
            Ok(made) => {
                if std::env::var("SHOW").is_ok() {
                    println!("{}", typed::print::tree(&made.value));
                }
            }
            Err(failure) => failed += &format!("tree {name}\n{}", render(&failure.diagnostics, &failure.sources)),
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn programs_that_do_not_compile_say_why() {
    let Some(folder) = folder() else { return };
    for (name, said) in [("shapes", &["784", "128", "transpose(w)"][..]), ("secret_bound", &["secret", "`n`", "alice"])]
    {
        let failure = check(&format!("{name}.mpc"), &Folder(folder.clone()), &Options::default()).expect_err(name);
        let shown = render(&failure.diagnostics, &failure.sources);
        for words in said {
            assert!(shown.contains(words), "{name} does not say {words}:\n{shown}");
        }
    }
}
