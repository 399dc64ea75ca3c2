//! Results: as JSON for programs, and as files.

use std::io::{self, Write};
use std::path::Path;

use motet_program::data::{DataType, Elem, Tensor};
use npyz::WriterBuilder;
use thiserror::Error;

/// A part of the result: its type and its leaves.
pub type Part = (DataType, Vec<Tensor>);

/// A result that cannot be written to a file.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The file cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// An ending that means nothing.
    #[error("--output {0}: the file must end in .json, .npy or .safetensors")]
    Format(String),
    /// Several tensors for a file that holds one.
    #[error("--output {path}: the result has {tensors} tensors, and .npy holds one; write .safetensors or .json")]
    OneTensor {
        /// The file.
        path: String,
        /// How many there are.
        tensors: usize,
    },
    /// The safetensors library refused.
    #[error("{path}: {source}")]
    SafeTensors {
        /// The file.
        path: String,
        /// Why.
        source: safetensors::SafeTensorError,
    },
}

/// What a party is shown: nothing, a value, or (of a tuple) a list of parts.
#[derive(Clone)]
pub struct Shown {
    /// The parts that are shown, in order.
    pub parts: Vec<Part>,
    /// Whether the program's result is a tuple.
    pub tuple: bool,
}

impl Shown {
    /// The value as JSON, on one line.
    pub fn json(&self) -> String {
        match self.parts.as_slice() {
            [] => "null".into(),
            [(ty, leaves)] if !self.tuple => value(ty, leaves),
            parts => list(parts.iter().map(|(ty, leaves)| value(ty, leaves))),
        }
    }

    /// `{"result": …}`.
    pub fn object(&self) -> String {
        format!("{{\"result\": {}}}", self.json())
    }

    /// Writes to a file of the format that its name ends in.
    pub fn write(&self, path: &Path) -> Result<(), OutputError> {
        let name = path.display().to_string();
        let io = |source| OutputError::Io { path: name.clone(), source };
        match path.extension().and_then(|e| e.to_str()) {
            Some("json") => std::fs::write(path, self.object() + "\n").map_err(io),
            Some("npy") => {
                let tensors: Vec<&Tensor> = self.parts.iter().flat_map(|(_, leaves)| leaves).collect();
                let [tensor] = tensors.as_slice() else {
                    return Err(OutputError::OneTensor { path: name, tensors: tensors.len() });
                };
                std::fs::File::create(path).and_then(|file| npy(tensor, io::BufWriter::new(file))).map_err(io)
            }
            Some("safetensors") => {
                safetensors_file(&self.named(), path).map_err(|source| OutputError::SafeTensors { path: name, source })
            }
            _ => Err(OutputError::Format(name)),
        }
    }

    /// The tensors by dotted name: a struct's fields by theirs, parts of tuples by number, anything else `result`.
    fn named(&self) -> Vec<(String, &Tensor)> {
        let mut named = Vec::new();
        for (k, (ty, leaves)) in self.parts.iter().enumerate() {
            let prefix = if self.tuple { k.to_string() } else { String::new() };
            name_leaves(&prefix, ty, &mut leaves.iter(), &mut named);
        }
        named
    }
}

fn name_leaves<'a>(
    prefix: &str,
    ty: &DataType,
    leaves: &mut impl Iterator<Item = &'a Tensor>,
    out: &mut Vec<(String, &'a Tensor)>,
) {
    let under = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match ty {
        DataType::Leaf(_) => {
            let name = if prefix.is_empty() { "result" } else { prefix };
            out.extend(leaves.next().map(|t| (name.to_owned(), t)));
        }
        DataType::Tuple(parts) => {
            parts.iter().enumerate().for_each(|(k, t)| name_leaves(&under(&k.to_string()), t, leaves, out));
        }
        DataType::Struct(_, fields) => fields.iter().for_each(|(n, t)| name_leaves(&under(n), t, leaves, out)),
        DataType::Array(_, of) => name_leaves(prefix, of, leaves, out),
    }
}

