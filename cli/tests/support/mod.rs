//! Running the binary as users do.

#![allow(dead_code)] // Each test file uses a part.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The binary, to be run in a folder.
pub fn motet(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_motet"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("MOTET_LOG");
    command
}

/// Runs and waits.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    motet(folder, arguments).output().expect("the binary runs")
}

/// Starts with its output kept.
pub fn start(folder: &Path, arguments: &[&str]) -> Child {
    motet(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// What a process printed, and its exit status where it is not 0.
pub fn printed(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(code) => text.push_str(&format!("[exit status {code}]\n")),
        None => text.push_str("[killed]\n"),
    }
    text
}

/// A console session: each command line, what it printed, and its exit status where it is not 0.
pub fn session(folder: &Path, lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        text.push_str(&format!("$ motet {line}\n{}\n", printed(&run(folder, &arguments))));
    }
    text
}

/// An address on this machine that nobody listens on.
pub fn free_address() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("its address").to_string()
}

/// Runs both sides, the second one with `--connect`, and gives what each printed.
pub fn both(folder: &Path, first: &[&str], second: &[&str]) -> [Output; 2] {
    let address = free_address();
    let sides = [(first, "--listen"), (second, "--connect")];
    let started = sides.map(|(arguments, meet)| start(folder, &[arguments, &[meet, &address]].concat()));
    started.map(|child| child.wait_with_output().expect("it ends"))
}
