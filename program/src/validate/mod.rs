//! Whether a program keeps the contract of `ir`: run after every pass, and on every artifact that is loaded.

mod operation;

use thiserror::Error;

use crate::data::{DataType, Elem, Type};
use crate::ir::{Block, MAX_DEPTH, MAX_ELEMENTS, Node, Op, Party, Program, Value};
use crate::place::{Place, places};

/// Which form of a program is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Before the passes: `Each` and secret branches are allowed.
    Core,
    /// What an artifact holds.
    Finished,
}

/// Where a program breaks the contract.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidProgram {
    /// A type that cannot be.
    #[error("value {0} has an impossible type: {1}")]
    Type(u32, &'static str),
    /// A use of what is not defined there, or a second definition.
    #[error("value {0} {1}")]
    Scope(u32, &'static str),
    /// An operation whose operands, results or attributes do not fit each other.
    #[error("operation {name} in {function}: {problem}")]
    Operation {
        /// The operation's name.
        name: String,
        /// The source function that it comes from.
        function: String,
        /// What does not fit.
        problem: &'static str,
    },
    /// The program as a whole.
    #[error("{0}")]
    Program(&'static str),
}

/// Checks a program.
///
/// # Errors
/// The first place where it breaks the contract.
pub fn validate(program: &Program, form: Form) -> Result<(), InvalidProgram> {
    interface(program)?;
    for (i, ty) in program.values.iter().enumerate() {
        possible(ty).map_err(|why| InvalidProgram::Type(i as u32, why))?;
    }
    for extern_circuit in &program.circuits {
        extern_circuit.circuit.check().map_err(|_| InvalidProgram::Program("an imported circuit is malformed"))?;
    }
    let mut check = Check { program, form, state: vec![State::Unseen; program.values.len()], places: Vec::new() };
    check.block(&program.body, 0)?;
    results_fit_outputs(program)?;
    if form == Form::Finished {
        check.places = places(program);
        check.secrecy(&program.body)?;
    }
    Ok(())
}

fn interface(program: &Program) -> Result<(), InvalidProgram> {
    let parties = program.parties.len();
    let fail = |why| Err(InvalidProgram::Program(why));
    if parties > 64 {
        return fail("there are more than 64 parties");
    }
    if program.sites.is_empty() {
        return fail("the table of source places is empty");
    }
    if !program.body.params.is_empty() {
        return fail("the body has parameters");
    }
    let known = |p: &Party| usize::from(p.0) < parties;
    if !program.params.iter().all(|p| p.owner.is_none_or(|o| known(&o))) {
        return fail("a parameter belongs to an unknown party");
    }
    if !program.outputs.iter().all(|o| o.to.iter().all(known)) {
        return fail("a result is shown to an unknown party");
    }
    let types = program.params.iter().map(|p| &p.ty).chain(program.outputs.iter().map(|o| &o.ty));
    for ty in types {
        depth(ty, 0)?;
        for leaf in ty.leaves() {
            possible(&leaf).map_err(InvalidProgram::Program)?;
        }
    }
    Ok(())
}

fn depth(ty: &DataType, level: usize) -> Result<(), InvalidProgram> {
    if level > MAX_DEPTH {
        return Err(InvalidProgram::Program("a type is nested too deeply"));
    }
    match ty {
        DataType::Leaf(_) => Ok(()),
        DataType::Tuple(parts) => parts.iter().try_for_each(|p| depth(p, level + 1)),
        DataType::Struct(_, fields) => fields.iter().try_for_each(|(_, f)| depth(f, level + 1)),
        DataType::Array(_, of) => depth(of, level + 1),
    }
}

fn possible(ty: &Type) -> Result<(), &'static str> {
    let fits = match ty.elem {
        Elem::Bool | Elem::Int => true,
        Elem::Uint(n) => (1..=64).contains(&n),
        Elem::Sint(n) => (2..=64).contains(&n),
        Elem::Fix { bits, frac } => (2..=64).contains(&bits) && frac < bits,
    };
    if !fits {
        return Err("its width is out of range");
    }
    if ty.shape.len() > 32 {
        return Err("it has more than 32 axes");
    }
    if ty.count() > MAX_ELEMENTS {
        return Err("it has more than 2^32 elements");
    }
    Ok(())
}

fn results_fit_outputs(program: &Program) -> Result<(), InvalidProgram> {
    let leaves: Vec<Type> = program.outputs.iter().flat_map(|o| o.ty.leaves()).collect();
    let results = program.body.results.iter().map(|v| program.ty(*v));
    if leaves.len() == program.body.results.len() && results.zip(&leaves).all(|(a, b)| a == b) {
        Ok(())
    } else {
        Err(InvalidProgram::Program("the body's results do not fit the outputs"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    Visible,
    OutOfScope,
}

struct Check<'a> {
    program: &'a Program,
    form: Form,
    state: Vec<State>,
    places: Vec<Place>,
}

impl Check<'_> {
    fn ty(&self, v: Value) -> &Type {
        self.program.ty(v)
    }

    fn define(&mut self, v: Value) -> Result<(), InvalidProgram> {
        match self.state.get_mut(v.0 as usize) {
            Some(state @ State::Unseen) => {
                *state = State::Visible;
                Ok(())
            }
            Some(_) => Err(InvalidProgram::Scope(v.0, "is defined twice")),
            None => Err(InvalidProgram::Scope(v.0, "has no type")),
        }
    }

    fn visible(&self, v: Value) -> Result<(), InvalidProgram> {
        match self.state.get(v.0 as usize) {
            Some(State::Visible) => Ok(()),
            _ => Err(InvalidProgram::Scope(v.0, "is used where it is not defined")),
        }
    }

    fn block(&mut self, block: &Block, level: usize) -> Result<(), InvalidProgram> {
        if level > MAX_DEPTH {
            return Err(InvalidProgram::Program("blocks are nested too deeply"));
        }
        block.params.iter().try_for_each(|p| self.define(*p))?;
        for node in &block.ops {
            if node.site.0 as usize >= self.program.sites.len() {
                return Err(InvalidProgram::Program("an operation comes from nowhere in the source"));
            }
            let mut seen = Ok(());
            node.op.for_each_operand(|v| {
                if seen.is_ok() {
                    seen = self.visible(v);
                }
            });
            seen?;
            for inner in node.op.blocks() {
                self.block(inner, level + 1)?;
            }
            node.results.iter().try_for_each(|r| self.define(*r))?;
            operation::fits(self.program, node, self.form).map_err(|problem| refused(self.program, node, problem))?;
        }
        block.results.iter().try_for_each(|v| self.visible(*v))?;
        let defined = block.params.iter().chain(block.ops.iter().flat_map(|n| &n.results));
        if level > 0 {
            defined.for_each(|v| self.state[v.0 as usize] = State::OutOfScope);
        }
        Ok(())
    }

    /// That what must be public is.
    fn secrecy(&self, block: &Block) -> Result<(), InvalidProgram> {
        for node in &block.ops {
            let mut must = Vec::new();
            match &node.op {
                Op::Loop { from, to, .. } => must.extend([*from, *to]),
                Op::If { cond: v, .. } | Op::Assert(v) | Op::RandomPublic(v) => must.push(*v),
                Op::Slice(_, starts) | Op::Update { starts, .. } => must.extend(starts),
                Op::Gather(_, indices) => must.push(*indices),
                _ => {}
            }
            must.extend(node.results.iter().filter(|r| self.ty(**r).elem == Elem::Int));
            if must.iter().any(|v| self.places[v.0 as usize] != Place::Public) {
                return Err(refused(self.program, node, "it needs a public value and has a secret one"));
            }
            node.op.blocks().into_iter().try_for_each(|b| self.secrecy(b))?;
        }
        Ok(())
    }
}

fn refused(program: &Program, node: &Node, problem: &'static str) -> InvalidProgram {
    let text = format!("{:?}", std::mem::discriminant(&node.op));
    let name = match &node.op {
        Op::Unary(op, _) => format!("{op:?}"),
        Op::Binary(op, ..) => format!("{op:?}"),
        op => {
            let debug = format!("{op:?}");
            debug.split(['(', ' ', '{']).next().unwrap_or(&text).to_string()
        }
    };
    InvalidProgram::Operation { name, function: program.sites[node.site.0 as usize].function.clone(), problem }
}
