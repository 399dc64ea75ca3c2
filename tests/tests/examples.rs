//! The examples, as their READMEs tell people to run them: every fenced block of commands, in order. A block with several
//! `motet run --party` is several terminals.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use motet_tests::process::{free_port, motet, project};

/// The port that the READMEs name.
const PORT: &str = "127.0.0.1:7766";

/// The blocks of commands of a README; lines that end in a backslash go on in the next.
fn blocks(readme: &str) -> Vec<Vec<String>> {
    let fenced = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    fenced.map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect()).collect()
}

/// Starts a command in a folder, with the binary on the path.
fn start(command: &str, folder: &Path, path: &std::ffi::OsStr) -> Child {
    let shell =
        Command::new("sh").args(["-c", command]).current_dir(folder).env("PATH", path).stdout(Stdio::piped()).spawn();
    shell.expect("a shell")
}

fn finish(command: &str, child: Child) {
    let ended = child.wait_with_output().expect("a child can be waited for");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{command}: {}\n{said}", ended.status);
    if command.contains("check.py") {
        println!("{said}");
    }
}

/// Runs an example in a copy of the folder, so that nothing is left behind.
fn run(name: &str) {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: the examples' data scripts need python3");
        return;
    }
    let copy = tempfile::tempdir().expect("a temporary folder");
    for folder in [".", "data", name] {
        let (from, to) = (project().join("examples").join(folder), copy.path().join(folder));
        fs::create_dir_all(&to).expect("a folder");
        for entry in fs::read_dir(from).expect("the example").flatten().filter(|e| e.path().is_file()) {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
    let folder = copy.path().join(name);
    let binary = motet().parent().expect("the binary is in a folder").to_owned();
    let old = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(binary).chain(env::split_paths(&old))).expect("a path");
    let readme = fs::read_to_string(folder.join("README.md")).expect("a README");
    let blocks = blocks(&readme);
    assert!(blocks.len() >= 3, "{name}: data, a run and a check");
    for block in blocks {
        let address = format!("127.0.0.1:{}", free_port());
        let (meeting, alone): (Vec<String>, Vec<String>) = block
            .into_iter()
            .map(|line| line.replace(PORT, &address))
            .partition(|line| line.contains("--listen") || line.contains("--connect"));
        for command in alone {
            finish(&command, start(&command, &folder, &path));
        }
        let running: Vec<Child> = meeting.iter().map(|command| start(command, &folder, &path)).collect();
        meeting.iter().zip(running).for_each(|(command, child)| finish(command, child));
    }
}

macro_rules! examples {
    ($($test:ident = $name:literal)*) => {
        $(
            #[test]
            fn $test() {
                run($name);
            }
        )*

        #[test]
        fn every_example_is_tested() {
            let folders = fs::read_dir(project().join("examples")).expect("the examples").flatten();
            let mut found: Vec<String> = folders
                .filter(|entry| entry.path().join("README.md").is_file() && entry.file_name() != "data")
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            found.sort();
            assert_eq!(found, [$($name),*]);
        }
    };
}

examples! {
    digits_training = "digits-training"
    fine_tuning = "fine-tuning"
    linear_regression = "linear-regression"
    private_inference = "private-inference"
    two_clinics = "two-clinics"
    vertical_split = "vertical-split"
}
