//! `.npy` and `.npz`: NumPy's arrays, one or several by name.

use std::io::{Cursor, Read};
use std::path::Path;

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};

use super::array::Data;
use super::error::FileProblem;
use super::numbers::{Encoding, Numbers};
use super::{MAX_ELEMENTS, read_file};

/// Longest header that is read. A header of a plain array has about 100 bytes.
const MAX_HEADER: usize = 1 << 14;
/// Deepest nesting of brackets in a header: a dictionary with a tuple.
const MAX_NESTING: i32 = 4;

/// Reads an `.npy` file.
pub fn read_npy(path: &Path) -> Result<Data, FileProblem> {
    parse_npy(&read_file(path, MAX_ELEMENTS * 8)?)
}

/// Reads an `.npz` file.
pub fn read_npz(path: &Path) -> Result<Data, FileProblem> {
    parse_npz(&read_file(path, MAX_ELEMENTS * 8)?)
}

/// Reads an archive of arrays; `.npy` is cut from their names.
pub fn parse_npz(bytes: &[u8]) -> Result<Data, FileProblem> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut arrays = Vec::new();
    let mut room = MAX_ELEMENTS * 8;
    for k in 0..archive.len() {
        let entry = archive.by_index(k)?;
        let name = entry.name()?.trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        entry.take(room).read_to_end(&mut bytes)?;
        room -= bytes.len() as u64;
        if room == 0 {
            return Err(FileProblem::TooManyElements(MAX_ELEMENTS));
        }
        arrays.push((name, parse_npy(&bytes)?));
    }
    Data::from_named(arrays)
}

/// Reads one array.
pub fn parse_npy(bytes: &[u8]) -> Result<Data, FileProblem> {
    let start = check_header(bytes)?;
    let header = NpyHeader::from_reader(bytes).map_err(|e| FileProblem::NumpyHeader(e.to_string()))?;
    let DType::Plain(ty) = header.dtype() else {
        return Err(FileProblem::ElementType(header.dtype().descr()));
    };
    let size = ty.size_field() as usize;
    let encoding = match (ty.type_char(), size) {
        (TypeChar::Bool, 1) => Encoding::Bool,
        (TypeChar::Int, 1 | 2 | 4 | 8) => Encoding::Signed(size),
        (TypeChar::Uint, 1 | 2 | 4 | 8) => Encoding::Unsigned(size),
        (TypeChar::Float, 2 | 4 | 8) => Encoding::Float(size),
        _ => return Err(FileProblem::ElementType(ty.to_string())),
    };
    let shape = header.shape().to_vec();
    let count = shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| *n <= MAX_ELEMENTS);
    let expected = count.ok_or(FileProblem::TooManyElements(MAX_ELEMENTS))? * size as u64;
    let data = &bytes[start..];
    if data.len() as u64 != expected {
        return Err(FileProblem::Length { expected, found: data.len() as u64 });
    }
    let numbers = encoding.decode(data, ty.endianness() == Endianness::Big)?;
    Ok(Data::array(shape.clone(), if header.order() == Order::Fortran { row_major(&shape, &numbers) } else { numbers }))
}

/// Where the elements begin. What parses a header trusts its length and recurses by its brackets: both are bounded here.
fn check_header(bytes: &[u8]) -> Result<usize, FileProblem> {
    let bad = |what: &str| FileProblem::NumpyHeader(what.to_owned());
    if bytes.get(..6) != Some(b"\x93NUMPY") {
        return Err(bad("it does not begin like one"));
    }
    let (text, length) = match bytes.get(6..12) {
        Some([1, _, a, b, ..]) => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        Some([2 | 3, _, a, b, c, d]) => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        Some(_) => return Err(bad("a version that is not known")),
        None => return Err(bad("it ends within its header")),
    };
    if length > MAX_HEADER {
        return Err(bad("its header is too long"));
    }
    let header = bytes.get(text..text + length).ok_or_else(|| bad("it ends within its header"))?;
    let mut depth = 0;
    for byte in header {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(bad("its header is nested too deeply"));
        }
    }
    Ok(text + length)
}

/// Elements that stand with the first axis fastest, in row-major order.
fn row_major(shape: &[u64], numbers: &Numbers) -> Numbers {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1usize;
    for &n in shape {
        strides.push(stride);
        stride *= n as usize;
    }
    let order = (0..numbers.len()).map(|mut k| {
        let mut at = 0;
        for (&n, &stride) in shape.iter().zip(&strides).rev() {
            at += k % n as usize * stride;
            k /= n as usize;
        }
        at
    });
    numbers.reordered(order)
}
