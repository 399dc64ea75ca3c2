//! The keys of the gate hash: a counter that never repeats, expanded for AES several at a time.

use super::super::Block;
use super::super::aes::Schedules;
use super::super::isa::{Isa, RoundKeys};

/// One half-gate's key, expanded. Use it for one half-gate of one batch.
#[derive(Clone, Copy)]
pub struct GateKey<'a> {
    schedules: &'a Schedules,
    lane: usize,
}

impl RoundKeys for GateKey<'_> {
    #[inline(always)]
    fn round(self, round: usize) -> Block {
        self.schedules.round(round, self.lane)
    }
}

/// A source of keys, the same at both parties: the session's random start plus a counter. Keys are public.
///
/// Key `j` of range `r` is `start + r · 2^64 + j` modulo 2^128. Whatever runs side by side in a session (threads,
/// stores made ahead) takes keys from ranges of its own, and no key ever comes twice.
pub struct TweakKeys {
    isa: Isa,
    next: Block,
    /// Those in use, and those after them: expanded a while ahead, so that nobody waits for it.
    schedules: [Schedules; 2],
    current: usize,
    used: usize,
}

impl TweakKeys {
    /// The keys of one range of a session. `start` is random, fresh in each session, and known to both parties. No
    /// range may be begun twice with one start.
    pub fn new(isa: Isa, start: Block, range: u64) -> Self {
        let next = Block::new(start.value().wrapping_add(u128::from(range) << 64));
        let schedules = [0, 1].map(|_| Schedules::new(isa, [Block::ZERO; Schedules::LANES]));
        let mut keys = TweakKeys { isa, next, schedules, current: 0, used: Schedules::LANES };
        keys.expand(1);
        keys
    }

    /// A key for one half-gate.
    #[inline]
    pub fn one(&mut self) -> GateKey<'_> {
        let lane = self.take(1);
        GateKey { schedules: &self.schedules[self.current], lane }
    }

    /// Keys for both halves of a gate.
    #[inline]
    pub fn two(&mut self) -> [GateKey<'_>; 2] {
        let lane = self.take(2);
        [lane, lane + 1].map(|lane| GateKey { schedules: &self.schedules[self.current], lane })
    }

    /// The first of `count` unused lanes that lie together. A lane may be left unused, at both parties alike.
    #[inline]
    fn take(&mut self, count: usize) -> usize {
        if self.used + count > Schedules::LANES {
            self.expand(self.current);
            self.current = 1 - self.current;
            self.used = 0;
        }
        let lane = self.used;
        self.used += count;
        lane
    }

    /// Expands the next keys in the place of those that are used up.
    fn expand(&mut self, place: usize) {
        let first = self.next.value();
        let keys = std::array::from_fn(|lane| Block::new(first.wrapping_add(lane as u128)));
        self.schedules[place].replace(self.isa, keys);
        self.next = Block::new(first.wrapping_add(Schedules::LANES as u128));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_never_repeat_within_and_across_ranges() {
        let start = Block::new(u128::MAX - 100);
        let mut seen = HashSet::new();
        for range in [0, 1, 2, u64::MAX] {
            let mut keys = TweakKeys::new(Isa::portable(), start, range);
            for step in 0..200 {
                if step % 3 == 0 {
                    assert!(seen.insert(keys.one().round(0).value()));
                } else {
                    for key in keys.two() {
                        assert!(seen.insert(key.round(0).value()));
                    }
                }
            }
        }
    }
}
