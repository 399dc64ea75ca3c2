//! Random correlated OTs that one session makes and a later one uses: what a store keeps.
//!
//! A stock is used once. Its OTs become those of chosen bits as in [`super::CotSender`], whose masks are fresh in the
//! session that uses them, and Δ is the stock's own: nothing else has it.

use zeroize::Zeroizing;

use crate::crypto::Block;

/// One side of OTs made ahead.
pub enum Stock {
    /// The side that has Δ.
    Sender(SenderStock),
    /// The side that has choices.
    Receiver(ReceiverStock),
}

/// The labels of false, and Δ.
pub struct SenderStock {
    /// The difference of the labels.
    pub delta: Zeroizing<Block>,
    pub(super) labels: Zeroizing<Vec<Block>>,
}

/// Random choices, 128 a block, and for each the label of its value.
pub struct ReceiverStock {
    pub(super) choices: Zeroizing<Vec<Block>>,
    pub(super) labels: Zeroizing<Vec<Block>>,
}

impl Stock {
    /// The side that has Δ, of no OTs: where only what was made of them is kept.
    pub fn of_delta(delta: Block) -> Stock {
        Stock::Sender(SenderStock { delta: Zeroizing::new(delta), labels: Zeroizing::default() })
    }

    /// The other side of that.
    pub fn of_nothing() -> Stock {
        Stock::Receiver(ReceiverStock { choices: Zeroizing::default(), labels: Zeroizing::default() })
    }

    /// How many OTs there are.
    pub fn count(&self) -> usize {
        match self {
            Stock::Sender(stock) => stock.labels.len(),
            Stock::Receiver(stock) => stock.labels.len(),
        }
    }

    /// The bytes that stand for it in a file.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (role, head, labels): (u8, &[Block], _) = match self {
            Stock::Sender(stock) => (0, std::slice::from_ref(&stock.delta), &stock.labels),
            Stock::Receiver(stock) => (1, &stock.choices, &stock.labels),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(9 + 16 * (head.len() + labels.len())));
        bytes.push(role);
        bytes.extend_from_slice(&(labels.len() as u64).to_le_bytes());
        head.iter().chain(labels.iter()).for_each(|block| bytes.extend_from_slice(&block.to_bytes()));
        bytes
    }

    /// What [`Stock::encode`] made; `None` where the bytes are nothing of the kind.
    pub fn decode(bytes: &[u8]) -> Option<Stock> {
        let (role, rest) = bytes.split_first()?;
        let (count, rest) = rest.split_first_chunk::<8>()?;
        let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
        let head = match role {
            0 => 1,
            1 if count.is_multiple_of(128) => count / 128,
            _ => return None,
        };
        let (blocks, []) = rest.as_chunks::<16>() else { return None };
        if Some(blocks.len()) != count.checked_add(head) {
            return None;
        }
        let read = |of: &[[u8; 16]]| Zeroizing::new(of.iter().map(|b| Block::from_bytes(*b)).collect::<Vec<_>>());
        let (first, labels) = (read(&blocks[..head]), read(&blocks[head..]));
        match role {
            0 if first[0].colour() => Some(Stock::Sender(SenderStock { delta: Zeroizing::new(first[0]), labels })),
            1 => Some(Stock::Receiver(ReceiverStock { choices: first, labels })),
            _ => None,
        }
    }
}
