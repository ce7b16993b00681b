//! What `ringback verify` says of checkpoints: each kept one, the tiles, and one that was noted elsewhere. The walk itself is
//! `store/verify_tree.rs`.

use std::path::Path;

use anyhow::Context as _;

use crate::config::Config;
use crate::files::TileFolder;
use crate::journal::Note;
use crate::store::{Store, TreeReport, TreeWitness};

/// A checkpoint that somebody kept outside.
pub(super) fn read_note(file: &Path) -> anyhow::Result<Note> {
    let shown = || file.display().to_string();
    let text = crate::config::read(file).map_err(anyhow::Error::msg).with_context(shown)?;
    Note::parse(&text).with_context(shown)
}

pub(super) async fn run(config: &Config, store: &Store, noted: Option<&Note>) -> anyhow::Result<TreeReport> {
    let (keys, tiles) = (config.journal.verifiers(), TileFolder::new(config.journal.dir.clone()));
    let witness = TreeWitness { keys: &keys, tiles: Some(&tiles), noted };
    let report = store.verify_tree(&witness, &mut |_| {}).await?;
    println!("{} checkpoints held against {} entries", report.checkpoints, report.entries);
    if let Some(noted) = noted {
        println!("noted elsewhere: {} entries", noted.checkpoint.size);
    }
    for finding in &report.findings {
        println!("{finding}");
    }
    Ok(report)
}
