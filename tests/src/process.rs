//! Running the real binary: processes that are watched, and that do not outlive the test.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than any process of a test runs, on the slowest machine.
const TOO_LONG: Duration = Duration::from_secs(240);

/// The binary, built as the tests were.
///
/// # Panics
///
/// Where it cannot be built.
pub fn motet() -> &'static Path {
    static MOTET: OnceLock<PathBuf> = OnceLock::new();
    MOTET.get_or_init(|| {
        let test = env::current_exe().expect("a test knows its own path");
        let folder = test.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
        let profile = match folder.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let build = Command::new(cargo)
            .args(["build", "--quiet", "--package", "motet", "--profile", profile])
            .current_dir(project())
            .status();
        assert!(build.is_ok_and(|s| s.success()), "the binary cannot be built");
        folder.join(format!("motet{}", env::consts::EXE_SUFFIX))
    })
}

/// The project's root.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is in the project's root")
}

/// A port of the loopback interface that nobody listens on.
///
/// # Panics
///
/// Where there is none.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// A running `motet`; ended when dropped.
pub struct Motet {
    child: Child,
    // What it prints goes to files, so that no pipe fills.
    folder: TempDir,
}

/// How a `motet` ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it said to people.
    pub err: String,
}

impl Motet {
    /// Starts the binary.
    ///
    /// # Panics
    ///
    /// Where that fails.
    pub fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Motet {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name| File::create(folder.path().join(name)).expect("a file in it");
        let child = Command::new(motet())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .expect("the binary starts");
        Motet { child, folder }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    ///
    /// # Panics
    ///
    /// Where the operating system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        // Where it has ended by itself there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// Where it does not end.
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + TOO_LONG;
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    self.kill();
                    panic!("motet did not end: {}", self.said("err"));
                }
                None => thread::sleep(Duration::from_millis(3)),
            }
        };
        Ended { status: status.code(), out: self.said("out"), err: self.said("err") }
    }

    fn said(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Motet {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs the binary to its end.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    Motet::start(arguments).wait()
}
