//! Messages of encrypted products as a peer may send them: for the fuzzer, and for a test that makes up messages.

use std::io::Read;
use std::sync::OnceLock;

use motet_program::lattice::{Layer, Product, public_key_len};

use super::{PublicKey, RlweError, SecretKey, Weights};

/// Bytes that choose a product.
const HEAD: usize = 24;
/// Longest message that is made up.
const LIMIT: usize = 4 << 20;

/// Reads any bytes as a public key, a request and a response, of a product whose shape the first bytes choose; the others
/// are repeated to about the length that a message has. Nothing may panic, or take memory beyond what the product needs.
pub fn messages(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return };
    // How it fails does not matter here.
    let _ = read(head, rest);
}

fn read(head: &[u8; HEAD], rest: &[u8]) -> Option<()> {
    let n = |at: usize| usize::from(head[at]);
    let layer = Layer {
        groups: n(0) % 4,
        images: n(1) % 16,
        inputs: n(2),
        size: [n(3) % 32, n(4) % 32],
        outputs: n(5),
        kernel: [n(6) % 8, n(7) % 8],
        stride: [n(8) % 4, n(9) % 4],
        dilation: [n(10) % 4, n(11) % 4],
        padding: [[n(12) % 4, n(13) % 4], [n(14) % 4, n(15) % 4]],
        batched: n(16) % 2 == 1,
        transposed: n(17) % 2 == 1,
    };
    let product = Product::new(layer, u32::from(head[18]) % 66, u32::from(head[19]) % 66, 1 << (head[20] % 64)).ok()?;
    if product.request_len() + product.response_len() > LIMIT {
        return None;
    }
    // As long as it must be but for a byte more or less.
    let message = |length: usize, how: u8| -> Vec<u8> {
        let length = if how < 8 { length + usize::from(how) - 4 } else { length };
        rest.iter().chain(&[1]).copied().cycle().take(length).collect()
    };
    static CLIENT: OnceLock<Option<(SecretKey, PublicKey)>> = OnceLock::new();
    let (client, key) = CLIENT
        .get_or_init(|| {
            let client = SecretKey::generate().ok()?;
            let key = PublicKey::decode(&client.public_key().ok()?).ok()?;
            Some((client, key))
        })
        .as_ref()?;
    let weights = Weights::prepare(&product, &vec![1; product.layer().w_len()]).ok()?;
    let request = message(product.request_len(), head[21]);
    for key in [Some(key), PublicKey::decode(&message(public_key_len(), head[22])).ok().as_ref()].into_iter().flatten()
    {
        let mut sent = 0;
        let share = weights.respond(key, &request, |part| {
            sent += part.len();
            Ok::<(), RlweError>(())
        });
        if let Ok(share) = share {
            assert_eq!((sent, share.len()), (product.response_len(), product.layer().y_len()));
        }
    }
    let response = message(product.response_len(), head[23]);
    let mut unread = response.as_slice();
    let share = client.decrypt(&product, |part| unread.read_exact(part)).ok()?;
    assert_eq!(share.len(), product.layer().y_len());
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two matrix products of 3 × 5 and 5 × 4 in 40 bits.
    const SEED: [u8; HEAD] = [2, 3, 5, 1, 1, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 40, 20, 4, 9, 9, 9];

    #[test]
    fn the_seed_is_good() {
        assert!(read(&SEED, &[3, 141, 59, 26, 5]).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn damaged_messages_are_errors_or_harmless(
            changes in prop::collection::vec((0..HEAD, any::<u8>()), 0..4),
            rest in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut head = SEED;
            changes.into_iter().for_each(|(at, with)| head[at] = with);
            messages(&[&head[..], &rest].concat());
        }

        #[test]
        fn any_shape_is_refused_or_served(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            messages(&bytes);
        }
    }
}
