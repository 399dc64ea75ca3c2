//! The side that has Δ.

use zeroize::Zeroizing;

use super::{CLEAR, FIRST, MASKS, N, Public, RESERVED, SECRET, TREES, USABLE, check, tree};
use crate::crypto::isa::Isa;
use crate::crypto::{Block, Buffer, Prg, SessionId};
use crate::net::Channel;
use crate::ot::{Adversary, OtError, softspoken};

pub(in crate::ot) struct Sender {
    isa: Isa,
    adversary: Adversary,
    session: SessionId,
    public: Public,
    delta: Zeroizing<Block>,
    /// Where the trees come from.
    seeds: Prg,
    /// OTs for the next iteration: the secret's, those for the trees' levels, those for the check.
    reserve: Buffer,
    iterations: u64,
}

impl Sender {
    /// Makes the first OTs with `extension`, which has the same Δ; its lowest bit is 1.
    pub(in crate::ot) fn setup(
        channel: &mut Channel,
        session: &SessionId,
        delta: Block,
        adversary: Adversary,
        mut extension: softspoken::Sender,
    ) -> Result<Self, OtError> {
        assert!(delta.colour(), "the lowest bit of Δ is 1");
        let mut reserve = Buffer::new(FIRST + adversary.spent());
        extension.extend(channel, &mut reserve)?;
        for block in reserve.iter_mut() {
            *block = *block & CLEAR;
        }
        Ok(Sender {
            isa: Isa::detect(),
            adversary,
            session: *session,
            public: Public::new(session),
            delta: Zeroizing::new(delta),
            seeds: Prg::from_os()?,
            reserve,
            iterations: 0,
        })
    }

    /// An iteration: `out` has room for [`N`] OTs, of which the first [`USABLE`] are for use, if this does not fail.
    pub(in crate::ot) fn extend(&mut self, channel: &mut Channel, out: &mut [Block]) -> Result<(), OtError> {
        assert!(out.len() == N);
        let mut reserve = std::mem::take(&mut self.reserve);
        // It is spent whatever happens now, and made anew by what succeeds.
        let (secret, rest) = reserve.split_first_chunk::<SECRET>().ok_or(OtError::Failed)?;
        let (levels, rest) = rest.split_at(TREES * tree::DEPTH);
        for (leaves, ots) in out.chunks_exact_mut(tree::LEAVES).zip(levels.as_chunks().0) {
            self.tree(channel, ots, leaves)?;
        }
        if self.adversary == Adversary::Malicious {
            self.answer(channel, out, &rest[..MASKS])?;
        }
        self.public.code.add(secret, out);
        reserve[..RESERVED].copy_from_slice(&out[USABLE..]);
        self.reserve = reserve;
        self.iterations += 1;
        Ok(())
    }

    /// Makes a tree, and sends what the receiver needs to open all of it but one leaf.
    fn tree(&mut self, channel: &mut Channel, ots: &[Block; tree::DEPTH], leaves: &mut [Block]) -> Result<(), OtError> {
        let sums = tree::full(self.isa, self.public.next_tree_key(), self.seeds.block(), *self.delta, leaves);
        channel.send_with(16 * tree::DEPTH, |bytes| {
            for (bytes, (sum, ot)) in bytes.as_chunks_mut::<16>().0.iter_mut().zip(sums.iter().zip(ots)) {
                *bytes = (*sum ^ *ot).to_bytes();
            }
        })?;
        Ok(())
    }

    /// Answers the receiver's check of the leaves.
    fn answer(&mut self, channel: &mut Channel, leaves: &[Block], masks: &[Block]) -> Result<(), OtError> {
        let mut question = [[0; 16]; 2];
        channel.receive(question.as_flattened_mut())?;
        let [seed, noise] = question.map(Block::from_bytes);
        let (hash, _) = check::hash(self.isa, seed, leaves);
        let value = hash ^ check::mask(masks) ^ check::product(self.isa, noise, *self.delta);
        channel.send(&check::digest(&self.session, self.iterations, value))?;
        Ok(())
    }
}
