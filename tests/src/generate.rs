//! Random well-typed programs, as source: what is well-typed here must compile, and every stage and protocol must compute
//! the same with it.
//!
//! Public indices are always in range and literals always fit, so that no program ends with an error. The same seed makes
//! the same program.

use std::fmt::Write;

/// Random numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Draw(seed)
    }

    /// The next word.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Elem {
    Bool,
    Unsigned(u32),
    Signed(u32),
    Fix,
}

#[derive(Clone, PartialEq)]
struct Ty {
    elem: Elem,
    shape: Vec<usize>,
}

#[derive(Clone)]
struct Variable {
    name: String,
    ty: Ty,
    mutable: bool,
    public: bool,
}

/// The elements of one program: few, so that values of one type meet.
struct Generator {
    draw: Draw,
    out: String,
    indent: usize,
    elems: Vec<Elem>,
    size: usize,
    variables: Vec<Variable>,
    /// Loop variables: `int`s below the bound.
    indices: Vec<(String, usize)>,
    next: usize,
    /// How deep statements are nested.
    depth: usize,
}

/// A random program with the entry point `main`.
pub fn program(seed: u64) -> String {
    let mut draw = Draw::new(seed);
    let mut elems = vec![Elem::Bool];
    elems.push(Elem::Unsigned(*draw.pick(&[1, 3, 8, 13, 32, 64])));
    elems.push(Elem::Signed(*draw.pick(&[2, 5, 8, 16, 33, 64])));
    if draw.one_in(2) {
        elems.push(Elem::Fix);
    }
    let size = 2 + draw.below(4);
    let generator = Generator {
        draw,
        out: String::new(),
        indent: 0,
        elems,
        size,
        variables: Vec::new(),
        indices: Vec::new(),
        next: 0,
        depth: 0,
    };
    generator.program()
}

impl Elem {
    fn name(self) -> String {
        match self {
            Elem::Bool => "bool".into(),
            Elem::Unsigned(n) => format!("u{n}"),
            Elem::Signed(n) => format!("i{n}"),
            Elem::Fix => "fix".into(),
        }
    }
}

impl Ty {
    fn scalar(elem: Elem) -> Ty {
        Ty { elem, shape: Vec::new() }
    }

    fn name(&self) -> String {
        match self.shape[..] {
            [] => self.elem.name(),
            _ => {
                let sizes: Vec<String> = self.shape.iter().map(usize::to_string).collect();
                format!("{}[{}]", self.elem.name(), sizes.join(", "))
            }
        }
    }
}

