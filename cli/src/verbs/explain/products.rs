//! How products on addends are computed, and why.

use motet_program::ir::{self, Op, Program};
use motet_program::plan::{Choice, Plan, Planned, Price, Product, Step, Way};
use serde_json::{Value, json};

use crate::program::place;
use crate::progress::{bytes, time};

/// Everything for programs.
pub fn as_json(program: &Program, plan: &Plan) -> Vec<Value> {
    let price = |price: Price| json!({ "bytes": price.bytes, "seconds": price.seconds });
    let choice = |choice: &Choice| {
        json!({
            "way": word(choice.way),
            "encrypted": choice.by_encryption.map(price),
            "transferred": price(choice.by_transfers),
        })
    };
    let product = |planned: &Planned, product: &Product| {
        json!({
            "place": place(program, planned.site),
            "shapes": shapes(program, plan, product),
            "cross_terms": chosen(program, plan, product).iter().map(choice).collect::<Vec<_>>(),
        })
    };
    all(&plan.steps).into_iter().map(|(planned, p)| product(planned, p)).collect()
}

/// A line for each product, for people; equal ones, but for their place, are one.
pub fn lines(program: &Program, plan: &Plan) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for (planned, product) in all(&plan.steps) {
        let function = program.sites.get(planned.site.0 as usize).map_or("?", |site| site.function.as_str());
        let ways: Vec<String> = chosen(program, plan, product).iter().map(why).collect();
        let ways = if ways.is_empty() { "each party by itself".to_owned() } else { ways.join("; ") };
        let line = format!("{function} {}: {ways}", shapes(program, plan, product));
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => lines.push((line, 1)),
        }
    }
    lines.into_iter().map(|(line, times)| if times > 1 { format!("{line} ({times} times)") } else { line }).collect()
}

/// What either way takes of each cross term, and which one the plan has taken.
fn chosen(program: &Program, plan: &Plan, product: &Product) -> Vec<Choice> {
    let choices = product.choices(|v| plan.ty(program, v), (plan.link, plan.transfers), plan.revealed);
    choices.into_iter().zip(&product.ways).map(|(choice, way)| Choice { way: *way, ..choice }).collect()
}

fn why(choice: &Choice) -> String {
    let price = |price: Price| format!("{}, {}", bytes(price.bytes), time(price.seconds));
    let transfers = price(choice.by_transfers);
    match (choice.way, choice.by_encryption.map(price)) {
        (Way::Encrypted, Some(encryption)) => format!("encrypted ({encryption}; by transfers {transfers})"),
        (Way::Encrypted, None) => "encrypted".into(),
        (Way::Transfers, Some(encryption)) => format!("by transfers ({transfers}; encrypted {encryption})"),
        (Way::Transfers, None) => format!("by transfers ({transfers}; encryption does not serve it)"),
    }
}

fn word(way: Way) -> &'static str {
    match way {
        Way::Encrypted => "encrypted",
        Way::Transfers => "transferred",
    }
}

/// `[1, 784] × [784, 128]`.
fn shapes(program: &Program, plan: &Plan, product: &Product) -> String {
    let shape = |v: &ir::Value| &plan.ty(program, *v).shape;
    match &product.node.op {
        Op::MatMul(x, y) => format!("{:?} × {:?}", shape(x), shape(y)),
        Op::Conv2d(x, w, _) => format!("{:?} convolved with {:?}", shape(x), shape(w)),
        _ => String::new(),
    }
}

/// The products in order, those in loops and branches included.
fn all<'p>(steps: &'p [Planned]) -> Vec<(&'p Planned, &'p Product)> {
    let inside = |planned: &'p Planned| match &planned.step {
        Step::Product(product) => vec![(planned, product)],
        Step::Loop { body, .. } => all(body),
        Step::If { then, otherwise, .. } => [all(then), all(otherwise)].concat(),
        _ => Vec::new(),
    };
    steps.iter().flat_map(inside).collect()
}
