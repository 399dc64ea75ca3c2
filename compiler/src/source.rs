//! Source files and places in them.

/// Which file of `Sources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start, end: other.end }
    }
}

/// A file's name and text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As the user named it, or `std/nn.mpc` for the library.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Offsets of the lines' first bytes.
    lines: Vec<u32>,
}

/// The files that a compilation has read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i as u32 + 1)).collect();
        self.files.push(SourceFile { name: name.into(), text, lines });
        FileId((self.files.len() - 1) as u32)
    }

    /// A file.
    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The bytes of the longest line from the one before a span to the one after it.
    pub fn longest_line(&self, span: Span) -> usize {
        let file = self.get(span.file);
        let line = |at: u32| file.lines.partition_point(|&l| l <= at);
        let around = line(span.start).saturating_sub(2)..(line(span.end) + 1).min(file.lines.len());
        let end = |k: usize| file.lines.get(k + 1).map_or(file.text.len(), |next| *next as usize);
        around.map(|k| end(k) - file.lines[k] as usize).max().unwrap_or(0)
    }

    /// Line and column of a span's start, both from 1.
    pub fn line_column(&self, span: Span) -> (u32, u32) {
        let file = self.get(span.file);
        let line = file.lines.partition_point(|&l| l <= span.start).max(1);
        let column = file.text[file.lines[line - 1] as usize..span.start as usize].chars().count();
        (line as u32, column as u32 + 1)
    }
}