/// One element as text; `fix` with the fewest digits after the point that identify it, at least one.
pub fn number(elem: Elem, ring: u64) -> String {
    match elem {
        Elem::Bool => (ring == 1).to_string(),
        Elem::Fix { frac, .. } => {
            let units = elem.number(ring);
            let sign = if units < 0 { "-" } else { "" };
            let (whole, fraction) = (units.unsigned_abs() >> frac, units.unsigned_abs() & ((1 << frac) - 1));
            let (mut power, mut digits) = (10u128, 1usize);
            loop {
                // The decimal of so many digits that is nearest; it identifies the value if it is closer than half a unit.
                let scaled = fraction * power;
                let nearest = (scaled + (1 << frac >> 1)) >> frac;
                if (nearest << frac).abs_diff(scaled) * 2 < power {
                    let (carry, rest) = (nearest / power, nearest % power);
                    return format!("{sign}{}.{rest:0digits$}", whole + carry);
                }
                (power, digits) = (power * 10, digits + 1);
            }
        }
        _ => elem.number(ring).to_string(),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A value as JSON.
fn value(ty: &DataType, leaves: &[Tensor]) -> String {
    let mut out = String::new();
    write_value(ty, &mut leaves.iter().map(|t| (t, 0, 1)), &mut out);
    out
}

/// Writes the point `at` of `of` points of leading axes of each leaf.
fn write_value(ty: &DataType, leaves: &mut dyn Iterator<Item = (&Tensor, usize, usize)>, out: &mut String) {
    match ty {
        DataType::Leaf(t) => {
            if let Some((tensor, at, of)) = leaves.next() {
                let size = tensor.data.len() / of.max(1);
                write_tensor(t.elem, &t.shape, &tensor.data[at * size..(at + 1) * size], out);
            }
        }
        DataType::Tuple(parts) => {
            out.push('[');
            for (k, part) in parts.iter().enumerate() {
                out.push_str(if k == 0 { "" } else { ", " });
                write_value(part, leaves, out);
            }
            out.push(']');
        }
        DataType::Struct(_, fields) => {
            out.push('{');
            for (k, (name, field)) in fields.iter().enumerate() {
                out.push_str(if k == 0 { "" } else { ", " });
                out.push_str(&format!("\"{name}\": "));
                write_value(field, leaves, out);
            }
            out.push('}');
        }
        DataType::Array(shape, of) => {
            let mine: Vec<_> = leaves.take(of.leaves().len()).collect();
            write_array(shape, of, &mine, out);
        }
    }
}

fn write_array(shape: &[u64], of: &DataType, leaves: &[(&Tensor, usize, usize)], out: &mut String) {
    let Some((&count, rest)) = shape.split_first() else {
        return write_value(of, &mut leaves.iter().copied(), out);
    };
    out.push('[');
    for k in 0..count as usize {
        out.push_str(if k == 0 { "" } else { ", " });
        let row: Vec<_> = leaves.iter().map(|&(t, at, of)| (t, at * count as usize + k, of * count as usize)).collect();
        write_array(rest, of, &row, out);
    }
    out.push(']');
}

fn write_tensor(elem: Elem, shape: &[u64], data: &[u64], out: &mut String) {
    let Some((&count, rest)) = shape.split_first() else {
        out.push_str(&data.first().map(|&ring| number(elem, ring)).unwrap_or_default());
        return;
    };
    out.push('[');
    let size = data.len() / (count as usize).max(1);
    for k in 0..count as usize {
        out.push_str(if k == 0 { "" } else { ", " });
        write_tensor(elem, rest, &data[k * size..(k + 1) * size], out);
    }
    out.push(']');
}

/// The value of a `fix` element as a float: exact up to 53 bits.
pub fn float(elem: Elem, ring: u64) -> f64 {
    let frac = if let Elem::Fix { frac, .. } = elem { i32::from(frac) } else { 0 };
    elem.number(ring) as f64 * 2f64.powi(-frac)
}

/// The element type of a file that holds a tensor's numbers exactly (`fix` beyond 53 bits: to nearest).
fn stored(elem: Elem) -> safetensors::Dtype {
    use safetensors::Dtype as D;
    match (elem, elem.bits()) {
        (Elem::Bool, _) => D::BOOL,
        (Elem::Fix { .. }, _) => D::F64,
        (Elem::Uint(_), ..=8) => D::U8,
        (Elem::Uint(_), ..=16) => D::U16,
        (Elem::Uint(_), ..=32) => D::U32,
        (Elem::Uint(_), _) => D::U64,
        (_, ..=8) => D::I8,
        (_, ..=16) => D::I16,
        (_, ..=32) => D::I32,
        _ => D::I64,
    }
}

fn npy(tensor: &Tensor, file: impl Write) -> io::Result<()> {
    use safetensors::Dtype as D;
    fn all<T: npyz::Serialize + npyz::AutoSerialize>(
        tensor: &Tensor,
        file: impl Write,
        f: impl Fn(u64) -> T,
    ) -> io::Result<()> {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(&tensor.ty.shape).writer(file).begin_nd()?;
        writer.extend(tensor.data.iter().map(|&ring| f(ring)))?;
        writer.finish()
    }
    let elem = tensor.ty.elem;
    let n = |ring| elem.number(ring);
    match stored(elem) {
        D::BOOL => all(tensor, file, |r| r == 1),
        D::U8 => all(tensor, file, |r| r as u8),
        D::U16 => all(tensor, file, |r| r as u16),
        D::U32 => all(tensor, file, |r| r as u32),
        D::U64 => all(tensor, file, |r| r),
        D::I8 => all(tensor, file, |r| n(r) as i8),
        D::I16 => all(tensor, file, |r| n(r) as i16),
        D::I32 => all(tensor, file, |r| n(r) as i32),
        D::I64 => all(tensor, file, |r| n(r) as i64),
        _ => all(tensor, file, |r| float(elem, r)),
    }
}

fn safetensors_file(tensors: &[(String, &Tensor)], path: &Path) -> Result<(), safetensors::SafeTensorError> {
    let mut held = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let (elem, dtype) = (tensor.ty.elem, stored(tensor.ty.elem));
        let size = dtype.bitsize() / 8;
        let bytes: Vec<u8> = tensor
            .data
            .iter()
            .flat_map(|&ring| {
                let word = match elem {
                    Elem::Fix { .. } => float(elem, ring).to_bits(),
                    _ => elem.number(ring) as u64,
                };
                word.to_le_bytes().into_iter().take(size)
            })
            .collect();
        let shape: Vec<usize> = tensor.ty.shape.iter().map(|&n| n as usize).collect();
        held.push((name, dtype, shape, bytes));
    }
    let views: Vec<_> = held
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            Ok((name.as_str(), safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes)?))
        })
        .collect::<Result<_, safetensors::SafeTensorError>>()?;
    safetensors::serialize_to_file(views, None, path)
}

