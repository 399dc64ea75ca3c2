//! The flags about checkpoints.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use motet_runtime::session::{Checkpoints, RunError};

use crate::failure::Failure;
use crate::line::Line;

/// Whether and where checkpoints are kept.
#[derive(Args)]
pub struct Keeping {
    /// Keep checkpoints of the run in this folder, sealed; the other party must do the same. A link that breaks is taken
    /// up again
    #[arg(long, value_name = "FOLDER")]
    checkpoint: Option<PathBuf>,
    /// About how long from one checkpoint to the next; 0: at every turn of every loop
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds, requires = "checkpoint")]
    checkpoint_every: f64,
    /// Go on from the last checkpoint that both parties have in their folders; the other party must do the same
    #[arg(long, requires = "checkpoint")]
    resume: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.0..=1e7).contains(&s) => Ok(s),
        _ => Err("expected a number of seconds".into()),
    }
}

impl Keeping {
    /// The folder of checkpoints, where there is to be one; `line` has the key that seals them.
    pub fn open(&self, line: &Line) -> Result<Option<Checkpoints>, Failure> {
        let Some(folder) = &self.checkpoint else { return Ok(None) };
        let every = Duration::from_secs_f64(self.checkpoint_every);
        let opened = Checkpoints::open(folder, line.own_key()?.as_ref(), every, self.resume);
        Ok(Some(opened.map_err(RunError::from)?))
    }
}
