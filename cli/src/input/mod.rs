//! `--input NAME=VALUE`: literals and data files, read into tensors of the parameters' types.
//!
//! Readers make `Data` of what they find, whatever is asked for; `assemble` then fits it to a parameter's type. Memory is
//! taken in proportion to the bytes of a file, never to what its header claims.

mod array;
mod assemble;
mod csv;
mod error;
mod literal;
mod names;
mod numbers;
mod numpy;
mod quantise;
mod safetensors;

use std::collections::BTreeMap;
use std::path::Path;

use motet_program::data::{DataType, Tensor};
use motet_program::ir::{Party, Program};

pub use array::{Data, NumberArray};
pub use assemble::describe;
pub use error::{FileProblem, InputError};
pub use numbers::Numbers;

/// Elements that one input may have: what a hostile compressed file could blow up to.
const MAX_ELEMENTS: u64 = 1 << 28;
/// Bytes that a text file may have; a number of a text takes several times its size in memory.
const MAX_TEXT: u64 = 1 << 30;

/// What was given by `--input`, by the parameter's name.
#[derive(Debug, Default)]
pub struct Inputs {
    named: BTreeMap<String, Data>,
    /// By parameter, the names that maps have put somewhere.
    mapped: BTreeMap<String, Vec<String>>,
}

impl Inputs {
    /// Reads every argument of the form `NAME=VALUE` or `NAME.FIELD=VALUE`.
    pub fn read(arguments: &[String]) -> Result<Inputs, InputError> {
        let mut inputs = Inputs::default();
        for argument in arguments {
            let Some((name, value)) = argument.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                return Err(InputError::NotAPair(argument.clone()));
            };
            let data = read_value(name, value)?;
            let (parameter, fields) = name.split_once('.').map_or((name, None), |(p, f)| (p, Some(f)));
            let data = fields.map_or(Ok(data.clone()), |f| data.under(f, name))?;
            match inputs.named.remove(parameter) {
                None => inputs.named.insert(parameter.to_owned(), data),
                Some(before) => inputs.named.insert(parameter.to_owned(), before.joined(data, parameter)?),
            };
        }
        Ok(inputs)
    }

    /// Follows every argument of the form `PLACE=NAME`: what the file of a parameter calls by the name stands at the place,
    /// the parameter or a field of it.
    pub fn mapped(mut self, arguments: &[String]) -> Result<Inputs, InputError> {
        let maps = names::parse(arguments)?;
        if let Some(map) = maps.iter().find(|map| !self.named.contains_key(map.parameter)) {
            let (argument, parameter) = (map.argument.to_owned(), map.parameter.to_owned());
            return Err(InputError::MapsNothing { argument, parameter });
        }
        for (parameter, data) in &mut self.named {
            let own: Vec<&names::Map> = maps.iter().filter(|map| map.parameter == parameter).collect();
            if !own.is_empty() {
                *data = names::follow(data, &own)?;
                self.mapped.insert(parameter.clone(), own.iter().map(|map| map.name.to_owned()).collect());
            }
        }
        Ok(self)
    }

    /// Takes the input for a parameter, as leaves of its type. What a file of arrays has besides is left aside, with a
    /// warning.
    pub fn take(&mut self, name: &str, ty: &DataType) -> Result<Vec<Tensor>, InputError> {
        let Some(mut data) = self.named.remove(name) else {
            return Err(InputError::Missing { name: name.to_owned(), ty: assemble::describe(ty) });
        };
        let aside = names::set_aside(&mut data, ty, &self.mapped.remove(name).unwrap_or_default());
        if !aside.is_empty() {
            tracing::warn!("the file for `{name}` has more than is asked for, which is not used: {}", aside.join(", "));
        }
        assemble::assemble(name, data, ty)
    }

    /// Names that nobody has taken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// Takes the leaves of each parameter that is the party's or public: of all of them, or of those that were given.
    pub fn leaves(&mut self, program: &Program, me: Party, all: bool) -> Result<Vec<Option<Vec<Tensor>>>, InputError> {
        let mut leaves = Vec::with_capacity(program.params.len());
        for param in &program.params {
            let mine = param.owner.is_none_or(|owner| owner == me) && (all || self.named.contains_key(&param.name));
            leaves.push(if mine { Some(self.take(&param.name, &param.ty)?) } else { None });
        }
        let Some(extra) = self.names().next() else { return Ok(leaves) };
        let owner = program.params.iter().find(|p| p.name == extra).and_then(|p| p.owner);
        let reason = match owner.and_then(|o| program.parties.get(usize::from(o.0))) {
            Some(owner) => format!("it is private to {owner}, who alone may give it"),
            None => format!("`{}` has no such parameter", program.entry),
        };
        Err(InputError::Unexpected { name: extra.to_owned(), reason })
    }

    /// The shapes of all arrays that were given, by dotted path: `model.w1`.
    pub fn shapes(&self) -> BTreeMap<String, Vec<u64>> {
        let mut shapes = BTreeMap::new();
        for (name, data) in &self.named {
            data.collect_shapes(name, &mut shapes);
        }
        shapes
    }
}

/// A file where the value ends like one of a known format, else a literal.
fn read_value(name: &str, value: &str) -> Result<Data, InputError> {
    let path = Path::new(value);
    let file = |reader: fn(&Path) -> Result<Data, FileProblem>| {
        reader(path).map_err(|problem| InputError::File { path: value.to_owned(), problem })
    };
    match path.extension().and_then(|e| e.to_str()) {
        Some("npy") => file(numpy::read_npy),
        Some("npz") => file(numpy::read_npz),
        Some("safetensors") => file(safetensors::read),
        Some("csv") => file(csv::read),
        Some("json") => file(literal::read),
        _ => literal::parse(value).map_err(|problem| {
            if path.exists() {
                InputError::UnknownFormat { name: name.to_owned(), path: value.to_owned() }
            } else {
                InputError::Literal { name: name.to_owned(), value: shortened(value), problem }
            }
        }),
    }
}

/// The beginning of a text that may be long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads every format from memory: for fuzzing. Whatever the bytes, there is an answer or an error.
pub fn fuzz(bytes: &[u8]) {
    let _ = numpy::parse_npy(bytes);
    let _ = numpy::parse_npz(bytes);
    let _ = safetensors::parse(bytes);
    let _ = csv::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = literal::parse(text);
    }
}

/// A file's bytes, where there are not more than `limit`.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, FileProblem> {
    let size = std::fs::metadata(path)?.len();
    if size > limit {
        return Err(FileProblem::TooLong { size, limit });
    }
    Ok(std::fs::read(path)?)
}

#[cfg(test)]
mod tests;
