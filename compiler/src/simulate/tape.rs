//! Gradients of simulated programs: what is computed inside `grad` is written on a tape, which is then read backwards.
//!
//! While a tape is open, the elements of every `fix` array are *marks*: positions on the tape, where their numbers stand.
//! What only moves elements therefore needs to know nothing of it; what computes with them is handed the numbers, and
//! `record` marks what came out. Numbers are those of the program, bit by bit; their adjoints are kept in double
//! precision, so that the gradient is that of the formulas, rounded once: the measure of what a run computes in `fix`.

use motet_program::data::Elem;

use super::elementwise::broadcast;
use super::error::SimulateErrorKind as Kind;
use super::linear;
use super::value::{Array, Value};
use crate::parse::ast::BinaryOp;
use crate::typed::tree::Builtin;

type Result<T> = std::result::Result<T, Kind>;

/// A position on the tape.
type Mark = u64;

/// What has been computed inside a `grad`.
pub(super) struct Tape {
    /// The numbers, as ring bits. The first is 0, which is also what an element is that nothing was written to.
    numbers: Vec<u64>,
    steps: Vec<Step>,
    /// Most numbers.
    limit: u64,
}

/// How some numbers came about.
enum Step {
    /// Each of the numbers from `out` on follows from `each` others: their marks, and its slope in them.
    Slopes { out: usize, each: usize, of: Vec<(Mark, f64)> },
    /// The numbers from `out` on are a product `[m, k] × [k, n]` of matrices with the type's numbers.
    Product { out: usize, a: Vec<Mark>, b: Vec<Mark>, dims: [usize; 3], elem: Elem },
}

/// An operation that computes with numbers.
#[derive(Clone, Copy)]
pub(super) enum Computation<'t> {
    Negation,
    Operator(BinaryOp),
    Conversion,
    Builtin(&'t Builtin),
    /// What has no slope: its results are constants.
    Opaque,
}

/// Whether a built-in operation computes, so that it must be handed numbers; others only move elements.
pub(super) fn computes(builtin: &Builtin) -> bool {
    matches!(
        builtin,
        Builtin::Zeros
            | Builtin::Ones
            | Builtin::MatMul
            | Builtin::Dot
            | Builtin::Conv2d { .. }
            | Builtin::Sum(_)
            | Builtin::ReduceMin(_)
            | Builtin::ReduceMax(_)
            | Builtin::Min
            | Builtin::Max
            | Builtin::Abs
    )
}

fn is_fix(a: &Array) -> bool {
    matches!(a.elem, Elem::Fix { .. })
}

/// The real number that ring bits of the type stand for.
fn real(elem: Elem, ring: u64) -> f64 {
    let unit = if let Elem::Fix { frac, .. } = elem { f64::from(frac).exp2() } else { 1.0 };
    elem.number(ring) as f64 / unit
}

impl Tape {
    /// An empty tape for so many numbers.
    pub fn new(limit: u64) -> Tape {
        Tape { numbers: vec![0], steps: Vec::new(), limit }
    }

    fn push(&mut self, numbers: &[u64]) -> Result<usize> {
        let at = self.numbers.len();
        let elements = (at + numbers.len()) as u64;
        if elements > self.limit {
            return Err(Kind::TooLarge { elements, limit: self.limit });
        }
        self.numbers.extend_from_slice(numbers);
        Ok(at)
    }

    /// The array of new numbers.
    fn marked(&mut self, numbers: &Array) -> Result<(usize, Array)> {
        let at = self.push(numbers.data())?;
        let marks = (at as u64..).take(numbers.data().len()).collect();
        Ok((at, Array::new(numbers.elem, numbers.shape.clone(), marks)))
    }

    /// A value of numbers that nothing is known about, as marks.
    pub fn enter(&mut self, value: &Value) -> Result<Value> {
        match value {
            Value::Group(parts) => Ok(Value::Group(parts.iter().map(|p| self.enter(p)).collect::<Result<_>>()?)),
            Value::Leaf(a) if !is_fix(a) || a.data().iter().all(|x| *x == 0) => Ok(Value::Leaf(a.clone())),
            Value::Leaf(a) => Ok(Value::Leaf(self.marked(a)?.1)),
        }
    }

    /// As `enter`, each number on its own, zeros too: what the gradient is taken in.
    pub fn variables(&mut self, value: &Value) -> Result<Value> {
        match value {
            Value::Group(parts) => Ok(Value::Group(parts.iter().map(|p| self.variables(p)).collect::<Result<_>>()?)),
            Value::Leaf(a) => Ok(Value::Leaf(self.marked(a)?.1)),
        }
    }

    /// The numbers of a value.
    pub fn numbers(&self, value: &Value) -> Value {
        match value {
            Value::Group(parts) => Value::Group(parts.iter().map(|p| self.numbers(p)).collect()),
            Value::Leaf(a) => Value::Leaf(self.numbers_of(a)),
        }
    }

