//! `.safetensors`: named arrays; a name with dots is a field of a field.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::array::Data;
use super::error::FileProblem;
use super::numbers::Encoding;
use super::{MAX_ELEMENTS, read_file};

/// Reads a file.
pub fn read(path: &Path) -> Result<Data, FileProblem> {
    parse(&read_file(path, MAX_ELEMENTS * 8)?)
}

/// Reads the arrays; those of a file are never larger than the file.
pub fn parse(bytes: &[u8]) -> Result<Data, FileProblem> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut arrays = Vec::new();
    for (name, tensor) in file.tensors() {
        let shape = tensor.shape().iter().map(|&n| n as u64).collect();
        let numbers = encoding(tensor.dtype())?.decode(tensor.data(), false)?;
        arrays.push((name, Data::array(shape, numbers)));
    }
    // The library gives them in no order.
    arrays.sort_by(|(a, _), (b, _)| a.cmp(b));
    Data::from_named(arrays)
}

fn encoding(dtype: Dtype) -> Result<Encoding, FileProblem> {
    Ok(match dtype {
        Dtype::BOOL => Encoding::Bool,
        Dtype::U8 => Encoding::Unsigned(1),
        Dtype::U16 => Encoding::Unsigned(2),
        Dtype::U32 => Encoding::Unsigned(4),
        Dtype::U64 => Encoding::Unsigned(8),
        Dtype::I8 => Encoding::Signed(1),
        Dtype::I16 => Encoding::Signed(2),
        Dtype::I32 => Encoding::Signed(4),
        Dtype::I64 => Encoding::Signed(8),
        Dtype::F16 => Encoding::Float(2),
        Dtype::BF16 => Encoding::BFloat16,
        Dtype::F32 => Encoding::Float(4),
        Dtype::F64 => Encoding::Float(8),
        other => return Err(FileProblem::ElementType(format!("{other:?}"))),
    })
}
