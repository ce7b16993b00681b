//! `ringback export --case NUMBER --out FOLDER|FILE.zip`: a case as a bundle that opens and is proven without this program. It is
//! journalled that it was exported, from the command line, and what: there is no second person behind a shell.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::json;

use super::{Failure, Outcome};
use crate::case::CaseNumber;
use crate::case::city::CityPlan;
use crate::config::Config;
use crate::export::{ExportError, Form, Made, Maker, Progress};
use crate::files::TileFolder;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::store::Store;
use crate::time;

/// Beside the time between two checkpoints, for the one that covers the case.
const MORE_PATIENCE: Duration = Duration::from_secs(15);
/// Pause between two lines about a long export.
const LINE_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Register number, as in 2026-01-000042.
    #[arg(long)]
    case: String,
    /// A folder that is made, or a file whose name ends in .zip; neither may exist.
    #[arg(long)]
    out: PathBuf,
    /// Leaves out what is newer than the last signed checkpoint instead of waiting for the next.
    #[arg(long)]
    no_wait: bool,
    /// Why, for the journal.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn run(file: &Path, args: Args) -> Outcome {
    let config = super::load(file)?;
    let number = CaseNumber(args.case.clone());
    let is_zip = args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    let form = if is_zip { Form::Zip } else { Form::Folder };
    if args.out.exists() {
        return Err(anyhow!("{}: it is there already", args.out.display()).into());
    }
    let store = crate::app::open_store(&config).await?;
    let made = export(&config, store.clone(), &number, (args.out.clone(), form), args.no_wait).await;
    let told = match &made {
        Ok(made) => {
            store.journal(vec![entry(&number, made, args.reason)]).await.context("journalling the export")
        }
        Err(_) => {
            // A part of a bundle must not be taken for one.
            let gone =
                if is_zip { std::fs::remove_file(&args.out) } else { std::fs::remove_dir_all(&args.out) };
            gone.or_else(|_| {
                if args.out.exists() {
                    Err(anyhow!("{}: remove this part", args.out.display()))
                } else {
                    Ok(())
                }
            })
        }
    };
    store.close().await;
    let made = made?;
    told?;
    say(&args.out, &made)
}

async fn export(
    config: &Config,
    store: Store,
    number: &CaseNumber,
    to: (PathBuf, Form),
    no_wait: bool,
) -> Result<Made, Failure> {
    let plan = std::fs::read_to_string(&config.city.file).context("reading the city plan")?;
    let plan = CityPlan::parse(&config.city.file.display().to_string(), &plan).map_err(Failure::Config)?;
    let key = config.journal.signer().ok_or_else(|| {
        Failure::No(
            "the journal is not signed, so a bundle would prove nothing: see [journal] key_file".to_owned(),
        )
    })?;
    let maker = Maker {
        store,
        tiles: TileFolder::new(config.journal.dir.clone()),
        recordings: config.recording.dir.clone(),
        key: Arc::new(key),
        plan: Arc::new(plan),
        short_number: config.number.short.clone(),
    };
    let patience = Duration::from_secs(config.journal.checkpoint_secs) + MORE_PATIENCE;
    let patience = if no_wait { Duration::ZERO } else { patience };
    let progress = Arc::new(Progress::default());
    let work = maker.make(number, to, patience, progress.clone());
    tokio::pin!(work);
    let made = loop {
        tokio::select! {
            made = &mut work => break made,
            _ = tokio::signal::ctrl_c() => progress.is_stopped.store(true, Ordering::Relaxed),
            () = tokio::time::sleep(LINE_EVERY) => match progress.percent() {
                0 => eprintln!("waiting for a signed checkpoint that covers the case"),
                percent => eprintln!("{percent} %"),
            },
        }
    };
    made.map_err(|error| match error {
        ExportError::NoCase(_)
        | ExportError::NoCheckpoint
        | ExportError::NotProven(_)
        | ExportError::Stopped => Failure::No(error.to_string()),
        other => other.into(),
    })
}

fn entry(number: &CaseNumber, made: &Made, reason: Option<String>) -> Draft {
    let mut entry = Draft::new(EventType::AccessExported, time::now().utc, Actor::system("command line"));
    entry.case = Some(number.clone());
    entry.reason = reason;
    entry.data = json!({ "sha256": made.sha256, "entries": made.entries, "recordings": made.recordings });
    entry
}

fn say(out: &Path, made: &Made) -> Outcome {
    let Made { sha256, entries, recordings, unsigned_entries, .. } = made;
    println!("{}: {entries} entries, {recordings} recordings, sha256 {sha256}", out.display());
    if *unsigned_entries > 0 {
        println!("{unsigned_entries} entries are newer than the last signed checkpoint and not in it");
    }
    for name in &made.missing {
        println!("{name}: sealed, and its file is not to be found: verifying the bundle will say so");
    }
    if made.missing.is_empty() { Ok(()) } else { Err(Failure::No("the bundle is not whole".to_owned())) }
}
