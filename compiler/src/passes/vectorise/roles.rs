//! What a loop does with each value that it carries, and which of its operations depend on the iteration before.

use std::collections::{HashMap, HashSet};

use motet_program::data::Elem;
use motet_program::ir::{Binary, Block, Node, Op, Reduction, Unary, Value};

use super::lift::is_quiet;
use crate::passes::build::Builder;
use crate::passes::rewrite::for_each_read;

/// What becomes of a carried value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    /// It stays as it was.
    Fixed,
    /// Each iteration adds (or the like) something of its own: the operations of the sum, by position in the body.
    Sum(Reduction, HashSet<usize>),
    /// A tensor of which each iteration reads and writes a place of its own, and no other: the axis along which the places
    /// follow each other, the step, and the position of the update in the body.
    Places {
        /// The axis.
        axis: usize,
        /// Elements from one iteration's place to the next one's; a place has as many (of a negative step: its negative).
        step: i64,
        /// The position of the update in the body.
        update: usize,
    },
    /// Each iteration needs what the one before has made of it.
    Carried,
}

/// A loop's body, looked at.
pub(super) struct Body<'a> {
    b: &'a Builder,
    pub block: &'a Block,
    /// Where in the body each of its values is made.
    pub made: HashMap<Value, usize>,
    /// The positions in the body that read a value.
    read: HashMap<Value, Vec<usize>>,
    /// How often a value is a result of the body.
    yielded: HashMap<Value, usize>,
}

/// What has been found out.
pub(super) struct Roles {
    /// Of each carried value.
    pub of: Vec<Role>,
    /// Positions in the body of what depends on the iteration before, or must stay in order.
    pub dependent: HashSet<usize>,
}

impl<'a> Body<'a> {
    pub fn of(b: &'a Builder, block: &'a Block) -> Self {
        let mut body = Body { b, block, made: HashMap::new(), read: HashMap::new(), yielded: HashMap::new() };
        for (at, node) in block.ops.iter().enumerate() {
            body.made.extend(node.results.iter().map(|r| (*r, at)));
            for_each_read(node, &mut |v| body.read.entry(v).or_default().push(at));
        }
        block.results.iter().for_each(|v| *body.yielded.entry(*v).or_default() += 1);
        body
    }

