//! Whether operands, attributes and result types of one operation fit each other.

use motet_circuits::Circuit;

use super::Form;
use crate::data::{Elem, Type};
use crate::ir::{Binary, Block, Constant, Conv2d, Node, Op, Program, Reduction, Value};

/// Whether operands, attributes and result types of one operation fit each other.
pub(super) fn fits(program: &Program, node: &Node, form: Form) -> Result<(), &'static str> {
    let ty = |v: Value| program.ty(v);
    let ok = |holds: bool, why: &'static str| if holds { Ok(()) } else { Err(why) };
    let int = |v: Value| *ty(v) == Type::scalar(Elem::Int);
    let types = |block: &Block| block.results.iter().map(|v| ty(*v).clone()).collect::<Vec<_>>();
    let results = || node.results.iter().map(|v| ty(*v).clone()).collect::<Vec<_>>();
    match &node.op {
        Op::Assert(v) => {
            ok(node.results.is_empty(), "it has results")?;
            return ok(*ty(*v) == Type::scalar(Elem::Bool), "its condition is no scalar bool");
        }
        Op::Loop { from, to, init, body } => {
            ok(int(*from) && int(*to), "its bounds are no scalar ints")?;
            ok(body.params.len() == init.len() + 1 && int(body.params[0]), "its body has other parameters")?;
            let carried: Vec<Type> = init.iter().map(|v| ty(*v).clone()).collect();
            let params: Vec<Type> = body.params[1..].iter().map(|v| ty(*v).clone()).collect();
            return ok(
                carried == params && carried == types(body) && carried == results(),
                "types of the carried values differ",
            );
        }
        Op::Each { count, body } => {
            ok(form == Form::Core, "`Each` stands in a finished program")?;
            ok(body.params.len() == 1 && int(body.params[0]), "its body has other parameters")?;
            let stacked: Vec<Type> = types(body)
                .into_iter()
                .map(|t| Type { elem: t.elem, shape: [&[*count], t.shape.as_slice()].concat() })
                .collect();
            return ok(stacked == results(), "types of the stacked results differ");
        }
        Op::If { cond, then, otherwise } => {
            ok(*ty(*cond) == Type::scalar(Elem::Bool), "its condition is no scalar bool")?;
            ok(then.params.is_empty() && otherwise.params.is_empty(), "a side has parameters")?;
            return ok(types(then) == results() && types(otherwise) == results(), "types of the sides differ");
        }
        Op::Circuit { circuit, batch, args } => return circuit_fits(program, node, *circuit, *batch, args),
        _ => {}
    }
    ok(node.results.len() == 1, "it must have one result")?;
    let to = ty(node.results[0]);
    let same = |v: Value| ok(ty(v) == to, "an operand's type differs from the result's");
    let shape = |v: Value| ok(ty(v).shape == to.shape, "an operand's shape differs from the result's");
    let elem = |v: Value| ok(ty(v).elem == to.elem, "an operand's element differs from the result's");
    match &node.op {
        Op::Input { param, leaf } => {
            let leaves = program.params.get(*param as usize).map(|p| p.ty.leaves());
            ok(leaves.is_some_and(|l| l.get(*leaf as usize) == Some(to)), "there is no such input of that type")
        }
        Op::Const(Constant::Splat(word)) => ok(word & !to.elem.mask() == 0, "the constant is wider than its type"),
        Op::Const(Constant::Dense(words)) => {
            ok(words.len() as u64 == to.count(), "the constant has another number of elements")?;
            ok(words.iter().all(|w| w & !to.elem.mask() == 0), "the constant is wider than its type")
        }
        Op::Const(Constant::Iota) => ok(to.elem == Elem::Int && to.shape.len() == 1, "it is no vector of ints"),
        Op::RandomPublic(bound) => ok(int(*bound) && to.elem == Elem::Int, "it makes ints below an int"),
        Op::Reveal(v) => same(*v),
        Op::Reshape(v) => {
            elem(*v)?;
            ok(ty(*v).count() == to.count(), "the number of elements changes")
        }
        Op::Broadcast(v) => {
            elem(*v)?;
            let from = &ty(*v).shape;
            let fits = from.len() <= to.shape.len()
                && from.iter().rev().zip(to.shape.iter().rev()).all(|(a, b)| a == b || *a == 1);
            ok(fits, "the shape does not broadcast")
        }
        Op::Transpose(v, perm) => {
            elem(*v)?;
            let from = &ty(*v).shape;
            let mut sorted = perm.clone();
            sorted.sort_unstable();
            ok(sorted.iter().copied().eq(0..from.len() as u8), "the permutation is none")?;
            ok(perm.iter().map(|p| from[usize::from(*p)]).eq(to.shape.iter().copied()), "the shape is not permuted so")
        }
        Op::Slice(v, starts) => {
            elem(*v)?;
            inside(&to.shape, &ty(*v).shape, starts.len())?;
            ok(starts.iter().all(|s| int(*s)), "a start is no scalar int")
        }
        Op::Update { base, part, starts } => {
            same(*base)?;
            elem(*part)?;
            inside(&ty(*part).shape, &to.shape, starts.len())?;
            ok(starts.iter().all(|s| int(*s)), "a start is no scalar int")
        }
        Op::Concat(vs, axis) => concat_fits(program, vs, usize::from(*axis), to),
        Op::Pad { value, fill, widths } => {
            elem(*value)?;
            ok(*ty(*fill) == Type::scalar(to.elem), "the filling is no scalar of the type")?;
            let from = &ty(*value).shape;
            ok(widths.len() == from.len() && from.len() == to.shape.len(), "the rank changes")?;
            let sized = from.iter().zip(widths).map(|(n, [a, b])| n.saturating_add(*a).saturating_add(*b));
            ok(sized.eq(to.shape.iter().copied()), "the shape is not padded so")
        }
        Op::Gather(v, indices) => {
            elem(*v)?;
            ok(ty(*indices).elem == Elem::Int && !ty(*v).shape.is_empty(), "it takes rows at ints")?;
            let want = [ty(*indices).shape.as_slice(), &ty(*v).shape[1..]].concat();
            ok(want == to.shape, "the shape is another")
        }
        Op::MatMul(a, b) => {
            elem(*a)?;
            elem(*b)?;
            let (x, y, z) = (&ty(*a).shape, &ty(*b).shape, &to.shape);
            let n = z.len();
            ok(n >= 2 && x.len() == n && y.len() == n, "the ranks differ")?;
            let fits = x[..n - 2] == z[..n - 2]
                && y[..n - 2] == z[..n - 2]
                && x[n - 2] == z[n - 2]
                && y[n - 1] == z[n - 1]
                && x[n - 1] == y[n - 2];
            ok(fits, "the shapes do not multiply")
        }
        Op::Conv2d(x, w, g) => {
            elem(*x)?;
            elem(*w)?;
            conv_fits(&ty(*x).shape, &ty(*w).shape, &to.shape, g)
        }
        Op::Unary(_, v) => same(*v),
        Op::Binary(op, a, b) => {
            shape(*a)?;
            shape(*b)?;
            let (x, y) = (ty(*a).elem, ty(*b).elem);
            match op {
                Binary::Eq | Binary::Lt => ok(x == y && to.elem == Elem::Bool, "it does not compare like with like"),
                Binary::Shl | Binary::Shr => {
                    ok(x == to.elem && !matches!(y, Elem::Bool | Elem::Fix { .. }), "it does not shift so")
                }
                Binary::Pow => ok(x == Elem::Int && y == Elem::Int && to.elem == Elem::Int, "it is of ints alone"),
                _ => ok(x == y && x == to.elem, "its operands are of different types"),
            }
        }
        Op::Cast(v) => {
            shape(*v)?;
            ok(to.elem != Elem::Int || ty(*v).elem != Elem::Bool, "a bool does not become an int")
        }
        Op::Coerce(v) => {
            shape(*v)?;
            ok(ty(*v).elem == Elem::Int, "it converts ints")
        }
        Op::Select(c, a, b) => {
            shape(*c)?;
            ok(ty(*c).elem == Elem::Bool, "its condition is no bool")?;
            same(*a)?;
            same(*b)
        }
        Op::Reduce(op, v, axis) => {
            elem(*v)?;
            let (from, axis) = (&ty(*v).shape, usize::from(*axis));
            ok(axis < from.len(), "there is no such axis")?;
            ok([&from[..axis], &from[axis + 1..]].concat() == to.shape, "the shape is another")?;
            let empty = from[axis] == 0 && matches!(op, Reduction::Min | Reduction::Max);
            ok(!empty, "there is no least or greatest of nothing")
        }
        Op::Read { table, index } => {
            elem(*table)?;
            table_fits(ty(*table), ty(*index), &to.shape)
        }
        Op::Write { table, index, value } => {
            same(*table)?;
            elem(*value)?;
            table_fits(to, ty(*index), &ty(*value).shape)
        }
        _ => Ok(()),
    }
}

