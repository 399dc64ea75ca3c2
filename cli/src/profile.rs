//! Where a run's time, bytes and rounds went, by function and line of the source, beside what was predicted.

use std::collections::BTreeMap;
use std::fmt::Write;

use motet_program::ir::{Party, Program};
use motet_program::plan::Plan;
use motet_program::plan::cost::cost;
use motet_runtime::protocol::{Profile, Spent};
use serde_json::{Value, json};

use crate::page::{self, escaped};
use crate::progress::{bytes, count, time};

/// What a run took, the dearest functions first, and in each the dearest lines.
pub struct Profiled {
    entry: String,
    party: String,
    functions: Vec<Function>,
    whole: Row,
    exact: bool,
}

struct Function {
    name: String,
    total: Row,
    /// Places and what each took.
    lines: Vec<(String, Row)>,
}

/// What was measured and what had been predicted.
#[derive(Clone, Copy, Default)]
struct Row {
    spent: Spent,
    predicted: Predicted,
}

/// What a plan's cost says of a place, as this party sees it.
#[derive(Clone, Copy, Default)]
struct Predicted {
    ands: u64,
    sent: u64,
    received: u64,
}

impl Row {
    fn add(&mut self, other: &Row) {
        self.spent.add(&other.spent);
        self.predicted.ands += other.predicted.ands;
        self.predicted.sent += other.predicted.sent;
        self.predicted.received += other.predicted.received;
    }

    /// Bytes both ways: measured and predicted.
    fn traffic(&self) -> [u64; 2] {
        [self.spent.sent + self.spent.received, self.predicted.sent + self.predicted.received]
    }
}

impl Profiled {
    /// What a party measured.
    pub fn new(program: &Program, plan: &Plan, party: Party, profile: &Profile) -> Profiled {
        let cost = cost(program, plan, 1);
        let mut functions: BTreeMap<&str, BTreeMap<String, Row>> = BTreeMap::new();
        let sites = profile.sites.keys().chain(cost.bytes_by_site.keys()).chain(cost.sites.keys());
        let sites: std::collections::BTreeSet<u32> = sites.copied().collect();
        for site in sites {
            let place = program.sites.get(site as usize);
            let function = place.map_or("?", |place| place.function.as_str());
            let line = place.map_or_else(String::new, |place| format!("{}:{}", place.file, place.line));
            let [to_evaluator, to_garbler] = cost.bytes_by_site.get(&site).copied().unwrap_or_default();
            let garbles = party == plan.garbler;
            let (sent, received) = if garbles { (to_evaluator, to_garbler) } else { (to_garbler, to_evaluator) };
            let ands = cost.sites.get(&site).copied().unwrap_or_default();
            let spent = profile.sites.get(&site).copied().unwrap_or_default();
            let row = Row { spent, predicted: Predicted { ands, sent, received } };
            functions.entry(function).or_default().entry(line).or_default().add(&row);
        }
        let mut whole = Row::default();
        let mut functions: Vec<Function> = functions
            .into_iter()
            .map(|(name, lines)| {
                let mut total = Row::default();
                lines.values().for_each(|row| total.add(row));
                whole.add(&total);
                let mut lines: Vec<_> = lines.into_iter().collect();
                lines.sort_by_key(|(_, row)| std::cmp::Reverse(row.spent.time));
                Function { name: name.to_owned(), total, lines }
            })
            .collect();
        functions.sort_by_key(|function| std::cmp::Reverse(function.total.spent.time));
        let party = program.parties.get(usize::from(party.0)).cloned().unwrap_or_default();
        Profiled { entry: program.entry.clone(), party, functions, whole, exact: cost.exact }
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut out = format!(
            "{:<40} {:>8} {:>5} {:>10} {:>10} {:>6} {:>14}   {}\n",
            "profile", "time", "", "sent", "received", "turns", "gates", "predicted: bytes, gates"
        );
        let mut line = |name: &str, row: &Row| {
            let Row { spent, predicted } = row;
            let share = 100.0 * spent.time.as_secs_f64() / self.whole.spent.time.as_secs_f64().max(f64::MIN_POSITIVE);
            // Writing to a string does not fail.
            let _ = writeln!(
                out,
                "{name:<40} {:>8} {share:>3.0} % {:>10} {:>10} {:>6} {:>14}   {}, {}",
                time(spent.time.as_secs_f64()),
                bytes(spent.sent),
                bytes(spent.received),
                spent.rounds,
                count(spent.ands as f64),
                bytes(row.traffic()[1]),
                count(predicted.ands as f64),
            );
        };
        line("all", &self.whole);
        for function in &self.functions {
            line(&function.name, &function.total);
            function.lines.iter().for_each(|(place, row)| line(&format!("  {place}"), row));
        }
        if !self.exact {
            out.push_str("a loop or branch is decided only when running: it is predicted as run once\n");
        }
        out
    }