    pub fn node(&self, at: usize) -> &'a Node {
        &self.block.ops[at]
    }

    /// The operation of the body that makes a value.
    pub fn op(&self, v: Value) -> Option<(usize, &'a Op)> {
        self.made.get(&v).map(|at| (*at, &self.block.ops[*at].op))
    }

    /// The difference of an `Int` between iterations, where it is constant.
    fn stride(&self, v: Value) -> Option<i64> {
        if v == self.block.params[0] {
            return Some(1);
        }
        let Some((_, op)) = self.op(v) else {
            return (!self.block.params.contains(&v)).then_some(0);
        };
        match op {
            Op::Const(_) => Some(0),
            Op::Binary(Binary::Add, a, b) => self.stride(*a)?.checked_add(self.stride(*b)?),
            Op::Binary(Binary::Sub, a, b) => self.stride(*a)?.checked_sub(self.stride(*b)?),
            Op::Binary(Binary::Mul, a, b) => match (self.b.known(*a), self.b.known(*b)) {
                (_, Some(k)) => self.stride(*a)?.checked_mul(k),
                (Some(k), _) => self.stride(*b)?.checked_mul(k),
                _ => (self.stride(*a)? == 0 && self.stride(*b)? == 0).then_some(0),
            },
            Op::Unary(Unary::Neg, a) => self.stride(*a)?.checked_neg(),
            _ => None,
        }
    }

    /// Finds the roles. `stuck` are positions that must stay in the loop.
    pub fn roles(&self, stuck: &HashSet<usize>) -> Roles {
        let mut of: Vec<Role> = (0..self.block.results.len()).map(|k| self.role(k)).collect();
        let acts: Vec<usize> = (0..self.block.ops.len()).filter(|at| acts(self.node(*at))).collect();
        let mut stuck = stuck.clone();
        loop {
            let dependent = self.dependent(&of, &stuck);
            if !self.may_reorder(&dependent) && acts.iter().any(|at| !dependent.contains(at)) {
                stuck.extend(&acts);
                continue;
            }
            let spoilt: Vec<usize> = (0..of.len()).filter(|k| self.spoilt(*k, &of[*k], &dependent)).collect();
            if spoilt.is_empty() {
                return Roles { of, dependent };
            }
            spoilt.into_iter().for_each(|k| of[k] = Role::Carried);
        }
    }

    /// The role that a carried value has if nothing else stands against it.
    fn role(&self, k: usize) -> Role {
        let (param, result) = (self.block.params[k + 1], self.block.results[k]);
        if param == result {
            return Role::Fixed;
        }
        self.sum(param, result).or_else(|| self.places(param, result)).unwrap_or(Role::Carried)
    }

    fn sum(&self, param: Value, result: Value) -> Option<Role> {
        let mut depends = HashSet::from([param]);
        for node in &self.block.ops {
            let mut reads = false;
            for_each_read(node, &mut |v| reads |= depends.contains(&v));
            if reads {
                depends.extend(&node.results);
            }
        }
        let mut sum = Sum { body: self, param, depends, op: None, chain: HashSet::new() };
        sum.walk(result)?;
        // Nothing but the sum itself reads what it is made of.
        let own = |v: Value| self.read.get(&v).into_iter().flatten().all(|at| sum.chain.contains(at));
        let values = sum.chain.iter().flat_map(|at| &self.node(*at).results);
        let closed =
            values.clone().all(|v| own(*v) && self.yielded.get(v).copied().unwrap_or(0) == usize::from(*v == result));
        (own(param) && !self.yielded.contains_key(&param) && closed).then_some(Role::Sum(sum.op?, sum.chain.clone()))
    }

    fn places(&self, param: Value, result: Value) -> Option<Role> {
        let (update, starts, shape) = self.only_place(param, result)?;
        let strides: Vec<i64> = starts.iter().map(|s| self.stride(*s)).collect::<Option<_>>()?;
        let mut moving = strides.iter().enumerate().filter(|(_, s)| **s != 0);
        let (axis, step) = moving.next()?;
        let fits = moving.next().is_none() && step.unsigned_abs() == shape[axis];
        fits.then_some(Role::Places { axis, step: *step, update })
    }

    /// Where an iteration reads and writes a carried tensor, if that is at one place only: the position of the update, the
    /// place's starts and its shape.
    fn only_place(&self, param: Value, result: Value) -> Option<(usize, &'a [Value], &'a [u64])> {
        let (update, Op::Update { base, part, starts }) = self.op(result)? else { return None };
        let shape = self.b.shape(*part);
        let yielded = |v| self.yielded.get(&v).copied().unwrap_or(0);
        let read = |v| self.read.get(&v).into_iter().flatten().copied();
        if *base != param || *part == param || yielded(result) != 1 || yielded(param) != 0 || read(result).count() > 0 {
            return None;
        }
        let reads_place = |at: usize| match &self.node(at).op {
            Op::Slice(v, from) => {
                *v == param && self.b.same_ints(from, starts) && self.b.shape(self.node(at).results[0]) == shape
            }
            _ => false,
        };
        read(param).all(|at| at == update || reads_place(at)).then_some((update, starts.as_slice(), shape.as_slice()))
    }

    /// The same of the `k`-th carried value, where the place is one for all iterations and smaller than the tensor: the
    /// position of the update.
    pub fn fixed_place(&self, k: usize) -> Option<usize> {
        let (param, result) = (self.block.params[k + 1], self.block.results[k]);
        let (update, starts, shape) = self.only_place(param, result)?;
        let outside = |v: &Value| !self.made.contains_key(v) && !self.block.params.contains(v);
        (self.b.shape(param) != shape && starts.iter().all(outside)).then_some(update)
    }

    /// Positions of what depends on carried values.
    fn dependent(&self, roles: &[Role], stuck: &HashSet<usize>) -> HashSet<usize> {
        let carried = self.block.params[1..].iter().zip(roles).filter(|(_, role)| **role == Role::Carried);
        let mut values: HashSet<Value> = carried.map(|(p, _)| *p).collect();
        let mut dependent = HashSet::new();
        for (at, node) in self.block.ops.iter().enumerate() {
            let mut depends = stuck.contains(&at);
            for_each_read(node, &mut |v| depends |= values.contains(&v));
            if depends {
                dependent.insert(at);
                values.extend(&node.results);
            }
        }
        dependent
    }

    /// Whether what the role needs depends on the iteration before.
    fn spoilt(&self, k: usize, role: &Role, dependent: &HashSet<usize>) -> bool {
        let depends = |v: Value| self.made.get(&v).is_some_and(|at| dependent.contains(at));
        match role {
            Role::Fixed | Role::Carried => false,
            Role::Sum(_, chain) => chain.iter().any(|at| dependent.contains(at)),
            Role::Places { update, .. } => dependent.contains(update) || depends(self.block.results[k]),
        }
    }

    /// Whether what acts on the world can be done for all iterations at once, before what depends on the iteration before:
    /// nothing that can stop the run may come after a reveal.
    fn may_reorder(&self, dependent: &HashSet<usize>) -> bool {
        let mut revealed = false;
        for (at, node) in self.block.ops.iter().enumerate() {
            let stops = !is_quiet_node(self.b, node);
            if dependent.contains(&at) && acts(node) || revealed && stops && !is_reveal(node) {
                return false;
            }
            revealed |= reveals(node);
        }
        let after = dependent.iter().any(|at| !is_quiet_node(self.b, self.node(*at)));
        !(revealed && after)
    }
}

