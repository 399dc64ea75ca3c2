//! The report as a page: one file, nothing loaded from elsewhere.

use std::fmt::Write;

use super::Report;
use crate::progress::{bytes, count, time};

/// What pages look like.
pub const STYLE: &str = "\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.bar { background: #8882; height: .8rem; border-radius: .2rem; min-width: 10rem }
.bar i { display: block; height: 100%; border-radius: .2rem; background: #3b7dd8 }
code { font-family: ui-monospace, monospace }";

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
    write!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(out, "<title>{title}: what it reveals and costs</title><style>{STYLE}</style></head><body>")?;
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
    writeln!(out, "</body></html>")
}

/// A label, a number and a bar.
fn row(out: &mut String, label: &str, number: &str, share: f64) -> std::fmt::Result {
    write!(out, "<tr><td><code>{}</code></td><td class=\"number\">{}</td>", escaped(label), escaped(number))?;
    let percent = 100.0 * share.clamp(0.0, 1.0);
    match share > 0.0 {
        true => writeln!(out, "<td><div class=\"bar\"><i style=\"width:{percent:.1}%\"></i></div></td></tr>"),
        false => writeln!(out, "<td></td></tr>"),
    }
}

/// Text that means itself in HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_escaped() {
        assert_eq!(super::escaped("fix<64, 16> & \"x\""), "fix&lt;64, 16&gt; &amp; &quot;x&quot;");
    }
}
