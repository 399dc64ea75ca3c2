//! Diagnostics: what is wrong, where, and what to do about it.

use std::fmt;

use miette::{LabeledSpan, NamedSource, Severity};

use crate::source::{Sources, Span};

/// Bytes of the longest line of source that is drawn: what programs write may be much longer, and drawing it hides what is
/// said.
const LONGEST_LINE: usize = 600;

/// A message with places in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it is only a warning.
    pub warning: bool,
    /// A stable name of the kind of problem, e.g. `shape-mismatch`.
    pub code: &'static str,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// Places, the main one first, each with a note (may be empty).
    pub labels: Vec<(Span, String)>,
    /// What to do, where there is something to propose.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span, note: impl Into<String>) -> Self {
        Diagnostic { warning: false, code, message: message.into(), labels: vec![(span, note.into())], help: None }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, message: impl Into<String>, span: Span, note: impl Into<String>) -> Self {
        Diagnostic { warning: true, ..Self::error(code, message, span, note) }
    }

    /// With one more place.
    pub fn label(mut self, span: Span, note: impl Into<String>) -> Self {
        self.labels.push((span, note.into()));
        self
    }

    /// With a proposal.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As a report that miette can print: labels in the main label's file are drawn there, others become related
    /// reports.
    pub fn report(&self, sources: &Sources) -> Report {
        if self.labels.iter().any(|(span, _)| sources.longest_line(*span) > LONGEST_LINE) {
            return self.in_words(sources);
        }
        let file = self.labels.first().map(|(s, _)| s.file);
        let (here, elsewhere): (Vec<_>, Vec<_>) = self.labels.iter().partition(|(s, _)| Some(s.file) == file);
        Report {
            severity: if self.warning { Severity::Warning } else { Severity::Error },
            code: self.code,
            message: self.message.clone(),
            help: self.help.clone(),
            source: file.map(|f| named(sources, f)),
            labels: here.into_iter().map(labeled).collect(),
            related: elsewhere
                .into_iter()
                .map(|l| Report {
                    severity: Severity::Advice,
                    code: "",
                    message: l.1.clone(),
                    help: None,
                    source: Some(named(sources, l.0.file)),
                    labels: vec![labeled(&(l.0, String::new()))],
                    related: Vec::new(),
                })
                .collect(),
        }
    }
}

impl Diagnostic {
    /// As a report that names its places and draws none.
    fn in_words(&self, sources: &Sources) -> Report {
        let mut message = self.message.clone();
        for (span, note) in &self.labels {
            let (line, column) = sources.line_column(*span);
            let name = &sources.get(span.file).name;
            let separator = if note.is_empty() { "" } else { ": " };
            message.push_str(&format!("\n{name}:{line}:{column}{separator}{note}"));
        }
        let severity = if self.warning { Severity::Warning } else { Severity::Error };
        let (source, labels, related) = (None, Vec::new(), Vec::new());
        Report { severity, code: self.code, message, help: self.help.clone(), source, labels, related }
    }
}

fn named(sources: &Sources, file: crate::source::FileId) -> NamedSource<String> {
    let f = sources.get(file);
    NamedSource::new(&f.name, f.text.clone())
}

fn labeled((span, note): &(Span, String)) -> LabeledSpan {
    let note = if note.is_empty() { None } else { Some(note.clone()) };
    LabeledSpan::new(note, span.start as usize, (span.end - span.start) as usize)
}

/// A diagnostic with its source, for miette.
#[derive(Debug)]
pub struct Report {
    severity: Severity,
    code: &'static str,
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Report>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.code.is_empty()).then(|| Box::new(self.code) as Box<dyn fmt::Display>)
    }
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|s| s as &dyn miette::SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|r| r as &dyn miette::Diagnostic)))
    }
}
