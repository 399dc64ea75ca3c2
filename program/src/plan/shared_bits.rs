//! What kernels on shared bits send: batches in the order in which the runtime takes them.

use motet_circuits::{Fan, Template};

use super::traffic::{self, Line};
use super::{Kernel, Link, Transfers};

/// What is sent, without the transfers themselves.
#[derive(Default)]
pub(super) struct Sent {
    pub line: Line,
    pub transfers: u64,
}

/// Cross terms of a level: of the garbler's factors there is one for each, of the evaluator's one for each fan.
struct Terms {
    all: u64,
    fans: u64,
}

fn terms(template: &Template) -> Vec<Terms> {
    let of =
        |fans: &Vec<Fan>| Terms { all: fans.iter().map(|fan| fan.terms.len() as u64).sum(), fans: fans.len() as u64 };
    template.fans().iter().map(of).collect()
}

impl Sent {
    /// By a kernel of these templates.
    pub fn of(kernel: &Kernel, templates: &[Template]) -> Sent {
        let mut sent = Sent::default();
        let of = |template: u32| terms(&templates[template as usize]);
        let together = |template: u32| traffic::together(&templates[template as usize]);
        let instances = kernel.shape.iter().fold(1u64, |n, d| n.saturating_mul(*d));
        let last = of(kernel.template);
        let Some(reduce) = &kernel.reduce else {
            sent.batches(&last, instances, together(kernel.template));
            return sent;
        };
        let extent = reduce.extents.iter().fold(1u64, |n, d| n.saturating_mul(*d));
        let (lanes, share) = (reduce.lanes, extent / reduce.lanes);
        let used = [Some(reduce.step), Some(reduce.combine).filter(|_| lanes > 1), Some(kernel.template)];
        let most = used.into_iter().flatten().map(together).min().unwrap_or(1);
        let (step, combine) = (of(reduce.step), of(reduce.combine));
        let group = (most / lanes).max(1);
        for (count, times) in [(group, instances / group), (instances % group, 1)] {
            if count == 0 || times == 0 {
                continue;
            }
            let mut once = Sent::default();
            let at_once = (most / count).max(1);
            let mut steps = Sent::default();
            steps.batches(&step, lanes * count, at_once * count);
            once.then(&steps, share);
            let mut single = Sent::default();
            single.batches(&step, count, count);
            once.then(&single, extent - lanes * share);
            let mut left = lanes;
            while left > 1 {
                let half = left / 2;
                once.batches(&combine, half * count, most);
                left -= half;
            }
            once.batches(&last, count, count);
            sent.then(&once, times);
        }
        sent
    }

    /// A template with so many terms in each level over so many instances, at most so many at a time.
    fn batches(&mut self, terms: &[Terms], instances: u64, most: u64) {
        for (count, times) in [(most, instances / most), (instances % most, 1)] {
            if count == 0 || times == 0 {
                continue;
            }
            let bits = |terms: u64| terms.saturating_mul(traffic::lane(count));
            let transfers = terms.iter().map(|terms| bits(terms.fans)).fold(0, u64::saturating_add);
            let mut once = Sent { transfers, ..Sent::default() };
            // The evaluator speaks first, or listens, while transfers are made ahead.
            once.line.turns = transfers.div_ceil(traffic::TRANSFERS_AHEAD).min(terms.len() as u64);
            for terms in terms {
                once.line.cross([bits(terms.all).div_ceil(8), bits(terms.fans).div_ceil(8)]);
            }
            self.then(&once, times);
        }
    }

    fn then(&mut self, other: &Sent, times: u64) {
        self.line.then(&other.line, times);
        self.transfers = self.transfers.saturating_add(other.transfers.saturating_mul(times));
    }

    /// Seconds over a link, about, where transfers are many.
    pub fn seconds(&self, link: Link) -> f64 {
        let bytes = self.line.to_evaluator.saturating_add(self.line.to_garbler);
        let bytes = bytes.saturating_add(Transfers::Silent.share(self.transfers));
        let work = Transfers::Silent.work_beside(self.transfers);
        link.seconds(bytes) + work + link.waits(self.line.turns) / 2.0
    }
}
