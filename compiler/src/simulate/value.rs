//! Values of the interpreter: tensors of ring bits that are copied only when written to, and groups of them.

use std::rc::Rc;

use motet_program::data::Elem;

/// A value. Tuples and structs are groups; a tensor of them is a group whose leaves are led by the tensor's shape.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Leaf(Array),
    Group(Vec<Value>),
}

/// A tensor of elements, or a scalar.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub elem: Elem,
    pub shape: Vec<usize>,
    data: Data,
}

/// Ring bits; a scalar (and nothing else) is `One`.
#[derive(Clone, Debug)]
enum Data {
    One(u64),
    Many(Rc<Vec<u64>>),
}

impl Array {
    /// A scalar.
    pub fn scalar(elem: Elem, ring: u64) -> Array {
        Array { elem, shape: Vec::new(), data: Data::One(ring) }
    }

    /// A tensor from its row-major elements, as many as its shape says.
    pub fn new(elem: Elem, shape: Vec<usize>, elements: Vec<u64>) -> Array {
        debug_assert_eq!(elements.len(), shape.iter().product::<usize>());
        let data = match (shape.is_empty(), elements.first()) {
            (true, Some(&ring)) => Data::One(ring),
            _ => Data::Many(Rc::new(elements)),
        };
        Array { elem, shape, data }
    }

    /// The same element everywhere.
    pub fn splat(elem: Elem, shape: Vec<usize>, ring: u64) -> Array {
        if shape.is_empty() {
            return Array::scalar(elem, ring);
        }
        let count = shape.iter().product();
        Array::new(elem, shape, vec![ring; count])
    }

    /// The elements, row-major.
    pub fn data(&self) -> &[u64] {
        match &self.data {
            Data::One(ring) => std::slice::from_ref(ring),
            Data::Many(elements) => elements,
        }
    }

    /// The elements, to be changed: a copy is made first where others hold them.
    pub fn data_mut(&mut self) -> &mut [u64] {
        match &mut self.data {
            Data::One(ring) => std::slice::from_mut(ring),
            Data::Many(elements) => Rc::make_mut(elements).as_mut_slice(),
        }
    }

    /// The same elements in another shape of as many.
    pub fn reshaped(mut self, shape: Vec<usize>) -> Array {
        if shape.is_empty() || self.shape.is_empty() {
            let elements = self.data().to_vec();
            return Array::new(self.elem, shape, elements);
        }
        self.shape = shape;
        self
    }

    /// Row `r` along the first axis.
    pub fn row(&self, r: usize) -> Array {
        let shape = self.shape[1..].to_vec();
        let size: usize = shape.iter().product();
        if shape.is_empty() {
            return Array::scalar(self.elem, self.data()[r]);
        }
        Array::new(self.elem, shape, self.data()[r * size..(r + 1) * size].to_vec())
    }
}

impl Value {
    /// The unit.
    pub fn unit() -> Value {
        Value::Group(Vec::new())
    }

    /// A scalar.
    pub fn scalar(elem: Elem, ring: u64) -> Value {
        Value::Leaf(Array::scalar(elem, ring))
    }

    /// Row `r` of every leaf.
    pub fn row(&self, r: usize) -> Value {
        match self {
            Value::Leaf(a) => Value::Leaf(a.row(r)),
            Value::Group(parts) => Value::Group(parts.iter().map(|p| p.row(r)).collect()),
        }
    }

    /// Every leaf in another shape, given its present one.
    pub fn reshaped(self, shape: &impl Fn(&[usize]) -> Vec<usize>) -> Value {
        match self {
            Value::Leaf(a) => {
                let to = shape(&a.shape);
                Value::Leaf(a.reshaped(to))
            }
            Value::Group(parts) => Value::Group(parts.into_iter().map(|p| p.reshaped(shape)).collect()),
        }
    }

    /// Calls `f` on every leaf, in order.
    pub fn for_each_leaf(&self, f: &mut impl FnMut(&Array)) {
        match self {
            Value::Leaf(a) => f(a),
            Value::Group(parts) => parts.iter().for_each(|p| p.for_each_leaf(f)),
        }
    }

    /// The part of a group at a path of fields.
    pub fn part_mut(&mut self, path: &[usize]) -> Option<&mut Value> {
        match (path, self) {
            ([], value) => Some(value),
            ([first, rest @ ..], Value::Group(parts)) => parts.get_mut(*first)?.part_mut(rest),
            _ => None,
        }
    }
}

/// Stacks values of one form along a new first axis, one after the other, without keeping them.
pub(super) struct Stack {
    rows: usize,
    leaves: Option<Rows>,
}

/// What a `Stack` has taken so far, in the values' form.
enum Rows {
    Leaf { elem: Elem, shape: Vec<usize>, elements: Vec<u64> },
    Group(Vec<Rows>),
}

impl Rows {
    fn like(value: &Value, expected: usize) -> Rows {
        match value {
            Value::Leaf(a) => Rows::Leaf {
                elem: a.elem,
                shape: a.shape.clone(),
                elements: Vec::with_capacity(a.data().len().saturating_mul(expected)),
            },
            Value::Group(parts) => Rows::Group(parts.iter().map(|p| Rows::like(p, expected)).collect()),
        }
    }

    fn push(&mut self, value: &Value) {
        match (self, value) {
            (Rows::Leaf { elements, .. }, Value::Leaf(a)) => elements.extend_from_slice(a.data()),
            (Rows::Group(rows), Value::Group(parts)) => rows.iter_mut().zip(parts).for_each(|(r, p)| r.push(p)),
            _ => {}
        }
    }

    fn finish(self, count: usize) -> Value {
        match self {
            Rows::Leaf { elem, shape, elements } => {
                let shape = std::iter::once(count).chain(shape).collect();
                Value::Leaf(Array::new(elem, shape, elements))
            }
            Rows::Group(rows) => Value::Group(rows.into_iter().map(|r| r.finish(count)).collect()),
        }
    }
}

impl Stack {
    /// Of no rows yet.
    pub fn new() -> Stack {
        Stack { rows: 0, leaves: None }
    }

    /// Adds a row; `expected` is how many there will be in all.
    pub fn push(&mut self, value: &Value, expected: usize) {
        self.leaves.get_or_insert_with(|| Rows::like(value, expected)).push(value);
        self.rows += 1;
    }

    /// The stacked value; `None` where there were no rows, and so no form.
    pub fn finish(self) -> Option<Value> {
        Some(self.leaves?.finish(self.rows))
    }
}
