//! The costs that `docs/circuits.md` states, measured: the page must hold exactly these lines.

use std::path::Path;

use super::*;
use crate::builder::{Builder, Form};
use crate::template::{Known, Template};

/// A gadget of as many words as it asks for, all of one width.
type Gadget = (&'static str, fn(&mut Builder, &[Vec<Bit>]) -> Vec<Bit>);

const WIDTHS: [usize; 4] = [16, 32, 40, 64];
const WORDS: usize = 17;

const GADGETS: &[Gadget] = &[
    ("`add`, `sub`", |b, w| add(b, &w[0], &w[1])),
    ("`neg`", |b, w| neg(b, &w[0])),
    ("`lt`", |b, w| vec![lt(b, &w[0], &w[1], true)]),
    ("`eq`", |b, w| vec![eq(b, &w[0], &w[1])]),
    ("`select`", |b, w| select(b, w[2][0], &w[0], &w[1])),
    ("`min`, `max`", |b, w| max(b, &w[0], &w[1], true)),
    ("`abs`", |b, w| abs(b, &w[0])),
    ("ReLU (`max` with 0)", |b, w| max(b, &w[0], &constant(0, w[0].len()), true)),
    ("`mul`", |b, w| mul(b, &w[0], &w[1])),
    ("`mul_add`", |b, w| mul_add(b, &w[0], &w[1], &w[2])),
    ("`square`, `mul` of a word with itself", |b, w| square(b, &w[0])),
    ("a step of a matrix product by `sub_triangular`", |b, w| {
        let wide = w[0].len() + 1;
        let z = add(b, &resize(&w[0], true, wide), &resize(&w[1], true, wide));
        sub_triangular(b, &z, &w[2])
    }),
    ("`fix_mul`, 13 fractional bits", |b, w| fix_mul(b, &w[0], &w[1], 13)),
    ("`rescale` by 13 bits", |b, w| rescale(b, &w[0], 13)),
    ("`div_rem`, unsigned, quotient alone", |b, w| div_rem(b, &w[0], &w[1], false).0),
    ("`div_rem`, unsigned, both", |b, w| {
        let (quotient, remainder) = div_rem(b, &w[0], &w[1], false);
        [quotient, remainder].concat()
    }),
    ("`div_rem`, signed, quotient alone", |b, w| div_rem(b, &w[0], &w[1], true).0),
    ("unsigned quotient by 10", |b, w| div_rem(b, &w[0], &constant(10, w[0].len()), false).0),
    ("`fix_div`, 13 fractional bits", |b, w| fix_div(b, &w[0], &w[1], 13)),
    ("`fix_div` of 1.0", |b, w| fix_div(b, &constant(1 << 13, w[0].len()), &w[0], 13)),
    ("`shl`, `shr` by log N bits", |b, w| {
        let levels = w[0].len().next_power_of_two().ilog2() as usize;
        shl(b, &w[0], &w[1][..levels])
    }),
    ("`popcount` of N bits", |b, w| popcount(b, &w[0], 7)),
    ("`sum` of 8 words", |b, w| sum(b, &w[..8])),
    ("`read` of 16 words", |b, w| read(b, &w[..16], &w[16][..4], false)),
    ("`write` of 16 words", |b, w| write(b, &w[..16], &w[16][..4], false, &w[15]).concat()),
    ("`read` of 256 constants", |b, w| {
        let word = |k: i64| constant(k.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64), w[0].len());
        read(b, &(0..256).map(word).collect::<Vec<_>>(), &w[0][..8], false)
    }),
];

/// Tables' bytes of a product when the first factor is the garbler's.
const PRODUCTS: &[Gadget] =
    &[("`mul`", |b, w| mul(b, &w[0], &w[1])), ("`mul_known`", |b, w| mul_known(b, &w[0], &w[1]))];

/// Gadgets whose shallow form differs: ANDs, and levels of them.
const SHALLOW: &[Gadget] = &[
    ("`add`, `sub`, in levels", |b, w| add(b, &w[0], &w[1])),
    ("`lt`, in levels", |b, w| vec![lt(b, &w[0], &w[1], true)]),
    ("`max`, in levels", |b, w| max(b, &w[0], &w[1], true)),
    ("`mul`, in levels", |b, w| mul(b, &w[0], &w[1])),
    ("`fix_mul`, in levels", |b, w| fix_mul(b, &w[0], &w[1], 13)),
    ("`sum` of 8 words, in levels", |b, w| sum(b, &w[..8])),
    ("`div_rem`, unsigned, quotient alone, in levels", |b, w| div_rem(b, &w[0], &w[1], false).0),
];

fn measured_shallow(gadget: &Gadget) -> String {
    let cells = WIDTHS.map(|n| {
        let mut b = Builder::with_form((WORDS * n) as u32, Form::Shallow);
        let words: Vec<Vec<Bit>> = (0..WORDS).map(|k| b.inputs((k * n) as u32..((k + 1) * n) as u32)).collect();
        let outputs = gadget.1(&mut b, &words);
        let circuit = b.finish(outputs);
        format!("{} in {}", circuit.and_count(), circuit.and_depth())
    });
    format!("| {} | {} |", gadget.0, cells.join(" | "))
}

fn measured(gadget: &Gadget, value: impl Fn(&Template) -> u64) -> String {
    let cells = WIDTHS.map(|n| {
        let mut b = Builder::new((WORDS * n) as u32);
        let words: Vec<Vec<Bit>> = (0..WORDS).map(|k| b.inputs((k * n) as u32..((k + 1) * n) as u32)).collect();
        let outputs = gadget.1(&mut b, &words);
        let mut known = vec![Known::Garbler; n];
        known.resize(WORDS * n, Known::Nobody);
        value(&Template::new(&b.finish(outputs), &known)).to_string()
    });
    format!("| {} | {} |", gadget.0, cells.join(" | "))
}

#[test]
fn the_page_states_what_is_measured() {
    let ands = |t: &Template| t.counts.free + t.counts.half + t.counts.full;
    let mut lines: Vec<String> = GADGETS.iter().map(|g| measured(g, ands)).collect();
    lines.extend(PRODUCTS.iter().map(|g| measured(g, |t| t.counts.table_bytes())));
    lines.extend(SHALLOW.iter().map(measured_shallow));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/circuits.md");
    let page = std::fs::read_to_string(page).unwrap_or_default();
    let missing: Vec<&String> = lines.iter().filter(|line| !page.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "docs/circuits.md should say: {missing:#?}");
}
