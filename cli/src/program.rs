//! From a file that the user names to a program and its plan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use motet_compiler::modules::Folder;
use motet_program::artifact;
use motet_program::ir::{Party, Program, Site};
use motet_program::plan::{self, Link, Plan};

use crate::failure::{Failure, print_diagnostics};
use crate::input::Inputs;
use crate::link::{LinkChoice, NamedLink};
use crate::progress::bytes;

/// How a source is compiled.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    /// The entry point: a `pub fn` of the file [default: main]
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// The value of a dimension parameter or constant; may be repeated
    #[arg(long = "set", value_name = "NAME=NUMBER", value_parser = set)]
    sets: Vec<(String, i64)>,
    /// What `fix` means: bits of the ring, and how many of them are after the point
    #[arg(long, value_name = "BITS.FRACTION", value_parser = fix)]
    fix: Option<(u8, u8)>,
    /// Refuse a program that reveals a value in its middle
    #[arg(long)]
    deny_reveal: bool,
}

impl Settings {
    /// As the compiler takes them.
    pub fn options(&self) -> motet_compiler::Options {
        motet_compiler::Options {
            entry: self.entry.clone().unwrap_or_else(|| "main".into()),
            sets: self.sets.iter().cloned().collect(),
            fix: self.fix,
            deny_reveal: self.deny_reveal,
        }
    }

    /// The same with dimensions added that are not set yet.
    pub fn with(&self, dimensions: BTreeMap<String, i64>) -> Settings {
        let mut settings = self.clone();
        let given = |name: &String| self.sets.iter().any(|(n, _)| n == name);
        settings.sets.extend(dimensions.into_iter().filter(|(name, _)| !given(name)));
        settings
    }

    /// Settings mean nothing for a program that is compiled already.
    fn refuse(&self, file: &Path) -> Result<(), Failure> {
        if self.entry.is_none() && self.sets.is_empty() && self.fix.is_none() && !self.deny_reveal {
            return Ok(());
        }
        let file = file.display();
        Err(Failure::Usage(format!(
            "{file} is compiled already: --entry, --set, --fix and --deny-reveal are for `motet compile`"
        )))
    }
}

/// `N=8`.
fn set(text: &str) -> Result<(String, i64), String> {
    let (name, number) = text.split_once('=').ok_or("expected NAME=NUMBER, such as N=8")?;
    let number = number.parse().map_err(|_| format!("`{number}` is no whole number"))?;
    Ok((name.to_owned(), number))
}

/// `40.13`.
fn fix(text: &str) -> Result<(u8, u8), String> {
    let parts = text.split_once('.').and_then(|(b, f)| Some((b.parse::<u8>().ok()?, f.parse::<u8>().ok()?)));
    match parts {
        Some((bits, frac)) if (2..=64).contains(&bits) && frac < bits => Ok((bits, frac)),
        _ => Err("expected BITS.FRACTION with 2 to 64 bits and fewer after the point, such as 40.13".into()),
    }
}

/// How parties execute the program: what its plan is made for.
#[derive(Args, Clone, Debug, Default)]
pub struct Execution {
    /// How parties execute the program [default: as it was compiled; a source: mixed]
    #[arg(long, value_enum)]
    protocol: Option<ProtocolName>,
    /// The link between them: lan, wan, a rate and a round-trip time such as 100mbit,40ms, or, to run, measure; all parties
    /// must name the same [default: as it was compiled; a source: lan]
    #[arg(long, value_name = "LINK")]
    link: Option<LinkChoice>,
}

impl Execution {
    /// By a protocol, in a local network.
    pub fn by(protocol: ProtocolName) -> Execution {
        Execution { protocol: Some(protocol), link: None }
    }

    /// Whether the link is to be measured.
    pub fn measures(&self) -> bool {
        matches!(self.link, Some(LinkChoice::Measured))
    }

    /// The link that is named.
    ///
    /// # Errors
    /// Where it is to be measured, which needs the other party.
    pub fn named_link(&self) -> Result<Option<&NamedLink>, Failure> {
        match &self.link {
            None => Ok(None),
            Some(LinkChoice::Named(named)) => Ok(Some(named)),
            Some(LinkChoice::Measured) => {
                let reason = "--link measure is for `motet run` alone: give lan, wan, or RATE,RTT such as 100mbit,40ms";
                Err(Failure::Usage(reason.into()))
            }
        }
    }

