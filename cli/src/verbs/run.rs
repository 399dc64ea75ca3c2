//! `motet run FILE`: one party's side of the real thing.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use motet_program::clear;
use motet_program::data::Tensor;
use motet_program::ir::{Party, Program};
use motet_program::plan::Plan;
use motet_program::plan::cost::cost;
use motet_runtime::session::{Checkpoints, Report, RunError, Session, Store};
use serde_json::{Value, json};

use crate::checkpoint::Keeping;
use crate::failure::Failure;
use crate::history::History;
use crate::input::Inputs;
use crate::line::Line;
use crate::output::Shown;
use crate::profile::Profiled;
use crate::program::{self, Execution, Settings};
use crate::progress::{Bar, bytes, count, time};
use crate::usage;

/// Run a program with the other party: each side has its own data, and gets its own result
#[derive(Args)]
#[command(after_help = "\
Two terminals on one machine (either may start first):
  motet run model.mpcx --party server --listen 127.0.0.1:7766 --input model=w.safetensors
  motet run model.mpcx --party client --connect 127.0.0.1:7766 --input image=7.npy

Two machines need keys (see motet keygen), besides --input:
  motet run model.mpcx --party server --listen 10.0.0.5:7766 \\
    --key server.key --peer client=client.pub
  motet run model.mpcx --party client --connect 10.0.0.5:7766 \\
    --key client.key --peer server=server.pub

Instead of a compiled program both may name the same source: dimensions are then read off each
party's data and exchanged. Ctrl-C ends both sides cleanly.")]
pub struct Arguments {
    /// A compiled program, or a source
    file: PathBuf,
    #[command(flatten)]
    line: Line,
    /// An input: a literal (`a=5`, `v=[1,2,3]`) or a file (.npy .npz .safetensors .csv .json); may be repeated
    #[arg(long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// At a parameter's field stands what its file calls otherwise (`model.w1=fc1.weight`); may be repeated
    #[arg(long = "map", value_name = "PLACE=NAME")]
    maps: Vec<String>,
    /// Print the result as one JSON object: {"result": …}
    #[arg(long)]
    json: bool,
    /// Write the result to a file (.json .npy .safetensors)
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write figures of the run (gates, bytes, seconds, peak memory) to a file as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Use what `motet prepare` has put into this folder; the other party must do the same
    #[arg(long, value_name = "FOLDER")]
    store: Option<PathBuf>,
    #[command(flatten)]
    checkpoints: Keeping,
    /// Tell on stderr where time, bytes and rounds went, by function and line of the source
    #[arg(long)]
    profile: bool,
    /// Write a page with the same and with charts; nothing in it is loaded from elsewhere
    #[arg(long, value_name = "FILE")]
    profile_html: Option<PathBuf>,
    /// Oblivious transfers that are made before the clock of `run` starts, at both parties; for benchmarks
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide = true)]
    transfers_ahead: usize,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    execution: Execution,
}

