//! The line to the other party, as the verbs that need one take it on the command line.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use motet_runtime::net::{Cancel, Config, Endpoint, Listener, PublicKey, SecretKey, Security};
use motet_runtime::session::{RunError, Session};

use crate::failure::Failure;

/// Who this is, where the parties meet, and how they know each other.
#[derive(Args)]
pub struct Line {
    /// Which party this is
    #[arg(long, value_name = "NAME")]
    pub party: String,
    /// Wait for the other party here
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "connect")]
    listen: Option<String>,
    /// Go to the other party there; retries until it listens
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// This party's secret key
    #[arg(long, value_name = "FILE", requires = "peer")]
    key: Option<PathBuf>,
    /// The other party, and the public key that it must have
    #[arg(long, value_name = "NAME=FILE", requires = "key")]
    peer: Option<String>,
    /// Run without keys between machines, though others may read and change what is sent
    #[arg(long, conflicts_with = "key")]
    insecure_plaintext: bool,
    /// Give up on a party that is silent for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    timeout: f64,
    /// Wait so long for the other party to come
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    patience: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.1..=1e7).contains(&s) => Ok(s),
        _ => Err("expected a number of seconds, from 0.1".into()),
    }
}

impl Line {
    /// Whether it says where the parties meet.
    pub fn given(&self) -> bool {
        self.listen.is_some() || self.connect.is_some()
    }

    /// Meets the other party of the program, whose `parties` are empty where they are not known yet.
    pub fn open(&self, parties: &[String]) -> Result<Session, Failure> {
        let (security, peer) = self.security(parties)?;
        let config = Config {
            timeout: Duration::from_secs_f64(self.timeout),
            heartbeat: Duration::from_secs_f64((self.timeout / 6.0).min(5.0)),
            patience: Duration::from_secs_f64(self.patience),
            cancel: on_interrupt(),
        };
        Ok(Session::open(self.endpoint()?, &security, &self.party, peer.as_deref(), &config)?)
    }

    /// This party's secret key, where it was given one.
    pub fn own_key(&self) -> Result<Option<SecretKey>, Failure> {
        Ok(self.key.as_deref().map(SecretKey::load).transpose()?)
    }

    /// How the line is protected, and what the other party is called where that is known.
    fn security(&self, parties: &[String]) -> Result<(Security, Option<String>), Failure> {
        let other = parties.iter().find(|p| **p != self.party).cloned();
        let (Some(key), Some(peer)) = (&self.key, &self.peer) else {
            let security = if self.insecure_plaintext { Security::InsecurePlaintext } else { Security::Loopback };
            return Ok((security, other));
        };
        let Some((name, file)) = peer.split_once('=') else {
            return Err(Failure::Usage("--peer: expected NAME=FILE, such as client=client.pub".into()));
        };
        if !parties.is_empty() && !parties.iter().any(|p| p == name) {
            return Err(Failure::Usage(format!(
                "--peer: there is no party `{name}`; the program has {}",
                parties.join(", ")
            )));
        }
        let security = Security::Keys { own: SecretKey::load(key)?, peer: PublicKey::load(Path::new(file))? };
        Ok((security, Some(name.to_owned())))
    }

    /// Where the parties meet.
    fn endpoint(&self) -> Result<Endpoint, Failure> {
        match (&self.listen, &self.connect) {
            (Some(address), _) => Ok(Endpoint::Listen(Listener::bind(address).map_err(RunError::from)?)),
            (None, Some(address)) => Ok(Endpoint::Connect(address.clone())),
            (None, None) => Err(Failure::Usage("give --listen HOST:PORT or --connect HOST:PORT".into())),
        }
    }
}

/// A flag that Ctrl-C raises: the run ends and tells the other side. A second Ctrl-C ends this process at once. It is the
/// same for all sessions of the process.
fn on_interrupt() -> Cancel {
    static AGAIN: AtomicBool = AtomicBool::new(false);
    static CANCEL: OnceLock<Cancel> = OnceLock::new();
    let install = || {
        let cancel = Cancel::default();
        let flag = cancel.clone();
        let installed = ctrlc::set_handler(move || {
            if AGAIN.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            flag.cancel();
        });
        if let Err(error) = installed {
            tracing::warn!("Ctrl-C will not end the run cleanly: {error}");
        }
        cancel
    };
    CANCEL.get_or_init(install).clone()
}
