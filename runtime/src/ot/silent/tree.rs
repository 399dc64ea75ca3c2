//! Single-point correlated OTs: trees whose leaves one party knows, and the other all but for Δ at one of them.
//!
//! Paper: Guo and others, "Half-Tree" (EUROCRYPT 2023, ePrint 2022/1431), section 4. The two nodes of the first level are
//! random with sum Δ; a node `x` has the children `H(x)` and `x ⊕ H(x)`. So each level sums to Δ, and the sum of a level's
//! left nodes is the string of a correlated OT: with that of one side for each level the other party opens all but one
//! path. `H` is the gate hash's `H(x) = AES_k(σ(x)) ⊕ σ(x)` (circular correlation robust; Guo and others, CRYPTO 2020), with
//! a key of its own for each tree, so that a key serves no more than [`LEAVES`] points.
//!
//! Child `b` of node `j` of a level of `m` is `j + b·m`: a leaf's lowest bit is its side on the first level. The leaves'
//! lowest bits are cleared, but that at the point is set.
//!
//! No branch and no address depends on the point: where something happens at the point alone, it happens everywhere under
//! a mask.

use zeroize::Zeroize;

use super::CLEAR;
use crate::crypto::Block;
use crate::crypto::aes::Schedule;
use crate::crypto::isa::{Isa, Kernel, Vector};

/// Levels of a tree.
pub(super) const DEPTH: usize = 9;
/// Its leaves.
pub(super) const LEAVES: usize = 1 << DEPTH;

/// All leaves of the tree with `first` for its first left node; and for each level the sum of its left nodes.
pub(super) fn full(isa: Isa, key: Block, first: Block, delta: Block, leaves: &mut [Block]) -> [Block; DEPTH] {
    let key = Schedule::new(isa, key);
    let mut sums = [first; DEPTH];
    leaves[0] = first;
    leaves[1] = first ^ delta;
    for (level, sum) in sums.iter_mut().enumerate().skip(1) {
        *sum = isa.run(Level { key: &key, nodes: &mut leaves[..2 << level], fix: None }).left;
    }
    for leaf in leaves {
        *leaf = *leaf & CLEAR;
    }
    sums
}

/// The leaves of a tree punctured at `point`, from the sum of the nodes on the side that the point is not on, for each
/// level. At the point stands the leaf plus Δ.
pub(super) fn punctured(isa: Isa, key: Block, point: u32, sums: &[Block; DEPTH], leaves: &mut [Block]) {
    let key = Schedule::new(isa, key);
    let mut zero = [Block::ZERO];
    key.counter(0, 0, &mut zero);
    // The path's node on a level, which is unknown, is zero; its children come out like this.
    let [child] = zero;

    let on = |level: usize| point >> level & 1 == 1;
    leaves[0] = sums[0].when(on(0));
    leaves[1] = sums[0].when(!on(0));
    // Nothing to correct on the first level.
    let mut fix = Fix { at: 0, half: 1, sides: [Block::ZERO; 2] };
    let mut total = Block::ZERO;
    for level in 1..DEPTH {
        let nodes = &mut leaves[..2 << level];
        let Sums { left, parents } = isa.run(Level { key: &key, nodes, fix: Some(&fix) });
        // The sum that was sent, less what else is in it, is the child off the path.
        let known = left ^ parents.when(!on(level));
        let off = sums[level] ^ known ^ child;
        fix = Fix {
            at: point & ((1 << level) - 1),
            half: 1 << level,
            sides: [child ^ off.when(on(level)), child ^ off.when(!on(level))],
        };
        // The level's sum where the path's node is zero.
        total = parents ^ fix.sides[0] ^ fix.sides[1];
    }
    let last = on(DEPTH - 1);
    fix.sides[0] ^= total.when(!last);
    fix.sides[1] ^= total.when(last);
    let marks = [Block::ONE.when(!last), Block::ONE.when(last)];
    isa.run(Finish { leaves, fix: &fix, marks });
    fix.zeroize();
}

/// What is to be added at two nodes: `at` and `at + half`.
#[derive(Zeroize)]
struct Fix {
    at: u32,
    half: u32,
    sides: [Block; 2],
}

impl Fix {
    /// Adds what is to be added to the nodes of a vector from `at` on, all of which are in one half; also the lane of
    /// the node if it is there, as a mask.
    #[inline(always)]
    fn apply<V: Vector>(&self, nodes: V, at: usize) -> (V, V::Mask) {
        let at = at as u32;
        let side = usize::from(at >= self.half);
        let distance = (at & (self.half - 1)) ^ self.at;
        // 1 where the distance is within the vector; without a branch.
        let here = (distance / V::LANES as u32).wrapping_sub(1) >> 31;
        let mask = V::mask((here as u8) << (distance % V::LANES as u32));
        (nodes.xor_where(mask, V::splat(self.sides[side])), mask)
    }
}

struct Sums {
    /// Of the left children.
    left: Block,
    /// Of the parents.
    parents: Block,
}

/// Makes of the first half of the nodes their children, the left ones in the first half and the right ones in the second.
struct Level<'a> {
    key: &'a Schedule,
    nodes: &'a mut [Block],
    fix: Option<&'a Fix>,
}