/// The search for a sum.
struct Sum<'a> {
    body: &'a Body<'a>,
    param: Value,
    /// Values that depend on the carried one.
    depends: HashSet<Value>,
    op: Option<Reduction>,
    chain: HashSet<usize>,
}

impl Sum<'_> {
    /// Whether the value is the carried one with something added to it, if anything.
    fn walk(&mut self, v: Value) -> Option<()> {
        if v == self.param {
            return Some(());
        }
        let (at, op) = self.body.op(v)?;
        self.chain.insert(at);
        match op {
            Op::Binary(op, a, b) => {
                self.is(reduction(*op)?, self.body.b.elem(v))?;
                match (self.depends.contains(a), self.depends.contains(b)) {
                    (true, false) => self.walk(*a),
                    (false, true) if *op != Binary::Sub => self.walk(*b),
                    _ => None,
                }
            }
            Op::Select(cond, a, b) if !self.depends.contains(cond) => {
                self.walk(*a)?;
                self.walk(*b)
            }
            Op::Select(cond, a, b) => {
                let (test, extreme, term) = self.body.extreme(*cond, *a, *b, |v| self.depends.contains(&v))?;
                self.is(extreme, self.body.b.elem(v))?;
                self.chain.insert(test);
                self.walk(if term == *a { *b } else { *a })
            }
            _ => None,
        }
    }

    fn is(&mut self, op: Reduction, elem: Elem) -> Option<()> {
        // An `Int` sum may only overflow where the program's own order does.
        let fits = *self.op.get_or_insert(op) == op && !(op == Reduction::Add && elem == Elem::Int);
        fits.then_some(())
    }
}

impl Body<'_> {
    /// Whether a selection keeps the lesser or greater of a dependent value and a term: the position of the comparison,
    /// and the term.
    pub(super) fn extreme(
        &self,
        cond: Value,
        a: Value,
        b: Value,
        depends: impl Fn(Value) -> bool,
    ) -> Option<(usize, Reduction, Value)> {
        let (test, Op::Binary(Binary::Lt, less, more)) = self.op(cond)? else { return None };
        let op = match (a == *less && b == *more, a == *more && b == *less) {
            (true, _) => Reduction::Min,
            (_, true) => Reduction::Max,
            _ => return None,
        };
        match (depends(a), depends(b)) {
            (true, false) => Some((test, op, b)),
            (false, true) => Some((test, op, a)),
            _ => None,
        }
    }
}

fn reduction(op: Binary) -> Option<Reduction> {
    match op {
        Binary::Add | Binary::Sub => Some(Reduction::Add),
        Binary::Min => Some(Reduction::Min),
        Binary::Max => Some(Reduction::Max),
        Binary::And => Some(Reduction::And),
        Binary::Or => Some(Reduction::Or),
        Binary::Xor => Some(Reduction::Xor),
        _ => None,
    }
}

/// Whether the node does something that others can see.
pub(crate) fn acts(node: &Node) -> bool {
    matches!(node.op, Op::Reveal(_) | Op::Assert(_)) || inner(node, acts)
}

fn reveals(node: &Node) -> bool {
    is_reveal(node) || inner(node, reveals)
}

fn is_reveal(node: &Node) -> bool {
    matches!(node.op, Op::Reveal(_))
}

fn is_quiet_node(b: &Builder, node: &Node) -> bool {
    is_quiet(b, &Block { params: Vec::new(), ops: vec![node.clone()], results: Vec::new() }) || is_reveal(node)
}

fn inner(node: &Node, test: fn(&Node) -> bool) -> bool {
    node.op.blocks().iter().any(|b| b.ops.iter().any(test))
}