impl Generator {
    fn program(mut self) -> String {
        if self.elems.contains(&Elem::Fix) {
            let fix = *self.draw.pick(&["fix<24, 8>", "fix<40, 13>", "fix<16, 3>"]);
            self.line(&format!("type fix = {fix};"));
        }
        let number = *self.draw.pick(&self.elems[1..]);
        let pair = [Ty::scalar(number), Ty { elem: number, shape: vec![self.size] }];
        self.line(&format!("struct Pair {{ one: {}, all: {} }}", pair[0].name(), pair[1].name()));
        let elem = number.name();
        self.line(&format!("fn shifted[N](x: {elem}[N], by: {elem}) -> {elem}[N] {{ map(|v| v + by, x) }}"));
        self.line(&format!("fn folded[N](x: {elem}[.., N]) -> {elem}[..] {{ fold(|a, v| max(a, v - a), x[0], x) }}"));
        self.line(&format!("fn early(x: {elem}, k: int) -> {elem} {{ if k > 2 {{ return x; }} x * x }}"));

        let owners = ["@ alice", "@ bob", "@ alice", "@ bob", ""];
        let mut params = vec!["p: Pair @ alice".to_string(), "n: u8".to_string()];
        self.variable("p.one", pair[0].clone(), false, false);
        self.variable("p.all", pair[1].clone(), false, false);
        for (k, owner) in owners.iter().enumerate() {
            let ty = self.ty(2);
            params.push(format!("x{k}: {} {owner}", ty.name()));
            self.variable(&format!("x{k}"), ty, false, owner.is_empty());
        }
        let results: Vec<Ty> = (0..1 + self.draw.below(3)).map(|_| self.ty(2)).collect();
        let shown: Vec<String> = results
            .iter()
            .map(|ty| format!("{} {}", ty.name(), self.draw.pick(&["@ alice", "@ bob", "@ (alice, bob)", ""])))
            .collect();
        // A tuple of one part has a comma.
        let comma = if results.len() > 1 { "" } else { "," };
        self.line(&format!("pub fn main({}) -> ({}{comma}) {{", params.join(", "), shown.join(", ")));
        self.indent += 1;
        self.line("let mut q = Pair { one: p.one, all: shifted(p.all, p.one) };");
        self.variable("q.one", pair[0].clone(), true, false);
        self.variable("q.all", pair[1].clone(), true, false);
        self.line("let tops = stack(p.all, q.all);");
        self.line("let highest = folded(tops);");
        self.variable("highest", Ty { elem: number, shape: vec![2] }, false, false);
        // A bound that only the run knows, an early return by it, and a value that all may see.
        self.line("let k = (n % 5) as int;");
        self.line("let mut last = early(p.one, k);");
        self.line(&format!("for i in 0..n % {} {{ last += q.all[i] * (early(last, i) - p.one); }}", self.size + 1));
        self.variable("last", pair[0].clone(), true, false);
        if self.draw.one_in(4) {
            self.line("let shown = reveal(last);");
            self.variable("shown", pair[0].clone(), false, true);
        }
        for _ in 0..3 + self.draw.below(8) {
            self.statement();
        }
        let parts: Vec<String> = results.iter().map(|ty| self.expr(ty, 2)).collect();
        self.line(&format!("({}{comma})", parts.join(", ")));
        self.indent -= 1;
        self.line("}");
        self.out
    }

    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{}{text}", "    ".repeat(self.indent));
    }

    fn variable(&mut self, name: &str, ty: Ty, mutable: bool, public: bool) {
        self.variables.push(Variable { name: name.into(), ty, mutable, public });
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("v{}", self.next)
    }

    fn ty(&mut self, rank: usize) -> Ty {
        let elem = *self.draw.pick(&self.elems.clone());
        let rank = self.draw.below(rank + 1);
        let other = if self.draw.one_in(3) { 3 } else { self.size };
        Ty { elem, shape: [self.size, other][..rank].to_vec() }
    }

    // --- statements

    fn statement(&mut self) {
        match self.draw.below(if self.depth < 3 { 12 } else { 6 }) {
            0 | 1 => {
                let ty = self.ty(2);
                let (name, value) = (self.fresh(), self.expr(&ty, 3));
                self.line(&format!("let mut {name}: {} = {value};", ty.name()));
                self.variable(&name, ty, true, false);
            }
            2..=5 => self.assignment(),
            6 | 7 => self.counted(),
            8 => self.over_rows(),
            _ => self.branch(),
        }
    }

    fn assignable(&mut self) -> Option<Variable> {
        let mutable: Vec<Variable> = self.variables.iter().filter(|v| v.mutable).cloned().collect();
        (!mutable.is_empty()).then(|| self.draw.pick(&mutable).clone())
    }

    fn assignment(&mut self) {
        let Some(variable) = self.assignable() else { return };
        let whole = variable.ty.shape.is_empty() || self.draw.one_in(3);
        let (place, ty) = if whole {
            (variable.name.clone(), variable.ty.clone())
        } else if variable.ty.shape.len() == 2 && self.draw.one_in(3) {
            let at = self.index(variable.ty.shape[0]);
            (format!("{}[{at}, ..]", variable.name), Ty { elem: variable.ty.elem, shape: vec![variable.ty.shape[1]] })
        } else {
            let at: Vec<String> = variable.ty.shape.iter().map(|n| self.index(*n)).collect();
            (format!("{}[{}]", variable.name, at.join(", ")), Ty::scalar(variable.ty.elem))
        };
        let value = self.expr(&ty, 3);
        let op = match ty.elem {
            Elem::Bool => *self.draw.pick(&["=", "&=", "|=", "^="]),
            Elem::Fix => *self.draw.pick(&["=", "+=", "-=", "*="]),
            _ => *self.draw.pick(&["=", "+=", "-=", "*=", "^=", "&="]),
        };
        self.line(&format!("{place} {op} {value};"));
    }

    fn inside(&mut self, header: &str) {
        self.line(&format!("{header} {{"));
        let (variables, indices) = (self.variables.len(), self.indices.len());
        self.indent += 1;
        self.depth += 1;
        for _ in 0..1 + self.draw.below(3) {
            self.statement();
        }
        self.depth -= 1;
        self.indent -= 1;
        self.variables.truncate(variables);
        self.indices.truncate(indices);
        self.line("}");
    }

    fn counted(&mut self) {
        let name = self.fresh();
        let size = self.size;
        let (from, to) = match self.draw.below(4) {
            0 if !self.indices.is_empty() => {
                let (outer, bound) = self.draw.pick(&self.indices.clone()).clone();
                if bound > size { ("0".into(), size.to_string()) } else { (outer, size.to_string()) }
            }
            1 => ("1".into(), size.to_string()),
            _ => ("0".into(), size.to_string()),
        };
        self.indices.push((name.clone(), size));
        let at = self.indices.len();
        let header = format!("for {name} in {from}..{to}");
        self.inside(&header);
        self.indices.truncate(at - 1);
    }

    fn over_rows(&mut self) {
        let tensors: Vec<Variable> = self.variables.iter().filter(|v| !v.ty.shape.is_empty()).cloned().collect();
        if tensors.is_empty() {
            return;
        }
        let tensor = self.draw.pick(&tensors).clone();
        let name = self.fresh();
        let variables = self.variables.len();
        let row = Ty { elem: tensor.ty.elem, shape: tensor.ty.shape[1..].to_vec() };
        self.variable(&name, row, false, false);
        let header = format!("for {name} in {}", tensor.name);
        self.inside(&header);
        self.variables.truncate(variables);
    }

    fn branch(&mut self) {
        let cond = if self.draw.one_in(3) && !self.indices.is_empty() {
            let (index, bound) = self.draw.pick(&self.indices.clone()).clone();
            let at = self.draw.below(bound);
            format!("{index} {} {at}", self.draw.pick(&["<", "==", ">=", "!="]))
        } else {
            self.expr(&Ty::scalar(Elem::Bool), 2)
        };
        self.inside(&format!("if {cond}"));
        if self.draw.one_in(2) {
            self.inside("else");
        }
    }

    /// An index below the bound if it is public; a secret one may be anything.
    fn index(&mut self, bound: usize) -> String {
        let fitting: Vec<String> =
            self.indices.iter().filter(|(_, n)| *n <= bound).map(|(name, _)| name.clone()).collect();
        match self.draw.below(4) {
            0 | 1 if !fitting.is_empty() => self.draw.pick(&fitting).clone(),
            2 => {
                // A variable that is secret for certain.
                let unsigned = |e: Elem| matches!(e, Elem::Unsigned(_) | Elem::Signed(_));
                let secret: Vec<Variable> = self
                    .variables
                    .iter()
                    .filter(|v| v.name.starts_with('x') && !v.public && v.ty.shape.is_empty() && unsigned(v.ty.elem))
                    .cloned()
                    .collect();
                match secret.is_empty() {
                    true => self.draw.below(bound).to_string(),
                    false => self.draw.pick(&secret).name.clone(),
                }
            }
            _ => self.draw.below(bound).to_string(),
        }
    }

    // --- expressions

    fn literal(&mut self, elem: Elem) -> String {
        match elem {
            Elem::Bool => self.draw.pick(&["true", "false"]).to_string(),
            Elem::Unsigned(n) => format!("{}u{n}", self.draw.word() & 0xff & (u64::MAX >> (64 - n))),
            Elem::Signed(n) => format!("{}i{n}", self.draw.word() & 0xff & (u64::MAX >> (65 - n))),
            Elem::Fix => self.draw.pick(&["0.5", "1.25", "3.0", "0.125", "7.375"]).to_string(),
        }
    }

    fn expr(&mut self, ty: &Ty, depth: usize) -> String {
        let fitting: Vec<String> = self.variables.iter().filter(|v| v.ty == *ty).map(|v| v.name.clone()).collect();
        if !fitting.is_empty() && (depth == 0 || self.draw.one_in(4)) {
            return self.draw.pick(&fitting).clone();
        }
        if depth == 0 {
            return match ty.shape[..] {
                [] => self.scalar_leaf(ty.elem),
                [n] => format!("[{}; {n}]", self.literal(ty.elem)),
                _ => format!("[[{}; {}]; {}]", self.literal(ty.elem), ty.shape[1], ty.shape[0]),
            };
        }
        let depth = depth - 1;
        let same = ty.clone();
        match self.draw.below(if ty.shape.is_empty() { 9 } else { 8 }) {
            0 | 1 => self.operation(ty, depth),
            2 => {
                let (c, a, b) = (self.condition(ty, depth), self.expr(&same, depth), self.expr(&same, depth));
                format!("select({c}, {a}, {b})")
            }
            3 => {
                let (c, a, b) =
                    (self.expr(&Ty::scalar(Elem::Bool), depth), self.expr(&same, depth), self.expr(&same, depth));
                format!("(if {c} {{ {a} }} else {{ {b} }})")
            }
            4 => self.converted(ty, depth),
            5 if ty.elem != Elem::Bool => {
                let (a, b) = (self.expr(&same, depth), self.expr(&same, depth));
                format!("{}({a}, {b})", self.draw.pick(&["min", "max"]))
            }
            6 if !ty.shape.is_empty() => {
                let x = self.expr(&same, depth);
                let scalar = Ty::scalar(ty.elem);
                self.variables.push(Variable { name: "v".into(), ty: scalar.clone(), mutable: false, public: false });
                let body = self.expr(&scalar, 1);
                self.variables.pop();
                format!("map(|v| {body}, {x})")
            }
            7 if ty.shape.len() == 2 => {
                let x = self.expr(&Ty { elem: ty.elem, shape: vec![ty.shape[1], ty.shape[0]] }, depth);
                format!("transpose({x})")
            }
            6 | 7 if ty.shape.is_empty() => self.element(ty.elem, depth),
            8 if ty.elem != Elem::Bool => {
                let x = self.expr(&Ty { elem: ty.elem, shape: vec![self.size] }, depth);
                match self.draw.below(3) {
                    0 => format!("fold(|a, v| (a + v) - (v * a), {}, {x})", self.literal(ty.elem)),
                    _ => format!("{}({x})", self.draw.pick(&["sum", "min", "max"])),
                }
            }
            _ => self.operation(ty, depth),
        }
    }

    fn scalar_leaf(&mut self, elem: Elem) -> String {
        match self.draw.below(3) {
            0 => self.literal(elem),
            _ => self.element(elem, 0),
        }
    }

    /// An element of a tensor.
    fn element(&mut self, elem: Elem, depth: usize) -> String {
        let tensors: Vec<Variable> =
            self.variables.iter().filter(|v| v.ty.elem == elem && !v.ty.shape.is_empty()).cloned().collect();
        if tensors.is_empty() {
            return if depth == 0 { self.literal(elem) } else { self.operation(&Ty::scalar(elem), depth - 1) };
        }
        let tensor = self.draw.pick(&tensors).clone();
        let at: Vec<String> = tensor.ty.shape.iter().map(|n| self.index(*n)).collect();
        format!("{}[{}]", tensor.name, at.join(", "))
    }

    fn condition(&mut self, ty: &Ty, depth: usize) -> String {
        let shape = if self.draw.one_in(2) { ty.shape.clone() } else { Vec::new() };
        self.expr(&Ty { elem: Elem::Bool, shape }, depth)
    }

    /// From another type, by `as` or a comparison.
    fn converted(&mut self, ty: &Ty, depth: usize) -> String {
        let from = *self.draw.pick(&self.elems.clone());
        let x = self.expr(&Ty { elem: from, shape: ty.shape.clone() }, depth);
        match (from, ty.elem) {
            (Elem::Bool, Elem::Bool) => format!("(!{x})"),
            (_, Elem::Bool) => {
                let y = self.expr(&Ty { elem: from, shape: ty.shape.clone() }, depth);
                format!("({x} {} {y})", self.draw.pick(&["<", "<=", ">", ">=", "==", "!="]))
            }
            (Elem::Bool, Elem::Fix) => format!("(({x} as u8) as fix)"),
            (_, elem) => format!("({x} as {})", elem.name()),
        }
    }

    fn operation(&mut self, ty: &Ty, depth: usize) -> String {
        // A scalar on one side is broadcast.
        let other = if self.draw.one_in(3) { Ty::scalar(ty.elem) } else { ty.clone() };
        let (a, b) = (self.expr(ty, depth), self.expr(&other, depth));
        match ty.elem {
            Elem::Bool if ty.shape.is_empty() => {
                format!("({a} {} {b})", self.draw.pick(&["&", "|", "^", "&&", "||", "=="]))
            }
            Elem::Bool => format!("({a} {} {b})", self.draw.pick(&["&", "|", "^", "==", "!="])),
            Elem::Fix => match self.draw.below(6) {
                0 => format!("(-{a})"),
                1 => format!("abs({a})"),
                _ => format!("({a} {} {b})", self.draw.pick(&["+", "-", "*", "/"])),
            },
            _ => match self.draw.below(10) {
                // (A negative literal of an unsigned type is refused.)
                0 if !a.starts_with(|c: char| c.is_ascii_digit()) => format!("(-{a})"),
                1 => format!("(!{a})"),
                2 => format!("({a} {} {})", self.draw.pick(&["<<", ">>"]), self.draw.below(9)),
                3 => format!("({a} {} {b})", self.draw.pick(&["<<", ">>"])),
                _ => format!("({a} {} {b})", self.draw.pick(&["+", "-", "*", "/", "%", "&", "|", "^"])),
            },
        }
    }
}
