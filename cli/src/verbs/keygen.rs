//! `motet keygen NAME`: a pair of keys for authenticated links.

use std::path::{Path, PathBuf};

use clap::Args;
use motet_runtime::net::{PublicKey, generate};

use crate::failure::Failure;

/// Make a pair of keys, so that parties on different machines can be sure of each other
#[derive(Args)]
#[command(after_help = "\
Each party makes its own pair and hands the .pub file to the others:
  server$ motet keygen server                  writes server.key and server.pub
  client$ motet keygen client                  writes client.key and client.pub
Then the server runs with --key server.key --peer client=client.pub, and the client the other way round.
Compare the fingerprints that are printed over another channel, such as a call.")]
pub struct Arguments {
    /// A name for the files, such as the party's
    name: String,
    /// The folder to write into
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

/// Makes the keys and says where they are.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (secret, public) = generate(&arguments.name, &arguments.folder)?;
    let fingerprint = PublicKey::load(&public)?.fingerprint();
    let shown = |path: &Path| path.strip_prefix(".").unwrap_or(path).display().to_string();
    eprintln!("{}  keep it to yourself", shown(&secret));
    eprintln!("{}  give it to the other parties; its fingerprint is {fingerprint}", shown(&public));
    Ok(())
}
