//! The handshake: before anything secret is sent, both sides see that they run the same thing.
//!
//! First each introduces itself: its version, its name, whom it expects, and 32 fresh random bytes. Parties that have a
//! source tell each other the dimensions of their data, and compile it for them. Then, once both know the program, each sends its [`Terms`], and both compare them and refuse on any difference, naming it. The
//! session's id hashes both sides' random bytes and the terms; all that a protocol derives is bound to it, and it is
//! fresh where either side is honest. What it assumes: a side that lies about its terms is outside the semi-honest
//! model; who the sides are is for the link's keys to prove.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::crypto::{Kdf, SessionId};

/// Most bytes of an introduction.
pub(super) const INTRODUCTION_LIMIT: usize = 4096;
/// Most bytes of what follows it: a program may have many parameters.
pub(super) const OPENING_LIMIT: usize = 1 << 20;
/// The version that both sides must run.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Bits of security of the primitives, and of statistical arguments.
const SECURITY: (u16, u16) = (128, 40);

/// How a party introduces itself.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Introduction {
    /// Of the software. Stays the first field in all versions of the wire format.
    version: String,
    /// Who it is.
    pub(super) party: String,
    /// Whom it expects, where it knows already.
    peer: Option<String>,
    /// Fresh and random.
    nonce: [u8; 32],
}

/// What a party says once it is introduced.
#[derive(Serialize, Deserialize)]
pub(super) enum Opening {
    /// The dimensions of its data, by name: it has a source, which it compiles when it knows both sides'.
    Dimensions(BTreeMap<String, i64>),
    /// What it is about to run.
    Terms(Terms),
    /// It wants the link measured first.
    Measure,
}

/// What both sides must have alike.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The protocol's name.
    pub protocol: String,
    /// The parties, in the program's order.
    pub parties: Vec<String>,
    /// The program's digest.
    pub program: Sha,
    /// The plan's digest.
    pub plan: Sha,
    /// The public parameters: name, and digest of the value.
    pub public: Vec<(String, Sha)>,
    /// What the session is for.
    pub purpose: Purpose,
    /// Whether checkpoints are kept, and whether one is gone on from.
    pub checkpoints: Course,
    /// Bits of security: computational, statistical.
    security: (u16, u16),
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To run the program, all being made on the way.
    Run,
    /// To run it with what is in both parties' stores.
    RunFromStore,
    /// To put so many entries into both parties' stores.
    Prepare(u32),
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Purpose::Run => f.write_str("runs without --store"),
            Purpose::RunFromStore => f.write_str("runs with --store"),
            Purpose::Prepare(runs) => write!(f, "prepares --runs {runs}"),
        }
    }
}

/// What a run does about checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Course {
    /// Keeps none.
    Unkept,
    /// Begins, and keeps them.
    Begin,
    /// Goes on from the last one that both parties have, and keeps more.
    Resume,
}

impl std::fmt::Display for Course {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Course::Unkept => "runs without --checkpoint",
            Course::Begin => "begins a run with --checkpoint",
            Course::Resume => "takes its run up again (--checkpoint with --resume)",
        })
    }
}

/// A SHA-256 digest.
type Sha = [u8; 32];

