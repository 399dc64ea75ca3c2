//! How long an encrypted linear layer takes at each side, and how many bytes it sends.
//!
//! `cargo bench --package motet-runtime --bench rlwe`

use std::io::Read;
use std::time::{Duration, Instant};

use motet_program::lattice::{Layer, Product};
use motet_runtime::rlwe::{PublicKey, RlweError, SecretKey, Weights};

fn main() -> Result<(), RlweError> {
    println!(
        "{:<34} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "layer, 64-bit ring", "primes", "prepare", "encrypt", "respond", "decrypt", "up", "down"
    );
    let padded = Layer { padding: [[2, 2]; 2], ..Layer::conv2d(1, 1, [28, 28], 6, [5, 5]) };
    row("dense 784 × 128, 1 image", Layer::matmul(1, 784, 128), 20)?;
    row("dense 784 × 128, 100 images", Layer::matmul(100, 784, 128), 20)?;
    row("conv 1 → 6, 5 × 5 on 28 × 28", padded, 20)?;
    row("conv 1 → 6, 5 × 5, 32 images", Layer { images: 32, ..padded }, 20)?;
    row("conv 6 → 16, 5 × 5 on 14 × 14", Layer::conv2d(1, 6, [14, 14], 16, [5, 5]), 20)?;
    row("dense 23 × 64, 128 rows, shared", Layer::matmul(128, 23, 64), 63)?;
    Ok(())
}

fn row(name: &str, layer: Layer, weight_bits: u32) -> Result<(), RlweError> {
    let product = Product::new(layer, 64, weight_bits, 0)?;
    let client = SecretKey::generate()?;
    let key = PublicKey::decode(&client.public_key()?)?;
    let x: Vec<u64> = (0..layer.x_len() as u64).map(|j| j.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let w: Vec<u64> = (0..layer.w_len() as u64).map(|j| j * 7919 % (1 << 20)).collect();
    let (prepare, weights) = best(|| Weights::prepare(&product, &w))?;
    let (encrypt, request) = best(|| collect(|send| client.encrypt(&product, &x, send)))?;
    let (respond, response) = best(|| collect(|send| weights.respond(&key, &request, send).map(drop)))?;
    let (decrypt, _) = best(|| {
        let mut unread = response.as_slice();
        Ok(client.decrypt(&product, |part| unread.read_exact(part)).ok())
    })?;
    let [prepare, encrypt, respond, decrypt] = [prepare, encrypt, respond, decrypt].map(milliseconds);
    let [up, down] = [request.len(), response.len()].map(|bytes| format!("{:.0} KB", bytes as f64 / 1e3));
    let primes = product.parameters().primes();
    println!("{name:<34} {primes:>7} {prepare:>9} {encrypt:>9} {respond:>9} {decrypt:>9} {up:>9} {down:>9}");
    Ok(())
}

/// The parts of a message together.
fn collect(
    make: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), RlweError>) -> Result<(), RlweError>,
) -> Result<Vec<u8>, RlweError> {
    let mut bytes = Vec::new();
    make(&mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", 1e3 * time.as_secs_f64())
}

/// The best time of some runs, and what the last one gave.
fn best<T>(mut work: impl FnMut() -> Result<T, RlweError>) -> Result<(Duration, T), RlweError> {
    let begin = Instant::now();
    let mut least = Duration::MAX;
    loop {
        let start = Instant::now();
        let result = work()?;
        least = least.min(start.elapsed());
        if begin.elapsed() > Duration::from_millis(150) {
            return Ok((least, result));
        }
    }
}
