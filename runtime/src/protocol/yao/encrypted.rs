//! Cross terms under lattice-based encryption (protocol `mixed`): the evaluator encrypts its addend, the garbler
//! multiplies. See `rlwe` for what it follows, assumes and protects.
//!
//! The plan says which cross terms are computed so, and how many elements they reveal in a run, which the flooding covers.

use motet_program::lattice::public_key_len;
use motet_program::plan::Encrypted;
use zeroize::Zeroizing;

use super::super::error::ProtocolError;
use super::party::Side;
use crate::rlwe::{PublicKey, SecretKey, Weights};

/// One side of the encryption.
pub(super) enum Keys {
    /// The garbler's.
    Server(PublicKey),
    /// The evaluator's.
    Client(SecretKey),
}

impl Side<'_> {
    /// Counts elements that an encrypted product is about to reveal.
    ///
    /// # Errors
    /// The run reveals more than the `most` that its plan's flooding covers: a loop runs more often than it may.
    pub(super) fn cover(&mut self, elements: u64, most: u64) -> Result<(), ProtocolError> {
        self.revealed = self.revealed.saturating_add(elements);
        if self.revealed > most { Err(ProtocolError::Revealed) } else { Ok(()) }
    }

    /// Adds this party's part of a cross term to `sum`, mod 2^64.
    ///
    /// # Errors
    /// The link failed, or the other party sent what is no encryption.
    pub(super) fn encrypted_term(
        &mut self,
        Encrypted { product, exchanged: shapes }: &Encrypted,
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
                let request = match shapes {
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
        let own = match shapes {
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

/// A matrix with rows and columns exchanged.
fn exchanged(words: &[u64], [rows, columns]: [usize; 2]) -> Zeroizing<Vec<u64>> {
    let element = |column: usize| (0..rows).map(move |row| words[row * columns + column]);
    Zeroizing::new((0..columns).flat_map(element).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_exchanged() {
        assert_eq!(*exchanged(&[1, 2, 3, 4, 5, 6], [2, 3]), [1, 4, 2, 5, 3, 6]);
    }
}
