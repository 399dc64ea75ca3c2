//! Both sides of a run as processes of this program on this machine, who meet over the loopback interface.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::failure::Failure;

/// What a party's process printed and reported.
pub struct Outcome {
    /// Its result, as `--json` prints it.
    pub result: Value,
    /// Figures of its run, as `--report` writes them.
    pub report: Value,
}

/// Runs `motet run` for both parties (each a name and what it is given besides) in a folder, and waits for both.
///
/// # Errors
/// Where a process cannot be started or fails.
pub fn both_parties(folder: &Path, parties: [(&'static str, &[&str]); 2]) -> Result<[Outcome; 2], Failure> {
    let program = std::env::current_exe().map_err(Failure::file(Path::new("motet")))?;
    let address = free_address()?;
    let start = |(party, arguments): (&'static str, &[&str]), meet: &str| {
        let report = folder.join(format!("{party}.json"));
        Command::new(&program)
            .current_dir(folder)
            .arg("run")
            .args(arguments)
            .args(["--party", party, meet, &address, "--json", "--report"])
            .arg(&report)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Failure::file(&program))
    };
    let finish = |party: &'static str, child: Child| {
        let output = child.wait_with_output().map_err(Failure::file(&program))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let status = output.status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(3);
            return Err(Failure::Side { party, said, status });
        }
        let path = folder.join(format!("{party}.json"));
        let report = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let result = json(&String::from_utf8_lossy(&output.stdout))["result"].take();
        Ok(Outcome { result, report: json(&report) })
    };
    let first = start(parties[0], "--listen")?;
    let second = start(parties[1], "--connect")?;
    // The second is read meanwhile: a process whose output nobody takes does not end.
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(|| finish(parties[1].0, second));
        (finish(parties[0].0, first), second.join())
    });
    // Both are waited for before either's failure is told: the first to fail is rarely the one that says why.
    match second {
        Ok(second) => Ok([first?, second?]),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// An address on this machine that is free now; a process takes it a moment later.
fn free_address() -> Result<String, Failure> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    Ok(address.map_err(Failure::file(Path::new("127.0.0.1")))?.to_string())
}
