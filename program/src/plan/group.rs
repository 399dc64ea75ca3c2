//! Fusing: operations of a block that become one kernel.
//!
//! A group has a *body*, scalar operations over the kernel's axes; then, perhaps, a reduction of some of them (a
//! `Reduce`, or the sum inside a product of matrices); then a *finish*, scalar operations over the axes that are left.
//! A group stays open while operations join it and is closed by the first that needs one of its values as a whole.

use crate::data::Shape;
use crate::ir::{Node, Op, Reduction, Value};

/// What a group reduces.
#[derive(Clone, Debug)]
pub enum Head {
    /// Nothing.
    None,
    /// The body's value, by an associative operation.
    Reduce {
        /// How.
        op: Reduction,
        /// What is reduced: a result of the body, or an operand where the body is empty.
        value: Value,
    },
    /// The products of a matrix product or a convolution, summed in the ring.
    Product(Node),
}

/// Operations that become one kernel.
#[derive(Clone, Debug)]
pub struct Group {
    /// Shape of the body's values; of a product, of its result.
    pub shape: Shape,
    /// Axes of `shape` that are instances, in order.
    pub kept: Vec<usize>,
    /// Axes of `shape` that are reduced, in order.
    pub reduced: Vec<usize>,
    /// Scalar operations before the reduction.
    pub body: Vec<Node>,
    /// The reduction.
    pub head: Head,
    /// What the reduction makes.
    pub head_result: Option<Value>,
    /// Scalar operations after it.
    pub finish: Vec<Node>,
    /// A rough count of ANDs of an instance, to keep templates small.
    pub weight: u64,
}

impl Group {
    /// A group of one scalar operation.
    pub fn scalar(node: &Node, shape: &Shape, weight: u64) -> Group {
        Group {
            shape: shape.clone(),
            kept: (0..shape.len()).collect(),
            reduced: Vec::new(),
            body: vec![node.clone()],
            head: Head::None,
            head_result: None,
            finish: Vec::new(),
            weight,
        }
    }

    /// A group that begins with a reduction or product.
    pub fn headed(head: Head, result: Value, shape: &Shape, reduced: Option<usize>) -> Group {
        Group {
            shape: shape.clone(),
            kept: (0..shape.len()).filter(|axis| Some(*axis) != reduced).collect(),
            reduced: reduced.into_iter().collect(),
            body: Vec::new(),
            head,
            head_result: Some(result),
            finish: Vec::new(),
            weight: 0,
        }
    }

    /// Shape of what the group makes at the end.
    pub fn result_shape(&self) -> Shape {
        self.kept.iter().map(|&axis| self.shape[axis]).collect()
    }

    /// Whether scalar operations that join now come after a reduction.
    pub fn finishing(&self) -> bool {
        self.head_result.is_some()
    }

    /// Whether a joining operation may read the value directly.
    pub fn offers(&self, v: Value) -> bool {
        let latest = if self.finishing() { &self.finish } else { &self.body };
        self.head_result == Some(v) || latest.iter().any(|n| n.results.contains(&v))
    }

    /// Whether it selects between the operation's sides the other way round: an exchange, of which both selections
    /// together cost what one does.
    pub fn mirrors(&self, op: &Op) -> bool {
        let Op::Select(c, a, b) = op else { return false };
        let latest = if self.finishing() { &self.finish } else { &self.body };
        latest.iter().any(|n| matches!(&n.op, Op::Select(d, x, y) if d == c && x == b && y == a))
    }

    /// Every value that the group makes.
    pub fn makes(&self, v: Value) -> bool {
        self.head_result == Some(v) || self.nodes().any(|n| n.results.contains(&v))
    }

    /// Its scalar operations.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.body.iter().chain(&self.finish)
    }

    /// How often the group itself uses a value.
    pub fn own_uses(&self, v: Value) -> u32 {
        let mut uses = 0;
        self.nodes().for_each(|n| n.op.for_each_operand(|o| uses += u32::from(o == v)));
        match &self.head {
            Head::Reduce { value, .. } if *value == v => uses + 1,
            _ => uses,
        }
    }

    /// Joins another open group without a reduction to this one.
    pub fn absorb(&mut self, other: Group) {
        self.weight += other.weight;
        let place = if self.finishing() { &mut self.finish } else { &mut self.body };
        place.extend(other.body);
    }

    /// Adds a scalar operation.
    pub fn join(&mut self, node: &Node, weight: u64) {
        self.weight += weight;
        let place = if self.finishing() { &mut self.finish } else { &mut self.body };
        place.push(node.clone());
    }

    /// Reduces the axis of what the group makes now.
    pub fn reduce(&mut self, op: Reduction, value: Value, result: Value, axis: usize) {
        self.reduced.push(self.kept.remove(axis));
        if !self.finishing() {
            self.head = Head::Reduce { op, value };
        }
        self.head_result = Some(result);
    }
}

/// Whether an operation is scalar: element by element.
pub fn is_scalar(op: &Op) -> bool {
    matches!(op, Op::Unary(..) | Op::Binary(..) | Op::Cast(_) | Op::Select(..))
}
