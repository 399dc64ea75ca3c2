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

use subtle::Choice;
use zeroize::Zeroizing;

use super::OtError;
use crate::crypto::{Block, Prg, Stream};
use crate::net::Channel;

/// A node's stream that gives its children.
const CHILDREN: Stream = Stream(1);

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
        let on_path = point >> (rest.len() - 1 - level) & 1 == 1;
        let mut next = Zeroizing::new(vec![Block::ZERO; 2 * nodes.len()]);
        for (y, &node) in nodes.iter().enumerate().skip(1) {
            // The children's numbers are relative to the path as well.
            let [left, right] = children(node);
            let swap = (left ^ right).when(on_path);
            next[2 * y] = left ^ swap;
            next[2 * y + 1] = right ^ swap;
        }
        let mut sums = [[0; 16]; 2];
        channel.receive(&mut sums[0])?;
        channel.receive(&mut sums[1])?;
        let sums = sums.map(Block::from_bytes);
        let off_path = sums[1] ^ (sums[0] ^ sums[1]).when(on_path);
        next[1] = next.iter().skip(3).step_by(2).fold(string ^ off_path, |sum, node| sum ^ *node);
        nodes = next;
    }
    Ok(nodes)
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