    /// A page for people, with charts.
    pub fn page(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.page_to(&mut out);
        out
    }

    fn page_to(&self, out: &mut String) -> std::fmt::Result {
        page::begin(out, &format!("{}: what a run took", self.entry))?;
        let [measured, predicted] = self.whole.traffic();
        writeln!(out, "<h1>{}: what a run took {}</h1>", escaped(&self.entry), escaped(&self.party))?;
        writeln!(
            out,
            "<p>{} from the first step to the last, {} both ways (predicted: {}), {} changes of direction, {} gates.</p>",
            time(self.whole.spent.time.as_secs_f64()),
            bytes(measured),
            bytes(predicted),
            self.whole.spent.rounds,
            count(self.whole.spent.ands as f64),
        )?;
        self.chart(
            out,
            "Time by function",
            |row| row.spent.time.as_secs_f64(),
            |row| time(row.spent.time.as_secs_f64()),
        )?;
        self.chart(
            out,
            "Bytes by function, both ways",
            |row| row.traffic()[0] as f64,
            |row| {
                let [measured, predicted] = row.traffic();
                format!("{} ({})", bytes(measured), bytes(predicted))
            },
        )?;
        writeln!(out, "<p>In brackets what was predicted.</p>")?;
        self.chart(
            out,
            "Changes of direction by function",
            |row| row.spent.rounds as f64,
            |row| row.spent.rounds.to_string(),
        )?;
        writeln!(out, "<h2>Lines</h2>")?;
        for function in &self.functions {
            writeln!(out, "<h3><code>{}</code></h3>\n<table>", escaped(&function.name))?;
            for (place, row) in &function.lines {
                let spent = &row.spent;
                let figures = format!(
                    "{}, {}, {} turns, {} gates",
                    time(spent.time.as_secs_f64()),
                    bytes(row.traffic()[0]),
                    spent.rounds,
                    count(spent.ands as f64)
                );
                let whole = self.whole.spent.time.as_secs_f64().max(f64::MIN_POSITIVE);
                page::row(out, place, &figures, spent.time.as_secs_f64() / whole)?;
            }
            writeln!(out, "</table>")?;
        }
        page::end(out)
    }

    /// A bar for each function, the longest first.
    fn chart(
        &self,
        out: &mut String,
        title: &str,
        size: impl Fn(&Row) -> f64,
        told: impl Fn(&Row) -> String,
    ) -> std::fmt::Result {
        let mut functions: Vec<&Function> = self.functions.iter().filter(|f| size(&f.total) > 0.0).collect();
        functions.sort_by(|a, b| size(&b.total).total_cmp(&size(&a.total)));
        let most = functions.first().map_or(1.0, |function| size(&function.total));
        writeln!(out, "<h2>{title}</h2>\n<table>")?;
        for function in functions {
            page::row(out, &function.name, &told(&function.total), size(&function.total) / most)?;
        }
        writeln!(out, "</table>")
    }

    /// Everything for machines: a list of places.
    pub fn json(&self) -> Value {
        let places = self.functions.iter().flat_map(|function| {
            function.lines.iter().map(|(place, row)| {
                let Row { spent, predicted } = row;
                json!({
                    "function": function.name,
                    "place": place,
                    "seconds": spent.time.as_secs_f64(),
                    "sent": spent.sent,
                    "received": spent.received,
                    "turns": spent.rounds,
                    "gates": spent.ands,
                    "predicted": { "sent": predicted.sent, "received": predicted.received, "gates": predicted.ands },
                })
            })
        });
        places.collect()
    }
}
