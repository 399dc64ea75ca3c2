//! Cross terms under lattice-based encryption (protocol `mixed`): one party, the client, encrypts its addend, the other, the
//! server, multiplies. See `rlwe` for what it follows, assumes and protects.
//!
//! The plan says which cross terms are computed so, by whom, and how many elements they reveal in a run, which the flooding covers.

use motet_program::lattice::{Product, public_key_len};
use motet_program::plan::Encrypted;
use zeroize::Zeroizing;

use super::super::error::ProtocolError;
use super::party::Side;
use crate::rlwe::{PublicKey, SecretKey, Weights};

/// The keys that a party has.
#[derive(Default)]
pub(super) struct Keys {
    /// Its own, once it was a client.
    client: Option<SecretKey>,
    /// The other party's, once this one was its server.
    server: Option<PublicKey>,
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
        Encrypted { product, garbler_encrypts, exchanged: shapes }: &Encrypted,
        factor: &[u64],
        sum: &mut [u64],
    ) -> Result<(), ProtocolError> {
        let own = if self.garbles() == *garbler_encrypts {
            match shapes {
                Some([shape, _]) => self.ask(product, &exchanged(factor, *shape))?,
                None => self.ask(product, factor)?,
            }
        } else {
            self.answer(product, factor)?
        };
        let own = match shapes {
            Some([_, shape]) => exchanged(&own, *shape),
            None => own,
        };
        sum.iter_mut().zip(own.iter()).for_each(|(sum, own)| *sum = sum.wrapping_add(*own));
        Ok(())
    }

    /// The client's part: its share of the product. Sends its public key first where it has not yet.
    fn ask(&mut self, product: &Product, x: &[u64]) -> Result<Zeroizing<Vec<u64>>, ProtocolError> {
        let key = match &mut self.keys.client {
            Some(key) => key,
            none => {
                let key = none.insert(SecretKey::generate()?);
                self.channel.send(&key.public_key()?)?;
                key
            }
        };
        key.encrypt(product, x, |part| self.channel.send(part).map_err(ProtocolError::from))?;
        key.decrypt(product, |part| self.channel.receive(part).map_err(ProtocolError::from))
    }

    /// The server's part: its share of the product.
    fn answer(&mut self, product: &Product, w: &[u64]) -> Result<Zeroizing<Vec<u64>>, ProtocolError> {
        let weights = Weights::prepare(product, w)?;
        let key = match &mut self.keys.server {
            Some(key) => key,
            none => {
                let mut bytes = vec![0; public_key_len()];
                self.channel.receive(&mut bytes)?;
                none.insert(PublicKey::decode(&bytes)?)
            }
        };
        let mut request = vec![0; product.request_len()];
        self.channel.receive(&mut request)?;
        // All of it is here: a client that still sent could not take the response in, and both would wait.
        weights.respond(key, &request, |part| self.channel.send(part).map_err(ProtocolError::from))
    }
}

/// Matrices with rows and columns exchanged.
fn exchanged(words: &[u64], [rows, columns]: [usize; 2]) -> Zeroizing<Vec<u64>> {
    let mut out = Zeroizing::new(Vec::with_capacity(words.len()));
    for matrix in words.chunks_exact(rows * columns) {
        (0..columns).for_each(|column| out.extend((0..rows).map(|row| matrix[row * columns + column])));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_exchanged() {
        assert_eq!(*exchanged(&[1, 2, 3, 4, 5, 6], [2, 3]), [1, 4, 2, 5, 3, 6]);
        assert_eq!(*exchanged(&[1, 2, 3, 4, 5, 6, 7, 8], [2, 2]), [1, 3, 2, 4, 5, 7, 6, 8]);
    }
}
