//! Programs for tests, built operation by operation.

use motet_program::data::{DataType, Elem, Type};
use motet_program::ir::{Block, Constant, Node, Op, Output, Param, Party, Program, Site, SourceSite, Value};
use motet_program::validate::{Form, validate};

/// A program under construction: two parties, inputs alternating between them.
pub struct Make {
    pub program: Program,
    pub block: Vec<Node>,
}

impl Make {
    pub fn new() -> Make {
        let sites = vec![SourceSite { file: "test.mpc".into(), function: "main".into(), line: 1, column: 1 }];
        Make {
            program: Program {
                entry: "main".into(),
                parties: vec!["alice".into(), "bob".into()],
                params: Vec::new(),
                outputs: Vec::new(),
                tuple_result: true,
                values: Vec::new(),
                circuits: Vec::new(),
                body: Block::default(),
                sites,
            },
            block: Vec::new(),
        }
    }

    pub fn op(&mut self, op: Op, elem: Elem, shape: &[u64]) -> Value {
        let value = self.program.fresh(Type { elem, shape: shape.to_vec() });
        self.block.push(Node { op, results: vec![value], site: Site(0) });
        value
    }

    pub fn input(&mut self, owner: Option<u8>, elem: Elem, shape: &[u64]) -> Value {
        let param = self.program.params.len() as u32;
        self.program.params.push(Param {
            name: format!("p{param}"),
            owner: owner.map(Party),
            ty: DataType::Leaf(Type { elem, shape: shape.to_vec() }),
        });
        self.op(Op::Input { param, leaf: 0 }, elem, shape)
    }

    pub fn int(&mut self, n: i64) -> Value {
        self.op(Op::Const(Constant::Splat(n as u64)), Elem::Int, &[])
    }

    pub fn finish(mut self, results: &[Value]) -> Program {
        let outputs = results
            .iter()
            .map(|v| Output { to: vec![Party(0), Party(1)], ty: DataType::Leaf(self.program.ty(*v).clone()) })
            .collect();
        self.program.outputs = outputs;
        self.program.body = Block { params: Vec::new(), ops: self.block, results: results.to_vec() };
        validate(&self.program, Form::Finished).unwrap();
        self.program
    }
}