/// Meets the other party, runs, and prints this party's result.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut inputs = Inputs::read(&arguments.inputs)?.mapped(&arguments.maps)?;
    let compiled = match program::is_compiled(&arguments.file) {
        true => Some(program::load(&arguments.file, &arguments.settings, &arguments.execution)?),
        false => None,
    };
    if !arguments.line.given() {
        return alone(arguments, compiled, inputs);
    }
    // A compiled program's inputs, and what is wrong with a source, are looked at before the other party is bothered.
    let ready = match compiled {
        Some((program, plan)) => {
            let leaves = leaves(&program, &arguments.line.party, &mut inputs)?;
            Ok((program, plan, leaves))
        }
        None => Err(program::dimensions(&arguments.file, &arguments.settings, &inputs)?),
    };
    let names: &[String] = ready.as_ref().map_or(&[], |(program, ..)| &program.parties);
    let store = arguments.store.as_deref().map(Store::open).transpose().map_err(RunError::from)?;
    let mut checkpoints = arguments.checkpoints.open(&arguments.line)?;
    let mut session = arguments.line.open(names)?;
    let mut execution = arguments.execution.clone();
    if execution.measures() {
        let (met, link) = session.measure_link()?;
        (session, execution) = (met, execution.over(link));
    }
    let (mut session, own, (program, plan, leaves)) = match ready {
        Ok((program, plan, leaves)) => {
            let plan = execution.plan(&program, Some(plan))?;
            (session, None, (program, plan, leaves))
        }
        Err(own) => {
            let (session, built) = settle(arguments, &execution, session, &own, &mut inputs)?;
            (session, Some(own), built)
        }
    };

    let processor = usage::processor_time();
    let history = History::new();
    let (outputs, report) = loop {
        if let Some(store) = &store {
            session.use_store(store.clone());
        }
        session.prepare_transfers(arguments.transfers_ahead);
        let mut bar = Bar::new(cost(&program, &plan, 1).ands, &program);
        let noted = history.clone();
        let told = move |progress| {
            noted.note(progress);
            bar.show(progress);
        };
        match session.run_kept(&program, &plan, &leaves, told, checkpoints.as_mut()) {
            Ok(done) => break done,
            Err(error) if checkpoints.as_mut().is_some_and(|kept| kept.takes_up(&error)) => {
                tracing::warn!("{error}: meeting again, to go on from the last checkpoint");
                session = meet_again(arguments, &program, own.as_ref(), checkpoints.as_mut())?;
            }
            Err(error) => return Err(error.into()),
        }
    };
    let processor = usage::processor_time().zip(processor).map(|(now, then)| now.saturating_sub(then));
    let used = Used { processor, memory: usage::peak_memory() };
    let me = program::party(&program, &arguments.line.party)?;
    finish(arguments, shown(&program, me, outputs.leaves))?;
    let revealed = history.json(|site| program::place(&program, site));
    let profiled = Profiled::new(&program, &plan, me, &outputs.profile);
    if arguments.profile {
        eprint!("{}", profiled.table());
    }
    if let Some(path) = &arguments.profile_html {
        std::fs::write(path, profiled.page()).map_err(Failure::file(path))?;
    }
    tell(arguments, &report, &used, revealed, profiled.json())
}

/// What a source becomes once both parties' dimensions are known: the program, its plan, this party's inputs.
type Built = (Program, Plan, Vec<Option<Vec<Tensor>>>);

/// Meets the other party of a run whose line broke, again where the line breaks before they have met.
fn meet_again(
    arguments: &Arguments,
    program: &Program,
    own: Option<&BTreeMap<String, i64>>,
    mut checkpoints: Option<&mut Checkpoints>,
) -> Result<Session, Failure> {
    loop {
        let met = arguments.line.open(&program.parties).and_then(|mut session| {
            if arguments.execution.measures() {
                // The plan stays the one of the run.
                (session, _) = session.measure_link()?;
            }
            Ok(match own {
                // Both compiled already; that it is the same program, the handshake sees.
                Some(own) => session.exchange_dimensions(own)?.0,
                None => session,
            })
        });
        match met {
            Err(Failure::Run(error)) if checkpoints.as_mut().is_some_and(|kept| kept.takes_up(&error)) => {
                tracing::warn!("{error}: meeting again");
            }
            met => return met,
        }
    }
}

/// Exchanges dimensions with the other party, and compiles.
fn settle(
    arguments: &Arguments,
    execution: &Execution,
    session: Session,
    own: &BTreeMap<String, i64>,
    inputs: &mut Inputs,
) -> Result<(Session, Built), Failure> {
    let (session, theirs) = session.exchange_dimensions(own)?;
    let built = agreed(own, theirs).and_then(|dimensions| {
        let settings = arguments.settings.with(dimensions);
        let (program, plan) = program::compile(&arguments.file, &settings, execution)?;
        let leaves = leaves(&program, &arguments.line.party, inputs)?;
        Ok((program, plan, leaves))
    });
    match built {
        Ok(built) => Ok((session, built)),
        Err(failure) => {
            session.abort("its program or input is wrong");
            Err(failure)
        }
    }
}

/// What a run used of the machine, where the system tells.
struct Used {
    /// Processor time of the session's run.
    processor: Option<Duration>,
    /// The process's peak memory in bytes.
    memory: Option<u64>,
}

