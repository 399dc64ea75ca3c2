//! What a reader finds, before it is known what is asked for.

use std::collections::BTreeMap;

use super::error::{FileProblem, InputError};
use super::numbers::Numbers;

/// Data of any form.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Numbers in a box; a scalar has no axes.
    Array(NumberArray),
    /// A list of things that do not make a box.
    List(Vec<Data>),
    /// Named things, in order.
    Object {
        /// The things.
        fields: Vec<(String, Data)>,
        /// Whether they are a file of arrays, in which there may be more than anybody asks for.
        archive: bool,
    },
}

/// Numbers with a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberArray {
    /// Sizes of the axes, outermost first.
    pub shape: Vec<u64>,
    /// The elements, row-major.
    pub numbers: Numbers,
    /// Whether axes of size 1 mean nothing: a table of one column may be a vector.
    pub loose: bool,
}

impl NumberArray {
    /// A scalar.
    pub fn scalar(number: Numbers) -> NumberArray {
        NumberArray { shape: Vec::new(), numbers: number, loose: false }
    }

    /// The rows along the first axis; of a scalar none.
    pub fn rows(&self) -> impl Iterator<Item = NumberArray> + '_ {
        let (count, rest) = match self.shape.split_first() {
            Some((n, rest)) => (*n as usize, rest),
            None => (0, &[][..]),
        };
        let size = self.numbers.len().checked_div(count).unwrap_or(0);
        (0..count).map(move |r| NumberArray {
            shape: rest.to_vec(),
            numbers: self.numbers.range(r * size, (r + 1) * size),
            loose: false,
        })
    }
}

impl Data {
    /// An array from parts that a reader has found; the number of elements must be what the shape says.
    pub fn array(shape: Vec<u64>, numbers: Numbers) -> Data {
        Data::Array(NumberArray { shape, numbers, loose: false })
    }

    /// What it is, for messages: `a float array of shape [3, 4]`.
    pub fn describe(&self) -> String {
        match self {
            Data::Array(a) if a.shape.is_empty() => match &a.numbers {
                Numbers::Bool(_) => "a bool".into(),
                Numbers::Int(_) => "an integer".into(),
                Numbers::Float(_) => "a number with a decimal point".into(),
            },
            Data::Array(a) => {
                let article = if matches!(a.numbers, Numbers::Int(_)) { "an" } else { "a" };
                format!("{article} {} array of shape {:?}", a.numbers.kind(), a.shape)
            }
            Data::List(items) => format!("a list of {} items of different form", items.len()),
            Data::Object { fields, .. } => {
                let names: Vec<&str> = fields.iter().map(|(n, _)| n.as_str()).collect();
                format!("an object with the fields {}", names.join(", "))
            }
        }
    }

    /// Named things that make a whole.
    pub fn object(fields: Vec<(String, Data)>) -> Data {
        Data::Object { fields, archive: false }
    }

    /// The data as the field at a dotted path: `b.c` makes `{b: {c: data}}`.
    pub fn under(self, path: &str, whole: &str) -> Result<Data, InputError> {
        if path.split('.').any(str::is_empty) {
            return Err(InputError::NotAPair(whole.to_owned()));
        }
        Ok(path.rsplit('.').fold(self, |data, name| Data::object(vec![(name.to_owned(), data)])))
    }

    /// What has a name.
    pub fn field(&self, name: &str) -> Option<&Data> {
        let Data::Object { fields, .. } = self else { return None };
        fields.iter().find(|(n, _)| n == name).map(|(_, data)| data)
    }

