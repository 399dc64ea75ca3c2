//! A progress bar on stderr, for work that takes longer than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use motet_program::ir::{Program, Site};
use motet_runtime::protocol::Progress;

use crate::output::number;

/// Work that takes less is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);
const TEMPLATE: &str = "{bar:30} {percent:>3} %  {msg}";

/// A bar over the gates of a run.
pub struct Bar {
    began: Instant,
    gates: u64,
    /// Where each place of the program is.
    lines: Vec<String>,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// For a run of a program, of so many gates.
    pub fn new(gates: u64, program: &Program) -> Bar {
        let lines = program.sites.iter().map(|site| format!("{}:{}", site.file, site.line)).collect();
        Bar { began: Instant::now(), gates, lines, bar: None }
    }

    /// Shows how far the run is.
    pub fn show(&mut self, progress: Progress) {
        let passed = self.began.elapsed();
        let Some(line) = line(self.gates, progress, passed) else { return };
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(self.gates), ProgressDrawTarget::stderr());
            // Only a template that does not parse is refused, and this one is tested.
            bar.set_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.with_elapsed(passed)
        });
        let place = |site: Site| self.lines.get(site.0 as usize).map_or("", String::as_str);
        bar.set_message([line, whereabouts(progress, place)].concat());
        bar.set_length(expected(self.gates, progress));
        bar.set_position(progress.before + progress.ands);
    }
}

/// What is said beside the bar once a run has taken so long: gates done, bytes, rate, time left at the rate so far.
/// Nothing while it is too early for a bar.
fn line(gates: u64, progress: Progress, passed: Duration) -> Option<String> {
    if passed < PATIENCE {
        return None;
    }
    let gates = expected(gates, progress);
    let rate = progress.ands as f64 / passed.as_secs_f64();
    let done = progress.before + progress.ands;
    let left = match progress.ands {
        0 => "time left unknown".to_owned(),
        _ => format!("{} left", time((gates - done) as f64 / rate)),
    };
    let traffic = bytes(progress.sent.saturating_add(progress.received));
    Some(format!("{done} of {gates} gates, {traffic}, {} gates/s, {left}", count(rate)))
}

/// What is said of a program's loops and of what it reveals: `, train.mpc:24 3/5, train.mpc:25 7/12, train.mpc:27 = 0.31`.
fn whereabouts<'a>(progress: Progress, place: impl Fn(Site) -> &'a str) -> String {
    let mut said = String::new();
    for turn in progress.loops.into_iter().flatten() {
        said.push_str(&format!(", {} {}/{}", place(turn.site), turn.done + 1, turn.of));
    }
    if let Some(revealed) = progress.revealed {
        said.push_str(&format!(", {} = {}", place(revealed.site), number(revealed.elem, revealed.word)));
    }
    said
}

/// The gates of the whole run. A loop whose length was not known beforehand may take more than were foreseen.
fn expected(gates: u64, progress: Progress) -> u64 {
    gates.max(progress.before + progress.ands)
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
        1_000_000_000..1_000_000_000_000 => format!("{:.2} GB", n as f64 / 1e9),
        u64::MAX => "more bytes than can be counted".into(),
        _ => format!("{:.0} TB", n as f64 / 1e12),
    }
}

/// A number for people: `1.2 million`.
pub fn count(n: f64) -> String {
    match n {
        n if n < 1e4 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.0} thousand", n / 1e3),
        n if n < 1e9 => format!("{:.1} million", n / 1e6),
        n if n < 1e13 => format!("{:.2} billion", n / 1e9),
        n => format!("{n:.1e}"),
    }
}

/// Seconds of a year.
const YEAR: f64 = 365.25 * 86400.0;

/// A time for people: `12 ms`, `3.4 s`, `2 min 5 s`.
pub fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s if s < 48.0 * 3600.0 => format!("{:.1} h", s / 3600.0),
        s if s < 2.0 * YEAR => format!("{:.0} days", s / 86400.0),
        s => format!("{:.0} years", s / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use motet_program::data::Elem;
    use motet_runtime::protocol::{Revealed, Turn};

    use super::*;

    #[test]
    fn the_template_parses() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    fn after(seconds: f64, ands: u64) -> Option<String> {
        let progress = Progress { ands, sent: 1_000_000, received: 500_000, ..Progress::default() };
        line(20_000_000, progress, Duration::from_secs_f64(seconds))
    }

    #[test]
    fn short_work_has_no_bar() {
        assert_eq!(after(0.999, 19_000_000), None);
        assert!(after(1.0, 0).is_some());
    }

    #[test]
    fn the_line_says_how_far_the_run_is() {
        let said = |seconds, ands| after(seconds, ands).unwrap();
        assert_eq!(said(2.0, 5_000_000), "5000000 of 20000000 gates, 1.5 MB, 2.5 million gates/s, 6.0 s left");
        assert_eq!(said(10.0, 20_000_000), "20000000 of 20000000 gates, 1.5 MB, 2.0 million gates/s, 0 ms left");
        // Before the first gate, and past those foreseen.
        assert_eq!(said(3.0, 0), "0 of 20000000 gates, 1.5 MB, 0 gates/s, time left unknown");
        // A run that goes on: at the rate of this session.
        let progress = Progress { before: 10_000_000, ands: 5_000_000, ..Progress::default() };
        let said_on = line(20_000_000, progress, Duration::from_secs(2)).unwrap();
        assert_eq!(said_on, "15000000 of 20000000 gates, 0 B, 2.5 million gates/s, 2.0 s left");
        assert_eq!(said(10.0, 30_000_000), "30000000 of 30000000 gates, 1.5 MB, 3.0 million gates/s, 0 ms left");
    }

    #[test]
    fn loops_and_revealed_numbers_are_told() {
        let turn = |site, done, of| Some(Turn { site: Site(site), done, of });
        let elem = Elem::Fix { bits: 40, frac: 13 };
        let progress = Progress {
            loops: [turn(0, 2, 5), turn(1, 0, 12)],
            revealed: Some(Revealed { site: Site(2), elem, word: 4096, count: 3 }),
            ..Progress::default()
        };
        let said = whereabouts(progress, |site| ["t.mpc:24", "t.mpc:25", "t.mpc:27"][site.0 as usize]);
        assert_eq!(said, ", t.mpc:24 3/5, t.mpc:25 1/12, t.mpc:27 = 0.5");
        assert_eq!(whereabouts(Progress::default(), |_| ""), "");
    }

    #[test]
    fn figures_for_people() {
        assert_eq!([bytes(999), bytes(1_500), bytes(2_000_000_000)], ["999 B", "1.5 kB", "2.00 GB"]);
        assert_eq!([bytes(5 << 40), bytes(u64::MAX)], ["5 TB", "more bytes than can be counted"]);
        assert_eq!([count(9_999.0), count(12_000.0), count(3.2e9)], ["9999", "12 thousand", "3.20 billion"]);
        assert_eq!([count(1.8e19), time(50.0 * 86400.0), time(1e12)], ["1.8e19", "50 days", "31688 years"]);
        assert_eq!([time(0.012), time(3.44), time(125.0), time(9000.0)], ["12 ms", "3.4 s", "2 min 5 s", "2.5 h"]);
    }
}
