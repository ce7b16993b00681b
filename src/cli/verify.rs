//! `ringback verify`: the journal's chain from its first entry, the register without a gap, each sealed recording
//! against its digest, each signed checkpoint.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::{Failure, Outcome, verify_log};
use crate::files::recording_digest;
use crate::recording::Recording;
use crate::store::Progress;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A checkpoint that was noted elsewhere: the journal must begin with the entries it was made of.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
}

pub(super) async fn run(file: &Path, args: &Args) -> Outcome {
    let config = super::load(file)?;
    let noted = args.checkpoint.as_deref().map(verify_log::read_note).transpose()?;
    let store = crate::app::open_store(&config).await?;
    let digest_of =
        |recording: &Recording| recording_digest(&config.recording.dir.join(&recording.path)).ok();
    let mut progress = |progress: Progress| {
        if std::io::stderr().is_terminal() {
            eprint!(
                "\r{} entries, {} cases, {} recordings",
                progress.entries, progress.cases, progress.recordings
            );
        }
    };
    let report = store.verify(&mut progress, Some(&digest_of)).await;
    let report = report?;
    let checked = report.checked;
    println!(
        "{} entries, {} cases, {} recordings checked",
        checked.entries, checked.cases, checked.recordings
    );
    println!("head {} {}", report.head.seq, report.head.hash);
    for finding in &report.findings {
        println!("{finding}");
    }
    let tree = verify_log::run(&config, &store, noted.as_ref()).await;
    store.close().await;
    if report.is_good() && tree?.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::No("something was changed or is missing".to_owned()))
    }
}
