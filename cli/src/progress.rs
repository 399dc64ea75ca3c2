//! A progress bar on stderr, for work that takes longer than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use motet_runtime::protocol::Progress;

/// Work that takes less is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);
const TEMPLATE: &str = "{bar:30} {percent:>3} %  {pos} of {len} gates, {msg}, {eta} left";

/// A bar over the gates of a run.
pub struct Bar {
    began: Instant,
    gates: u64,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// For a run of so many gates.
    pub fn new(gates: u64) -> Bar {
        Bar { began: Instant::now(), gates, bar: None }
    }

    /// Shows how far the run is.
    pub fn show(&mut self, progress: Progress) {
        let passed = self.began.elapsed();
        if self.bar.is_none() && passed < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(self.gates), ProgressDrawTarget::stderr());
            // Only a template that does not parse is refused, and this one is tested.
            bar.set_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.with_elapsed(passed)
        });
        let rate = progress.ands as f64 / passed.as_secs_f64().max(1e-3);
        let traffic = bytes(progress.sent + progress.received);
        bar.set_message(format!("{traffic}, {} gates/s", count(rate)));
        // A loop whose length was not known beforehand may take more gates than were foreseen.
        bar.set_length(self.gates.max(progress.ands));
        bar.set_position(progress.ands);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Bytes for people: `1.2 MB`.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    }
}

/// A number for people: `1.2 million`.
pub fn count(n: f64) -> String {
    match n {
        n if n < 1e4 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.0} thousand", n / 1e3),
        n if n < 1e9 => format!("{:.1} million", n / 1e6),
        _ => format!("{:.2} billion", n / 1e9),
    }
}

/// A time for people: `12 ms`, `3.4 s`, `2 min 5 s`.
pub fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_parses() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn figures_for_people() {
        assert_eq!([bytes(999), bytes(1_500), bytes(2_000_000_000)], ["999 B", "1.5 kB", "2.00 GB"]);
        assert_eq!([count(9_999.0), count(12_000.0), count(3.2e9)], ["9999", "12 thousand", "3.20 billion"]);
        assert_eq!([time(0.012), time(3.44), time(125.0), time(9000.0)], ["12 ms", "3.4 s", "2 min 5 s", "2.5 h"]);
    }
}
