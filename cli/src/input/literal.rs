//! JSON: literals on the command line, and `.json` files.

use std::fmt;
use std::path::Path;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::array::{Data, Joiner, NumberArray};
use super::error::FileProblem;
use super::numbers::Numbers;
use super::{MAX_TEXT, read_file};

/// Reads a `.json` file.
pub fn read(path: &Path) -> Result<Data, FileProblem> {
    Ok(serde_json::from_slice(&read_file(path, MAX_TEXT)?)?)
}

/// Reads a literal.
pub fn parse(text: &str) -> Result<Data, FileProblem> {
    Ok(serde_json::from_str(text)?)
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Numbers are joined into arrays while they are read, so that a long list takes no more than its elements.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers, true, false, lists or objects of them")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Data, E> {
        Ok(Data::Array(NumberArray::scalar(Numbers::Bool(vec![v]))))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Data, E> {
        Ok(Data::Array(NumberArray::scalar(Numbers::Int(vec![v.into()]))))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Data, E> {
        Ok(Data::Array(NumberArray::scalar(Numbers::Int(vec![v.into()]))))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Data, E> {
        Ok(Data::Array(NumberArray::scalar(Numbers::Float(vec![v]))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data, A::Error> {
        let mut joiner = Joiner::default();
        while let Some(item) = items.next_element()? {
            joiner.push(item);
        }
        Ok(joiner.finish())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Data, A::Error> {
        let mut object: Vec<(String, Data)> = Vec::new();
        while let Some((name, data)) = fields.next_entry::<String, Data>()? {
            if object.iter().any(|(n, _)| *n == name) {
                return Err(de::Error::custom(format_args!("the field `{name}` stands there twice")));
            }
            object.push((name, data));
        }
        Ok(Data::object(object))
    }
}