    fn numbers_of(&self, a: &Array) -> Array {
        if !is_fix(a) {
            return a.clone();
        }
        let numbers = a.data().iter().map(|mark| self.numbers[*mark as usize]).collect();
        Array::new(a.elem, a.shape.clone(), numbers)
    }

    fn real(&self, elem: Elem, mark: Mark) -> f64 {
        real(elem, self.numbers[mark as usize])
    }

    /// Marks the numbers that a computation has made of operands.
    pub fn record(&mut self, how: Computation, operands: &[Value], result: &Value) -> Result<Value> {
        let of = match result {
            Value::Leaf(of) => of,
            Value::Group(parts) => {
                // Structs field by field; a scalar goes with each field.
                let part = |operand: &Value, k: usize| match operand {
                    Value::Group(parts) => parts.get(k).cloned().unwrap_or_else(Value::unit),
                    leaf => leaf.clone(),
                };
                let fields = parts.iter().enumerate().map(|(k, result)| {
                    let operands: Vec<Value> = operands.iter().map(|o| part(o, k)).collect();
                    self.record(how, &operands, result)
                });
                return Ok(Value::Group(fields.collect::<Result<_>>()?));
            }
        };
        if !is_fix(of) {
            return Ok(result.clone());
        }
        let leaves: Vec<&Array> =
            operands.iter().filter_map(|o| if let Value::Leaf(a) = o { Some(a) } else { None }).collect();
        let marks = match (how, &leaves[..]) {
            (Computation::Negation, [a]) => self.slopes(of, 1, a.data().iter().map(|m| (*m, -1.0)).collect())?,
            (Computation::Conversion, [a]) if is_fix(a) => {
                self.slopes(of, 1, a.data().iter().map(|m| (*m, 1.0)).collect())?
            }
            (Computation::Operator(op), [a, b]) => self.operator(op, a, b, of)?,
            (Computation::Builtin(builtin), leaves) => return self.builtin(builtin, leaves, of).map(Value::Leaf),
            _ => return self.enter(result),
        };
        Ok(Value::Leaf(marks))
    }

    /// Marks numbers that have slopes in `each` others.
    fn slopes(&mut self, of: &Array, each: usize, slopes: Vec<(Mark, f64)>) -> Result<Array> {
        let (out, marks) = self.marked(of)?;
        self.steps.push(Step::Slopes { out, each, of: slopes });
        Ok(marks)
    }

    fn operator(&mut self, op: BinaryOp, a: &Array, b: &Array, of: &Array) -> Result<Array> {
        let (a, b) = (broadcast(a, &of.shape)?, broadcast(b, &of.shape)?);
        let elem = of.elem;
        let mut slopes = Vec::with_capacity(2 * of.data().len());
        for (k, (x, y)) in a.data().iter().zip(b.data()).enumerate() {
            let (p, q) = (self.real(elem, *x), if is_fix(&b) { self.real(elem, *y) } else { 0.0 });
            let result = real(elem, of.data()[k]);
            let (dx, dy) = match op {
                BinaryOp::Add => (1.0, 1.0),
                BinaryOp::Sub => (1.0, -1.0),
                BinaryOp::Mul => (q, p),
                BinaryOp::Div => (1.0 / q, -p / (q * q)),
                // The quotient's whole part stays as it is.
                BinaryOp::Rem => (1.0, -((p - result) / q).round()),
                BinaryOp::Shl => ((b.elem.number(*y) as f64).exp2(), 0.0),
                BinaryOp::Shr => ((-b.elem.number(*y) as f64).exp2(), 0.0),
                _ => (0.0, 0.0),
            };
            // A constant 0 has no slope that matters, and a number divided by 0 none at all.
            let known = |slope: f64| if slope.is_finite() { slope } else { 0.0 };
            slopes.push((*x, known(dx)));
            slopes.push((if is_fix(&b) { *y } else { 0 }, known(dy)));
        }
        self.slopes(of, 2, slopes)
    }

