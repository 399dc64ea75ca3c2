//! Names of tensors in files: mapped to places of the program, and set aside where nobody asks for them.

use motet_program::data::DataType;

use super::array::{Data, numbers_from_zero};
use super::error::InputError;

/// `PLACE=NAME`: at a place of a parameter stands what the parameter's file calls by the name.
pub struct Map<'a> {
    /// The parameter.
    pub parameter: &'a str,
    /// The name.
    pub name: &'a str,
    /// The argument, for messages.
    pub argument: &'a str,
    /// Fields below the parameter; none for the parameter as a whole.
    place: Vec<&'a str>,
}

/// Reads arguments; the whole of a parameter comes before its parts.
pub fn parse(arguments: &[String]) -> Result<Vec<Map<'_>>, InputError> {
    let mut maps: Vec<Map> = Vec::new();
    for argument in arguments {
        let wrong = || InputError::NotAMap(argument.clone());
        let (place, name) = argument.split_once('=').ok_or_else(wrong)?;
        if place.split('.').chain(name.split('.')).any(str::is_empty) {
            return Err(wrong());
        }
        let (parameter, fields) = place.split_once('.').map_or((place, None), |(p, f)| (p, Some(f)));
        let place: Vec<&str> = fields.into_iter().flat_map(|f| f.split('.')).collect();
        if maps.iter().any(|other| other.parameter == parameter && other.place == place) {
            return Err(InputError::MappedTwice(argument.clone()));
        }
        maps.push(Map { parameter, name, argument, place });
    }
    maps.sort_by_key(|map| map.place.len());
    Ok(maps)
}

/// A parameter's data with its maps followed. What a name stands for is copied, so that several places may have it.
pub fn follow(data: &Data, maps: &[&Map]) -> Result<Data, InputError> {
    let mut whole = data.clone();
    for map in maps {
        let found = map.name.split('.').try_fold(data, |data, part| data.field(part));
        let part = found.ok_or_else(|| InputError::NoName {
            argument: map.argument.to_owned(),
            name: map.name.to_owned(),
            found: known_names(data),
        })?;
        whole.put(&map.place, part.clone());
    }
    Ok(whole)
}

/// Names of a file for a message: the first of them, and how many more there are.
fn known_names(data: &Data) -> String {
    const SHOWN: usize = 12;
    let mut names = Vec::new();
    leaf_names(data, "", &mut names);
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    if more == 0 { list } else { format!("{list} and {more} more") }
}

fn leaf_names(data: &Data, path: &str, names: &mut Vec<String>) {
    match data {
        Data::Object { fields, .. } => {
            let under = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            fields.iter().for_each(|(name, data)| leaf_names(data, &under(name), names));
        }
        _ if path.is_empty() => {}
        _ => names.push(path.to_owned()),
    }
}

/// Takes out of files of arrays what a type does not ask for; gives its names, but those that maps have copied elsewhere.
pub fn set_aside(data: &mut Data, ty: &DataType, mapped: &[String]) -> Vec<String> {
    let mut aside = Vec::new();
    prune(data, ty, "", &mut aside);
    let under = |path: &str, name: &str| path.strip_prefix(name).is_some_and(|r| r.is_empty() || r.starts_with('.'));
    aside.retain(|path| !mapped.iter().any(|name| under(path, name)));
    aside
}

fn prune(data: &mut Data, ty: &DataType, path: &str, aside: &mut Vec<String>) {
    let under = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (data, ty) {
        (Data::Object { fields, archive }, DataType::Struct(_, asked)) => {
            let archive = *archive;
            fields.retain_mut(|(name, data)| match asked.iter().find(|(n, _)| n == name) {
                Some((_, ty)) => {
                    prune(data, ty, &under(name), aside);
                    true
                }
                None if archive => {
                    match data {
                        Data::Object { .. } => leaf_names(data, &under(name), aside),
                        _ => aside.push(under(name)),
                    }
                    false
                }
                None => true,
            });
        }
        (Data::Object { fields, .. }, DataType::Tuple(parts)) => {
            for (name, data) in fields {
                if let Some(part) = name.parse::<usize>().ok().and_then(|k| parts.get(k)) {
                    prune(data, part, &under(name), aside);
                }
            }
        }
        (Data::Object { fields, .. }, DataType::Array(_, of)) if numbers_from_zero(fields) => {
            fields.iter_mut().for_each(|(name, data)| prune(data, of, &under(name), aside));
        }
        // Columns.
        (data, DataType::Array(_, of)) => prune(data, of, path, aside),
        _ => {}
    }
}