#[cfg(test)]
mod tests {
    use motet_program::data::Type;

    use super::*;
    use crate::input::Inputs;

    #[test]
    fn fix_is_printed_with_the_digits_that_identify_it() {
        let fix = Elem::Fix { bits: 40, frac: 13 };
        let ring = |units: i64| units as u64 & fix.mask();
        for (units, text) in
            [(0, "0.0"), (8192, "1.0"), (-4096, "-0.5"), (1, "0.0001"), (-1, "-0.0001"), (8191, "0.9999")]
        {
            assert_eq!(number(fix, ring(units)), text);
        }
        // Every value comes back as itself.
        for units in (-70_000i64..70_000).step_by(7) {
            let text = number(fix, ring(units));
            let back = crate::input::Inputs::read(&[format!("x={text}")]).unwrap();
            assert_eq!(leaf(back, fix), ring(units), "{text}");
        }
        let tall = Elem::Fix { bits: 64, frac: 63 };
        assert_eq!(number(tall, 1), "0.0000000000000000001");
        assert_eq!(number(tall, 1 << 63), "-1.0");
        assert_eq!(number(Elem::Fix { bits: 64, frac: 0 }, 5), "5.0");
    }

    fn leaf(mut inputs: Inputs, elem: Elem) -> u64 {
        inputs.take("x", &DataType::Leaf(Type::scalar(elem))).unwrap()[0].data[0]
    }

