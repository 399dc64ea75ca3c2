//! `motet explain FILE`: who learns what, and what it costs.

mod html;
mod products;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use motet_program::ir::{Block, Op, Party, Program, Site};
use motet_program::plan::cost::{Cost, cost};
use motet_program::plan::{Circuits, Link, Plan, Planned, Rewrite, RewriteKind, Step, candidates};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input::describe;
use crate::link::NamedLink;
use crate::program::{self, Execution, Settings, place};
use crate::progress::{bytes, count, time};

/// Said where a loop's bounds are not known.
const NOT_EXACT: &str = "a loop or branch is decided only when running: figures are for the loops that --assume says";

/// Tell who learns what, where values are revealed, and what a run will cost
#[derive(Args)]
#[command(after_help = "\
Examples:
  motet explain model.mpcx
  motet explain batch.mpc --set N=32           a source is compiled first
  motet explain model.mpcx --html report.html  a page to show and to keep
  motet explain model.mpcx --link 1gbit,5ms    predicted time over your own link
  motet explain model.mpcx --json | jq .ands")]
pub struct Arguments {
    /// A compiled program, or a source
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write a page with the same facts; nothing in it is loaded from elsewhere
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How often a loop runs whose bounds are known only when running
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    assume: u64,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    execution: Execution,
}

/// Prints the table, or JSON, and writes the page.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (program, plan) = program::load(&arguments.file, &arguments.settings, &arguments.execution)?;
    let cost = cost(&program, &plan, arguments.assume);
    let links = match arguments.execution.named_link()? {
        Some(link) => vec![link.clone()],
        None => vec![NamedLink::lan(), NamedLink::wan()],
    };
    let mut others: Vec<(Circuits, Cost)> = Vec::new();
    for other in candidates(&program, plan.protocol, plan.link)? {
        let cost = self::cost(&program, &other, arguments.assume);
        match others.iter_mut().find(|(circuits, _)| *circuits == other.circuits) {
            _ if other.circuits == plan.circuits => {}
            Some((_, least)) if least.seconds(plan.link) <= cost.seconds(plan.link) => {}
            Some((_, least)) => *least = cost,
            None => others.push((other.circuits, cost)),
        }
    }
    let report = Report { program: &program, plan: &plan, cost: &cost, others, links };
    if let Some(path) = &arguments.html {
        std::fs::write(path, html::page(&report)).map_err(Failure::file(path))?;
    }
    if arguments.json {
        println!("{:#}", as_json(&report));
    } else {
        print!("{}", as_table(&report));
    }
    Ok(())
}

/// What is reported.
struct Report<'a> {
    program: &'a Program,
    plan: &'a Plan,
    cost: &'a Cost,
    /// What the other ways to run circuits would have cost, which the plan did not choose.
    others: Vec<(Circuits, Cost)>,
    links: Vec<NamedLink>,
}