impl Kernel for Level<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run<V: Vector>(mut self) -> Sums {
        let half = self.nodes.len() / 2;
        if half >= 16 * V::LANES {
            self.run_by::<V, 8>()
        } else if half >= 4 * V::LANES {
            self.run_by::<V, 2>()
        } else {
            self.run_by::<V::Narrow, 1>()
        }
    }
}

impl Level<'_> {
    /// Takes `G` vectors at a time.
    #[inline(always)]
    fn run_by<V: Vector, const G: usize>(&mut self) -> Sums {
        let (left, right) = self.nodes.split_at_mut(self.nodes.len() / 2);
        let zero = V::splat(Block::ZERO);
        let mut sums = [zero; 2];
        let groups = left.chunks_exact_mut(G * V::LANES).zip(right.chunks_exact_mut(G * V::LANES));
        for (number, (left, right)) in groups.enumerate() {
            let mut parents = [zero; G];
            for (g, parent) in parents.iter_mut().enumerate() {
                *parent = V::load(&left[g * V::LANES..]);
                if let Some(fix) = self.fix {
                    *parent = fix.apply(*parent, (number * G + g) * V::LANES).0;
                }
            }
            let hashes = hash(self.key, parents);
            for g in 0..G {
                sums[0] = sums[0].xor(hashes[g]);
                sums[1] = sums[1].xor(parents[g]);
                hashes[g].store(&mut left[g * V::LANES..]);
                parents[g].xor(hashes[g]).store(&mut right[g * V::LANES..]);
            }
        }
        Sums { left: fold(sums[0]), parents: fold(sums[1]) }
    }
}

/// The last corrections; then clears the lowest bits, and adds `marks` at the corrected nodes of either half.
struct Finish<'a> {
    leaves: &'a mut [Block],
    fix: &'a Fix,
    marks: [Block; 2],
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let half = self.leaves.len() / 2;
        for (number, leaves) in self.leaves.chunks_exact_mut(V::LANES).enumerate() {
            let at = number * V::LANES;
            let (fixed, mask) = self.fix.apply(V::load(leaves), at);
            let mark = V::splat(self.marks[usize::from(at >= half)]);
            fixed.and(V::splat(CLEAR)).xor_where(mask, mark).store(leaves);
        }
    }
}

#[inline(always)]
fn hash<V: Vector, const G: usize>(key: &Schedule, nodes: [V; G]) -> [V; G] {
    let mut points = nodes;
    for point in &mut points {
        *point = point.sigma();
    }
    let mut out = V::encrypt(key, points);
    for (out, point) in out.iter_mut().zip(points) {
        *out = out.xor(point);
    }
    out
}

/// The sum of a vector's lanes.
#[inline(always)]
fn fold<V: Vector>(vector: V) -> Block {
    let mut lanes = [Block::ZERO; 4];
    vector.store(&mut lanes);
    lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Prg, Stream};

    /// The tree as the paper has it.
    fn plain(key: Block, first: Block, delta: Block) -> ([Block; DEPTH], Vec<Block>) {
        let key = Schedule::new(Isa::portable(), key);
        let mut level = vec![first, first ^ delta];
        let mut sums = [first; DEPTH];
        for sum in &mut sums[1..] {
            let hashes: Vec<Block> = level
                .iter()
                .map(|node| {
                    let point = node.sigma();
                    let mut out = [Block::ZERO];
                    key.counter((point.value() >> 64) as u64, point.value() as u64, &mut out);
                    out[0] ^ point
                })
                .collect();
            *sum = hashes.iter().fold(Block::ZERO, |sum, hash| sum ^ *hash);
            let right = level.iter().zip(&hashes).map(|(node, hash)| *node ^ *hash);
            level = hashes.iter().copied().chain(right).collect();
        }
        (sums, level)
    }

    #[test]
    fn all_leaves_but_one() {
        let mut prg = Prg::from_seed(Block::new(3), Stream(0));
        let last = LEAVES as u32 - 1;
        for point in (0..last).step_by(37).chain([1, 2, 3, last / 2, last - 1, last]) {
            let (key, first, delta) = (prg.block(), prg.block(), prg.block().with_colour());
            let (sums, expected) = plain(key, first, delta);
            for isa in Isa::available() {
                let mut leaves = vec![Block::ZERO; LEAVES];
                assert!(full(isa, key, first, delta, &mut leaves) == sums, "{}", isa.name());
                assert!(leaves.iter().zip(&expected).all(|(leaf, plain)| *leaf == *plain & CLEAR), "{}", isa.name());
                let off: [Block; DEPTH] =
                    std::array::from_fn(|level| sums[level] ^ delta.when(point >> level & 1 == 0));
                let mut got = vec![Block::ONE; LEAVES];
                punctured(isa, key, point, &off, &mut got);
                for (j, (got, leaf)) in got.into_iter().zip(leaves).enumerate() {
                    let expected = leaf ^ delta.when(j as u32 == point);
                    assert!(got == expected, "{}: leaf {j}, point {point}", isa.name());
                }
            }
        }
    }
}
