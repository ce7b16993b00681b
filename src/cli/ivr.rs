//! `ringback ivr simulate`: walks a dialplan with typed digits and prints what a caller would hear.
//! Reads the files and the words typed; the walk and its transcript are
//! `ivr/simulate.rs`. Needs no configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, Outcome};
use crate::diagnostic::Diagnostic;
use crate::dialplan::Dialplan;
use crate::ivr::{SimulatedInput, simulate};
use crate::phone_number::PhoneNumber;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Walks FILE with the digits given, in order.
    Simulate {
        file: PathBuf,
        /// What happens, in order: keys as in `1 3 0` or `130`, `w` for silence until the time is over, `count=2`,
        /// `case=in_progress@2026-12-01`, `not_found`, `failed` for a look-up's answer, `full` for a full queue.
        inputs: Vec<String>,
        /// The caller's number; withheld when empty.
        #[arg(long, default_value = "380501234567")]
        from: String,
    },
}

pub(super) fn run(command: Command) -> Outcome {
    let Command::Simulate { file, inputs, from } = command;
    let name = super::show(&file);
    let text = crate::config::read(&file)
        .map_err(|error| Failure::Config(vec![Diagnostic::at_offset(&name, "", 0, error)]))?;
    let plan = Dialplan::parse(&name, &text).map_err(Failure::Config)?;
    let folder = file.parent().unwrap_or(Path::new(".")).join("prompts");
    let texts = crate::speech::read_texts(&folder, plan.languages()).map_err(Failure::Config)?;
    let inputs: Vec<Vec<SimulatedInput>> =
        inputs.iter().map(|word| SimulatedInput::parse(word)).collect::<Result<_, _>>()?;
    let caller = PhoneNumber::from_user_part(&from);
    print!("{}", simulate(Arc::new(plan), &texts, &caller, &inputs.concat(), crate::time::now()));
    Ok(())
}