    /// The same over a link that was measured.
    pub fn over(&self, link: Link) -> Execution {
        let rate = bytes(link.rate);
        let name = format!("over {rate} a second, {} ms", link.round_trip as f64 / 1e3);
        tracing::info!("measured: {rate} a second, {} ms there and back", link.round_trip as f64 / 1e3);
        Execution { protocol: self.protocol, link: Some(LinkChoice::Named(NamedLink { name, link })) }
    }

    /// The plan of a program; `compiled` is the one that its file holds.
    pub fn plan(&self, program: &Program, compiled: Option<Plan>) -> Result<Plan, Failure> {
        let compiled_for = compiled.as_ref().map(|plan| (plan.protocol, plan.link));
        let (protocol, link) = compiled_for.unwrap_or((plan::Protocol::Mixed, Link::LAN));
        let protocol = self.protocol.map_or(protocol, plan::Protocol::from);
        // What is measured is planned for once it is known.
        let link = if let Some(LinkChoice::Named(named)) = &self.link { named.link } else { link };
        match compiled {
            Some(plan) if (plan.protocol, plan.link) == (protocol, link) => Ok(plan),
            _ => Ok(plan::plan_over(program, protocol, link)?),
        }
    }
}

/// The protocols by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProtocolName {
    /// Two parties, semi-honest: garbled circuits throughout
    Yao,
    /// Two parties, semi-honest: matrix products and convolutions on arithmetic shares, the rest in circuits, garbled or on
    /// shared bits as suits the link
    Mixed,
    /// Two parties, semi-honest: as mixed, with circuits on shared bits: fewer bytes, more rounds
    Gmw,
}

impl From<ProtocolName> for plan::Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::Yao => plan::Protocol::Yao,
            ProtocolName::Mixed => plan::Protocol::Mixed,
            ProtocolName::Gmw => plan::Protocol::Gmw,
        }
    }
}

/// A source's name, and the folder in which it and its modules are.
pub fn in_folder(file: &Path) -> (String, Folder) {
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    let name = file.file_name().map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into_owned());
    (name, Folder(folder))
}

/// Whether a file is a compiled program, by its ending.
pub fn is_compiled(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "mpcx")
}

/// The dimensions of the entry point that the shapes of inputs tell.
pub fn dimensions(file: &Path, settings: &Settings, inputs: &Inputs) -> Result<BTreeMap<String, i64>, Failure> {
    let (root, folder) = in_folder(file);
    Ok(motet_compiler::dimensions(&root, &folder, &settings.options(), &inputs.shapes()).map_err(Box::new)?)
}

/// Compiles a source and plans it; prints warnings.
pub fn compile(file: &Path, settings: &Settings, execution: &Execution) -> Result<(Program, Plan), Failure> {
    let (root, folder) = in_folder(file);
    let compiled = motet_compiler::compile(&root, &folder, &settings.options()).map_err(Box::new)?;
    print_diagnostics(&compiled.warnings, &compiled.sources);
    let plan = execution.plan(&compiled.value, None)?;
    Ok((compiled.value, plan))
}

/// Reads a compiled program, or compiles a source.
pub fn load(file: &Path, settings: &Settings, execution: &Execution) -> Result<(Program, Plan), Failure> {
    if !is_compiled(file) {
        return compile(file, settings, execution);
    }
    settings.refuse(file)?;
    let bytes = std::fs::read(file).map_err(Failure::file(file))?;
    let (program, plan) = artifact::read(&bytes).map_err(|cause| Failure::Artifact { path: file.to_owned(), cause })?;
    let plan = execution.plan(&program, Some(plan))?;
    Ok((program, plan))
}

/// Which party of the program a name is.
pub fn party(program: &Program, name: &str) -> Result<Party, Failure> {
    match program.parties.iter().position(|p| p == name) {
        Some(k) => Ok(Party(k as u8)),
        None => {
            let parties = program.parties.join(", ");
            Err(Failure::Usage(format!("there is no party `{name}`; the program has {parties}")))
        }
    }
}

/// `model.mpc:12:5 in nn::dense`.
pub fn place(program: &Program, site: Site) -> String {
    match program.sites.get(site.0 as usize) {
        Some(s) => format!("{}:{}:{} in {}", s.file, s.line, s.column, s.function),
        None => "an unknown place".into(),
    }
}
