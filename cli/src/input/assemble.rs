//! Data of any form, fitted to a parameter's type.

use motet_program::data::{DataType, Elem, Tensor, Type};

use super::array::{Data, NumberArray, numbers_from_zero};
use super::error::InputError;
use super::numbers::Numbers;
use super::quantise::{self, Misfit};
use crate::output::number;

/// The leaves of a parameter of the type; `place` is its name, for messages.
pub fn assemble(place: &str, data: Data, ty: &DataType) -> Result<Vec<Tensor>, InputError> {
    match ty {
        DataType::Leaf(t) => Ok(vec![leaf(place, data, t)?]),
        DataType::Tuple(parts) => {
            let items = items(place, data, parts.len() as u64, ty)?;
            let mut leaves = Vec::new();
            for (k, (item, part)) in items.into_iter().zip(parts).enumerate() {
                leaves.extend(assemble(&format!("{place}.{k}"), item, part)?);
            }
            Ok(leaves)
        }
        DataType::Struct(_, fields) => {
            let Data::Object { fields: mut found, .. } = data else { return Err(form(place, &data, ty)) };
            let given = listed(found.iter().map(|(n, _)| n));
            let mut leaves = Vec::new();
            for (name, part) in fields {
                let Some(at) = found.iter().position(|(n, _)| n == name) else {
                    return Err(InputError::NoField { place: place.to_owned(), field: name.clone(), found: given });
                };
                leaves.extend(assemble(&format!("{place}.{name}"), found.swap_remove(at).1, part)?);
            }
            match found.first() {
                None => Ok(leaves),
                Some((field, _)) => Err(InputError::ExtraField {
                    place: place.to_owned(),
                    field: field.clone(),
                    expected: listed(fields.iter().map(|(n, _)| n)),
                }),
            }
        }
        // Columns: an array for each field, led by the shape. That is how array files hold tensors of structs.
        DataType::Array(shape, of) if matches!(data, Data::Object { .. }) && !data.is_numbered() => {
            assemble(place, data, &led(shape, of))
        }
        DataType::Array(shape, of) => array(place, data, shape, of),
    }
}

/// A tensor of structs from a list of them (a list of lists where there are several axes).
fn array(place: &str, data: Data, shape: &[u64], of: &DataType) -> Result<Vec<Tensor>, InputError> {
    let Some((&count, rest)) = shape.split_first() else { return assemble(place, data, of) };
    let row = if rest.is_empty() { of.clone() } else { DataType::Array(rest.to_vec(), Box::new(of.clone())) };
    let whole = DataType::Array(shape.to_vec(), Box::new(of.clone()));
    let mut leaves: Vec<Tensor> = whole.leaves().into_iter().map(|ty| Tensor { ty, data: Vec::new() }).collect();
    for (k, item) in items(place, data, count, &whole)?.into_iter().enumerate() {
        for (leaf, part) in leaves.iter_mut().zip(assemble(&format!("{place}[{k}]"), item, &row)?) {
            leaf.data.extend(part.data);
        }
    }
    Ok(leaves)
}

/// The type of the columns of a tensor of structs: each leaf led by the shape.
fn led(shape: &[u64], of: &DataType) -> DataType {
    let under = |inner: &[u64]| shape.iter().chain(inner).copied().collect::<Vec<_>>();
    match of {
        DataType::Leaf(t) => DataType::Leaf(Type { elem: t.elem, shape: under(&t.shape) }),
        DataType::Tuple(parts) => DataType::Tuple(parts.iter().map(|p| led(shape, p)).collect()),
        DataType::Struct(name, fields) => {
            DataType::Struct(name.clone(), fields.iter().map(|(n, f)| (n.clone(), led(shape, f))).collect())
        }
        DataType::Array(inner, of) => led(&under(inner), of),
    }
}

/// The items of a list of so many.
fn items(place: &str, data: Data, count: u64, ty: &DataType) -> Result<Vec<Data>, InputError> {
    let items: Vec<Data> = match data {
        Data::List(items) => items,
        Data::Array(a) if !a.shape.is_empty() => a.rows().map(Data::Array).collect(),
        // As files of arrays name the items of lists: `layers.0.weight`.
        Data::Object { mut fields, .. } if numbers_from_zero(&fields) => {
            fields.sort_by_key(|(name, _)| name.parse::<usize>().unwrap_or(usize::MAX));
            fields.into_iter().map(|(_, data)| data).collect()
        }
        other => return Err(form(place, &other, ty)),
    };
    if items.len() as u64 == count {
        return Ok(items);
    }
    Err(InputError::Form {
        place: place.to_owned(),
        expected: describe(ty),
        found: format!("a list of {} items", items.len()),
    })
}

