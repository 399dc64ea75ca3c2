//! Cross terms under lattice-based encryption (protocol `mixed`): the evaluator encrypts its addend, the garbler
//! multiplies. See `rlwe` for what it follows, assumes and protects.
//!
//! Both parties choose alike between this and oblivious transfer: what takes fewer bytes, as long as flooding covers it.

use motet_program::bilinear::Bilinear;
use motet_program::lattice::{Layer, Product, public_key_len};
use zeroize::Zeroizing;

use super::super::error::ProtocolError;
use super::party::Side;
use super::product::Chooser;
use crate::rlwe::{PublicKey, SecretKey, Weights};

/// Elements that encrypted products may reveal in a run, over all of which flooding keeps its 40 bits; what comes after
/// goes by oblivious transfer.
const REVEALED: u64 = 1 << 20;

/// One side of the encryption.
pub(super) enum Keys {
    /// The garbler's.
    Server(PublicKey),
    /// The evaluator's.
    Client(SecretKey),
}

/// A cross term as an encrypted product.
pub(super) struct Encrypted {
    product: Product,
    /// The evaluator's addend is encrypted, and the result made, with rows and columns exchanged: their shapes so.
    transposed: Option<[[usize; 2]; 2]>,
}

impl Encrypted {
    /// The cross term, if it can be had by encryption with fewer bytes than the transfers take.
    fn of(map: &Bilinear, chooser: Chooser, transfer_bytes: u64) -> Option<Encrypted> {
        let (layer, transposed) = match *map {
            Bilinear::MatMul { batch: 1, m, k, n } if chooser.first => (Layer::matmul(m, k, n), None),
            Bilinear::MatMul { batch: 1, m, k, n } => {
                let layer = Layer { transposed: false, ..Layer::matmul(n, k, m) };
                (layer, Some([[k, n], [n, m]]))
            }
            Bilinear::Conv2d { x, w, geometry } if chooser.first && geometry.groups == 1 => {
                let [stride, dilation] = [geometry.stride, geometry.dilation].map(|pair| pair.map(|n| n as usize));
                let layer = Layer::conv2d(x[0], x[1], [x[2], x[3]], w[0], [w[2], w[3]]);
                (Layer { stride, dilation, ..layer }, None)
            }
            _ => return None,
        };
        let bits = chooser.bits as u32;
        let product = Product::new(layer, bits, bits - 1, REVEALED).ok()?;
        let bytes = (product.request_len() + product.response_len()) as u64;
        (bytes < transfer_bytes).then_some(Encrypted { product, transposed })
    }
}

impl Side<'_> {
    /// The cross term by encryption, where that is the better way.
    pub(super) fn encrypted(&mut self, map: &Bilinear, chooser: Chooser) -> Option<Encrypted> {
        let encrypted = Encrypted::of(map, chooser, transfer_bytes(map, chooser))?;
        let revealed = self.revealed.checked_add(map.counts()[2] as u64).filter(|n| *n <= REVEALED)?;
        self.revealed = revealed;
        Some(encrypted)
    }

    /// Adds this party's part of a cross term to `sum`, mod 2^64.
    ///
    /// # Errors
    /// The link failed, or the other party sent what is no encryption.
    pub(super) fn encrypted_term(
        &mut self,
        Encrypted { product, transposed }: &Encrypted,
        factor: &[u64],
        sum: &mut [u64],
    ) -> Result<(), ProtocolError> {
        let keys = match self.keys.take() {
            Some(keys) => keys,
            None => self.exchange_key()?,
        };
        let own = match &keys {
            Keys::Server(key) => {
                let weights = Weights::prepare(product, factor)?;
                let mut request = vec![0; product.request_len()];
                self.channel.receive(&mut request)?;
                let (response, share) = weights.respond(key, &request)?;
                self.channel.send(&response)?;
                share
            }
            Keys::Client(key) => {
                let request = match transposed {
                    Some([shape, _]) => key.encrypt(product, &exchanged(factor, *shape))?,
                    None => key.encrypt(product, factor)?,
                };
                self.channel.send(&request)?;
                let mut response = vec![0; product.response_len()];
                self.channel.receive(&mut response)?;
                Zeroizing::new(key.decrypt(product, &response)?)
            }
        };
        self.keys = Some(keys);
        let own = match transposed {
            Some([_, shape]) => exchanged(&own, *shape),
            None => own,
        };
        sum.iter_mut().zip(own.iter()).for_each(|(sum, own)| *sum = sum.wrapping_add(*own));
        Ok(())
    }

    /// The evaluator makes a key and sends its public half.
    fn exchange_key(&mut self) -> Result<Keys, ProtocolError> {
        if self.garbles() {
            let mut bytes = vec![0; public_key_len()];
            self.channel.receive(&mut bytes)?;
            return Ok(Keys::Server(PublicKey::decode(&bytes)?));
        }
        let key = SecretKey::generate()?;
        self.channel.send(&key.public_key()?)?;
        Ok(Keys::Client(key))
    }
}

/// Bytes of a cross term by oblivious transfer.
fn transfer_bytes(map: &Bilinear, chooser: Chooser) -> u64 {
    let transfers = (chooser.count * chooser.bits) as u64;
    8 * transfers + transfers.div_ceil(8) + map.correction_bytes(chooser.bits as u32)
}

/// A matrix with rows and columns exchanged.
fn exchanged(words: &[u64], [rows, columns]: [usize; 2]) -> Zeroizing<Vec<u64>> {
    let element = |column: usize| (0..rows).map(move |row| words[row * columns + column]);
    Zeroizing::new((0..columns).flat_map(element).collect())
}

#[cfg(test)]
mod tests {
    use motet_program::ir::Conv2d;

    use super::*;

    /// What `large_products_agree_with_the_clear` runs goes by encryption, and small products do not.
    #[test]
    fn large_products_are_encrypted() {
        let encrypted = |map: Bilinear, first: bool, bits: usize| {
            let count = map.counts()[usize::from(!first)];
            let chooser = Chooser { first, count, bits };
            Encrypted::of(&map, chooser, transfer_bytes(&map, chooser)).is_some()
        };
        let geometry = Conv2d { stride: [2, 1], dilation: [1, 2], groups: 1 };
        let convolution = Bilinear::Conv2d { x: [2, 3, 14, 12], w: [16, 3, 5, 3], geometry };
        for bits in [32, 40, 64] {
            assert!(encrypted(Bilinear::MatMul { batch: 1, m: 40, k: 200, n: 60 }, false, bits));
            assert!(encrypted(Bilinear::MatMul { batch: 1, m: 40, k: 60, n: 30 }, true, bits));
            assert!(encrypted(Bilinear::MatMul { batch: 1, m: 60, k: 40, n: 60 }, true, bits));
            assert!(encrypted(convolution.clone(), true, bits));
            assert!(!encrypted(Bilinear::MatMul { batch: 1, m: 4, k: 6, n: 3 }, true, bits));
        }
    }

    #[test]
    fn rows_and_columns_are_exchanged() {
        assert_eq!(*exchanged(&[1, 2, 3, 4, 5, 6], [2, 3]), [1, 4, 2, 5, 3, 6]);
    }
}
