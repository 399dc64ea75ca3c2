//! The artifact `.mpcx`: a program and its plan in one file.
//!
//! ```text
//! "MOTETX"  version: u16 LE  length: u64 LE  SHA-256 of the payload: 32 bytes  payload: postcard of (Program, Plan)
//! ```
//!
//! Reading trusts nothing: magic, version, length and digest are compared first, decoding bounds its nesting and takes
//! memory only as bytes arrive, and program and plan are validated.

use postcard::Error as Postcard;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::ir::Program;
use crate::plan::{InvalidPlan, Plan};
use crate::validate::{Form, InvalidProgram, validate};

const MAGIC: &[u8; 6] = b"MOTETX";
/// Version of the format; another is refused.
pub const VERSION: u16 = 1;
const HEADER: usize = 48;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Why an artifact is refused.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// Another kind of file.
    #[error("this is no compiled Motet program (.mpcx)")]
    Magic,
    /// Another version.
    #[error("the program was compiled in format {found}, and this motet reads format {VERSION}: compile it again")]
    Version {
        /// The file's version.
        found: u16,
    },
    /// Cut short or with something after it.
    #[error("the file is {found} bytes long and its header says {expected}: it was cut short or added to")]
    Length {
        /// By the header.
        expected: u64,
        /// By the file.
        found: u64,
    },
    /// Changed since it was written.
    #[error("the file is damaged: its contents do not have the digest that its header states")]
    Digest,
    /// Not decodable.
    #[error("the file's contents cannot be decoded: {0}")]
    Decode(Postcard),
    /// Decodable, but no program.
    #[error("the file holds no valid program: {0}")]
    Program(#[from] InvalidProgram),
    /// A valid program whose plan is not one of it.
    #[error("the file holds no valid plan: {0}")]
    Plan(#[from] InvalidPlan),
}

/// The bytes of an artifact.
pub fn write(program: &Program, plan: &Plan) -> Vec<u8> {
    let payload = encode(&(program, plan));
    let mut out = Vec::with_capacity(HEADER + payload.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    out.extend_from_slice(&Sha256::digest(&payload));
    out.extend_from_slice(&payload);
    out
}

/// Reads an artifact.
///
/// # Errors
/// Where the bytes are no artifact of this version, or what they hold is not valid.
pub fn read(bytes: &[u8]) -> Result<(Program, Plan), ArtifactError> {
    let header = bytes.get(..HEADER).filter(|h| h.starts_with(MAGIC)).ok_or(ArtifactError::Magic)?;
    let found = u16::from_le_bytes([header[6], header[7]]);
    if found != VERSION {
        return Err(ArtifactError::Version { found });
    }
    let expected = u64::from_le_bytes(std::array::from_fn(|i| header[8 + i]));
    let payload = &bytes[HEADER..];
    if payload.len() as u64 != expected {
        return Err(ArtifactError::Length { expected, found: payload.len() as u64 });
    }
    if Sha256::digest(payload)[..] != header[16..] {
        return Err(ArtifactError::Digest);
    }
    decode(payload)
}

/// Decodes and validates a payload: what `read` does once the header has been checked.
///
/// # Errors
/// See `read`.
pub fn decode(payload: &[u8]) -> Result<(Program, Plan), ArtifactError> {
    let (program, plan): (Program, Plan) = postcard::from_bytes(payload).map_err(ArtifactError::Decode)?;
    validate(&program, Form::Finished)?;
    plan.check(&program)?;
    Ok((program, plan))
}

fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Encoding to a growing vector fails only for types whose length is not known ahead, and there are none.
    postcard::to_allocvec(value).unwrap_or_default()
}

impl Program {
    /// What identifies the program: both parties must have the same. Where the source stood when it was compiled (the
    /// paths of its files) is not part of it.
    pub fn digest(&self) -> Digest {
        let nameless = Program { sites: Vec::new(), ..self.clone() };
        Digest(Sha256::digest(encode(&nameless)).into())
    }
}

impl Plan {
    /// What identifies the plan.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(encode(self)).into())
    }
}
