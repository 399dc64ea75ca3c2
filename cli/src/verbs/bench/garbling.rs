//! Circuits garbled and evaluated in memory, by one core.

use std::collections::HashMap;

use motet_circuits::gadgets::add;
use motet_circuits::{Bit, Builder, Circuit, Known, Template};
use motet_program::flatten::flatten;
use motet_runtime::crypto::{Block, Kernels, Prg, Stream, TweakKeys};
use motet_runtime::garble::{Batch, Evaluator, Garbler, Prepared};

use super::figure::{Detail, Figure};
use super::limits::rate;
use crate::failure::Failure;

/// Many instances of `add, ReLU, add` of 32 bits.
pub fn template(aes: f64) -> Vec<Figure> {
    figures("add, ReLU, add of 32 bits", &add_relu_add(), usize::MAX, aes)
}

/// One AES-128 circuit, with its key schedule.
pub fn circuit(aes: f64) -> Result<Vec<Figure>, Failure> {
    let source =
        "use crypto; pub fn main(key: u8[16] @ alice, block: u8[16] @ bob) -> u8[16] { crypto::aes128(key, block) }";
    let loader = HashMap::from([("aes.mpc".to_owned(), source.to_owned())]);
    let program = motet_compiler::compile("aes.mpc", &loader, &Default::default()).map_err(Box::new)?.value;
    Ok(figures("one AES-128 circuit", &flatten(&program)?.circuit, 1, aes))
}

/// `max(x + y, 0) + z`.
fn add_relu_add() -> Circuit {
    let mut b = Builder::new(96);
    let [x, y, z] = [0, 32, 64].map(|at| b.inputs(at..at + 32));
    let sum = add(&mut b, &x, &y);
    let positive = !sum[31];
    let mut relu: Vec<Bit> = sum[..31].iter().map(|&bit| b.and(bit, positive)).collect();
    relu.push(Bit::FALSE);
    let result = add(&mut b, &relu, &z);
    b.finish(result)
}

/// Garbling and evaluating as many instances at once as a batch has, `most` at most.
fn figures(what: &str, circuit: &Circuit, most: usize, aes: f64) -> Vec<Figure> {
    let template = Template::new(circuit, &vec![Known::Nobody; circuit.inputs as usize]);
    // A template that was just made from a circuit keeps its contract.
    let Ok(prepared) = Prepared::new(&template) else { return Vec::new() };
    let n = prepared.batch().min(most);
    let ands = (prepared.ands() * n as u64) as f64;
    let mut batch = Batch::default();
    batch.begin(&prepared, n);
    let mut labels = Prg::from_seed(Block::ONE, Stream(0));
    (0..prepared.inputs().len()).for_each(|slot| labels.fill(batch.labels_mut(slot)));
    let mut tables = vec![0; prepared.table_bytes(n)];

    let kernels = Kernels::detect();
    let keys = || TweakKeys::new(kernels.isa(), Block::ONE, 0);
    let derived = || Prg::from_seed(Block::ONE, Stream(1));
    let mut garbler = Garbler::new(kernels, Block::new(0x1234_5678_9abc_def1), keys(), derived());
    let garble = ands * rate(|| garbler.run_to_memory(&prepared, &mut batch, &mut tables));
    let mut evaluator = Evaluator::new(kernels, keys(), derived());
    let evaluate = ands * rate(|| evaluator.run_from_memory(&prepared, &mut batch, &tables));

    let instances = if n > 1 { format!("{n} at once") } else { String::new() };
    let figure = |verb: &str, rate: f64, blocks: f64, why| {
        Figure::new(format!("{verb} {what}"), rate / 1e6, "M AND/s")
            .of(aes / blocks / 1e6, why)
            .with(Detail::new("instances", n, instances.clone()))
            .with(Detail::new("ands", prepared.ands(), String::new()))
    };
    vec![figure("garble", garble, 4.0, "4 AES blocks an AND"), figure("evaluate", evaluate, 2.0, "2 AES blocks an AND")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_computes_what_it_says() {
        let circuit = add_relu_add();
        assert_eq!(circuit.and_count(), 93);
        for [x, y, z] in [[5, 7, 100], [-5, 3, 100], [i32::MAX, 1, -1], [-9, 20, i32::MAX]] {
            let bits: Vec<bool> = [x, y, z].iter().flat_map(|v: &i32| (0..32).map(move |i| v >> i & 1 == 1)).collect();
            let out = circuit.evaluate(&bits);
            let value = (0..32).fold(0, |value, i| value | i32::from(out[i]) << i);
            assert_eq!(value, x.wrapping_add(y).max(0).wrapping_add(z));
        }
    }
}