    fn builtin(&mut self, builtin: &Builtin, operands: &[&Array], of: &Array) -> Result<Array> {
        match (builtin, operands) {
            (Builtin::Abs, [a]) => {
                let sign = |m: &Mark| (*m, f64::from(self.real(a.elem, *m).partial_cmp(&0.0).map_or(0, |o| o as i8)));
                let slopes = a.data().iter().map(sign).collect();
                self.slopes(of, 1, slopes)
            }
            (Builtin::Min | Builtin::Max, [a, b]) => {
                let (a, b) = (broadcast(a, &of.shape)?, broadcast(b, &of.shape)?);
                let pairs = a.data().iter().zip(b.data());
                let marks =
                    pairs.map(|(x, y)| self.first_best([*x, *y].into_iter(), of.elem, *builtin == Builtin::Max));
                let marks = marks.collect();
                Ok(Array::new(of.elem, of.shape.clone(), marks))
            }
            (Builtin::Sum(axis) | Builtin::ReduceMin(axis) | Builtin::ReduceMax(axis), [a]) => {
                let [outer, n, inner] = linear::around(&a.shape, *axis)?.0;
                let column = |k: usize| {
                    let (o, i) = (k / inner.max(1), k % inner.max(1));
                    (0..n).map(move |j| a.data()[(o * n + j) * inner + i])
                };
                if matches!(builtin, Builtin::Sum(_)) {
                    let slopes = (0..outer * inner).flat_map(column).map(|m| (m, 1.0)).collect();
                    return self.slopes(of, n, slopes);
                }
                let greatest = matches!(builtin, Builtin::ReduceMax(_));
                let marks = (0..outer * inner).map(|k| self.first_best(column(k), of.elem, greatest)).collect();
                Ok(Array::new(of.elem, of.shape.clone(), marks))
            }
            (Builtin::MatMul | Builtin::Dot, [a, b]) => {
                let (out, marks) = self.marked(of)?;
                let linear::Matrices { places, dims: [m, k, n], .. } = linear::Matrices::of(a, b)?;
                for (p, (i, j)) in places.into_iter().enumerate() {
                    self.steps.push(Step::Product {
                        out: out + p * m * n,
                        a: a.data()[i * m * k..(i + 1) * m * k].to_vec(),
                        b: b.data()[j * k * n..(j + 1) * k * n].to_vec(),
                        dims: [m, k, n],
                        elem: of.elem,
                    });
                }
                Ok(marks)
            }
            (Builtin::Conv2d { stride, padding, dilation, groups }, [x, w]) => {
                let (out, marks) = self.marked(of)?;
                let geometry = linear::Geometry::of(*stride, *padding, *dilation, *groups);
                let (steps, elem) = (&mut self.steps, of.elem);
                linear::windows(x, w, &geometry, &mut |weights, columns, dims, at| {
                    let (a, b) = (weights.to_vec(), columns.to_vec());
                    steps.push(Step::Product { out: out + at, a, b, dims, elem });
                    Ok(())
                })?;
                Ok(marks)
            }
            _ => match self.enter(&Value::Leaf(of.clone()))? {
                Value::Leaf(marks) => Ok(marks),
                Value::Group(_) => Err(Kind::Malformed("a group where a tensor is needed")),
            },
        }
    }

    /// The least or greatest of some numbers, the first of equal ones.
    fn first_best(&self, mut of: impl Iterator<Item = Mark>, elem: Elem, greatest: bool) -> Mark {
        let number = |m: Mark| elem.number(self.numbers[m as usize]);
        let first = of.next().unwrap_or(0);
        of.fold(first, |best, m| {
            let better = if greatest { number(m) > number(best) } else { number(m) < number(best) };
            if better { m } else { best }
        })
    }

    /// `with_slope(y, x, slope)`, of marks.
    pub fn with_slope(&mut self, y: &Array, x: &Array, slope: &Array) -> Result<Array> {
        let numbers = self.numbers_of(y);
        let each = x.data().len() / y.data().len().max(1);
        let slopes = x.data().iter().zip(slope.data()).map(|(x, s)| (*x, self.real(slope.elem, *s))).collect();
        self.slopes(&numbers, each, slopes)
    }

    /// The slope of the number at `of` in each that the value marks.
    pub fn gradient(&self, of: Mark, value: &Value) -> Vec<f64> {
        let adjoints = self.adjoints(of as usize);
        let mut gradient = Vec::new();
        value.for_each_leaf(&mut |a| gradient.extend(a.data().iter().map(|mark| adjoints[*mark as usize])));
        gradient
    }

    fn adjoints(&self, of: usize) -> Vec<f64> {
        let mut adjoints = vec![0.0; self.numbers.len()];
        adjoints[of] = 1.0;
        for step in self.steps.iter().rev() {
            match step {
                Step::Slopes { out, each, of } => {
                    for (k, parts) in of.chunks(*each.max(&1)).enumerate() {
                        let g = adjoints[out + k];
                        if g != 0.0 {
                            parts.iter().for_each(|(mark, slope)| adjoints[*mark as usize] += g * slope);
                        }
                    }
                }
                Step::Product { out, a, b, dims: [m, k, n], elem } => {
                    for i in 0..*m {
                        for c in 0..*n {
                            let g = adjoints[out + i * n + c];
                            if g == 0.0 {
                                continue;
                            }
                            for j in 0..*k {
                                let (x, y) = (a[i * k + j], b[j * n + c]);
                                adjoints[x as usize] += g * self.real(*elem, y);
                                adjoints[y as usize] += g * self.real(*elem, x);
                            }
                        }
                    }
                }
            }
            // Nothing follows from the constant.
            adjoints[0] = 0.0;
        }
        adjoints
    }
}
