//! How fast the kernels are on each instruction set, by criterion; at the end a table of them, each beside the limit
//! that AES sets in the same run.
//!
//! `cargo bench --package motet-runtime --bench kernels`, with words of names to choose by (`garble`, `AVX-512`)

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use motet_runtime::crypto::expand::expand;
use motet_runtime::crypto::gate::{MAX_BATCH, Wires};
use motet_runtime::crypto::isa::Isa;
use motet_runtime::crypto::transpose::transpose;
use motet_runtime::crypto::{Block, Buffer, Kernels, TweakKeys, aes::Schedule};

/// Gates of a made-up circuit: each reads what others wrote before it.
const GATES: usize = 64;
/// Slots that the circuit works in.
const SLOTS: usize = 64;
/// What the limits are made of.
const AES: &str = "AES-128 blocks";

fn main() {
    let criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(150))
        .without_plots()
        .configure_from_args();
    let mut bench = Bench { criterion, best: BTreeMap::new() };
    for isa in Isa::available() {
        aes(&mut bench, isa);
        for n in [1, 16, 64, MAX_BATCH] {
            garble(&mut bench, isa, n);
            evaluate(&mut bench, isa, n);
            xor(&mut bench, isa, n);
        }
        for n in [4, 16, 64, 128] {
            rows::<2>(&mut bench, isa, n);
            rows::<4>(&mut bench, isa, n);
            transposed(&mut bench, isa, n);
        }
    }
    bench.criterion.final_summary();
    bench.table();
}

/// Criterion, and the best time that each kernel took.
struct Bench {
    criterion: Criterion,
    best: BTreeMap<(&'static str, String, usize), Best>,
}

/// Of one kernel.
#[derive(Clone, Copy)]
struct Best {
    /// Elements a second.
    rate: f64,
    /// AES blocks of an element, where that is what bounds it.
    blocks: Option<f64>,
}

impl Bench {
    /// Measures a kernel that does `each` elements a call, of `blocks` AES blocks each.
    fn measure(&mut self, isa: Isa, kernel: &str, n: usize, each: usize, blocks: Option<f64>, mut work: impl FnMut()) {
        let mut least = Duration::MAX;
        let mut group = self.criterion.benchmark_group(isa.name());
        group.throughput(Throughput::Elements(each as u64));
        group.bench_function(BenchmarkId::new(kernel, n), |bencher| {
            bencher.iter_custom(|times| {
                let start = Instant::now();
                (0..times).for_each(|_| work());
                let took = start.elapsed();
                least = least.min(took / u32::try_from(times).unwrap_or(u32::MAX));
                took
            });
        });
        group.finish();
        // What criterion was told to leave out has not run.
        if least < Duration::MAX {
            let best = Best { rate: each as f64 / least.as_secs_f64(), blocks };
            self.best.insert((isa.name(), kernel.to_owned(), n), best);
        }
    }

    /// Each kernel beside what AES allows it.
    fn table(&self) {
        println!("{:<18} {:<18} {:>6} {:>10} {:>10}", "instruction set", "kernel", "batch", "M/s", "of AES");
        for ((isa, kernel, n), best) in &self.best {
            let aes = self.best.iter().find(|((of, name, _), _)| of == isa && name == AES).map(|(_, best)| best.rate);
            let share = aes.zip(best.blocks).map(|(aes, blocks)| format!("{:.0} %", 100.0 * best.rate * blocks / aes));
            println!("{isa:<18} {kernel:<18} {n:>6} {:>10.0} {:>10}", best.rate / 1e6, share.unwrap_or_default());
        }
    }
}

fn aes(bench: &mut Bench, isa: Isa) {
    let key = Schedule::new(isa, Block::ONE);
    let mut out = vec![Block::ZERO; 1024];
    bench.measure(isa, AES, 1024, 1024, None, || key.counter(0, 0, black_box(&mut out)));
}

fn wires(gate: usize) -> Wires {
    Wires { dst: (7 * gate + 3) % SLOTS, a: gate % SLOTS, b: (5 * gate + 1) % SLOTS }
}

fn garble(bench: &mut Bench, isa: Isa, n: usize) {
    let kernels = Kernels::with(isa);
    let mut keys = TweakKeys::new(isa, Block::ONE, 0);
    let mut slots = vec![Block::new(0x1234_5678_9abc); SLOTS * n];
    let mut tables = vec![0; 32 * n * GATES];
    bench.measure(isa, "garble AND", n, GATES * n, Some(4.0), || {
        for (gate, tables) in tables.chunks_exact_mut(32 * n).enumerate() {
            kernels.garble_full(&mut slots, n, wires(gate), [false; 2], Block::ONE, keys.two(), tables);
        }
    });
}

fn evaluate(bench: &mut Bench, isa: Isa, n: usize) {
    let kernels = Kernels::with(isa);
    let mut keys = TweakKeys::new(isa, Block::ONE, 0);
    let mut slots = vec![Block::new(0x1234_5678_9abc); SLOTS * n];
    let tables = vec![7; 32 * n * GATES];
    bench.measure(isa, "evaluate AND", n, GATES * n, Some(2.0), || {
        for (gate, tables) in tables.chunks_exact(32 * n).enumerate() {
            kernels.evaluate_full(&mut slots, n, wires(gate), keys.two(), tables);
        }
    });
}

fn xor(bench: &mut Bench, isa: Isa, n: usize) {
    let kernels = Kernels::with(isa);
    let mut slots = vec![Block::new(0x1234_5678_9abc); SLOTS * n];
    bench.measure(isa, "XOR", n, GATES * n, None, || {
        for gate in 0..GATES {
            kernels.xor(&mut slots, n, wires(gate), None);
        }
    });
}

/// OTs' worth of rows, a receiver's, in chunks of `n` blocks a row.
fn rows<const K: usize>(bench: &mut Bench, isa: Isa, n: usize) {
    let keys: Vec<Schedule> = (0..(128 / K) << K).map(|seed| Schedule::new(isa, Block::new(seed as u128))).collect();
    let mut u = Buffer::new(n);
    let mut v = Buffer::new(128 * n);
    let blocks = ((128 / K) << K) as f64 / 128.0;
    bench.measure(isa, &format!("VOLE rows, k = {K}"), n, 128 * n, Some(blocks), || {
        for (keys, v) in keys.chunks_exact(1 << K).zip(v.chunks_exact_mut(K * n)) {
            expand::<K>(isa, keys, 0, None, &mut u, black_box(v));
        }
    });
}

fn transposed(bench: &mut Bench, isa: Isa, n: usize) {
    let (rows, mut out) = (Buffer::new(128 * n), Buffer::new(128 * n));
    bench.measure(isa, "transpose", n, 128 * n, None, || transpose(isa, &rows, black_box(&mut out)));
}
