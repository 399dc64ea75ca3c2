//! `motet prepare FILE`: one party's side of what later runs need and no input decides, or none but those that are given.

use std::path::PathBuf;

use clap::Args;
use motet_runtime::session::{RunError, Store};
use serde_json::json;

use crate::failure::Failure;
use crate::input::Inputs;
use crate::line::Line;
use crate::program::{self, Execution, Settings};
use crate::progress::{bytes, count, time};

/// Make ahead of time, with the other party, what later runs need and no input decides
#[derive(Args)]
#[command(after_help = "\
Both parties prepare as many runs, and later run with the stores that this has filled:
  motet prepare model.mpcx --party server --listen 127.0.0.1:7766 --store server.store --runs 10 \
    --input model=w.safetensors
  motet prepare model.mpcx --party client --connect 127.0.0.1:7766 --store client.store --runs 10
  motet run model.mpcx --party server --listen 127.0.0.1:7766 --store server.store --input …
  motet run model.mpcx --party client --connect 127.0.0.1:7766 --store client.store --input …

An input that is known by now and will be the same then, such as a model, may be given: a run then has the
least left to do. What is prepared with it serves runs with it alone.

What is prepared serves one run of this program with this party each, and is gone when the run begins.
Keep a store as you keep the inputs themselves: who reads it, and what is sent, reads them.")]
pub struct Arguments {
    /// A compiled program, or a source with its dimensions given by --set
    file: PathBuf,
    #[command(flatten)]
    line: Line,
    /// The folder for what is made; it must be another for each party
    #[arg(long, value_name = "FOLDER")]
    store: PathBuf,
    /// An input that later runs will have too; as for `motet run`, may be repeated
    #[arg(long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// At a parameter's field stands what its file calls otherwise (`model.w1=fc1.weight`); may be repeated
    #[arg(long = "map", value_name = "PLACE=NAME")]
    maps: Vec<String>,
    /// For how many runs
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Print the figures as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    execution: Execution,
}

/// Meets the other party and fills the store.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.execution.named_link()?;
    let (program, plan) = program::load(&arguments.file, &arguments.settings, &arguments.execution)?;
    let mut inputs = Inputs::read(&arguments.inputs)?.mapped(&arguments.maps)?;
    let leaves = inputs.leaves(&program, program::party(&program, &arguments.line.party)?, false)?;
    let store = Store::open(&arguments.store).map_err(RunError::from)?;
    let session = arguments.line.open(&program.parties)?;
    let (made, report) = session.prepare(&program, &plan, &leaves, &store, arguments.runs)?;
    let (sent, received) = (bytes(report.sent), bytes(report.received));
    let runs = arguments.runs;
    let (transfers, products) = (count(made.transfers as f64), count(made.products as f64));
    let circuits = if made.garbled > 0 { "circuits, " } else { "" };
    let took = time(made.seconds);
    eprintln!(
        "prepared {runs} runs: {circuits}{products} products, {transfers} oblivious transfers; {sent} sent, {received} received, {took}"
    );
    if arguments.json {
        println!(
            "{}",
            json!({
                "runs": runs,
                "transfers": made.transfers,
                "products": made.products,
                "circuits": made.garbled > 0,
                "sent": report.sent,
                "received": report.received,
                "seconds": made.seconds,
            })
        );
    }
    Ok(())
}
