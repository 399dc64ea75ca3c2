//! A measured figure: a row for people, an object for machines.

use serde_json::{Map, Value, json};

/// What was measured, and what it can be at most.
pub struct Figure {
    /// What it is the figure of.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// In what.
    pub unit: &'static str,
    /// What it can be at most, and why.
    pub limit: Option<(f64, &'static str)>,
    /// What else was measured: names and JSON values, and how people are told.
    pub details: Vec<Detail>,
}

/// Something else that was measured.
pub struct Detail {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its value in JSON.
    pub value: Value,
    /// What people are told; nothing where it is empty.
    pub text: String,
}

impl Detail {
    /// A detail; a value that the system does not tell is left out.
    pub fn new(name: &'static str, value: impl Into<Value>, text: String) -> Detail {
        Detail { name, value: value.into(), text }
    }
}

/// The first line of a group.
pub fn heading(title: &str) -> String {
    format!("\n{title:<58} {:>9}", "of limit")
}

impl Figure {
    /// A figure without a limit.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), value, unit, limit: None, details: Vec::new() }
    }

    /// What it can be at most, and why.
    pub fn of(mut self, limit: f64, why: &'static str) -> Figure {
        self.limit = Some((limit, why));
        self
    }

    /// Something else that was measured.
    pub fn with(mut self, detail: Detail) -> Figure {
        self.details.push(detail);
        self
    }

    /// A row of the table; details on a line of their own.
    pub fn row(&self) -> String {
        let value = number(self.value);
        let share = self.limit.map_or(String::new(), |(limit, _)| format!("{:.0} %", 100.0 * self.value / limit));
        let limit = self.limit.map(|(limit, why)| format!("{} {}: {why}", number(limit), self.unit));
        let told = self.details.iter().map(|detail| detail.text.clone()).filter(|text| !text.is_empty());
        let told: Vec<String> = told.collect();
        let limit = limit.unwrap_or_default();
        let row = format!("  {:<34} {value:>7} {:<13} {share:>9}   {limit}", self.name, self.unit);
        let told = if told.is_empty() { String::new() } else { format!("\n      {}", told.join(", ")) };
        row.trim_end().to_owned() + &told
    }

    /// The same for machines.
    pub fn json(&self, group: &str) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("group", json!(group));
        put("name", json!(self.name));
        put("figure", json!(self.value));
        put("unit", json!(self.unit));
        if let Some((limit, why)) = self.limit {
            put("limit", json!(limit));
            put("limit_is", json!(why));
            put("of_limit", json!(self.value / limit));
        }
        self.details.iter().for_each(|detail| drop(put(detail.name, detail.value.clone())));
        object.into()
    }
}

/// Three digits or so.
fn number(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_shown_beside_its_limit() {
        let figure = Figure::new("garble", 278.4, "M AND/s").of(356.0, "AES ÷ 4").with(Detail::new(
            "batch",
            128,
            "128 at once".into(),
        ));
        assert_eq!(
            figure.row(),
            "  garble                                 278 M AND/s            78 %   356 M AND/s: AES ÷ 4\n      128 at once"
        );
        assert_eq!(figure.json("garbling")["batch"], 128);
        assert!((figure.json("garbling")["of_limit"].as_f64().unwrap() - 0.782).abs() < 1e-3);
        assert_eq!(Figure::new("copy", 9.876, "GB/s").row(), "  copy                                  9.88 GB/s");
    }
}
