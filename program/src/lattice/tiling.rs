//! How a layer is cut into polynomials, and which coefficient holds which element.
//!
//! Cheetah, section 3.2, with the batch inside the polynomial: a tile has some *items* (an image, or a block of one where
//! it does not fit), input channels and output channels. With `area` the elements of an item's window of the image,
//!
//! ```text
//! x[item, c, i, j]   at  (item·outputs·inputs + c)·area + i·width + j
//! w[m, c, k, l]      at  (m·inputs + inputs−1−c)·area + (reach₀ − d₀k)·width + reach₁ − d₁l
//! y[item, m, i, j]   at  (item·outputs·inputs + m·inputs + inputs−1)·area + (s₀i + reach₀)·width + s₁j + reach₁
//! ```
//!
//! No other pair of coefficients meets where an element of y is, also none that wraps around X^N = −1: those end up
//! before the first element of y.

use std::ops::Range;

use super::params::Terms;
use super::{Layer, N, Unfit};

/// A layer cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    layer: Layer,
    /// Height and width of y that an item has.
    block: [usize; 2],
    /// Blocks in an image.
    blocks: [usize; 2],
    /// Height and width of x that an item needs.
    window: [usize; 2],
    items: usize,
    inputs: usize,
    outputs: usize,
}

/// Bits that a tiling is judged by.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Of an uploaded ciphertext.
    pub(super) upload: usize,
    /// Of a downloaded ciphertext without its values.
    pub(super) download: usize,
}

