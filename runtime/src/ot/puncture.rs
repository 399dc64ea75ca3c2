//! All seeds but one: punctured pseudorandom functions from base OTs.
//!
//! Papers: the tree of Goldreich, Goldwasser and Micali; Roy, "SoftSpokenOT" (CRYPTO 2022, ePrint 2022/192), which
//! gets the (2^k − 1)-out-of-2^k OTs of its small-field VOLEs this way from k base OTs each.
//!
//! One party holds a tree with 2^k leaves; the other knows all leaves but the one at a secret point α. The first level
//! of the tree is the two strings of an OT. On each further level the sums of all left and of all right nodes are
//! sent under the strings of one more OT, and the other party opens the side that its point is *not* on.
//!
//! The puncturing party numbers nodes relative to its point: its node `y` is the tree's node `y ⊕ α`, so that the one
//! it does not know is always number 0, and neither a branch nor an address depends on α.
//!
//! A malicious tree holder could send sums that are wrong on one side, and learn from what happens later which side was
//! opened. With the check ([`send_proof`], [`check`]) each leaf also gives 32 bytes; their sum and a hash of all of them
//! are sent, the other party works out those of its missing leaf and compares. What is left to a cheat is to guess bits
//! of α and be caught where it guesses wrong, which the functionality of the paper grants.

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::{OtError, passed};
use crate::crypto::{Block, Kdf, Prg, SessionId, Stream};
use crate::net::Channel;

/// A node's stream that gives its children.
const CHILDREN: Stream = Stream(1);
/// A leaf's stream that the check takes.
const CHECK: Stream = Stream(2);

/// The choices of the OTs, one a level: the complement of the point's bits, highest first.
pub(super) fn choices(point: u8, depth: usize) -> impl Iterator<Item = Choice> {
    (0..depth).rev().map(move |bit| Choice::from(1 ^ (point >> bit & 1)))
}

/// The leaves of a tree from the strings of its OTs, one pair a level; what the puncturing party needs is sent.
pub(super) fn send(channel: &mut Channel, strings: &[[Block; 2]]) -> Result<Zeroizing<Vec<Block>>, OtError> {
    let (first, rest) = strings.split_first().expect("a tree has at least one level");
    let mut nodes = Zeroizing::new(first.to_vec());
    for pair in rest {
        nodes = Zeroizing::new(nodes.iter().flat_map(|&node| children(node)).collect());
        for (side, string) in pair.iter().enumerate() {
            let sum = nodes.iter().skip(side).step_by(2).fold(*string, |sum, node| sum ^ *node);
            channel.send(&sum.to_bytes())?;
        }
    }
    Ok(nodes)
}

/// All leaves but that at `point`, from the strings chosen by [`choices`]: leaf `y` is the tree's leaf `y ⊕ point`, and
/// leaf 0 is zero.
pub(super) fn receive(channel: &mut Channel, point: u8, strings: &[Block]) -> Result<Zeroizing<Vec<Block>>, OtError> {
    let (&first, rest) = strings.split_first().expect("a tree has at least one level");
    let mut nodes = Zeroizing::new(vec![Block::ZERO, first]);
    for (level, &string) in rest.iter().enumerate() {
        let on_path = Block::mask(point >> (rest.len() - 1 - level) & 1 == 1);
        let mut next = Zeroizing::new(vec![Block::ZERO; 2 * nodes.len()]);
        for (y, &node) in nodes.iter().enumerate().skip(1) {
            // The children's numbers are relative to the path as well.
            let [left, right] = children(node);
            let swap = (left ^ right) & on_path;
            next[2 * y] = left ^ swap;
            next[2 * y + 1] = right ^ swap;
        }
        let mut sums = [[0; 16]; 2];
        channel.receive(&mut sums[0])?;
        channel.receive(&mut sums[1])?;
        let sums = sums.map(Block::from_bytes);
        let off_path = sums[1] ^ ((sums[0] ^ sums[1]) & on_path);
        next[1] = next.iter().skip(3).step_by(2).fold(string ^ off_path, |sum, node| sum ^ *node);
        nodes = next;
    }
    Ok(nodes)
}

