//! `motet plot REPORT…`: the numbers that runs revealed, as curves on a page.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::failure::Failure;
use crate::page::{STYLE, escaped};
use crate::progress::{bytes, count, time};

/// The size of a chart, and the room left of and below it for figures.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 300.0;
const MARGIN: f64 = 60.0;
/// The colours of runs, one after another.
const COLOURS: [&str; 6] = ["#3b7dd8", "#d8663b", "#3aa657", "#9b59b6", "#b8860b", "#c0392b"];

/// Draw the losses, and whatever else runs revealed, as a page of charts
#[derive(Args)]
#[command(after_help = "\
Example, with a program that says `reveal(loss)`:
  motet run train.mpcx --party bank_a --listen 127.0.0.1:7766 --input x=x.npy --report a.json
  motet plot a.json -o losses.html
Reports of several runs are drawn together. The page is one file that loads nothing from elsewhere.")]
pub struct Arguments {
    /// Reports that `motet run --report` wrote
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// The page to write
    #[arg(short, long, value_name = "FILE", default_value = "plot.html")]
    output: PathBuf,
}

/// Reads reports and writes the page.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let runs = arguments.reports.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let page = page(&runs);
    std::fs::write(&arguments.output, page).map_err(Failure::file(&arguments.output))?;
    println!("{}", arguments.output.display());
    Ok(())
}

/// A run: its name, what it took, and what it revealed, by place.
#[derive(Debug)]
struct Run {
    name: String,
    gates: u64,
    bytes: u64,
    seconds: f64,
    curves: Vec<(String, Vec<f64>)>,
}

fn read(path: &Path) -> Result<Run, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
    let report: Value = serde_json::from_str(&text)
        .map_err(|e| Failure::Usage(format!("{}: no report of `motet run --report`: {e}", path.display())))?;
    let Some(revealed) = report["revealed"].as_array() else {
        let path = path.display();
        return Err(Failure::Usage(format!("{path}: no report of `motet run --report`: there is no list `revealed`")));
    };
    let mut curves: Vec<(String, Vec<f64>)> = Vec::new();
    for record in revealed {
        let (Some(place), Some(value)) = (record["place"].as_str(), record["value"].as_f64()) else { continue };
        match curves.iter_mut().find(|(p, _)| p == place) {
            Some((_, values)) => values.push(value),
            None => curves.push((place.to_owned(), vec![value])),
        }
    }
    let figure = |name: &str| report[name].as_u64().unwrap_or_default();
    let seconds = |name: &str| report["seconds"][name].as_f64().unwrap_or_default();
    Ok(Run {
        name: path.display().to_string(),
        gates: figure("gates"),
        bytes: figure("sent").saturating_add(figure("received")),
        seconds: seconds("handshake") + seconds("run"),
        curves,
    })
}

fn page(runs: &[Run]) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = page_to(runs, &mut out);
    out
}

fn page_to(runs: &[Run], out: &mut String) -> std::fmt::Result {
    write!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>What was revealed</title>")?;
    writeln!(
        out,
        "<style>{STYLE}\nsvg {{ width: 100% }} text {{ font-size: 13px; fill: currentColor }}</style></head><body>"
    )?;
    let mut places: Vec<&str> = runs.iter().flat_map(|run| run.curves.iter().map(|(p, _)| p.as_str())).collect();
    places.sort_unstable();
    places.dedup();
    if places.is_empty() {
        writeln!(out, "<p>Nothing was revealed in the middle of these runs: <code>reveal(loss)</code> would.</p>")?;
    }
    for place in places {
        writeln!(out, "<h2>Revealed at <code>{}</code></h2>", escaped(place))?;
        let of = |run: &'_ Run| run.curves.iter().find(|(p, _)| p == place).map(|(_, values)| values.clone());
        let curves: Vec<(usize, Vec<f64>)> = runs.iter().enumerate().filter_map(|(k, r)| Some((k, of(r)?))).collect();
        chart(&curves, out)?;
    }
    writeln!(out, "<table><tr><th></th><th>run</th><th>gates</th><th>bytes</th><th>time</th></tr>")?;
    for (k, run) in runs.iter().enumerate() {
        let (colour, name) = (COLOURS[k % COLOURS.len()], escaped(&run.name));
        let figures = [count(run.gates as f64), bytes(run.bytes), time(run.seconds)];
        write!(out, "<tr><td style=\"color:{colour}\">&#9632;</td><td><code>{name}</code></td>")?;
        figures.iter().try_for_each(|figure| write!(out, "<td class=\"number\">{figure}</td>"))?;
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></body></html>")
}

/// Curves over the number of the value, each with the colour of its run.
fn chart(curves: &[(usize, Vec<f64>)], out: &mut String) -> std::fmt::Result {
    let values = || curves.iter().flat_map(|(_, values)| values.iter().copied());
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    // A curve that does not move lies in the middle.
    let (least, most) = if most > least { (least, most) } else { (least - 0.5, most + 0.5) };
    let longest = curves.iter().map(|(_, values)| values.len()).max().unwrap_or(0).max(2);
    let x = |k: usize| MARGIN + k as f64 / (longest - 1) as f64 * WIDTH;
    let y = |v: f64| 10.0 + (most - v) / (most - least) * HEIGHT;
    let (wide, high) = (WIDTH + MARGIN + 20.0, HEIGHT + 40.0);
    writeln!(out, "<svg viewBox=\"0 0 {wide} {high}\" role=\"img\">")?;
    for part in 0..=4 {
        let value = least + (most - least) * f64::from(part) / 4.0;
        let (at, end) = (y(value), MARGIN + WIDTH);
        write!(out, "<line x1=\"{MARGIN}\" x2=\"{end}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#8884\"/>")?;
        writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.4}</text>", MARGIN - 6.0, at + 4.0)?;
    }
    for k in [0, longest / 2, longest - 1] {
        writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>", x(k), HEIGHT + 30.0, k + 1)?;
    }
    for (run, values) in curves {
        let colour = COLOURS[run % COLOURS.len()];
        let points: Vec<String> = values.iter().enumerate().map(|(k, v)| format!("{:.1},{:.1}", x(k), y(*v))).collect();
        write!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            points.join(" ")
        )?;
        if let ([only], Some((x, y))) = (values.as_slice(), points.first().and_then(|p| p.split_once(','))) {
            write!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"><title>{only}</title></circle>")?;
        }
    }
    writeln!(out, "</svg>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Result<Run, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn a_report_becomes_curves() {
        let run = report(
            r#"{"gates": 5, "sent": 1, "received": 2, "seconds": {"run": 3.0, "handshake": 1.0}, "revealed": [
                {"place": "<t>:1", "value": 0.5}, {"place": "b", "value": 1}, {"place": "<t>:1", "value": 0.25}]}"#,
        )
        .unwrap();
        assert_eq!(run.curves, [("<t>:1".to_owned(), vec![0.5, 0.25]), ("b".to_owned(), vec![1.0])]);
        assert_eq!((run.gates, run.bytes, run.seconds), (5, 3, 4.0));
        let page = page(&[run]);
        // Two charts; the place is text, not a tag; the curve goes from its greatest to its least.
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(page.contains("&lt;t&gt;:1") && !page.contains("<t>"));
        assert!(page.contains("points=\"60.0,10.0 860.0,310.0\""), "{page}");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(report("[1, 2").unwrap_err().contains("no report"));
        assert!(report("{}").unwrap_err().contains("no list `revealed`"));
        assert!(page(&[report(r#"{"revealed": []}"#).unwrap()]).contains("Nothing was revealed"));
    }
}