/// Everything for programs.
fn as_json(report: &Report) -> Value {
    let Report { program, plan, cost, others, links } = report;
    let form = |circuits: Circuits, cost: &Cost| {
        json!({
            "form": circuits.name(),
            "bytes": cost.to_evaluator.saturating_add(cost.to_garbler),
            "rounds": cost.rounds,
            "seconds": cost.seconds(plan.link),
        })
    };
    let parties = |to: &[Party]| to.iter().map(|p| name(program, *p)).collect::<Vec<_>>();
    json!({
        "entry": program.entry,
        "digest": program.digest().to_string(),
        "protocol": plan.protocol.name(),
        "circuits": form(plan.circuits, cost),
        "not_chosen": others.iter().map(|(circuits, cost)| form(*circuits, cost)).collect::<Vec<_>>(),
        "transfers": plan.transfers.name(),
        "parties": program.parties,
        "garbler": name(program, plan.garbler),
        "inputs": program.params.iter().map(|p| json!({
            "name": p.name,
            "type": describe(&p.ty),
            "party": p.owner.map(|o| name(program, o)),
        })).collect::<Vec<_>>(),
        "outputs": program.outputs.iter().map(|o| json!({
            "type": describe(&o.ty),
            "to": parties(&o.to),
        })).collect::<Vec<_>>(),
        "reveals": reveals(program).into_iter().map(|site| place(program, site)).collect::<Vec<_>>(),
        "ands": cost.ands,
        "gates": { "xor": cost.counts.xor, "free": cost.counts.free, "half": cost.counts.half, "full": cost.counts.full },
        "by_function": by_function(program, cost).into_iter().collect::<BTreeMap<_, _>>(),
        "batches": batches(&plan.steps),
        "loops": loops(&plan.steps),
        "rewritten": plan.rewrites.iter().map(|rewrite| rewritten(program, rewrite)).collect::<Vec<_>>(),
        "products": products::as_json(program, plan),
        "input_transfers": cost.transfers,
        "bytes": { "to_evaluator": cost.to_evaluator, "to_garbler": cost.to_garbler },
        "rounds": cost.rounds,
        "exact": cost.exact,
        "seconds": match links.as_slice() {
            [only] => json!({ "link": cost.seconds(only.link) }),
            _ => json!({
                "lan": cost.seconds(Link::LAN),
                "wan": cost.seconds(Link::WAN),
            }),
        },
    })
}

/// Everything for people.
fn as_table(report: &Report) -> String {
    let Report { plan, cost, .. } = report;
    let mut out = String::new();
    let mut line = |label: &str, text: String| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{label:<12}{text}");
    };
    report.facts().into_iter().for_each(|(label, text)| line(&label, text));
    line("", String::new());
    line(
        "gates",
        format!(
            "{} that cost, in {} batches and {} loops",
            count(cost.ands as f64),
            batches(&plan.steps),
            loops(&plan.steps)
        ),
    );
    for (function, ands) in report.by_function() {
        let share = 100.0 * ands as f64 / cost.ands.max(1) as f64;
        line("", format!("{:>14}  {share:>5.1} %  {function}", count(ands as f64)));
    }
    line("circuits", report.circuits());
    if cost.transfers > 0 {
        line("transfers", format!("{} by {}", count(cost.transfers as f64), plan.transfers.name()));
    }
    for (k, rewrite) in plan.rewrites.iter().enumerate() {
        line(if k == 0 { "rewritten" } else { "" }, rewritten(report.program, rewrite));
    }
    for (k, product) in products::lines(report.program, plan).into_iter().enumerate() {
        line(if k == 0 { "products" } else { "" }, product);
    }
    let [a, b] = [cost.to_evaluator, cost.to_garbler];
    line("bytes", format!("{} garbler to evaluator, {} back", bytes(a), bytes(b)));
    line("rounds", cost.rounds.to_string());
    let predicted: Vec<String> =
        report.predictions().map(|(name, seconds)| format!("{} {name}", time(seconds))).collect();
    line("predicted", predicted.join(", "));
    if !cost.exact {
        line("", NOT_EXACT.into());
    }
    out
}