    /// Puts a thing at a path, in place of what is there.
    pub fn put(&mut self, path: &[&str], part: Data) {
        let Some((name, rest)) = path.split_first() else {
            *self = part;
            return;
        };
        if !matches!(self, Data::Object { .. }) {
            *self = Data::object(Vec::new());
        }
        let Data::Object { fields, .. } = self else { return };
        let at = fields.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            fields.push(((*name).to_owned(), Data::object(Vec::new())));
            fields.len() - 1
        });
        fields[at].1.put(rest, part);
    }

    /// Whether these are named things, by the numbers from 0.
    pub fn is_numbered(&self) -> bool {
        matches!(self, Data::Object { fields, .. } if numbers_from_zero(fields))
    }

    /// Two objects as one.
    pub fn joined(self, other: Data, place: &str) -> Result<Data, InputError> {
        let (Data::Object { mut fields, archive }, Data::Object { fields: more, archive: other }) = (self, other)
        else {
            return Err(InputError::Twice(place.to_owned()));
        };
        for (name, data) in more {
            match fields.iter_mut().find(|(n, _)| *n == name) {
                Some((_, before)) => {
                    let held = std::mem::replace(before, Data::List(Vec::new()));
                    *before = held.joined(data, &format!("{place}.{name}"))?;
                }
                None => fields.push((name, data)),
            }
        }
        Ok(Data::Object { fields, archive: archive || other })
    }

    /// An object from arrays with dotted names, as files of many arrays hold them.
    pub fn from_named(arrays: Vec<(String, Data)>) -> Result<Data, FileProblem> {
        let mut whole = Data::object(Vec::new());
        for (name, data) in arrays {
            let twice = || FileProblem::Twice(name.clone());
            let part = data.under(&name, &name).map_err(|_| FileProblem::Name(name.clone()))?;
            whole = whole.joined(part, "").map_err(|_| twice())?;
        }
        whole.mark_archive();
        Ok(whole)
    }

    fn mark_archive(&mut self) {
        if let Data::Object { fields, archive } = self {
            *archive = true;
            fields.iter_mut().for_each(|(_, data)| data.mark_archive());
        }
    }

    /// Adds the shape of each array under its dotted path.
    pub fn collect_shapes(&self, path: &str, shapes: &mut BTreeMap<String, Vec<u64>>) {
        match self {
            Data::Array(a) => {
                shapes.insert(path.to_owned(), a.shape.clone());
            }
            Data::List(items) => {
                shapes.insert(path.to_owned(), vec![items.len() as u64]);
            }
            Data::Object { fields, .. } => {
                fields.iter().for_each(|(n, d)| d.collect_shapes(&format!("{path}.{n}"), shapes))
            }
        }
    }
}

/// Whether names are the numbers from 0, in any order.
pub fn numbers_from_zero(fields: &[(String, Data)]) -> bool {
    let mut names: Vec<usize> = fields.iter().filter_map(|(name, _)| name.parse().ok()).collect();
    names.sort_unstable();
    !fields.is_empty() && names.len() == fields.len() && names.into_iter().eq(0..fields.len())
}

/// Joins things as they come: arrays of one shape into one array, others into a list.
#[derive(Default)]
pub struct Joiner {
    items: Items,
}

#[derive(Default)]
enum Items {
    #[default]
    None,
    Rows(u64, NumberArray),
    List(Vec<Data>),
}

impl Joiner {
    /// Adds one more.
    pub fn push(&mut self, item: Data) {
        self.items = match (std::mem::take(&mut self.items), item) {
            (Items::None, Data::Array(a)) => Items::Rows(1, a),
            (Items::None, other) => Items::List(vec![other]),
            (Items::Rows(n, mut rows), Data::Array(a)) if rows.shape == a.shape => match rows.numbers.append(a.numbers)
            {
                Ok(()) => Items::Rows(n + 1, rows),
                Err(numbers) => Items::List(split(n, rows, Data::array(a.shape, numbers))),
            },
            (Items::Rows(n, rows), other) => Items::List(split(n, rows, other)),
            (Items::List(mut list), other) => {
                list.push(other);
                Items::List(list)
            }
        };
    }

    /// The whole; of nothing, an array of no elements.
    pub fn finish(self) -> Data {
        match self.items {
            Items::None => Data::array(vec![0], Numbers::Int(Vec::new())),
            Items::Rows(n, rows) => Data::array(std::iter::once(n).chain(rows.shape).collect(), rows.numbers),
            Items::List(list) => Data::List(list),
        }
    }
}

/// Rows that turned out not to make a box, and what came after them.
fn split(count: u64, rows: NumberArray, next: Data) -> Vec<Data> {
    let whole = NumberArray { shape: std::iter::once(count).chain(rows.shape).collect(), ..rows };
    whole.rows().map(Data::Array).chain(std::iter::once(next)).collect()
}
