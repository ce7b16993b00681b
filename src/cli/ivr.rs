//! `ringback ivr simulate`: walks a dialplan with typed digits and prints what a caller would hear.

use std::path::PathBuf;

use super::{Failure, Outcome};
use crate::diagnostic::Diagnostic;
use crate::dialplan::Dialplan;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Walks FILE with the digits given, in order.
    Simulate {
        file: PathBuf,
        /// What the caller presses, as in 1 3 0; `-` is silence until the time is over.
        digits: Vec<String>,
    },
}

pub(super) fn run(command: Command) -> Outcome {
    let Command::Simulate { file, digits } = command;
    let name = super::show(&file);
    let text = crate::config::read(&file).map_err(|error| Failure::Config(vec![Diagnostic::at_offset(&name, "", 0, error)]))?;
    let plan = Dialplan::parse(&name, &text).map_err(Failure::Config)?;
    for line in crate::ivr::simulate(plan, &digits, crate::time::now()) {
        println!("{line}");
    }
    Ok(())
}