fn inside(part: &[u64], whole: &[u64], starts: usize) -> Result<(), &'static str> {
    let fits = part.len() == whole.len() && starts == whole.len() && part.iter().zip(whole).all(|(a, b)| a <= b);
    if fits { Ok(()) } else { Err("the box does not fit") }
}

fn concat_fits(program: &Program, vs: &[Value], axis: usize, to: &Type) -> Result<(), &'static str> {
    let mut length = 0u64;
    for v in vs {
        let from = program.ty(*v);
        let fits = from.elem == to.elem
            && from.shape.len() == to.shape.len()
            && axis < to.shape.len()
            && from.shape.iter().zip(&to.shape).enumerate().all(|(i, (a, b))| i == axis || a == b);
        if !fits {
            return Err("the parts do not join");
        }
        length = length.saturating_add(from.shape[axis]);
    }
    if !vs.is_empty() && length == to.shape[axis] { Ok(()) } else { Err("the lengths do not add up") }
}

fn conv_fits(x: &[u64], w: &[u64], to: &[u64], g: &Conv2d) -> Result<(), &'static str> {
    let positive = g.groups > 0 && g.stride.iter().chain(&g.dilation).all(|n| *n > 0);
    if !positive || x.len() != 4 || w.len() != 4 || to.len() != 4 {
        return Err("its geometry is impossible");
    }
    let window = |i: usize| (w[2 + i].checked_sub(1)?).checked_mul(g.dilation[i])?.checked_add(1);
    let out = |i: usize| Some((x[2 + i].checked_sub(window(i)?)?) / g.stride[i] + 1);
    let fits = x[0] == to[0]
        && w[0] == to[1]
        && w[0].is_multiple_of(g.groups)
        && w[1].checked_mul(g.groups) == Some(x[1])
        && out(0) == Some(to[2])
        && out(1) == Some(to[3]);
    if fits { Ok(()) } else { Err("the shapes do not convolve") }
}