impl Report<'_> {
    /// Who is in it and who learns what: labels (empty where the one before goes on) and texts.
    fn facts(&self) -> Vec<(String, String)> {
        let Report { program, plan, .. } = *self;
        let mut facts = Vec::new();
        let mut line = |label: &str, text: String| facts.push((label.to_owned(), text));
        line("program", format!("{} ({})", program.entry, &program.digest().to_string()[..16]));
        let role = |k: usize| if k == usize::from(plan.garbler.0) { "garbler" } else { "evaluator" };
        match program.parties.len() {
            2 => line(
                "parties",
                program
                    .parties
                    .iter()
                    .enumerate()
                    .map(|(k, p)| format!("{p} ({})", role(k)))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            _ => line("parties", program.parties.join(", ")),
        }
        for (k, p) in program.params.iter().enumerate() {
            let whose =
                p.owner.map_or("public: all must give the same".into(), |o| format!("private to {}", name(program, o)));
            line(if k == 0 { "inputs" } else { "" }, format!("{}: {}  {whose}", p.name, describe(&p.ty)));
        }
        for (k, o) in program.outputs.iter().enumerate() {
            let to: Vec<&str> = o.to.iter().map(|p| name(program, *p)).collect();
            let to = if to.is_empty() { "nobody".into() } else { to.join(" and ") };
            line(if k == 0 { "outputs" } else { "" }, format!("{}  to {to}", describe(&o.ty)));
        }
        let reveals = reveals(program);
        for (k, site) in reveals.iter().enumerate() {
            line(
                if k == 0 { "reveals" } else { "" },
                format!("{}  to all, in the middle of the program", place(program, *site)),
            );
        }
        if reveals.is_empty() {
            line("reveals", "none: only outputs are opened".into());
        }
        facts
    }

    /// How circuits are run, and what that costs over the plan's link beside the other ways.
    fn circuits(&self) -> String {
        let over = |cost: &Cost| {
            let all = bytes(cost.to_evaluator.saturating_add(cost.to_garbler));
            format!("{all}, {} rounds, {}", cost.rounds, time(cost.seconds(self.plan.link)))
        };
        let others = self.others.iter().map(|(circuits, cost)| format!("; {}: {}", circuits.name(), over(cost)));
        format!("{} ({}{})", self.plan.circuits.name(), over(self.cost), others.collect::<String>())
    }

    /// Predicted seconds by link.
    fn predictions(&self) -> impl Iterator<Item = (String, f64)> {
        self.links.iter().map(|link| (link.name.clone(), self.cost.seconds(link.link)))
    }

    /// Gates by function of the source, the dearest first.
    fn by_function(&self) -> Vec<(String, u64)> {
        by_function(self.program, self.cost)
    }
}

fn name(program: &Program, party: Party) -> &str {
    program.parties.get(usize::from(party.0)).map_or("?", String::as_str)
}

/// Where values are revealed, in order.
fn reveals(program: &Program) -> Vec<Site> {
    fn walk(block: &Block, found: &mut Vec<Site>) {
        for node in &block.ops {
            if matches!(node.op, Op::Reveal(_)) && !found.contains(&node.site) {
                found.push(node.site);
            }
            node.op.blocks().into_iter().for_each(|b| walk(b, found));
        }
    }
    let mut found = Vec::new();
    walk(&program.body, &mut found);
    found
}

/// What a rewrite has done.
fn rewritten(program: &Program, rewrite: &Rewrite) -> String {
    let Rewrite { kind, site, before, after } = rewrite;
    let what = match kind {
        RewriteKind::MaxAfterPooling => "the maximum with a constant comes after the maximum over windows",
    };
    format!("{}: {what}, on {after} elements instead of {before}", place(program, *site))
}

/// Gates by function of the source, the dearest first.
fn by_function(program: &Program, cost: &Cost) -> Vec<(String, u64)> {
    let mut functions: BTreeMap<String, u64> = BTreeMap::new();
    for (site, ands) in &cost.sites {
        let function = program.sites.get(*site as usize).map_or("?", |s| s.function.as_str());
        *functions.entry(function.to_owned()).or_default() += ands;
    }
    let mut functions: Vec<_> = functions.into_iter().filter(|(_, ands)| *ands > 0).collect();
    functions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    functions
}

/// Steps that evaluate a circuit over a batch.
fn batches(steps: &[Planned]) -> usize {
    count_steps(steps, &|step| matches!(step, Step::Kernel(_)))
}

/// Loops that stay loops.
fn loops(steps: &[Planned]) -> usize {
    count_steps(steps, &|step| matches!(step, Step::Loop { .. }))
}

fn count_steps(steps: &[Planned], which: &dyn Fn(&Step) -> bool) -> usize {
    steps
        .iter()
        .map(|planned| {
            let inside = match &planned.step {
                Step::Loop { body, .. } => count_steps(body, which),
                Step::If { then, otherwise, .. } => count_steps(then, which) + count_steps(otherwise, which),
                _ => 0,
            };
            usize::from(which(&planned.step)) + inside
        })
        .sum()
}
