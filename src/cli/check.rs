//! `ringback check`: everything `serve` would refuse, without serving.
//! The rules stand with what they are about (`config/`, `dialplan/`, `case/city.rs`, `address/`). Only the look at this
//! machine is here: is there the speech program, and can the folders be written to?

use std::path::Path;

use super::{Failure, Outcome};
use crate::app::Plans;
use crate::config::Config;
use crate::diagnostic::Diagnostic;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the files, not this machine: no speech program, no folders.
    #[arg(long)]
    no_environment: bool,
}

pub(super) fn run(file: &Path, args: &Args) -> Outcome {
    let config = super::load(file)?;
    Plans::read(&config).map_err(Failure::Config)?;
    if !args.no_environment {
        let complaints = environment(&config);
        if !complaints.is_empty() {
            return Err(Failure::Config(complaints));
        }
    }
    println!("{} and what it names are in order", super::show(file));
    Ok(())
}

fn environment(config: &Config) -> Vec<Diagnostic> {
    let mut complaints = Vec::new();
    let mut complain =
        |key: &str, message: String| complaints.push(Diagnostic::at_offset(key, "", 0, message));
    if let Err(error) = std::process::Command::new(&config.speech.engine).arg("--version").output() {
        complain("[speech] engine", format!("{}: {error}", config.speech.engine.display()));
    }
    let folders = [
        ("[recording] dir", config.recording.enabled.then_some(config.recording.dir.as_path())),
        ("[speech] cache", Some(config.speech.cache.as_path())),
        ("[store] url", config.store.folder()),
        ("[journal] dir", config.journal.signer().map(|_| config.journal.dir.as_path())),
    ];
    for (key, folder) in folders {
        let Some(folder) = folder else { continue };
        if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| probe(folder)) {
            complain(key, format!("{}: {error}", folder.display()));
        }
    }
    complaints
}

/// Writes and removes a file, which says more than permission bits do.
fn probe(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(".ringback-check");
    std::fs::write(&file, b"probe")?;
    std::fs::remove_file(file)
}
