//! The linear layers that an encrypted product serves, by their shapes.

use super::Unfit;

/// A linear layer: `y[image, output] = Σ over inputs and kernel of w · x`, a convolution; a matrix product is one with a
/// kernel of 1 × 1 over images of 1 × 1.
///
/// Tensors are flat, row-major: x `[images, groups · inputs, height, width]`, w `[groups · outputs, inputs, kernel…]`, y
/// `[images, groups · outputs, …]`. Of matrix products groups are a batch: x `[groups, images, inputs]`, w
/// `[groups, inputs, outputs]`, y `[groups, images, outputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Layers of one shape, each with weights of its own: groups of channels, or a batch of matrix products.
    pub groups: usize,
    /// Images, or rows of x.
    pub images: usize,
    /// Channels of x, or the inner dimension.
    pub inputs: usize,
    /// Height and width of x.
    pub size: [usize; 2],
    /// Channels of y, or columns of w.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps between neighbouring positions of the kernel.
    pub stride: [usize; 2],
    /// Steps between neighbouring elements of the kernel.
    pub dilation: [usize; 2],
    /// Zeros before and after x.
    pub padding: [[usize; 2]; 2],
    /// Whether groups lead x and y, rather than part their channels.
    pub batched: bool,
    /// Whether w is `[inputs, outputs]`, in each group.
    pub transposed: bool,
}

impl Layer {
    /// The product of x `[rows, inner]`, encrypted, and w `[inner, columns]`.
    pub fn matmul(rows: usize, inner: usize, columns: usize) -> Self {
        Layer { batched: true, transposed: true, ..Layer::conv2d(rows, inner, [1, 1], columns, [1, 1]) }
    }

    /// A convolution of x `[images, inputs, size…]` with w `[outputs, inputs, kernel…]`, without padding.
    pub fn conv2d(images: usize, inputs: usize, size: [usize; 2], outputs: usize, kernel: [usize; 2]) -> Self {
        Layer {
            groups: 1,
            images,
            inputs,
            size,
            outputs,
            kernel,
            stride: [1; 2],
            dilation: [1; 2],
            padding: [[0; 2]; 2],
            batched: false,
            transposed: false,
        }
    }

    /// Whether the shape makes sense, and how many elements its tensors have is well within a `usize`.
    ///
    /// # Errors
    /// Where not.
    pub fn check(&self) -> Result<(), Unfit> {
        let Layer { groups, images, inputs, size, outputs, kernel, stride, dilation, padding, batched, transposed } =
            *self;
        let counts = [groups, images, inputs, outputs];
        let positive = counts.iter().chain(&size).chain(&kernel).chain(&stride).chain(&dilation);
        if positive.clone().any(|n| *n == 0) {
            return Err(Unfit::Shape("a dimension is zero"));
        }
        let all = positive.chain(padding.iter().flatten());
        if all.fold(1u128, |product, n| product.saturating_mul(*n as u128 + 1)) > 1 << 60 {
            return Err(Unfit::Shape("too large"));
        }
        if (batched || transposed) && (kernel != [1, 1] || size != [1, 1]) {
            return Err(Unfit::Shape("a convolution's tensors start with their images and outputs"));
        }
        if (0..2).any(|axis| self.reach(axis) >= size[axis] + padding[axis][0] + padding[axis][1]) {
            return Err(Unfit::Shape("the kernel is larger than the image"));
        }
        Ok(())
    }

    /// Distance from a kernel's first element to its last.
    pub(super) fn reach(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1)
    }

    /// Height (axis 0) or width (axis 1) of y.
    pub fn output_size(&self, axis: usize) -> usize {
        let padded = self.size[axis] + self.padding[axis][0] + self.padding[axis][1];
        (padded - self.reach(axis) - 1) / self.stride[axis] + 1
    }

    /// Elements of x.
    pub fn x_len(&self) -> usize {
        self.groups * self.images * self.inputs * self.size[0] * self.size[1]
    }

    /// Elements of w.
    pub fn w_len(&self) -> usize {
        self.groups * self.outputs * self.inputs * self.kernel[0] * self.kernel[1]
    }

    /// Elements of y.
    pub fn y_len(&self) -> usize {
        self.groups * self.images * self.outputs * self.output_size(0) * self.output_size(1)
    }

    /// Products in the sum that an element of y is.
    pub(super) fn terms(&self) -> usize {
        self.inputs * self.kernel[0] * self.kernel[1]
    }

    /// Where in x an element of the padded image is; nowhere in its padding.
    pub fn x_index(&self, [group, image]: [usize; 2], input: usize, place: [usize; 2]) -> Option<usize> {
        let [y, x] =
            [0, 1].map(|axis| place[axis].checked_sub(self.padding[axis][0]).filter(|place| *place < self.size[axis]));
        let channel = self.group_of_image(group, image) * self.inputs + input;
        Some((channel * self.size[0] + y?) * self.size[1] + x?)
    }

    /// Where in w an element of the kernel is.
    pub fn w_index(&self, group: usize, output: usize, input: usize, place: [usize; 2]) -> usize {
        if self.transposed {
            return (group * self.inputs + input) * self.outputs + output;
        }
        let channel = (group * self.outputs + output) * self.inputs + input;
        (channel * self.kernel[0] + place[0]) * self.kernel[1] + place[1]
    }

    /// Where in y an element is.
    pub fn y_index(&self, [group, image]: [usize; 2], output: usize, place: [usize; 2]) -> usize {
        let channel = self.group_of_image(group, image) * self.outputs + output;
        (channel * self.output_size(0) + place[0]) * self.output_size(1) + place[1]
    }

    /// Where a group of an image stands among all.
    fn group_of_image(&self, group: usize, image: usize) -> usize {
        if self.batched { group * self.images + image } else { image * self.groups + group }
    }
}
