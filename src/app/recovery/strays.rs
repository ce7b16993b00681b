//! Files that no row asks for. A call's file is made while its first row is on the way to the store, and removed once
//! the row says that the call was never answered; a crash in between leaves the file behind. Nothing was said in it: it
//! is a head, or the beginning of one, and may not have its name yet. A longer file without a row is evidence of
//! something else and is left alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::files::recording_folder::UNNAMED;
use crate::ids::ContactId;
use crate::recording::{RecordingResult, day_folder};
use crate::store::Store;
use crate::time::Timestamp;
use crate::wav::HEADER_LEN;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Microseconds; far more than the set-up of a call lasts.
const SET_UP: i64 = 60_000_000;
/// Days looked at, from the crash until now; a service that comes back later was moved or restored by hand.
const MAX_DAYS: usize = 400;

/// Looks where the calls have their files that were being set up when the journal got its last entry, or came later:
/// no other can be without a row. Runs before anything else is journalled.
pub(super) async fn remove(store: &Store, recordings: &Path, now: Timestamp) -> anyhow::Result<()> {
    let last = last_entry_at(store).await?.unwrap_or(now).micros();
    for folder in folders(Timestamp::from_micros(last.saturating_sub(SET_UP)), now) {
        for (contact, file) in empty_files(&recordings.join(&folder)).with_context(|| folder.clone())? {
            if is_unnamed(&file) || !is_asked_for(store, contact, &folder).await? {
                tracing::warn!(call.id = %contact, "the file of a call that was never answered is removed");
                fs::remove_file(&file).with_context(|| file.display().to_string())?;
            }
        }
    }
    Ok(())
}

async fn last_entry_at(store: &Store) -> anyhow::Result<Option<Timestamp>> {
    let last = store.counts().await.context("counting")?.journal_seq;
    let entries = store.entries_after(last.saturating_sub(1), 1).await.context("reading the last entry")?;
    Ok(entries.first().map(|entry| entry.at))
}

/// A folder for each day; an end before the beginning is a clock that was set back.
fn folders(from: Timestamp, to: Timestamp) -> Vec<String> {
    let end = day_folder(to.max(from));
    let mut at = from.min(to);
    let mut folders = vec![day_folder(at)];
    while folders.len() < MAX_DAYS && folders.last() != Some(&end) {
        at = at.plus(DAY);
        folders.push(day_folder(at));
    }
    folders
}

/// Recordings without a sample, by the contact that gave them their name.
fn empty_files(folder: &Path) -> io::Result<Vec<(ContactId, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let is_recording = is_unnamed(&path) || path.extension().is_some_and(|extension| extension == "wav");
        let contact = path.file_stem().filter(|_| is_recording).and_then(|stem| stem.to_str()?.parse().ok());
        if let Some(contact) = contact
            && entry.metadata()?.len() <= HEADER_LEN as u64
        {
            found.push((contact, path));
        }
    }
    Ok(found)
}

/// The process ended while the file was made.
fn is_unnamed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == UNNAMED)
}

async fn is_asked_for(store: &Store, contact: ContactId, folder: &str) -> anyhow::Result<bool> {
    let rows = store.recordings_of(contact).await.context("reading a recording")?;
    let keeps = |result| result != Some(RecordingResult::Discarded);
    Ok(rows.iter().any(|row| row.path.starts_with(folder) && keeps(row.result)))
}
