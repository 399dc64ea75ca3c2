//! What people are told about mistakes: every file of `diagnostics/` against its snapshot.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use motet_compiler::Options;
use motet_compiler::diagnostics::Diagnostic;
use motet_compiler::source::Sources;

#[test]
fn every_mistake_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of samples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "mpc"))
        .collect();
    names.sort();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for path in names {
        let name = path.file_stem().and_then(|n| n.to_str()).expect("a name").to_string();
        let text = std::fs::read_to_string(&path).expect("a sample");
        let shown = check(&format!("{name}.mpc"), &text);
        assert!(!shown.is_empty(), "{name} has no mistake");
        settings.bind(|| insta::assert_snapshot!(name, shown));
    }
}

/// What `motet check` prints.
fn check(name: &str, text: &str) -> String {
    let files = HashMap::from([(name.to_owned(), text.to_owned())]);
    match motet_compiler::check(name, &files, &Options::default()) {
        Ok(checked) => render(&checked.warnings, &checked.sources),
        Err(failure) => render(&failure.diagnostics, &failure.sources),
    }
}

fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut shown = String::new();
    for diagnostic in diagnostics {
        handler.render_report(&mut shown, &diagnostic.report(sources)).expect("a report");
        writeln!(shown).expect("a string");
    }
    shown
}

/// Lines that fill the screen are named, not drawn.
#[test]
fn very_long_lines_are_not_drawn() {
    let deep = format!("pub fn main(a: u32 @ alice) -> u32 {{ {}a{} }}", "(".repeat(5000), ")".repeat(5000));
    let shown = check("deep.mpc", &deep);
    assert!(shown.len() < 500, "{shown}");
    assert!(shown.contains("deep.mpc:1:165"), "{shown}");
    let beside = format!("pub fn main(a: u32 @ alice) -> u32 {{ b }}\n// {}\n", "x".repeat(5000));
    assert!(check("beside.mpc", &beside).contains("beside.mpc:1:38"));
}
