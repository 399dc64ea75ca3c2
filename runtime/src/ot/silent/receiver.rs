//! The side that has choices, which are random.

use subtle::ConstantTimeEq;

use super::{CLEAR, FIRST, MASKS, N, Public, RESERVED, SECRET, TREES, USABLE, check, choices, tree};
use crate::crypto::isa::Isa;
use crate::crypto::{Block, Buffer, Prg, SessionId};
use crate::net::Channel;
use crate::ot::{Adversary, OtError, passed, softspoken};

pub(in crate::ot) struct Receiver {
    isa: Isa,
    adversary: Adversary,
    session: SessionId,
    public: Public,
    /// Where the checks' seeds come from.
    questions: Prg,
    /// OTs for the next iteration: the secret's, those for the trees' levels, those for the check.
    reserve: Buffer,
    iterations: u64,
}

impl Receiver {
    /// Makes the first OTs with `extension`.
    pub(in crate::ot) fn setup(
        channel: &mut Channel,
        session: &SessionId,
        adversary: Adversary,
        mut extension: softspoken::Receiver,
    ) -> Result<Self, OtError> {
        let mut reserve = Buffer::new(FIRST + adversary.spent());
        let mut bits = Buffer::new(reserve.len() / 128);
        extension.extend(channel, &mut bits, &mut reserve)?;
        for (blocks, bits) in reserve.chunks_exact_mut(128).zip(bits.iter()) {
            for (j, block) in blocks.iter_mut().enumerate() {
                *block = *block & CLEAR ^ Block::ONE.when(bits.value() >> j & 1 == 1);
            }
        }
        Ok(Receiver {
            isa: Isa::detect(),
            adversary,
            session: *session,
            public: Public::new(session),
            questions: Prg::from_os()?,
            reserve,
            iterations: 0,
        })
    }

    /// An iteration: `out` has room for [`N`] OTs, of which the first [`USABLE`] are for use, if this does not fail, and
    /// `bits` for their choices, 128 a block.
    pub(in crate::ot) fn extend(
        &mut self,
        channel: &mut Channel,
        bits: &mut [Block],
        out: &mut [Block],
    ) -> Result<(), OtError> {
        assert!(out.len() == N && 128 * bits.len() == N);
        let mut reserve = std::mem::take(&mut self.reserve);
        // It is spent whatever happens now, and made anew by what succeeds.
        let (secret, rest) = reserve.split_first_chunk::<SECRET>().ok_or(OtError::Failed)?;
        let (levels, rest) = rest.split_at(TREES * tree::DEPTH);
        for (leaves, ots) in out.chunks_exact_mut(tree::LEAVES).zip(levels.as_chunks().0) {
            self.tree(channel, ots, leaves)?;
        }
        if self.adversary == Adversary::Malicious {
            self.check(channel, out, &rest[..MASKS])?;
        }
        self.public.code.add(secret, out);
        choices(self.isa, out, bits);
        reserve[..RESERVED].copy_from_slice(&out[USABLE..]);
        self.reserve = reserve;
        self.iterations += 1;
        Ok(())
    }

    /// Opens a tree but for one leaf, at a point of the random choices of its OTs.
    fn tree(&mut self, channel: &mut Channel, ots: &[Block; tree::DEPTH], leaves: &mut [Block]) -> Result<(), OtError> {
        let mut sums = *ots;
        channel.receive_with(16 * tree::DEPTH, |bytes| {
            for (sum, bytes) in sums.iter_mut().zip(bytes.as_chunks::<16>().0) {
                *sum ^= Block::from_bytes(*bytes);
            }
        })?;
        // The side whose sum the choice is, is not the point's.
        let point = ots.iter().rev().fold(0, |point, ot| point << 1 | u32::from(!ot.colour()));
        tree::punctured(self.isa, self.public.next_tree_key(), point, &sums, leaves);
        Ok(())
    }

    /// Checks that the leaves are the sender's.
    fn check(&mut self, channel: &mut Channel, leaves: &[Block], masks: &[Block]) -> Result<(), OtError> {
        let seed = self.questions.block();
        let (hash, noise) = check::hash(self.isa, seed, leaves);
        let mut hidden = [Block::ZERO];
        choices(self.isa, masks, &mut hidden);
        hidden[0] ^= noise;
        channel.send([seed, hidden[0]].map(Block::to_bytes).as_flattened())?;
        let mut theirs = [0; 32];
        channel.receive(&mut theirs)?;
        let ours = check::digest(&self.session, self.iterations, hash ^ check::mask(masks));
        if passed(theirs.ct_eq(&ours)) {
            Ok(())
        } else {
            Err(OtError::Cheating { peer: channel.peer().to_owned(), what: "its trees are not those it promised" })
        }
    }
}
