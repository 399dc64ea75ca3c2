//! Each instruction set against plain loops.

use motet_program::clear::{conv2d, matmul};
use motet_program::data::{Elem, Tensor, Type};
use motet_program::ir::{Op, Value};
use proptest::prelude::*;

use super::*;

fn tensor(shape: &[usize], seed: u64) -> Tensor {
    let ty = Type { elem: Elem::Uint(64), shape: shape.iter().map(|n| *n as u64).collect() };
    let word = |i: u64| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(seed);
    Tensor { data: (0..ty.count()).map(word).collect(), ty }
}

fn agrees(op: &Op, x: &[usize], y: &[usize], out: &[usize]) {
    let (x, y, sum) = (tensor(x, 3), tensor(y, 0x5851_f42d_4c95_7f2d), tensor(out, 7));
    let product = match op {
        Op::Conv2d(_, _, geometry) => conv2d(&x, &y, geometry, &sum.ty),
        _ => matmul(&x, &y, &sum.ty),
    };
    let expected: Vec<u64> = product.data.iter().zip(&sum.data).map(|(a, b)| a.wrapping_add(*b)).collect();
    let map = Bilinear::of(op, &x.ty.shape, &y.ty.shape).unwrap();
    for isa in Isa::available() {
        let mut got = sum.data.clone();
        add_product_by(isa, &map, &x.data, &y.data, &mut got);
        assert!(got == expected, "{isa:?}: {op:?} of {:?} and {:?}", x.ty.shape, y.ty.shape);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_matrix_product(batch in 1usize..3, m in 1usize..11, k in 0usize..300, n in 1usize..70) {
        agrees(&Op::MatMul(Value(0), Value(1)), &[batch, m, k], &[batch, k, n], &[batch, m, n]);
    }

    #[test]
    fn any_convolution(
        (images, groups, inputs, outputs) in (1usize..3, 1usize..4, 1usize..4, 1usize..6),
        (kernel, stride, dilation) in ([1usize..4, 1..4], [1u64..4, 1..3], [1u64..3, 1..3]),
        size in [7usize..20, 7..20],
    ) {
        let out = |i: usize| (size[i] - (kernel[i] - 1) * dilation[i] as usize - 1) / stride[i] as usize + 1;
        let geometry = Conv2d { stride, dilation, groups: groups as u64 };
        agrees(
            &Op::Conv2d(Value(0), Value(1), geometry),
            &[images, groups * inputs, size[0], size[1]],
            &[groups * outputs, inputs, kernel[0], kernel[1]],
            &[images, groups * outputs, out(0), out(1)],
        );
    }
}

/// Windows of many terms are laid out in several blocks.
#[test]
fn wide_images_are_cut() {
    let geometry = Conv2d { stride: [1, 1], dilation: [1, 1], groups: 1 };
    let op = Op::Conv2d(Value(0), Value(1), geometry);
    agrees(&op, &[1, 40, 30, 41], &[3, 40, 5, 5], &[1, 3, 26, 37]);
}
