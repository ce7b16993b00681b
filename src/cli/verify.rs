//! `ringback verify`: the journal's chain from its first entry, the register without a gap, each sealed recording
//! against its digest.

use std::io::IsTerminal as _;
use std::path::Path;

use super::{Failure, Outcome};
use crate::files::recording_digest;
use crate::recording::Recording;
use crate::store::Progress;

pub(super) async fn run(file: &Path) -> Outcome {
    let config = super::load(file)?;
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
    store.close().await;
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
    if report.is_good() { Ok(()) } else { Err(Failure::No("something was changed or is missing".to_owned())) }
}
