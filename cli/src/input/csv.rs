//! `.csv`: a table of numbers, with a first line of names or without.

use std::path::Path;

use super::array::{Data, NumberArray};
use super::error::FileProblem;
use super::numbers::Numbers;
use super::{MAX_TEXT, read_file};

/// Reads a file.
pub fn read(path: &Path) -> Result<Data, FileProblem> {
    parse(&read_file(path, MAX_TEXT)?)
}

/// Reads a table: integers where every cell is one, else floats. A first line without a single number holds names.
pub fn parse(bytes: &[u8]) -> Result<Data, FileProblem> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(bytes);
    let (mut rows, mut columns) = (0u64, 0u64);
    let mut numbers: Option<Numbers> = None;
    for (n, record) in reader.records().enumerate() {
        let record = record?;
        if n == 0 && record.iter().all(|cell| number(cell).is_none()) {
            continue;
        }
        for (column, cell) in record.iter().enumerate() {
            let line = record.position().map_or(0, csv::Position::line);
            let bad = || FileProblem::Cell { line, column: column + 1, cell: super::shortened(cell) };
            let read = number(cell).ok_or_else(bad)?;
            match &mut numbers {
                None => numbers = Some(read),
                Some(so_far) => so_far.append(read).map_err(|_| bad())?,
            }
        }
        rows += 1;
        columns = record.len() as u64;
    }
    let shape = if columns == 1 { vec![rows] } else { vec![rows, columns] };
    Ok(Data::Array(NumberArray { shape, numbers: numbers.unwrap_or(Numbers::Int(Vec::new())), loose: true }))
}

/// What a cell holds.
fn number(cell: &str) -> Option<Numbers> {
    if let Ok(n) = cell.parse::<i128>() {
        return Some(Numbers::Int(vec![n]));
    }
    match cell {
        "true" | "True" | "TRUE" => Some(Numbers::Bool(vec![true])),
        "false" | "False" | "FALSE" => Some(Numbers::Bool(vec![false])),
        // `nan` and `inf` are floats to Rust, but no numbers to us.
        _ => cell.parse::<f64>().ok().filter(|f| f.is_finite()).map(|f| Numbers::Float(vec![f])),
    }
}
