//! Adjoints of the operations: what an operand's adjoint gets from that of the result.

use motet_program::data::Elem;
use motet_program::data::Type;
use motet_program::ir::{Binary, Block, Constant, Conv2d, Node, Op, Reduction, Unary, Value};

use super::{Differentiation, Fails, NoDerivative, Unit};

impl Differentiation<'_> {
    pub(super) fn backward_plain(&mut self, node: &Node) -> Fails<()> {
        let result = node.results[0];
        let Some(g) = self.adjoints.get(&result).copied() else { return Ok(()) };
        if let Some(unit) = self.units.get(&result).copied() {
            self.unit(unit, g);
            return Ok(());
        }
        let none = |what| Err(NoDerivative { what, site: node.site });
        match &node.op {
            Op::Reveal(v) => self.add(*v, g),
            Op::Reshape(v) => {
                let shape = self.b.shape(*v).clone();
                let g = self.b.reshape(g, shape);
                self.add(*v, g);
            }
            Op::Broadcast(v) => {
                let g = self.summed_to(g, *v);
                self.add(*v, g);
            }
            Op::Transpose(v, perm) => {
                let mut inverse = vec![0; perm.len()];
                perm.iter().enumerate().for_each(|(k, p)| inverse[*p as usize] = k as u8);
                let g = self.b.transpose(g, inverse);
                self.add(*v, g);
            }
            Op::Slice(v, starts) => {
                // In place, so that parts that follow each other make one tensor.
                let starts: Vec<Value> = starts.iter().map(|s| self.get(*s)).collect();
                let whole = self.adjoint(*v);
                let shape = self.b.shape(g).clone();
                let before = self.b.slice(whole, starts.clone(), shape);
                let part = self.b.binary(Binary::Add, before, g);
                let whole = self.b.update(whole, part, starts);
                if self.active.contains(v) {
                    self.adjoints.insert(*v, whole);
                }
            }
            Op::Update { base, part, starts } => {
                let starts: Vec<Value> = starts.iter().map(|s| self.get(*s)).collect();
                let shape = self.b.shape(*part).clone();
                let of_part = self.b.slice(g, starts.clone(), shape);
                self.add(*part, of_part);
                let zero = self.zero(*part);
                let rest = self.b.update(g, zero, starts);
                self.add(*base, rest);
            }
            Op::Concat(parts, axis) => {
                let mut from = 0;
                for part in parts {
                    let len = self.b.shape(*part)[*axis as usize];
                    let start = self.b.int(from);
                    let of_part = self.b.slice_axis(g, *axis as usize, start, len);
                    self.add(*part, of_part);
                    from += len as i64;
                }
            }
            Op::Pad { value, fill, widths } => {
                if self.active.contains(fill) {
                    return none("the value that `pad` fills in");
                }
                let starts = widths.iter().map(|w| self.b.int(w[0] as i64)).collect();
                let shape = self.b.shape(*value).clone();
                let g = self.b.slice(g, starts, shape);
                self.add(*value, g);
            }
            Op::Gather(v, indices) => self.scatter(*v, *indices, g),
            Op::MatMul(x, y) => {
                if self.active.contains(x) {
                    let right = self.swapped(*y);
                    self.factor(*x, g, right);
                }
                if self.active.contains(y) {
                    let left = self.swapped(*x);
                    self.factor(*y, left, g);
                }
            }
            Op::Conv2d(x, w, conv) => self.convolution(*x, *w, *conv, g),
            Op::Unary(Unary::Neg, v) => {
                let g = self.b.unary(Unary::Neg, g);
                self.add(*v, g);
            }
            Op::Binary(op, x, y) => {
                if !self.binary(*op, *x, *y, result, g) {
                    return none("this operator");
                }
            }
            Op::Cast(v) => {
                let elem = self.b.elem(*v);
                let g = self.b.cast(g, elem);
                self.add(*v, g);
            }
            Op::Select(c, x, y) => {
                let (c, zero) = (self.get(*c), self.zero(*x));
                if self.active.contains(x) {
                    let of = self.b.select(c, g, zero);
                    self.add(*x, of);
                }
                if self.active.contains(y) {
                    let of = self.b.select(c, zero, g);
                    self.add(*y, of);
                }
            }
            Op::Reduce(Reduction::Add, v, axis) => {
                let shape = self.b.shape(*v).clone();
                let mut kept = shape.clone();
                kept[*axis as usize] = 1;
                let g = self.b.reshape(g, kept);
                let g = self.b.broadcast(g, &shape);
                self.add(*v, g);
            }
            Op::Read { table, index } => {
                let (zeros, index) = (self.zero(*table), self.get(*index));
                let of = self.b.write(zeros, index, g);
                self.add(*table, of);
            }
            Op::Write { table, index, value } => {
                let (zeros, index) = (self.zero(*value), self.get(*index));
                let of = self.b.read(g, index);
                self.add(*value, of);
                let rest = self.b.write(g, index, zeros);
                self.add(*table, rest);
            }
            Op::Circuit { .. } => return none("an imported circuit"),
            _ => return none("this operation"),
        }
        Ok(())
    }

    fn zero(&mut self, like: Value) -> Value {
        let ty = self.b.ty(like).clone();
        self.b.constant(0, ty)
    }

    /// A matrix with its last axes swapped.
    fn swapped(&mut self, old: Value) -> Value {
        let v = self.get(old);
        let rank = self.b.shape(v).len();
        self.b.move_axis(v, rank - 1, rank - 2)
    }

    /// Adds a product of matrices to the adjoint of a factor; where the factor is a matrix transposed just before, to that
    /// of the matrix, which then comes out as its model has it.
    fn factor(&mut self, of: Value, left: Value, right: Value) {
        let def = self.b.def(of);
        let source = match def.as_deref() {
            Some(Op::Transpose(v, perm)) if self.nested == 0 && swaps_last(perm) => Some(*v),
            _ => None,
        };
        let (to, left, right) = match source {
            Some(v) => {
                let rank = self.b.shape(of).len();
                let [left, right] = [right, left].map(|m| self.b.move_axis(m, rank - 1, rank - 2));
                (v, left, right)
            }
            None => (of, left, right),
        };
        let ty = self.b.ty(to).clone();
        let product = self.b.push(Op::MatMul(left, right), ty);
        self.add(to, product);
    }

    /// Sums over the axes that a broadcast has added or repeated.
    fn summed_to(&mut self, g: Value, old: Value) -> Value {
        let shape = self.b.shape(old).clone();
        let mut g = g;
        while self.b.shape(g).len() > shape.len() {
            g = self.b.reduce(Reduction::Add, g, 0);
        }
        for axis in (0..shape.len()).rev() {
            if shape[axis] == 1 && self.b.shape(g)[axis] != 1 {
                let sum = self.b.reduce(Reduction::Add, g, axis);
                let mut kept = self.b.shape(g).clone();
                kept[axis] = 1;
                g = self.b.reshape(sum, kept);
            }
        }
        g
    }

    fn binary(&mut self, op: Binary, x: Value, y: Value, result: Value, g: Value) -> bool {
        match op {
            Binary::Add => {
                self.add(x, g);
                self.add(y, g);
            }
            Binary::Sub => {
                self.add(x, g);
                if self.active.contains(&y) {
                    let minus = self.b.unary(Unary::Neg, g);
                    self.add(y, minus);
                }
            }
            Binary::Mul => {
                for (of, other) in [(x, y), (y, x)] {
                    if self.active.contains(&of) {
                        let other = self.get(other);
                        let product = self.b.binary(Binary::Mul, g, other);
                        self.add(of, product);
                    }
                }
            }
            Binary::Div => {
                let divisor = self.get(y);
                let of_x = self.b.binary(Binary::Div, g, divisor);
                self.add(x, of_x);
                if self.active.contains(&y) {
                    let quotient = self.get(result);
                    let product = self.b.binary(Binary::Mul, of_x, quotient);
                    let of_y = self.b.unary(Unary::Neg, product);
                    self.add(y, of_y);
                }
            }
            Binary::Rem => {
                self.add(x, g);
                if self.active.contains(&y) {
                    // The quotient's whole part stays as it is.
                    let (of, divisor, rest) = (self.get(x), self.get(y), self.get(result));
                    let multiple = self.b.binary(Binary::Sub, of, rest);
                    let whole = self.b.binary(Binary::Div, multiple, divisor);
                    let product = self.b.binary(Binary::Mul, g, whole);
                    let of_y = self.b.unary(Unary::Neg, product);
                    self.add(y, of_y);
                }
            }
            Binary::Shl | Binary::Shr => {
                let amount = self.get(y);
                let of = self.b.binary(op, g, amount);
                self.add(x, of);
            }
            _ => return false,
        }
        true
    }

    /// Adds each entry of the adjoint at the index that it was taken from.
    fn scatter(&mut self, v: Value, indices: Value, g: Value) {
        let indices = self.get(indices);
        let count: u64 = self.b.shape(indices).iter().product();
        let row = self.b.shape(v)[1..].to_vec();
        let flat = self.b.reshape(indices, vec![count]);
        let rows = self.b.reshape(g, [&[count], row.as_slice()].concat());
        let start = self.adjoint(v);
        let ty = self.b.ty(start).clone();
        let (from, to) = (self.b.int(0), self.b.int(count as i64));
        let params = self.b.open_loop(from, to, [ty.clone()]);
        let at = self.b.row(flat, params[0]);
        let (before, more) = (self.b.row(params[1], at), self.b.row(rows, params[0]));
        let sum = self.b.binary(Binary::Add, before, more);
        let next = self.set_row(params[1], at, sum);
        let body: Block = self.b.close(vec![next]);
        let results = self.b.push_many(Op::Loop { from, to, init: vec![start], body }, [ty]);
        if self.active.contains(&v) {
            self.adjoints.insert(v, results[0]);
        }
    }

    /// Both adjoints are convolutions in as many groups; `[.., G, A, ..]` below stands for an axis of `G A` channels.
    fn convolution(&mut self, x: Value, w: Value, conv: Conv2d, g: Value) {
        let (images, kernel) = (self.b.shape(x).clone(), self.b.shape(w).clone());
        let (elem, out) = (self.b.elem(x), self.b.shape(g).clone());
        let [n, c, h, v] = images[..] else { return };
        let [o, c_group, k, l] = kernel[..] else { return };
        let groups = conv.groups;
        let o_group = o / groups.max(1);
        if self.active.contains(&w) {
            // The windows' places are the taps of this convolution: of `C / G` images with `G N` channels.
            let old = self.get(x);
            let old = self.b.reshape(old, vec![n, groups, c_group, h, v]);
            let old = self.b.transpose(old, vec![2, 1, 0, 3, 4]);
            let old = self.b.reshape(old, vec![c_group, groups * n, h, v]);
            let taps = self.b.move_axis(g, 1, 0);
            let turned = Conv2d { stride: conv.dilation, dilation: conv.stride, groups };
            let size = |from: u64, taps: u64, axis: usize| {
                (from - (taps - 1) * conv.stride[axis] - 1) / conv.dilation[axis] + 1
            };
            let shape = vec![c_group, o, size(h, out[2], 0), size(v, out[3], 1)];
            let of = self.b.push(Op::Conv2d(old, taps, turned), Type { elem, shape });
            let zero = self.b.int(0);
            let of = self.b.slice(of, vec![zero; 4], vec![c_group, o, k, l]);
            let of = self.b.move_axis(of, 1, 0);
            self.add(w, of);
        }
        if self.active.contains(&x) {
            let spread = self.spread(g, conv.stride);
            let reach = [(k - 1) * conv.dilation[0], (l - 1) * conv.dilation[1]];
            let zero = self.b.constant(0, Type::scalar(elem));
            let mut widths = vec![[0, 0], [0, 0]];
            let mut shape = vec![n, o];
            for (axis, size) in [h, v].into_iter().enumerate() {
                let have = self.b.shape(spread)[2 + axis];
                let total = size + reach[axis];
                widths.push([reach[axis], total.saturating_sub(have + reach[axis])]);
                shape.push(total);
            }
            let padded = self.b.push(Op::Pad { value: spread, fill: zero, widths }, Type { elem, shape });
            let kernel = self.get(w);
            let kernel = self.flipped(kernel);
            let kernel = self.b.reshape(kernel, vec![groups, o_group, c_group, k, l]);
            let kernel = self.b.move_axis(kernel, 2, 1);
            let kernel = self.b.reshape(kernel, vec![c, o_group, k, l]);
            let turned = Conv2d { stride: [1, 1], dilation: conv.dilation, groups };
            let of = self.b.push(Op::Conv2d(padded, kernel, turned), Type { elem, shape: images });
            self.add(x, of);
        }
    }

    /// Zeros between the elements of the last two axes, none after the last.
    fn spread(&mut self, g: Value, stride: [u64; 2]) -> Value {
        let mut g = g;
        for (axis, stride) in [(2, stride[0]), (3, stride[1])] {
            if stride == 1 {
                continue;
            }
            let elem = self.b.elem(g);
            let mut shape = self.b.shape(g).clone();
            let size = shape[axis];
            shape.insert(axis + 1, 1);
            let split = self.b.reshape(g, shape.clone());
            let mut widths = vec![[0, 0]; 5];
            widths[axis + 1] = [0, stride - 1];
            shape[axis + 1] = stride;
            let fill = self.b.constant(0, Type::scalar(elem));
            let padded = self.b.push(Op::Pad { value: split, fill, widths }, Type { elem, shape: shape.clone() });
            shape.remove(axis + 1);
            shape[axis] = size * stride;
            let joined = self.b.reshape(padded, shape);
            let zero = self.b.int(0);
            g = self.b.slice_axis(joined, axis, zero, (size - 1) * stride + 1);
        }
        g
    }

    /// The last two axes of a kernel, backwards.
    fn flipped(&mut self, kernel: Value) -> Value {
        let mut kernel = kernel;
        for axis in [2, 3] {
            let size = self.b.shape(kernel)[axis];
            let order = Op::Const(Constant::Dense((0..size).rev().collect()));
            let order = self.b.push(order, Type { elem: Elem::Int, shape: vec![size] });
            let front = self.b.move_axis(kernel, axis, 0);
            let turned = self.b.gather(front, order);
            kernel = self.b.move_axis(turned, 0, axis);
        }
        kernel
    }

    /// The slope times the adjoint, over the axes that the argument has besides the value's.
    fn unit(&mut self, Unit { x, slope }: Unit, g: Value) {
        let shape = self.b.shape(x).clone();
        let mut led = self.b.shape(g)[1..].to_vec();
        led.resize(shape.len(), 1);
        let g = self.b.reshape(g, led);
        let g = self.b.broadcast(g, &shape);
        let slope = self.get(slope);
        let of = self.b.binary(Binary::Mul, g, slope);
        self.add(x, of);
    }
}

/// Whether a permutation of axes exchanges the last two and nothing else.
fn swaps_last(perm: &[u8]) -> bool {
    let n = perm.len();
    n >= 2 && perm.iter().enumerate().all(|(k, p)| usize::from(*p) == if k + 2 < n { k } else { 2 * n - 3 - k })
}
