//! What a run revealed, number by number: kept for the report and for `motet plot`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use motet_program::ir::Site;
use motet_runtime::protocol::Progress;
use serde_json::{Value, json};

use crate::output::float;

/// Numbers that are kept; a program that reveals more is not one whose losses are looked at.
const LIMIT: usize = 1 << 20;

/// A number that was revealed, and how far the run was.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Record {
    site: Site,
    seconds: f64,
    gates: u64,
    bytes: u64,
    value: f64,
}

/// The numbers of a run, in order. A clone is another hand on the same history.
#[derive(Clone)]
pub struct History {
    began: Instant,
    records: Rc<RefCell<Vec<Record>>>,
}

impl History {
    /// Of a run that begins now.
    pub fn new() -> History {
        History { began: Instant::now(), records: Rc::default() }
    }

    /// Keeps what is revealed since the last time.
    pub fn note(&self, progress: Progress) {
        let Some(revealed) = progress.revealed else { return };
        let mut records = self.records.borrow_mut();
        if (records.len() as u64) < revealed.count && records.len() < LIMIT {
            records.push(Record {
                site: revealed.site,
                seconds: self.began.elapsed().as_secs_f64(),
                gates: progress.ands,
                bytes: progress.sent.saturating_add(progress.received),
                value: float(revealed.elem, revealed.word),
            });
        }
    }

    /// The numbers for the report; `place` tells a site for people.
    pub fn json(&self, place: impl Fn(Site) -> String) -> Value {
        let records = self.records.borrow();
        records
            .iter()
            .map(|r| {
                json!({"place": place(r.site), "value": r.value, "seconds": r.seconds, "gates": r.gates, "bytes": r.bytes})
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use motet_program::data::Elem;
    use motet_runtime::protocol::Revealed;

    use super::*;

    #[test]
    fn each_number_is_kept_once() {
        let history = History::new();
        let told = |count, word| Progress {
            ands: 7,
            sent: 1,
            received: 2,
            revealed: Some(Revealed { site: Site(3), elem: Elem::Fix { bits: 40, frac: 13 }, word, count }),
            ..Progress::default()
        };
        history.note(Progress::default());
        for (count, word) in [(1, 4096), (1, 4096), (2, (1 << 40) - 8192)] {
            history.clone().note(told(count, word));
        }
        let values: Vec<f64> = history.records.borrow().iter().map(|r| r.value).collect();
        assert_eq!(values, [0.5, -1.0]);
        let first = &history.json(|site| format!("line {}", site.0))[0];
        assert_eq!([&first["place"], &first["gates"], &first["bytes"]], [&json!("line 3"), &json!(7), &json!(3)]);
    }
}