impl Tiling {
    /// The tiling with the fewest bytes both ways, and of those the one with the fewest products of polynomials.
    pub(super) fn search(layer: Layer, sizes: Sizes) -> Result<Self, Unfit> {
        layer.check()?;
        let mut best = None;
        for height in cuts(layer.output_size(0)) {
            for width in cuts(layer.output_size(1)) {
                let block = [height, width];
                let window = [0, 1].map(|axis| (block[axis] - 1) * layer.stride[axis] + layer.reach(axis) + 1);
                let area = window[0] * window[1];
                for inputs in cuts(layer.inputs).filter(|inputs| inputs * area <= N) {
                    let blocks = [0, 1].map(|axis| layer.output_size(axis).div_ceil(block[axis]));
                    let all = layer.images * blocks[0] * blocks[1];
                    let room = N / (inputs * area);
                    for outputs in cuts(layer.outputs).filter(|outputs| *outputs <= room) {
                        let items = all.min(room / outputs);
                        let tiling = Tiling { layer, block, blocks, window, items, inputs, outputs };
                        let cost = (tiling.bits(sizes), tiling.products());
                        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                            best = Some((cost, tiling));
                        }
                    }
                }
            }
        }
        best.map(|(_, tiling)| tiling).ok_or(Unfit::Shape("the kernel's reach is larger than a polynomial"))
    }

    fn bits(&self, sizes: Sizes) -> usize {
        self.item_tiles() * (self.input_tiles() * sizes.upload + self.output_tiles() * sizes.download)
    }

    /// What the noise of an element of y sums up.
    pub(super) fn terms(&self) -> Terms {
        let kernel = self.layer.kernel[0] * self.layer.kernel[1];
        Terms { errors: self.layer.inputs * kernel * self.outputs, roundings: self.layer.terms() }
    }

    fn products(&self) -> usize {
        self.item_tiles() * self.input_tiles() * self.output_tiles()
    }

    /// The layer that is cut.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// Items in a group.
    fn all_items(&self) -> usize {
        self.layer.images * self.blocks[0] * self.blocks[1]
    }

    /// Tiles along the items of a group.
    pub fn item_tiles_of_group(&self) -> usize {
        self.all_items().div_ceil(self.items)
    }

    /// Tiles along the items, group after group.
    pub fn item_tiles(&self) -> usize {
        self.layer.groups * self.item_tiles_of_group()
    }

    /// An item tile's group and its items.
    fn items(&self, item_tile: usize) -> (usize, Range<usize>) {
        let (group, tile) = (item_tile / self.item_tiles_of_group(), item_tile % self.item_tiles_of_group());
        let first = tile * self.items;
        (group, first..(first + self.items).min(self.all_items()))
    }

    /// Tiles along the inputs: ciphertexts uploaded for an item tile.
    pub fn input_tiles(&self) -> usize {
        self.layer.inputs.div_ceil(self.inputs)
    }

    /// Tiles along the outputs: ciphertexts downloaded for an item tile.
    pub fn output_tiles(&self) -> usize {
        self.layer.outputs.div_ceil(self.outputs)
    }

    fn area(&self) -> usize {
        self.window[0] * self.window[1]
    }

    /// An item's image and first position of y.
    fn item(&self, item: usize) -> (usize, [usize; 2]) {
        let [down, across] = self.blocks;
        let (image, block) = (item / (down * across), item % (down * across));
        (image, [block / across * self.block[0], block % across * self.block[1]])
    }

    /// Calls `f` with a coefficient and the index of its element of x, for a tile.
    pub fn for_x(&self, item_tile: usize, input_tile: usize, mut f: impl FnMut(usize, usize)) {
        let (group, items) = self.items(item_tile);
        for item in items.clone() {
            let (image, origin) = self.item(item);
            for c in 0..self.inputs.min(self.layer.inputs - input_tile * self.inputs) {
                let start = ((item - items.start) * self.outputs * self.inputs + c) * self.area();
                for i in 0..self.window[0] {
                    for j in 0..self.window[1] {
                        let place = [origin[0] * self.layer.stride[0] + i, origin[1] * self.layer.stride[1] + j];
                        if let Some(index) = self.layer.x_index([group, image], input_tile * self.inputs + c, place) {
                            f(start + i * self.window[1] + j, index);
                        }
                    }
                }
            }
        }
    }

    /// Calls `f` with a coefficient and the index of its element of w, for a tile of a group.
    pub fn for_w(&self, group: usize, input_tile: usize, output_tile: usize, mut f: impl FnMut(usize, usize)) {
        let (input, output) = (input_tile * self.inputs, output_tile * self.outputs);
        let reach = [self.layer.reach(0), self.layer.reach(1)];
        for m in 0..self.outputs.min(self.layer.outputs - output) {
            for c in 0..self.inputs.min(self.layer.inputs - input) {
                let start = (m * self.inputs + self.inputs - 1 - c) * self.area();
                for k in 0..self.layer.kernel[0] {
                    for l in 0..self.layer.kernel[1] {
                        let row = reach[0] - k * self.layer.dilation[0];
                        let column = reach[1] - l * self.layer.dilation[1];
                        let index = self.layer.w_index(group, output + m, input + c, [k, l]);
                        f(start + row * self.window[1] + column, index);
                    }
                }
            }
        }
    }

    /// Elements of y in a tile.
    pub fn values(&self, item_tile: usize, output_tile: usize) -> usize {
        let output = output_tile * self.outputs;
        let size = [self.layer.output_size(0), self.layer.output_size(1)];
        let in_item = |item| {
            let (_, origin) = self.item(item);
            self.block[0].min(size[0] - origin[0]) * self.block[1].min(size[1] - origin[1])
        };
        let items = self.items(item_tile).1.map(in_item).sum::<usize>();
        items * self.outputs.min(self.layer.outputs - output)
    }

    /// Calls `f` with a coefficient and the index of its element of y, for a tile.
    pub fn for_y(&self, item_tile: usize, output_tile: usize, mut f: impl FnMut(usize, usize)) {
        let ((group, items), output) = (self.items(item_tile), output_tile * self.outputs);
        let size = [self.layer.output_size(0), self.layer.output_size(1)];
        for item in items.clone() {
            let (image, origin) = self.item(item);
            for m in 0..self.outputs.min(self.layer.outputs - output) {
                let channel = (item - items.start) * self.outputs * self.inputs + m * self.inputs + self.inputs - 1;
                for i in 0..self.block[0].min(size[0] - origin[0]) {
                    for j in 0..self.block[1].min(size[1] - origin[1]) {
                        let row = i * self.layer.stride[0] + self.layer.reach(0);
                        let column = j * self.layer.stride[1] + self.layer.reach(1);
                        let index = self.layer.y_index([group, image], output + m, [origin[0] + i, origin[1] + j]);
                        f(channel * self.area() + row * self.window[1] + column, index);
                    }
                }
            }
        }
    }
}

/// The sizes of parts that `n` can be cut into: `⌈n/k⌉` for all `k`, each once, greatest first.
fn cuts(n: usize) -> impl Iterator<Item = usize> {
    let mut next = Some(n);
    std::iter::from_fn(move || {
        let size = next?;
        // The least number of parts that makes them smaller.
        next = (size > 1).then(|| n.div_ceil(n.div_ceil(size - 1)));
        Some(size)
    })
}