/// A tensor or scalar.
fn leaf(place: &str, data: Data, ty: &Type) -> Result<Tensor, InputError> {
    let wrong = |data: &Data| form(place, data, &DataType::Leaf(ty.clone()));
    let array = match data {
        Data::Array(a) => a,
        // A file with one array serves for one tensor, whatever the array is called.
        Data::Object { mut fields, .. } if fields.len() == 1 && matches!(fields[0].1, Data::Array(_)) => {
            match fields.swap_remove(0).1 {
                Data::Array(a) => a,
                other => return Err(wrong(&other)),
            }
        }
        Data::List(items) => return Err(ragged(place, &items, ty)),
        other => return Err(wrong(&other)),
    };
    let ones = |shape: &[u64]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    let fits = array.shape == ty.shape
        || array.loose && ones(&array.shape) == ones(&ty.shape)
        || ty.count() == 0 && array.numbers.is_empty() && ty.shape.starts_with(&array.shape);
    if !fits || array.numbers.len() as u64 != ty.count() {
        return Err(wrong(&Data::Array(array)));
    }
    Ok(Tensor { ty: ty.clone(), data: elements(place, &array, ty)? })
}

fn elements(place: &str, array: &NumberArray, ty: &Type) -> Result<Vec<u64>, InputError> {
    let elem = ty.elem;
    fn all<T: Copy>(
        numbers: &[T],
        f: impl Fn(T) -> Result<u64, Misfit>,
        fail: impl Fn(usize, Misfit) -> InputError,
    ) -> Result<Vec<u64>, InputError> {
        numbers.iter().enumerate().map(|(k, &x)| f(x).map_err(|m| fail(k, m))).collect()
    }
    match &array.numbers {
        Numbers::Bool(v) => all(v, |b| quantise::truth(b, elem), |k, m| misfit(place, ty, k, v[k].to_string(), m)),
        Numbers::Int(v) => all(v, |n| quantise::integer(n, elem), |k, m| misfit(place, ty, k, v[k].to_string(), m)),
        Numbers::Float(v) => {
            all(v, |x| quantise::float(x, elem), |k, m| misfit(place, ty, k, format!("{:?}", v[k]), m))
        }
    }
}

fn misfit(place: &str, ty: &Type, at: usize, value: String, misfit: Misfit) -> InputError {
    let place = element_place(place, &ty.shape, at);
    let elem = ty.elem;
    match misfit {
        Misfit::Range => {
            let (least, greatest) = quantise::bounds(elem);
            let (least, greatest) = (number(elem, least), number(elem, greatest));
            InputError::Range { place, value, ty: elem.to_string(), least, greatest }
        }
        Misfit::Kind => {
            let hint = match elem {
                Elem::Bool => " (give true or false)",
                _ if value == "true" || value == "false" => " (give a number)",
                _ => " (give an integer)",
            };
            InputError::Kind { place, value, ty: elem.to_string(), hint }
        }
    }
}

/// `image[3, 4]`.
fn element_place(place: &str, shape: &[u64], at: usize) -> String {
    if shape.is_empty() {
        return place.to_owned();
    }
    let mut rest = at as u64;
    let mut index: Vec<String> = Vec::with_capacity(shape.len());
    for &n in shape.iter().rev() {
        index.push((rest % n.max(1)).to_string());
        rest /= n.max(1);
    }
    index.reverse();
    format!("{place}[{}]", index.join(", "))
}

/// A list that is no box: where its items begin to differ.
fn ragged(place: &str, items: &[Data], ty: &Type) -> InputError {
    let first = items.first().map(Data::describe).unwrap_or_default();
    let other = items.iter().enumerate().map(|(k, d)| (k, d.describe())).find(|(_, d)| *d != first);
    let found = match other {
        Some((k, other)) => format!("a list whose item 0 is {first} and item {k} is {other}"),
        None => format!("a list of {} items, each {first}", items.len()),
    };
    InputError::Form { place: place.to_owned(), expected: ty.to_string(), found }
}

fn form(place: &str, data: &Data, ty: &DataType) -> InputError {
    InputError::Form { place: place.to_owned(), expected: describe(ty), found: data.describe() }
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// A type as it is written in a program.
pub fn describe(ty: &DataType) -> String {
    match ty {
        DataType::Leaf(t) => t.to_string(),
        DataType::Tuple(parts) => format!("({})", parts.iter().map(describe).collect::<Vec<_>>().join(", ")),
        DataType::Struct(name, fields) => format!("{name} {{ {} }}", listed(fields.iter().map(|(n, _)| n))),
        DataType::Array(shape, of) => {
            let name = if let DataType::Struct(name, _) = of.as_ref() { name.clone() } else { describe(of) };
            format!("{name}{shape:?}")
        }
    }
}
