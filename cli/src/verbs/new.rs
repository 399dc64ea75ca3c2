//! `motet new NAME`: a project that works as it stands.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

const PROGRAM: &str = include_str!("../../skeleton/main.mpc");
const README: &str = include_str!("../../skeleton/README.md");
const FILES: [(&str, &str); 4] = [
    ("main.mpc", PROGRAM),
    ("README.md", README),
    ("buyer.json", include_str!("../../skeleton/buyer.json")),
    ("shop.json", include_str!("../../skeleton/shop.json")),
];

/// Begin a project: a folder with a program that runs, its data, and a README that shows how
#[derive(Args)]
#[command(after_help = "\
Example:
  motet new hello
  cd hello
  motet simulate main.mpc --input prices=shop.json --input wishes=buyer.json")]
pub struct Arguments {
    /// The folder to make
    name: PathBuf,
}

/// Writes the files into a new folder.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = &arguments.name;
    std::fs::create_dir(folder).map_err(Failure::file(folder))?;
    for (name, text) in FILES {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(Failure::file(&path))?;
    }
    let folder = folder.display();
    eprintln!("{folder}/ is ready; {folder}/README.md says how to go on. Begin with:\n");
    eprintln!("  cd {folder}");
    eprintln!("  motet simulate main.mpc --input prices=shop.json --input wishes=buyer.json");
    Ok(())
}