/// Runs a program of one party, or none: there is nobody to meet, and nothing to hide.
fn alone(arguments: &Arguments, compiled: Option<(Program, Plan)>, mut inputs: Inputs) -> Result<(), Failure> {
    let (program, _) = match compiled {
        Some(compiled) => compiled,
        None => {
            let dimensions = program::dimensions(&arguments.file, &arguments.settings, &inputs)?;
            program::compile(&arguments.file, &arguments.settings.with(dimensions), &arguments.execution)?
        }
    };
    if program.parties.len() > 1 {
        let parties = program.parties.join(" and ");
        return Err(Failure::Usage(format!(
            "this program is between {parties}: one of them gives --listen HOST:PORT, the other --connect HOST:PORT"
        )));
    }
    let leaves = leaves(&program, &arguments.line.party, &mut inputs)?;
    let leaves: Vec<Vec<Tensor>> = leaves.into_iter().map(Option::unwrap_or_default).collect();
    let mut calls = 0u64;
    let random = RandomState::new();
    let mut word = || {
        calls += 1;
        random.hash_one(calls)
    };
    let results = clear::run(&program, &leaves, &mut word)
        .map_err(|error| Failure::Clear { place: program::place(&program, error.site), fault: error.fault })?;
    let me = program::party(&program, &arguments.line.party).unwrap_or(Party(0));
    finish(arguments, shown(&program, me, results.into_iter().map(Some).collect()))
}

/// The leaves of each parameter that is this party's or public.
fn leaves(program: &Program, name: &str, inputs: &mut Inputs) -> Result<Vec<Option<Vec<Tensor>>>, Failure> {
    let me = if program.parties.is_empty() { Party(0) } else { program::party(program, name)? };
    Ok(inputs.leaves(program, me, true)?)
}

/// What a party is shown of the result.
fn shown(program: &Program, me: Party, leaves: Vec<Option<Tensor>>) -> Shown {
    let mut leaves = leaves.into_iter();
    let mut parts = Vec::new();
    for output in &program.outputs {
        // All of a part's leaves are taken before it is asked whether there are any: the next part begins behind them.
        let part: Vec<Option<Tensor>> = leaves.by_ref().take(output.ty.leaves().len()).collect();
        let part: Option<Vec<Tensor>> = part.into_iter().collect();
        if let Some(part) = part.filter(|_| output.to.contains(&me) || program.parties.is_empty()) {
            parts.push((output.ty.clone(), part));
        }
    }
    Shown { parts, tuple: program.tuple_result }
}

/// Prints the result and writes it where it is asked for.
fn finish(arguments: &Arguments, shown: Shown) -> Result<(), Failure> {
    println!("{}", if arguments.json { shown.object() } else { shown.json() });
    arguments.output.as_ref().map_or(Ok(()), |path| shown.write(path).map_err(Failure::from))
}

/// Tells what the run took.
fn tell(arguments: &Arguments, report: &Report, used: &Used, revealed: Value, profile: Value) -> Result<(), Failure> {
    let (sent, received) = (bytes(report.sent), bytes(report.received));
    let took = time((report.handshake + report.setup + report.run).as_secs_f64());
    tracing::info!("{} gates, {sent} sent, {received} received, {took}", count(report.ands as f64));
    let Some(path) = &arguments.report else { return Ok(()) };
    let figures = json!({
        "gates": report.ands,
        "sent": report.sent,
        "received": report.received,
        "seconds": {
            "connect": report.connect.as_secs_f64(),
            "handshake": report.handshake.as_secs_f64(),
            "setup": report.setup.as_secs_f64(),
            "run": report.run.as_secs_f64(),
            "processor": used.processor.map(|time| time.as_secs_f64()),
        },
        "prepared": report.prepared.map(|made| json!({
            "transfers": made.transfers,
            "products": made.products,
            "circuits": made.garbled > 0,
            "sent": made.sent,
            "received": made.received,
            "seconds": made.seconds,
        })),
        "checkpoints": report.checkpoints.map(|kept| json!({
            "resumed": kept.resumed,
            "written": kept.written,
            "bytes": kept.bytes,
            "seconds": kept.time.as_secs_f64(),
        })),
        "peak_memory": used.memory,
        "revealed": revealed,
        "profile": profile,
    });
    std::fs::write(path, format!("{figures:#}\n")).map_err(Failure::file(path))
}

/// The dimensions of both sides together.
fn agreed(ours: &BTreeMap<String, i64>, theirs: BTreeMap<String, i64>) -> Result<BTreeMap<String, i64>, Failure> {
    let mut all = ours.clone();
    for (name, value) in theirs {
        match all.insert(name.clone(), value) {
            Some(own) if own != value => return Err(Failure::Dimension { name, own, theirs: value }),
            _ => {}
        }
    }
    Ok(all)
}