/// In what the two sides differ.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Disagreement {
    /// Different software.
    #[error("{peer} runs motet {theirs}, this side motet {ours}: both must run the same version")]
    Version {
        /// The other party.
        peer: String,
        /// Its version.
        theirs: String,
        /// This side's.
        ours: String,
    },
    /// Both are the same party.
    #[error("both sides run as `{party}`: one of them must be another party (see --party)")]
    SameParty {
        /// The name that both have.
        party: String,
    },
    /// Another party came than was expected.
    #[error(
        "the other side runs as `{theirs}`, and this side, `{party}`, expects `{peer}`: see --party and the program"
    )]
    Party {
        /// This side.
        party: String,
        /// Whom it expects.
        peer: String,
        /// Who came.
        theirs: String,
    },
    /// The other side expects someone else.
    #[error("`{peer}` expects `{theirs}`, and this side runs as `{party}`: see --party and the program")]
    Expected {
        /// This side.
        party: String,
        /// The other.
        peer: String,
        /// Whom the other expects.
        theirs: String,
    },
    /// One side has a compiled program, the other a source.
    #[error("{peer} was given {}, this side {}: give both the same compiled program, or both the same source",
        form(!.compiled), form(*.compiled))]
    Form {
        /// The other party.
        peer: String,
        /// Whether this side's is compiled.
        compiled: bool,
    },
    /// Different protocols.
    #[error("{peer} runs the protocol {theirs}, this side {ours}: give both the same --protocol")]
    Protocol {
        /// The other party.
        peer: String,
        /// Its protocol.
        theirs: String,
        /// This side's.
        ours: String,
    },
    /// Different parties in the program.
    #[error("{peer}'s program is between {theirs}, this side's between {ours}: both must run the same program")]
    Parties {
        /// The other party.
        peer: String,
        /// Of its program.
        theirs: String,
        /// Of this side's.
        ours: String,
    },
    /// Different programs.
    #[error(
        "{peer} runs another program: its digest is {theirs}, this side's {ours}. Compile both from the same source, with the same --entry, --set and --fix"
    )]
    Program {
        /// The other party.
        peer: String,
        /// Its program's digest.
        theirs: String,
        /// This side's.
        ours: String,
    },
    /// Different plans of one program.
    #[error(
        "{peer} has another plan for this program: its digest is {theirs}, this side's {ours}. Compile both with the same motet, --protocol and --link"
    )]
    Plan {
        /// The other party.
        peer: String,
        /// Its plan's digest.
        theirs: String,
        /// This side's.
        ours: String,
    },
    /// A public input that is not the same on both sides.
    #[error("the public input `{parameter}` is not the same as {peer}'s: both sides must give the same value")]
    PublicInput {
        /// The other party.
        peer: String,
        /// The parameter's name.
        parameter: String,
    },
    /// One side wants the link measured, the other names it.
    #[error("{peer} {} --link measure, this side {}: give both the same", if *measures { "runs with" } else { "runs without" }, if *measures { "without" } else { "with it" })]
    Measure {
        /// The other party.
        peer: String,
        /// Whether it is the one that measures.
        measures: bool,
    },
    /// One side runs what the other prepares, or with a store where the other has none.
    #[error("{peer} {theirs}, this side {ours}: both must do the same")]
    Purpose {
        /// The other party.
        peer: String,
        /// What it does.
        theirs: Purpose,
        /// What this side does.
        ours: Purpose,
    },
    /// One side keeps checkpoints, or goes on from one, and the other does not.
    #[error("{peer} {theirs}, this side {ours}: both must do the same")]
    Course {
        /// The other party.
        peer: String,
        /// What it does.
        theirs: Course,
        /// What this side does.
        ours: Course,
    },
    /// Different security parameters.
    #[error("{peer} runs with {} bits of security ({} statistical), this side with {} ({})", theirs.0, theirs.1, ours.0, ours.1)]
    Security {
        /// The other party.
        peer: String,
        /// Its parameters.
        theirs: (u16, u16),
        /// This side's.
        ours: (u16, u16),
    },
}

impl Introduction {
    pub(super) fn new(party: &str, peer: Option<&str>) -> Result<Introduction, getrandom::Error> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce)?;
        let peer = peer.map(str::to_owned);
        Ok(Introduction { version: VERSION.to_owned(), party: party.to_owned(), peer, nonce })
    }

    /// Compares this side's with the other's.
    pub(super) fn check(&self, theirs: &Introduction) -> Result<(), Disagreement> {
        let party = self.party.clone();
        if theirs.version != self.version {
            let peer = self.peer.clone().unwrap_or_else(|| show(&theirs.party));
            return Err(Disagreement::Version { peer, theirs: show(&theirs.version), ours: self.version.clone() });
        }
        if theirs.party == party {
            return Err(Disagreement::SameParty { party });
        }
        match &self.peer {
            Some(peer) if theirs.party != *peer => {
                Err(Disagreement::Party { party, peer: peer.clone(), theirs: show(&theirs.party) })
            }
            _ => match &theirs.peer {
                Some(expected) if *expected != party => {
                    let peer = show(&theirs.party);
                    Err(Disagreement::Expected { party, peer, theirs: show(expected) })
                }
                _ => Ok(()),
            },
        }
    }

    /// The name as it may be shown.
    pub(super) fn shown(&self) -> String {
        show(&self.party)
    }
}

