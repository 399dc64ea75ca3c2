//! Labels: who knows a value, and where it comes from if not everyone does.

use crate::source::Span;

/// Who knows a value in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// Every party.
    Public,
    /// One party, an index into the tree's parties.
    Private(usize),
    /// No one.
    Shared,
}

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A parameter of the entry point, by its place among them.
    Parameter(usize),
    /// A secret condition under which it is computed.
    Condition(Span),
}

/// Who knows a value, and why it isn't everyone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub who: Who,
    /// Nothing where it is public.
    pub origin: Option<Origin>,
}

/// The levels of a value.
#[derive(Clone, Debug)]
pub(crate) enum Label {
    /// All of it.
    Whole(Level),
    /// Each part of a tuple or struct.
    Parts(Vec<Label>),
}

impl Level {
    pub const PUBLIC: Level = Level { who: Who::Public, origin: None };

    pub fn is_public(self) -> bool {
        self.who == Who::Public
    }

    /// Of what is computed from both.
    pub fn join(self, other: Level) -> Level {
        match (self.who, other.who) {
            (_, Who::Public) => self,
            (Who::Public, _) => other,
            (a, b) if a == b => self,
            _ => Level { who: Who::Shared, origin: self.origin },
        }
    }
}

impl Label {
    pub const PUBLIC: Label = Label::Whole(Level::PUBLIC);

    /// The level of the value as a whole.
    pub fn level(&self) -> Level {
        match self {
            Label::Whole(level) => *level,
            Label::Parts(parts) => parts.iter().fold(Level::PUBLIC, |l, p| l.join(p.level())),
        }
    }

    /// A part.
    pub fn part(&self, i: usize) -> Label {
        match self {
            Label::Whole(level) => Label::Whole(*level),
            Label::Parts(parts) => parts.get(i).cloned().unwrap_or(Label::Whole(self.level())),
        }
    }

    /// Of what is one or the other.
    pub fn join(&self, other: &Label) -> Label {
        match (self, other) {
            (Label::Whole(a), Label::Whole(b)) => Label::Whole(a.join(*b)),
            (Label::Parts(a), Label::Parts(b)) if a.len() == b.len() => {
                Label::Parts(a.iter().zip(b).map(|(a, b)| a.join(b)).collect())
            }
            (Label::Parts(parts), other) => {
                let level = other.level();
                Label::Parts(parts.iter().map(|p| p.with(level)).collect())
            }
            (whole, Label::Parts(parts)) => {
                let level = whole.level();
                Label::Parts(parts.iter().map(|p| Label::Whole(level).join(p)).collect())
            }
        }
    }

    /// With a level joined to every part.
    pub fn with(&self, level: Level) -> Label {
        match self {
            Label::Whole(l) => Label::Whole(l.join(level)),
            Label::Parts(parts) => Label::Parts(parts.iter().map(|p| p.with(level)).collect()),
        }
    }

    /// Whether both say the same of who knows what, wherever it comes from.
    pub fn same(&self, other: &Label) -> bool {
        match (self, other) {
            (Label::Whole(a), Label::Whole(b)) => a.who == b.who,
            (Label::Parts(a), Label::Parts(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            _ => false,
        }
    }

    /// Who knows what, as a key for what is computed once.
    pub fn key(&self, out: &mut Vec<Option<Who>>) {
        match self {
            Label::Whole(level) => out.push(Some(level.who)),
            Label::Parts(parts) => {
                out.push(None);
                parts.iter().for_each(|p| p.key(out));
                out.push(None);
            }
        }
    }
}
