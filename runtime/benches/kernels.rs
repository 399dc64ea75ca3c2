//! How fast the kernels are, each beside the limit that AES sets in the same run.
//!
//! `cargo bench --package motet-runtime --bench kernels`

use std::hint::black_box;
use std::time::{Duration, Instant};

use motet_runtime::crypto::expand::expand;
use motet_runtime::crypto::gate::{MAX_BATCH, Wires};
use motet_runtime::crypto::isa::Isa;
use motet_runtime::crypto::transpose::transpose;
use motet_runtime::crypto::{Block, Buffer, Kernels, TweakKeys, aes::Schedule};

/// Gates of a made-up circuit: each reads what others wrote before it.
const GATES: usize = 64;
/// Slots that the circuit works in.
const SLOTS: usize = 64;

fn main() {
    println!("{:<16} {:>6} {:>22} {:>10} {:>10}", "kernel", "batch", "instruction set", "M/s", "of AES");
    for isa in Isa::available() {
        let aes = aes_blocks(isa);
        row("AES-128 blocks", "", isa, aes, None);
        for n in [1, 16, 64, MAX_BATCH] {
            let batch = n.to_string();
            row("garble AND", &batch, isa, garble(isa, n), Some(aes / 4.0));
            row("evaluate AND", &batch, isa, evaluate(isa, n), Some(aes / 2.0));
            row("XOR", &batch, isa, xor(isa, n), None);
        }
        for n in [4, 8, 16, 32, 64, 128] {
            let batch = n.to_string();
            row("VOLE rows, k = 2", &batch, isa, rows::<2>(isa, n), Some(aes / 2.0));
            row("VOLE rows, k = 4", &batch, isa, rows::<4>(isa, n), Some(aes / 4.0));
            row("transpose", &batch, isa, transposed(isa, n), None);
        }
    }
}

fn row(kernel: &str, batch: &str, isa: Isa, rate: f64, limit: Option<f64>) {
    let share = limit.map_or(String::new(), |limit| format!("{:.0} %", 100.0 * rate / limit));
    println!("{kernel:<16} {batch:>6} {:>22} {:>10.0} {share:>10}", isa.name(), rate / 1e6);
}

/// Calls a second, times `each`: the best of some short runs.
fn rate(each: usize, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(150) {
        let start = Instant::now();
        for _ in 0..20 {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() / 20.0);
    }
    each as f64 / best
}

fn aes_blocks(isa: Isa) -> f64 {
    let key = Schedule::new(isa, Block::ONE);
    let mut out = vec![Block::ZERO; 1024];
    rate(out.len(), || key.counter(0, 0, black_box(&mut out)))
}

fn wires(gate: usize) -> Wires {
    Wires { dst: (7 * gate + 3) % SLOTS, a: gate % SLOTS, b: (5 * gate + 1) % SLOTS }
}

fn garble(isa: Isa, n: usize) -> f64 {
    let kernels = Kernels::with(isa);
    let mut keys = TweakKeys::new(isa, Block::ONE, 0);
    let mut slots = vec![Block::new(0x1234_5678_9abc); SLOTS * n];
    let mut tables = vec![0; 32 * n * GATES];
    rate(GATES * n, || {
        for (gate, tables) in tables.chunks_exact_mut(32 * n).enumerate() {
            kernels.garble_full(&mut slots, n, wires(gate), [false; 2], Block::ONE, keys.two(), tables);
        }
    })
}

fn evaluate(isa: Isa, n: usize) -> f64 {
    let kernels = Kernels::with(isa);
    let mut keys = TweakKeys::new(isa, Block::ONE, 0);
    let mut slots = vec![Block::new(0x1234_5678_9abc); SLOTS * n];
    let tables = vec![7; 32 * n * GATES];
    rate(GATES * n, || {
        for (gate, tables) in tables.chunks_exact(32 * n).enumerate() {
            kernels.evaluate_full(&mut slots, n, wires(gate), keys.two(), tables);
        }
    })
}

/// OTs' worth of rows, a receiver's, in chunks of `n` blocks a row.
fn rows<const K: usize>(isa: Isa, n: usize) -> f64 {
    let keys: Vec<Schedule> = (0..(128 / K) << K).map(|seed| Schedule::new(isa, Block::new(seed as u128))).collect();
    let mut u = Buffer::new(n);
    let mut v = Buffer::new(128 * n);
    rate(128 * n, || {
        for (keys, v) in keys.chunks_exact(1 << K).zip(v.chunks_exact_mut(K * n)) {
            expand::<K>(isa, keys, 0, None, &mut u, black_box(v));
        }
    })
}

fn transposed(isa: Isa, n: usize) -> f64 {
    let (rows, mut out) = (Buffer::new(128 * n), Buffer::new(128 * n));
    rate(128 * n, || transpose(isa, &rows, black_box(&mut out)))
}

fn xor(isa: Isa, n: usize) -> f64 {
    let kernels = Kernels::with(isa);
    let mut slots = vec![Block::new(0x1234_5678_9abc); SLOTS * n];
    rate(GATES * n, || {
        for gate in 0..GATES {
            kernels.xor(&mut slots, n, wires(gate), None);
        }
    })
}