/// `table: [batch.., n, rest..]`, `index: [batch..]`, `entry: [batch.., rest..]`.
fn table_fits(table: &Type, index: &Type, entry: &[u64]) -> Result<(), &'static str> {
    let batch = index.shape.len();
    let fits = !matches!(index.elem, Elem::Bool | Elem::Fix { .. })
        && table.shape.len() > batch
        && table.shape[..batch] == index.shape
        && [&table.shape[..batch], &table.shape[batch + 1..]].concat() == entry;
    if fits { Ok(()) } else { Err("table, index and entry do not fit") }
}

fn circuit_fits(program: &Program, node: &Node, circuit: u32, batch: u8, args: &[Value]) -> Result<(), &'static str> {
    let circuit: &Circuit = &program.circuits.get(circuit as usize).ok_or("there is no such circuit")?.circuit;
    let lead = |v: &Value| program.shape(*v).get(..usize::from(batch)).map(<[u64]>::to_vec);
    let first = args.first().or(node.results.first()).and_then(lead).ok_or("it has no batch axes")?;
    let mut bits = [0u64; 2];
    for (i, v) in args.iter().map(|v| (0, v)).chain(node.results.iter().map(|v| (1, v))) {
        if lead(v).as_ref() != Some(&first) {
            return Err("the batch axes differ");
        }
        let each = program.shape(*v)[usize::from(batch)..].iter().fold(1u64, |n, d| n.saturating_mul(*d));
        bits[i] = bits[i].saturating_add(each.saturating_mul(u64::from(program.elem(*v).bits())));
    }
    if bits == [u64::from(circuit.inputs), circuit.outputs.len() as u64] {
        Ok(())
    } else {
        Err("the number of bits is not the circuit's")
    }
}