impl Terms {
    /// The terms of a run without a store and without checkpoints under this build's security parameters.
    pub fn new(protocol: String, parties: Vec<String>, program: Sha, plan: Sha, public: Vec<(String, Sha)>) -> Self {
        let (purpose, checkpoints) = (Purpose::Run, Course::Unkept);
        Terms { protocol, parties, program, plan, public, purpose, checkpoints, security: SECURITY }
    }

    /// Compares this side's with `peer`'s. The first difference that explains the others is named.
    pub(super) fn check(&self, theirs: &Terms, peer: &str) -> Result<(), Disagreement> {
        let peer = peer.to_owned();
        if theirs.security != self.security {
            return Err(Disagreement::Security { peer, theirs: theirs.security, ours: self.security });
        }
        if theirs.purpose != self.purpose {
            return Err(Disagreement::Purpose { peer, theirs: theirs.purpose, ours: self.purpose });
        }
        if theirs.checkpoints != self.checkpoints {
            return Err(Disagreement::Course { peer, theirs: theirs.checkpoints, ours: self.checkpoints });
        }
        if theirs.protocol != self.protocol {
            let (theirs, ours) = (show(&theirs.protocol), self.protocol.clone());
            return Err(Disagreement::Protocol { peer, theirs, ours });
        }
        if theirs.parties != self.parties {
            let (theirs, ours) = (show(&theirs.parties.join(", ")), self.parties.join(", "));
            return Err(Disagreement::Parties { peer, theirs, ours });
        }
        if theirs.program != self.program {
            let (theirs, ours) = (short(&theirs.program), short(&self.program));
            return Err(Disagreement::Program { peer, theirs, ours });
        }
        if theirs.plan != self.plan {
            let (theirs, ours) = (short(&theirs.plan), short(&self.plan));
            return Err(Disagreement::Plan { peer, theirs, ours });
        }
        let same = |mine: &(String, Sha)| theirs.public.contains(mine);
        match self.public.iter().find(|mine| !same(mine)) {
            Some((parameter, _)) => Err(Disagreement::PublicInput { peer, parameter: parameter.clone() }),
            None => match theirs.public.iter().find(|theirs| !self.public.contains(theirs)) {
                Some((parameter, _)) => Err(Disagreement::PublicInput { peer, parameter: show(parameter) }),
                None => Ok(()),
            },
        }
    }

    /// The session's id, the same on both sides: the parties' parts go in by name.
    pub(super) fn session(&self, one: &Introduction, other: &Introduction) -> SessionId {
        let (first, second) = if one.party <= other.party { (one, other) } else { (other, one) };
        let mut kdf = Kdf::new("session id", &SessionId([0; 32]));
        for side in [first, second] {
            kdf = kdf.field(side.party.as_bytes()).field(&side.nonce);
        }
        kdf = kdf
            .field(self.purpose.to_string().as_bytes())
            .field(self.protocol.as_bytes())
            .field(&self.program)
            .field(&self.plan);
        for (name, digest) in &self.public {
            kdf = kdf.field(name.as_bytes()).field(digest);
        }
        SessionId(kdf.digest())
    }
}

/// The digest of a value's postcard encoding.
pub(super) fn digest_of<T: Serialize>(value: &T) -> Result<Sha, postcard::Error> {
    postcard::serialize_with_flavor(value, Hasher(Sha256::new()))
}

/// Hashes what is serialised into it.
struct Hasher(Sha256);

impl postcard::ser_flavors::Flavor for Hasher {
    type Output = Sha;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.update([byte]);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.update(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Sha> {
        Ok(self.0.finalize().into())
    }
}

fn form(compiled: bool) -> &'static str {
    if compiled { "a compiled program" } else { "a source" }
}