/// Shows that the trees, each of `leaves` leaves and all in one list, are as they were sent.
pub(super) fn send_proof(
    channel: &mut Channel,
    session: &SessionId,
    leaves: usize,
    trees: &[Block],
) -> Result<(), OtError> {
    let mut hash = Kdf::new("punctured trees", session);
    for tree in trees.chunks_exact(leaves) {
        let mut sum = [Block::ZERO; 2];
        for &leaf in tree {
            let tag = tag(leaf);
            sum = add(sum, tag);
            hash = absorb(hash, tag);
        }
        for block in sum {
            channel.send(&block.to_bytes())?;
        }
    }
    channel.send(&hash.digest())?;
    Ok(())
}

/// Checks what [`send_proof`] sent against trees punctured at `points`.
pub(super) fn check(
    channel: &mut Channel,
    session: &SessionId,
    leaves: usize,
    points: impl Iterator<Item = u8>,
    trees: &[Block],
) -> Result<(), OtError> {
    let mut hash = Kdf::new("punctured trees", session);
    for (point, tree) in points.zip(trees.chunks_exact(leaves)) {
        let mut sum = [[0; 16]; 2];
        channel.receive(&mut sum[0])?;
        channel.receive(&mut sum[1])?;
        let mut tags: Vec<[Block; 2]> = tree.iter().map(|&leaf| tag(leaf)).collect();
        tags[0] = tags[1..].iter().fold(sum.map(Block::from_bytes), |sum, tag| add(sum, *tag));
        // From the order relative to the point to the tree's.
        for bit in 0..leaves.trailing_zeros() {
            let set = Block::mask(point >> bit & 1 == 1);
            for y in (0..leaves).filter(|y| y >> bit & 1 == 0) {
                let other = y | 1 << bit;
                let swap = add(tags[y], tags[other]).map(|block| block & set);
                tags[y] = add(tags[y], swap);
                tags[other] = add(tags[other], swap);
            }
        }
        hash = tags.iter().fold(hash, |hash, tag| absorb(hash, *tag));
        tags.zeroize();
    }
    let mut theirs = [0; 32];
    channel.receive(&mut theirs)?;
    if passed(theirs.ct_eq(&hash.digest())) {
        Ok(())
    } else {
        Err(OtError::Cheating { peer: channel.peer().to_owned(), what: "its seeds are not all of one tree" })
    }
}

fn tag(leaf: Block) -> [Block; 2] {
    let mut tag = [Block::ZERO; 2];
    Prg::from_seed(leaf, CHECK).fill(&mut tag);
    tag
}

fn add(a: [Block; 2], b: [Block; 2]) -> [Block; 2] {
    [a[0] ^ b[0], a[1] ^ b[1]]
}

fn absorb(hash: Kdf, tag: [Block; 2]) -> Kdf {
    hash.field(&tag[0].to_bytes()).field(&tag[1].to_bytes())
}

fn children(node: Block) -> [Block; 2] {
    let mut pair = [Block::ZERO; 2];
    Prg::from_seed(node, CHILDREN).fill(&mut pair);
    pair
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_leaves_but_one() {
        for depth in [1, 2, 4, 8] {
            let mut prg = Prg::from_seed(Block::new(depth as u128), Stream(0));
            let pairs: Vec<[Block; 2]> = (0..depth).map(|_| [prg.block(), prg.block()]).collect();
            for point in (0..1u32 << depth).step_by(1 + depth * depth / 5).map(|point| point as u8) {
                let (mut alice, mut bob) = Channel::pair();
                let leaves = send(&mut alice, &pairs).unwrap();
                alice.flush().unwrap();
                let chosen: Vec<Block> = choices(point, depth)
                    .zip(&pairs)
                    .map(|(choice, pair)| pair[usize::from(choice.unwrap_u8())])
                    .collect();
                let punctured = receive(&mut bob, point, &chosen).unwrap();
                assert_eq!(punctured.len(), 1 << depth);
                assert!(punctured[0] == Block::ZERO);
                for y in 1..punctured.len() {
                    assert!(punctured[y] == leaves[y ^ usize::from(point)], "{y} of {depth} at {point}");
                }
            }
        }
    }
}
