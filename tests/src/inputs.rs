//! Inputs of programs: from the JSON of test cases, or drawn at random.

use motet_program::data::{DataType, Elem, Tensor, Type};
use serde_json::Value;

/// The leaves of a parameter, from JSON as users write it; `None` where it does not fit.
pub fn from_json(ty: &DataType, json: &Value) -> Option<Vec<Tensor>> {
    match ty {
        DataType::Leaf(ty) => {
            let mut data = Vec::new();
            numbers(json, ty.elem, &mut data)?;
            (data.len() as u64 == ty.count()).then(|| vec![Tensor { ty: ty.clone(), data }])
        }
        DataType::Tuple(parts) => {
            let values = json.as_array()?;
            let leaves = parts.iter().zip(values).map(|(ty, value)| from_json(ty, value));
            Some(leaves.collect::<Option<Vec<_>>>()?.concat())
        }
        DataType::Struct(_, fields) => {
            let leaves = fields.iter().map(|(name, ty)| from_json(ty, json.get(name)?));
            Some(leaves.collect::<Option<Vec<_>>>()?.concat())
        }
        DataType::Array(..) => None,
    }
}

fn numbers(json: &Value, elem: Elem, out: &mut Vec<u64>) -> Option<()> {
    match json {
        Value::Array(items) => items.iter().try_for_each(|item| numbers(item, elem, out)),
        Value::Bool(b) => {
            out.push(u64::from(*b));
            Some(())
        }
        _ => {
            let ring = match elem {
                Elem::Fix { frac, .. } => (json.as_f64()? * (1u64 << frac) as f64).round_ties_even() as i64 as u64,
                _ => json.as_u64().or_else(|| json.as_i64().map(|n| n as u64))?,
            };
            out.push(ring & elem.mask());
            Some(())
        }
    }
}

/// Random leaves: small numbers half of the time, so that they meet.
pub fn random(types: &[Type], draw: &mut impl FnMut() -> u64) -> Vec<Tensor> {
    let mut word = |elem: Elem| {
        let word = if draw().is_multiple_of(2) { draw() % 7 } else { draw() };
        match elem {
            Elem::Int => word % 7,
            elem => word & elem.mask(),
        }
    };
    types.iter().map(|ty| Tensor { ty: ty.clone(), data: (0..ty.count()).map(|_| word(ty.elem)).collect() }).collect()
}