    fn tensor(elem: Elem, shape: &[u64], data: &[u64]) -> Tensor {
        Tensor { ty: Type { elem, shape: shape.to_vec() }, data: data.to_vec() }
    }

    #[test]
    fn values_are_json() {
        let pair = DataType::Struct(
            "P".into(),
            vec![
                ("a".into(), DataType::Leaf(Type::scalar(Elem::Sint(8)))),
                ("b".into(), DataType::Leaf(Type { elem: Elem::Bool, shape: vec![2] })),
            ],
        );
        let ty = DataType::Array(vec![2], Box::new(pair));
        let leaves = vec![tensor(Elem::Sint(8), &[2], &[1, 255]), tensor(Elem::Bool, &[2, 2], &[1, 0, 0, 1])];
        let shown = |parts, tuple| Shown { parts, tuple }.object();
        assert_eq!(
            shown(vec![(ty, leaves)], false),
            r#"{"result": [{"a": 1, "b": [true, false]}, {"a": -1, "b": [false, true]}]}"#
        );
        assert_eq!(shown(vec![], false), r#"{"result": null}"#);
        let one = || (DataType::Leaf(Type::scalar(Elem::Uint(8))), vec![tensor(Elem::Uint(8), &[], &[7])]);
        assert_eq!(shown(vec![one()], false), r#"{"result": 7}"#);
        assert_eq!(shown(vec![one()], true), r#"{"result": [7]}"#);
        let empty =
            (DataType::Leaf(Type { elem: Elem::Bool, shape: vec![2, 0] }), vec![tensor(Elem::Bool, &[2, 0], &[])]);
        assert_eq!(shown(vec![empty], false), r#"{"result": [[], []]}"#);
    }

    #[test]
    fn files_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let (i, f) = (Elem::Sint(13), Elem::Fix { bits: 40, frac: 13 });
        let ty = DataType::Struct(
            "S".into(),
            vec![
                ("a".into(), DataType::Leaf(Type { elem: i, shape: vec![2, 2] })),
                ("b".into(), DataType::Leaf(Type::scalar(f))),
            ],
        );
        let leaves = vec![tensor(i, &[2, 2], &[1, 2, 3, 8191]), tensor(f, &[], &[12345])];
        let shown = Shown { parts: vec![(ty.clone(), leaves.clone())], tuple: false };
        let path = folder.path().join("out.safetensors");
        shown.write(&path).unwrap();
        let mut inputs = Inputs::read(&[format!("x={}", path.display())]).unwrap();
        assert!(inputs.take("x", &ty).unwrap() == leaves);

        let path = folder.path().join("out.npy");
        assert!(matches!(shown.write(&path), Err(OutputError::OneTensor { tensors: 2, .. })));
        let one = Shown { parts: vec![(DataType::Leaf(leaves[0].ty.clone()), vec![leaves[0].clone()])], tuple: false };
        one.write(&path).unwrap();
        let mut inputs = Inputs::read(&[format!("x={}", path.display())]).unwrap();
        assert!(inputs.take("x", &one.parts[0].0).unwrap()[0] == leaves[0]);
        assert!(matches!(one.write(&folder.path().join("out.txt")), Err(OutputError::Format(_))));
    }
}
