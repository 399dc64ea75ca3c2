//! What a simulation tells besides its result: where `fix` left its range, what was revealed.

use motet_program::data::Elem;

use crate::source::Span;

/// How many values a report keeps.
const KEPT: usize = 3;

/// What left its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeKind {
    /// A product, or a sum of products (`matmul`, `conv2d`, `dot`), before rescaling.
    Product,
    /// A sum, difference or negation.
    Sum,
    /// A quotient.
    Quotient,
}

/// A place where values of `fix` left their range, so that the result wrapped.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeReport {
    /// Where.
    pub span: Span,
    /// The calls that led there first, outermost first.
    pub calls: Vec<Span>,
    /// What.
    pub kind: RangeKind,
    /// The type.
    pub elem: Elem,
    /// How often.
    pub count: u64,
    /// The first results that did not fit, as numbers.
    pub first: Vec<f64>,
}

impl RangeReport {
    /// The largest magnitude that the operation may have here.
    pub fn limit(&self) -> f64 {
        let Elem::Fix { bits, frac } = self.elem else { return f64::INFINITY };
        let product = if self.kind == RangeKind::Product { i32::from(frac) } else { 0 };
        2f64.powi(i32::from(bits) - 1 - i32::from(frac) - product)
    }
}

/// A `reveal` that was passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealReport {
    /// Where.
    pub span: Span,
    /// How often.
    pub count: u64,
    /// How many elements in all.
    pub elements: u64,
}

/// Results of one operation that left their range, in units of the last place.
#[derive(Debug, Default)]
pub(super) struct Left {
    kind: Option<RangeKind>,
    count: u64,
    first: Vec<i128>,
}

impl Left {
    /// Whether anything has been noted.
    pub fn noted(&self) -> bool {
        self.count > 0
    }

    /// Notes a result that did not fit.
    pub fn note(&mut self, kind: RangeKind, number: i128) {
        self.kind.get_or_insert(kind);
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(number);
        }
    }
}

/// The reports so far, in order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub ranges: Vec<RangeReport>,
    pub reveals: Vec<RevealReport>,
}

impl Reports {
    /// Adds what an operation at a place noted.
    pub fn range(&mut self, left: Left, elem: Elem, span: Span, calls: &[Span]) {
        let (Some(kind), Elem::Fix { frac, .. }) = (left.kind, elem) else { return };
        let scale = 2f64.powi(-i32::from(frac));
        let first = left.first.iter().map(|&n| n as f64 * scale);
        match self.ranges.iter_mut().find(|r| r.span == span && r.kind == kind && r.elem == elem) {
            Some(report) => {
                report.count += left.count;
                let room = KEPT - report.first.len().min(KEPT);
                report.first.extend(first.take(room));
            }
            None => self.ranges.push(RangeReport {
                span,
                calls: calls.to_vec(),
                kind,
                elem,
                count: left.count,
                first: first.collect(),
            }),
        }
    }

    /// Adds a passed `reveal`.
    pub fn reveal(&mut self, span: Span, elements: u64) {
        match self.reveals.iter_mut().find(|r| r.span == span) {
            Some(report) => {
                report.count += 1;
                report.elements += elements;
            }
            None => self.reveals.push(RevealReport { span, count: 1, elements }),
        }
    }
}
