//! Products against plain arithmetic mod 2^ℓ, and the noise measured.

use std::io::Read;

use proptest::prelude::*;

use super::rns::Basis;
use super::server::Work;
use motet_program::lattice::{Layer, N, Product, Unfit};

use super::*;
use crate::crypto::{Block, Prg, Stream};

/// Values mod 2^bits from a seed.
fn values(seed: u128, count: usize, bits: u32) -> Vec<u64> {
    let mut prg = Prg::from_seed(Block::new(seed), Stream(0));
    let words = sample::words(&mut prg, count);
    words.iter().map(|word| word >> (64 - bits)).collect()
}

/// Weights of magnitude at most 2^weight_bits, mod 2^bits.
fn weights(seed: u128, count: usize, bits: u32, weight_bits: u32) -> Vec<u64> {
    let mask = u64::MAX >> (64 - bits);
    let low = (1u64 << weight_bits) - 1;
    let weight = |word: u64| if word >> 63 == 1 { word & low } else { (word & low).wrapping_neg() & mask };
    values(seed, count, 64).into_iter().map(weight).collect()
}

/// The layer in the clear, mod 2^64.
fn plain(layer: &Layer, x: &[u64], w: &[u64]) -> Vec<u64> {
    let mut y = vec![0u64; layer.y_len()];
    for [group, image] in (0..layer.groups).flat_map(|group| (0..layer.images).map(move |image| [group, image])) {
        for output in 0..layer.outputs {
            for i in 0..layer.output_size(0) {
                for j in 0..layer.output_size(1) {
                    let sum = &mut y[layer.y_index([group, image], output, [i, j])];
                    for input in 0..layer.inputs {
                        for k in 0..layer.kernel[0] {
                            for l in 0..layer.kernel[1] {
                                let row = i * layer.stride[0] + k * layer.dilation[0];
                                let column = j * layer.stride[1] + l * layer.dilation[1];
                                if let Some(index) = layer.x_index([group, image], input, [row, column]) {
                                    let w = w[layer.w_index(group, output, input, [k, l])];
                                    *sum = sum.wrapping_add(x[index].wrapping_mul(w));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    y
}

fn request(client: &SecretKey, product: &Product, x: &[u64]) -> Result<Vec<u8>, RlweError> {
    let mut bytes = Vec::new();
    client.encrypt(product, x, |part| {
        bytes.extend_from_slice(part);
        Ok::<(), RlweError>(())
    })?;
    Ok(bytes)
}

fn respond(
    weights: &Weights,
    key: &PublicKey,
    request: &[u8],
) -> Result<(Vec<u8>, zeroize::Zeroizing<Vec<u64>>), RlweError> {
    let mut bytes = Vec::new();
    let share = weights.respond(key, request, |part| {
        bytes.extend_from_slice(part);
        Ok::<(), RlweError>(())
    })?;
    Ok((bytes, share))
}

/// Reads a message part by part.
fn reader(mut bytes: &[u8]) -> impl FnMut(&mut [u8]) -> std::io::Result<()> {
    move |part| bytes.read_exact(part)
}

struct Parties {
    client: SecretKey,
    key: PublicKey,
}

impl Parties {
    fn new() -> Self {
        let client = SecretKey::generate().unwrap();
        let key = PublicKey::decode(&client.public_key().unwrap()).unwrap();
        Parties { client, key }
    }

    fn check(&self, layer: Layer, ring_bits: u32, weight_bits: u32) {
        let product = Product::new(layer, ring_bits, weight_bits, 0).unwrap();
        let x = values(1, layer.x_len(), ring_bits);
        let w = weights(2, layer.w_len(), ring_bits, weight_bits);
        let request = request(&self.client, &product, &x).unwrap();
        assert_eq!(request.len(), product.request_len());
        let (response, server) = respond(&Weights::prepare(&product, &w).unwrap(), &self.key, &request).unwrap();
        assert_eq!(response.len(), product.response_len());
        let client = self.client.decrypt(&product, reader(&response)).unwrap();
        let sum = client.iter().zip(server.iter()).map(|(a, b)| a.wrapping_add(*b) & product.ring_mask());
        let expected = plain(&layer, &x, &w).into_iter().map(|y| y & product.ring_mask());
        assert!(sum.eq(expected), "{product:?}");
    }
}

#[test]
fn a_dense_layer_on_one_image() {
    let parties = Parties::new();
    parties.check(Layer::matmul(1, 784, 128), 64, 20);
    parties.check(Layer::matmul(1, 784, 10), 64, 63);
}

#[test]
fn convolutions() {
    let parties = Parties::new();
    let padded = Layer { padding: [[2, 2]; 2], ..Layer::conv2d(2, 1, [28, 28], 6, [5, 5]) };
    parties.check(padded, 64, 20);
    let strided = Layer { stride: [2, 3], dilation: [2, 1], ..Layer::conv2d(3, 4, [17, 15], 5, [3, 2]) };
    parties.check(strided, 40, 18);
    // Larger than a polynomial: blocks that overlap.
    parties.check(Layer { padding: [[1, 0], [0, 1]], ..Layer::conv2d(1, 2, [120, 131], 1, [3, 3]) }, 64, 20);
}

#[test]
fn batches_share_a_polynomial() {
    let layer = Layer::matmul(128, 23, 64);
    let product = Product::new(layer, 64, 63, 0).unwrap();
    assert_eq!(product.parameters().primes(), 4);
    assert!(product.request_len() + product.response_len() < 8 << 20);
    Parties::new().check(layer, 64, 63);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_shape_and_ring(
        (groups, images, inputs, outputs) in (1usize..3, 1usize..4, 1usize..6, 1usize..6),
        size in [1usize..12, 1..12],
        kernel in [1usize..4, 1..4],
        (stride, dilation) in ([1usize..4, 1..4], [1usize..3, 1..3]),
        padding in [[0usize..3, 0..3], [0..3, 0..3]],
        (ring_bits, weights) in (2u32..=64, 0.0..1.0f64),
    ) {
        let conv = Layer::conv2d(images, inputs, size, outputs, kernel);
        let layer = Layer { groups, stride, dilation, padding, ..conv };
        prop_assume!(layer.check().is_ok());
        Parties::new().check(layer, ring_bits, (f64::from(ring_bits) * weights) as u32);
    }

    #[test]
    fn any_matrix_product(groups in 1usize..3, rows in 1usize..40, inner in 1usize..700, columns in 1usize..40) {
        Parties::new().check(Layer { groups, ..Layer::matmul(rows, inner, columns) }, 64, 24);
    }
}

/// Binary logarithms of the noise of a response's elements of y: its mean magnitude before flooding, the greatest after,
/// the root of the mean square after; and of what decryption tolerates. Noise is measured as a fraction of the modulus, in
/// units of 2^-128.
fn measure(layer: Layer, ring_bits: u32, weight_bits: u32) -> [f64; 4] {
    let parties = Parties::new();
    let product = Product::new(layer, ring_bits, weight_bits, 0).unwrap();
    let x = values(1, layer.x_len(), ring_bits);
    let w = weights(2, layer.w_len(), ring_bits, weight_bits);
    let expected = plain(&layer, &x, &w);
    let encoded = Weights::prepare(&product, &w).unwrap();
    let request = request(&parties.client, &product, &x).unwrap();
    let basis = Basis::new(product.parameters().primes(), ring_bits);
    let mut prg = Prg::from_os().unwrap();
    let share = vec![0; layer.y_len()];
    let (mut greatest, mut sums, mut squares) = ([0f64; 2], [0f64; 2], 0f64);
    let (mut uploads, mut work) = (encoded.uploads(), Work::new(&product));
    for (item_tile, output_tile) in product.downloads() {
        encoded.read_uploads(&request, item_tile, &mut uploads).unwrap();
        encoded.multiply(&parties.key, &uploads, (item_tile, output_tile), &mut work, &mut prg);
        let sum = &mut work.response;
        for (greatest, sum_of) in greatest.iter_mut().zip(&mut sums) {
            let phase = parties.client.phase(&sum.halves[0], &sum.halves[1]);
            squares = 0.0;
            product.tiling().for_y(item_tile, output_tile, |place, element| {
                let fraction = basis.fraction(phase.iter().skip(place).step_by(N).copied());
                let exact = (u128::from(expected[element] & product.ring_mask())) << (128 - ring_bits);
                let noise = fraction.wrapping_sub(exact) as i128;
                *greatest = greatest.max(noise.unsigned_abs() as f64);
                *sum_of += noise.unsigned_abs() as f64;
                squares += (noise as f64).powi(2);
            });
            encoded.cover(&basis, (item_tile, output_tile), &share, sum, &mut prg);
        }
    }
    let units = f64::from(128 - product.parameters().modulus_bits() as i32);
    let count = layer.y_len() as f64;
    let room = f64::from(product.parameters().modulus_bits() - ring_bits - 1);
    let levels = [sums[0] / count, greatest[1], (squares / count).sqrt()].map(|noise| noise.log2() - units);
    [levels[0], levels[1], levels[2], room]
}

#[test]
fn noise_stays_within_its_bound_and_leaves_room() {
    // Here the rounding of the measurement itself, 2^25, is far below the noise.
    let layer = Layer::matmul(1, 300, 16);
    let product = Product::new(layer, 48, 40, 0).unwrap();
    let [noise, flooded, _, room] = measure(layer, 48, 40);
    // Flooding covers its bound by 40 bits and the root of twice 16 values.
    let bound = f64::from(product.parameters().flood_bits() - 43);
    println!("noise 2^{noise:.1}, its bound 2^{bound}, flooded 2^{flooded:.1}, room 2^{room}");
    assert!(noise < bound && noise > bound - 8.0);
    assert!(flooded < room - 0.9);
}

#[test]
fn flooding_is_as_long_as_it_must_be_and_the_sum_of_three() {
    let layer = Layer::matmul(8, 16, 64);
    let product = Product::new(layer, 48, 40, 0).unwrap();
    let [noise, flooded, deviation, _] = measure(layer, 48, 40);
    let flood_bits = f64::from(product.parameters().flood_bits());
    println!("noise 2^{noise:.1}, flooded 2^{flooded:.2} of 2^{flood_bits}, standard deviation 2^{deviation:.2}");
    // By 40 bits and the root of twice 512 values.
    assert!(flood_bits - noise > 40.0 + 5.0);
    // Three uniform integers below 2^f about their mean: within 1.5·2^f, of deviation 2^f / 2.
    assert!(flooded <= flood_bits + 1.5f64.log2() + 1e-6 && flooded > flood_bits);
    assert!((deviation - (flood_bits - 1.0)).abs() < 0.2);
}

#[test]
fn foreign_messages_are_refused_or_harmless() {
    let parties = Parties::new();
    let product = Product::new(Layer::matmul(2, 3, 4), 32, 16, 0).unwrap();
    let weights = Weights::prepare(&product, &[1; 12]).unwrap();
    let good = request(&parties.client, &product, &[7; 6]).unwrap();
    for length in [0, 15, good.len() - 1] {
        let refused = respond(&weights, &parties.key, &good[..length]);
        assert!(matches!(refused, Err(RlweError::Length { .. })));
    }
    let mut unreduced = good.clone();
    unreduced[16..].fill(0xff);
    assert!(matches!(respond(&weights, &parties.key, &unreduced), Err(RlweError::Coefficient { .. })));
    assert!(matches!(PublicKey::decode(&[0; 16]), Err(RlweError::Length { .. })));
    assert!(parties.client.decrypt(&product, reader(&[0; 3])).is_err());
    assert_eq!(parties.client.decrypt(&product, reader(&vec![0xff; product.response_len()])).unwrap().len(), 8);
    assert!(matches!(request(&parties.client, &product, &[0; 5]), Err(RlweError::Elements { .. })));
    assert!(matches!(Weights::prepare(&product, &[1 << 20; 12]), Err(RlweError::Weight { index: 0, bits: 16 })));
    assert!(matches!(Product::new(Layer::matmul(0, 1, 1), 32, 16, 0), Err(Unfit::Shape(_))));
}
