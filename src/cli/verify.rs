//! `ringback verify`: the journal's chain from its first entry, the register without a gap, each sealed recording
//! against its digest.

use std::path::Path;

use super::{Failure, Outcome};

pub(super) async fn run(file: &Path) -> Outcome {
    let config = super::load(file)?;
    let store = crate::app::open_store(&config).await?;
    let report = store.verify(&config.recording.dir).await;
    store.close().await;
    let report = report?;
    println!("{report}");
    if report.is_whole() { Ok(()) } else { Err(Failure::No("something was changed or is missing".to_owned())) }
}
