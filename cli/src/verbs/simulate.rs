//! `motet simulate FILE`: what a program computes, in the clear.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use clap::Args;
use motet_compiler::diagnostics::Diagnostic;
use motet_compiler::simulate::{Options, RangeKind, RangeReport, simulate};
use motet_compiler::typed::data_types::signature;

use crate::failure::{Failure, print_diagnostics};
use crate::input::{InputError, Inputs};
use crate::output::Shown;
use crate::program::{self, Settings, in_folder};

/// Run a program in the clear on this machine: the bit-exact reference for what parties will get
#[derive(Args)]
#[command(after_help = "\
Examples:
  motet simulate millionaires.mpc --input a=5 --input b=3
  motet simulate model.mpc --input model=w.safetensors --input image=7.npy
  motet simulate model.mpc --input model.w1=w1.npy --input model.b1=b1.npy --input image=7.npy
Dimension parameters are read off the inputs. Places where a `fix` leaves its range are reported.")]
pub struct Arguments {
    /// The program's source
    file: PathBuf,
    /// The input for a parameter: a literal (`a=5`, `v=[1,2,3]`) or a file (.npy .npz .safetensors .csv .json)
    #[arg(long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// At a parameter's field stands what its file calls otherwise (`model.w1=fc1.weight`); may be repeated
    #[arg(long = "map", value_name = "PLACE=NAME")]
    maps: Vec<String>,
    /// Show only what this party is shown
    #[arg(long)]
    party: Option<String>,
    /// Print the result as one JSON object: {"result": …}
    #[arg(long)]
    json: bool,
    /// Write the result to a file (.json .npy .safetensors)
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Stop after so many steps
    #[arg(long, value_name = "NUMBER")]
    steps: Option<u64>,
    #[command(flatten)]
    settings: Settings,
}

/// Interprets the program and prints its result.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (root, folder) = in_folder(&arguments.file);
    let mut inputs = Inputs::read(&arguments.inputs)?.mapped(&arguments.maps)?;
    let dimensions = program::dimensions(&arguments.file, &arguments.settings, &inputs)?;
    let options = arguments.settings.with(dimensions).options();
    let tree = motet_compiler::tree(&root, &folder, &options).map_err(Box::new)?;
    print_diagnostics(&tree.warnings, &tree.sources);
    let (tree, sources) = (tree.value, tree.sources);

    let signature = signature(&tree).map_err(|e| Failure::Usage(format!("{e}; give it with --set NAME=NUMBER")))?;
    let leaves =
        signature.params.iter().map(|p| inputs.take(&p.name, &p.ty)).collect::<Result<Vec<_>, InputError>>()?;
    if let Some(name) = inputs.names().next() {
        let reason = format!("`{}` has no such parameter", options.entry);
        return Err(InputError::Unexpected { name: name.to_owned(), reason }.into());
    }
    let party = match &arguments.party {
        None => None,
        Some(name) => Some(tree.parties.iter().position(|p| p == name).ok_or_else(|| {
            Failure::Usage(format!("there is no party `{name}`; the program has {}", tree.parties.join(", ")))
        })?),
    };

    let mut bounds = Options { seed: RandomState::new().hash_one(0u8), ..Options::default() };
    bounds.steps = arguments.steps.unwrap_or(bounds.steps);
    let simulation = match simulate(&tree, &leaves, &bounds) {
        Ok(simulation) => simulation,
        Err(error) => return Err(Failure::Simulate { error, sources }),
    };
    print_diagnostics(&simulation.ranges.iter().map(out_of_range).collect::<Vec<_>>(), &sources);
    for reveal in &simulation.reveals {
        let (line, column) = sources.line_column(reveal.span);
        tracing::info!(
            "{}:{line}:{column}: revealed {} elements in {} reveals",
            sources.get(reveal.span.file).name,
            reveal.elements,
            reveal.count
        );
    }

    let parts = simulation.outputs.into_iter().zip(&tree.shown);
    let seen = parts.filter(|(_, shown)| party.is_none_or(|p| shown.contains(&p))).map(|(part, _)| part);
    let shown = Shown { parts: seen.collect(), tuple: tree.tuple_result };
    println!("{}", if arguments.json { shown.object() } else { shown.json() });
    arguments.output.as_ref().map_or(Ok(()), |path| shown.write(path).map_err(Failure::from))
}

/// A warning about a place where `fix` left its range.
fn out_of_range(report: &RangeReport) -> Diagnostic {
    let what = match report.kind {
        RangeKind::Product => "product",
        RangeKind::Sum => "sum",
        RangeKind::Quotient => "quotient",
    };
    let times = if report.count == 1 { "once".into() } else { format!("{} times", report.count) };
    let values: Vec<String> = report.first.iter().map(|v| format!("{v:.4}")).collect();
    let mut diagnostic = Diagnostic::warning(
        "fix-range",
        format!("this {what} left the range of {} {times}", report.elem),
        report.span,
        format!("{} (and the like) is beyond ±{}", values.join(", "), report.limit()),
    )
    .help("scale the data down, or give `fix` more bits before the point: `--fix BITS.FRACTION`");
    if let Some(call) = report.calls.first().filter(|c| **c != report.span) {
        diagnostic = diagnostic.label(*call, "in this call");
    }
    diagnostic
}
