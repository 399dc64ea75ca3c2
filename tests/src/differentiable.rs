//! Random programs that can be differentiated, as source: a function of two vectors to a number, `value`, and `main`, which
//! gives its value and gradient. Numbers stay small, so that nothing leaves the range of `fix`.

use std::fmt::Write;

use crate::generate::Draw;

/// Elements of each vector.
pub const SIZE: usize = 4;

/// The program of a seed.
pub fn program(seed: u64) -> String {
    let mut generator = Generator { draw: Draw::new(seed), vectors: vec!["x".into(), "y".into()], next: 0 };
    let mut body = String::new();
    for _ in 0..2 + generator.below(4) {
        let statement = generator.statement();
        let _ = writeln!(body, "    {statement}");
    }
    let result = generator.number(2);
    format!(
        "use math;\nuse nn;\nuse loss;\n\
         fn scaled(x: fix[..], by: fix) -> fix[..] {{ by * x }}\n\
         fn mixed[N](w: fix[N, N], x: fix[.., N]) -> fix[.., N] {{ matmul(x, w) * 0.5 }}\n\
         fn f(x: fix[{SIZE}], y: fix[{SIZE}]) -> fix {{\n{body}    {result}\n}}\n\
         pub fn value(x: fix[{SIZE}] @ alice, y: fix[{SIZE}] @ bob) -> fix {{ f(x, y) }}\n\
         pub fn main(x: fix[{SIZE}] @ alice, y: fix[{SIZE}] @ bob) -> (fix, fix[{SIZE}]) {{ value_and_grad(f)(x, y) }}\n"
    )
}

struct Generator {
    draw: Draw,
    vectors: Vec<String>,
    next: usize,
}

impl Generator {
    fn below(&mut self, n: u64) -> u64 {
        self.draw.word() % n
    }

    /// A statement that makes a new vector, between -1 and 1 or near that.
    fn statement(&mut self) -> String {
        let name = format!("v{}", self.next);
        self.next += 1;
        let (a, b, s) = (self.vector(2), self.vector(1), self.number(1));
        let n = SIZE;
        let text = match self.below(8) {
            0 => format!("let {name} = nn::tanh({a});"),
            1 => format!("let {name} = 0.3 * ({a});"),
            2 => {
                format!("let mut {name} = {a}; for i in 1..{n} {{ {name}[i] = {name}[i - 1] * 0.5 + ({b})[i] * 0.5; }}")
            }
            3 => format!(
                "let mut {name} = {b}; for i in 0..{n} {{ for j in 0..i {{ {name}[j] = {name}[j] * 0.7 + ({a})[i] * 0.2; }} }}"
            ),
            4 => format!("let mut {name} = {a}; if {s} > 0.1 {{ {name} = {name} * 0.5; }} else {{ {name} = {b}; }}"),
            5 => format!(
                "let mut {name} = {b}; for i in 0..{n} {{ if i == 2 {{ {name}[i] = {s}; }} else {{ {name} = {name} * 0.9; }} }}"
            ),
            6 => format!("let {name} = 0.4 * mixed(reshape({a}, [{n}, 1]) * reshape({b}, [1, {n}]), {a});"),
            _ => format!("let {name} = map(|v, w| nn::sigmoid(v) * w * {s} * 0.5, {a}, {b});"),
        };
        self.vectors.push(name);
        text
    }

    fn vector(&mut self, depth: u32) -> String {
        if depth == 0 {
            let at = self.below(self.vectors.len() as u64) as usize;
            return self.vectors[at].clone();
        }
        let (a, b) = (self.vector(depth - 1), self.vector(depth - 1));
        match self.below(20) {
            0 | 1 => format!("(({a} + {b}) * 0.6)"),
            2 => format!("(({a} - {b}) * 0.6)"),
            3 | 4 => format!("({a} * {b})"),
            5 => format!("({a} / ({b} * {b} + 1.5))"),
            6 => format!("max({a}, {b})"),
            7 => format!("min({a}, 0.3)"),
            8 => format!("abs({a})"),
            9 => format!("select({a} > {b}, {a} * 0.5, {b})"),
            10 => format!("nn::relu({a})"),
            11 => format!("nn::softmax({a})"),
            12 => format!("(0.3 * math::exp(min({a}, 1.0)))"),
            13 => format!("math::sin({a} * 2.0)"),
            14 => format!("math::log({a} * {a} + 1.0)"),
            15 => format!("gather({a}, [3, 0, 0, 1])"),
            16 => format!("concat({a}[1..3], {b}[0..2])"),
            17 => format!("scaled({a}, {b}[1])"),
            18 => format!("math::sqrt({a} * {a} + 0.5)"),
            _ => format!("nn::gelu({a})"),
        }
    }

    fn number(&mut self, depth: u32) -> String {
        let (a, b) = (self.vector(depth), self.vector(depth.saturating_sub(1)));
        let at = self.below(SIZE as u64);
        match self.below(7) {
            0 => format!("(sum({a}) * 0.25)"),
            1 => format!("(dot({a}, {b}) * 0.5)"),
            2 => format!("({a})[{at}]"),
            3 => format!("max({a})"),
            4 => format!("fold(|s, v| s * 0.5 + v * 0.5, 0.2, {a})"),
            5 => format!("loss::mse({a}, {b})"),
            _ => format!("loss::bce_with_logits({a}, [0.0, 1.0, 1.0, 0.0])"),
        }
    }
}
