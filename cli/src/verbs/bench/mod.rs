//! `motet bench`: how fast this machine runs, each figure beside the limit that was measured in the same run.

mod figure;
mod garbling;
mod limits;
mod runs;
mod transfers;

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use motet_runtime::crypto::isa::Isa;
use serde_json::json;

use self::figure::Figure;
use self::limits::Limits;
use crate::failure::Failure;

/// Measure this machine: garbling, oblivious transfer and whole runs, each beside its limit
#[derive(Args)]
#[command(after_help = "\
Examples:
  motet bench                          everything, in half a minute on an idle machine
  motet bench garbling transfers       two groups of it
  motet bench compare relu             single ones
  motet bench --json > today.json      for machines

In-memory figures are for one core. Transfers are counted by each side's processor time. Whole
runs are two processes of this program that talk over the loopback interface, as two machines
would; `of limit` is their share of what loopback TCP carries between two processes, an AND
taking 32 bytes. Run it on an otherwise idle machine with two cores or more: what shares a core
with it is measured too.")]
pub struct Arguments {
    /// What to measure: benchmarks, or groups of them [default: all]
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Name>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Send bytes to an address until it hangs up: the other process of `tcp`
    #[arg(long, value_name = "HOST:PORT", hide = true)]
    send_to: Option<String>,
}

/// A benchmark or a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Group: what the machine itself does
    Limits,
    /// AES-128 blocks a second, in the gate hash's layout
    Aes,
    /// Bytes a second between two processes over loopback TCP
    Tcp,
    /// Bytes a second copied in memory
    Memory,
    /// Group: circuits garbled and evaluated in memory
    Garbling,
    /// Many instances of `add, ReLU, add` of 32 bits
    Template,
    /// One AES-128 circuit
    Circuit,
    /// Group: oblivious transfers, by processor time
    Transfers,
    /// 128 base OTs
    Base,
    /// Correlated OTs by SoftSpokenOT and silent OT, semi-honest
    Softspoken,
    /// Correlated OTs by SoftSpokenOT and silent OT, malicious
    Malicious,
    /// Group: whole runs, two processes over loopback TCP
    Runs,
    /// A million comparisons of 32 bits
    Compare,
    /// A million ReLUs of 32 bits
    Relu,
    /// ReLU(a + b) of 32 bits, with the OTs of its inputs and with its outputs
    ReluSum,
    /// 2,000 AES-128 circuits one after another
    AesChain,
}

impl Name {
    /// The group that it belongs to.
    fn group(self) -> Name {
        match self {
            Name::Limits | Name::Aes | Name::Tcp | Name::Memory => Name::Limits,
            Name::Garbling | Name::Template | Name::Circuit => Name::Garbling,
            Name::Transfers | Name::Base | Name::Softspoken | Name::Malicious => Name::Transfers,
            Name::Runs | Name::Compare | Name::Relu | Name::ReluSum | Name::AesChain => Name::Runs,
        }
    }
}

/// Measures what is asked for.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(address) = &arguments.send_to {
        return limits::send_to(address);
    }
    let mut report = Report { json: arguments.json, figures: Vec::new(), group: None };
    if !report.json {
        println!("motet {} on {} ({} cores)", crate::VERSION, Isa::detect().name(), cores());
    }
    let chosen = |name: Name| {
        let names = &arguments.names;
        names.is_empty() || names.contains(&name) || names.contains(&name.group())
    };
    let mut limits = Limits::default();
    for &name in Name::value_variants() {
        if chosen(name) {
            measure(name, &mut limits, &mut report)?;
        }
    }
    if report.json {
        let figures: Vec<_> = report.figures.iter().map(|(group, figure)| figure.json(&title(*group))).collect();
        let machine = json!({ "instructions": Isa::detect().name(), "cores": cores() });
        println!("{:#}", json!({ "version": crate::VERSION, "machine": machine, "figures": figures }));
    }
    Ok(())
}

/// Runs a benchmark and reports it; a limit that it needs is measured first.
fn measure(name: Name, limits: &mut Limits, report: &mut Report) -> Result<(), Failure> {
    let needs = match name.group() {
        Name::Garbling | Name::Transfers => Some(Name::Aes),
        Name::Runs => Some(Name::Tcp),
        _ => None,
    };
    if let Some(limit) = needs.filter(|limit| name != name.group() && !limits.has(*limit)) {
        measure(limit, limits, report)?;
    }
    let waiting = waiting(name);
    let figures = match name {
        Name::Limits | Name::Garbling | Name::Transfers | Name::Runs => Vec::new(),
        Name::Aes | Name::Tcp | Name::Memory if limits.has(name) => Vec::new(),
        Name::Aes | Name::Tcp | Name::Memory => vec![limits.measure(name)?],
        Name::Template => garbling::template(limits.aes),
        Name::Circuit => garbling::circuit(limits.aes)?,
        Name::Base => vec![transfers::base()?],
        Name::Softspoken => transfers::extended(false, limits.aes)?,
        Name::Malicious => transfers::extended(true, limits.aes)?,
        Name::Compare => runs::compare(limits.tcp)?,
        Name::Relu => runs::relu(limits.tcp)?,
        Name::ReluSum => runs::relu_sum(limits.tcp)?,
        Name::AesChain => runs::aes_chain(limits.tcp)?,
    };
    waiting.finish_and_clear();
    figures.into_iter().for_each(|figure| report.add(name.group(), figure));
    Ok(())
}

/// What was measured so far. A table is printed as it comes.
struct Report {
    json: bool,
    figures: Vec<(Name, Figure)>,
    group: Option<Name>,
}

impl Report {
    fn add(&mut self, group: Name, figure: Figure) {
        if !self.json {
            if self.group != Some(group) {
                println!("{}", figure::heading(&title(group)));
            }
            println!("{}", figure.row());
        }
        self.group = Some(group);
        self.figures.push((group, figure));
    }
}

/// How a group is headed.
fn title(group: Name) -> String {
    let text = match group {
        Name::Garbling => "garbling in memory, one core",
        Name::Transfers => "oblivious transfer, by processor time",
        Name::Runs => "whole runs, two processes over loopback TCP",
        _ => "limits of this machine",
    };
    text.to_owned()
}

/// Says on a terminal what is being measured.
fn waiting(name: Name) -> ProgressBar {
    let Some(value) = name.to_possible_value().filter(|_| std::io::stderr().is_terminal()) else {
        return ProgressBar::hidden();
    };
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // Only a template that does not parse is refused.
    bar.set_style(
        ProgressStyle::with_template("measuring {msg} …").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.set_message(value.get_name().to_owned());
    bar.tick();
    bar
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
