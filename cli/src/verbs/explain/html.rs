//! The report as a page: one file, nothing loaded from elsewhere.

use std::fmt::Write;

use super::Report;
use crate::page::{self, escaped, row};
use crate::progress::{bytes, count, time};

/// The page.
pub fn page(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = page_to(report, &mut out);
    out
}

fn page_to(report: &Report, out: &mut String) -> std::fmt::Result {
    let cost = report.cost;
    let title = escaped(&report.program.entry);
    page::begin(out, &format!("{}: what it reveals and costs", report.program.entry))?;
    write!(out, "<h1>{title}</h1>\n<h2>Who learns what</h2>\n<table>\n")?;
    for (label, text) in report.facts() {
        writeln!(out, "<tr><th>{}</th><td><code>{}</code></td></tr>", escaped(&label), escaped(&text))?;
    }
    write!(out, "</table>\n<h2>What a run costs</h2>\n<table>\n")?;
    let [there, back] = [cost.to_evaluator, cost.to_garbler];
    let most = there.max(back).max(1);
    for (label, n) in [("garbler to evaluator", there), ("evaluator to garbler", back)] {
        row(out, label, &bytes(n), n as f64 / most as f64)?;
    }
    let predictions: Vec<(String, f64)> = report.predictions().collect();
    let longest = predictions.iter().map(|(_, seconds)| *seconds).fold(f64::MIN_POSITIVE, f64::max);
    for (name, seconds) in &predictions {
        row(out, &format!("predicted {name}"), &time(*seconds), seconds / longest)?;
    }
    row(out, "rounds", &cost.rounds.to_string(), 0.0)?;
    write!(out, "</table>\n<h2>Gates by function</h2>\n<table>\n")?;
    for (function, ands) in report.by_function() {
        row(out, &function, &count(ands as f64), ands as f64 / cost.ands.max(1) as f64)?;
    }
    writeln!(out, "</table>")?;
    let products = super::products::lines(report.program, report.plan);
    if !products.is_empty() {
        write!(out, "<h2>Products on shares</h2>\n<ul>\n")?;
        for product in products {
            writeln!(out, "<li><code>{}</code></li>", escaped(&product))?;
        }
        writeln!(out, "</ul>")?;
    }
    if !cost.exact {
        writeln!(out, "<p>{}</p>", super::NOT_EXACT)?;
    }
    page::end(out)
}