/// The first eight bytes of a digest: enough for people to tell two apart.
fn short(digest: &Sha) -> String {
    digest[..8].iter().map(|b| format!("{b:02x}")).collect()
}

/// A foreign string as it may be shown.
fn show(text: &str) -> String {
    text.chars().take(64).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        let digest = |b| [b; 32];
        let parties = vec!["alice".into(), "bob".into()];
        Terms::new("yao".into(), parties, digest(1), digest(2), vec![("k".into(), digest(3)), ("n".into(), digest(4))])
    }

    fn difference(change: impl FnOnce(&mut Terms)) -> String {
        let mut theirs = terms();
        change(&mut theirs);
        terms().check(&theirs, "bob").unwrap_err().to_string()
    }

    #[test]
    fn each_difference_is_named() {
        assert!(terms().check(&terms(), "bob").is_ok());
        assert!(difference(|t| t.security = (128, 30)).contains("128 bits of security (30 statistical)"));
        assert!(
            difference(|t| t.purpose = Purpose::Prepare(3)).contains("bob prepares --runs 3, this side runs without")
        );
        assert!(
            difference(|t| t.checkpoints = Course::Resume).contains(
                "bob takes its run up again (--checkpoint with --resume), this side runs without --checkpoint"
            )
        );
        assert!(difference(|t| t.protocol = "mixed".into()).contains("the protocol mixed, this side yao"));
        assert!(difference(|t| t.parties[1] = "carol".into()).contains("between alice, carol"));
        assert!(difference(|t| t.program[0] = 9).contains("another program: its digest is 0901"));
        assert!(difference(|t| t.plan[0] = 9).contains("another plan"));
        assert!(difference(|t| t.public[1].1[5] = 9).contains("public input `n` is not the same as bob's"));
        assert!(difference(|t| t.public.push(("more".into(), [0; 32]))).contains("public input `more`"));
    }

    #[test]
    fn parties_are_told_apart() {
        let say = |own: (&str, &str), theirs: (&str, &str)| {
            let one = Introduction::new(own.0, Some(own.1)).unwrap();
            one.check(&Introduction::new(theirs.0, Some(theirs.1)).unwrap()).err().map(|e| e.to_string())
        };
        assert_eq!(say(("alice", "bob"), ("bob", "alice")), None);
        assert!(say(("alice", "bob"), ("alice", "bob")).unwrap().starts_with("both sides run as `alice`"));
        assert!(say(("alice", "bob"), ("carol", "alice")).unwrap().starts_with("the other side runs as `carol`"));
        assert!(say(("alice", "bob"), ("bob", "carol")).unwrap().starts_with("`bob` expects `carol`"));
        let stranger = Introduction::new("alice", None).unwrap();
        assert!(stranger.check(&Introduction::new("bob", None).unwrap()).is_ok());
        assert!(stranger.check(&Introduction::new("alice", None).unwrap()).is_err());
        let mut old = Introduction::new("bob", Some("alice")).unwrap();
        old.version = "0.0.1\x1b[2J".into();
        let error = Introduction::new("alice", Some("bob")).unwrap().check(&old).unwrap_err().to_string();
        assert!(error.starts_with("bob runs motet 0.0.1 [2J, this side motet"), "{error}");
    }

    #[test]
    fn session_ids_are_shared_and_fresh() {
        let [a, b, c] =
            [("alice", "bob"), ("bob", "alice"), ("bob", "alice")].map(|(x, y)| Introduction::new(x, Some(y)).unwrap());
        assert_eq!(terms().session(&a, &b), terms().session(&b, &a));
        assert_ne!(terms().session(&a, &b), terms().session(&a, &c));
        let mut other = terms();
        other.public[0].1[0] ^= 1;
        assert_ne!(terms().session(&a, &b), other.session(&a, &b));
    }

    #[test]
    fn a_value_s_digest_is_of_its_encoding() {
        let value = (7u32, vec![1u64, 1 << 40], "x".to_owned());
        let bytes = postcard::to_stdvec(&value).unwrap();
        assert_eq!(digest_of(&value).unwrap(), <[u8; 32]>::from(Sha256::digest(&bytes)));
    }
}
