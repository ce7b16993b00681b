//! `ringback verify [--state FILE [--since-state]] [--checkpoint FILE]`: the journal's chain, each row against its entries,
//! each recording against what was sealed, that nothing is missing, and the signed checkpoints (`verify_log.rs`). Beside a
//! working program; what it finds is said in words.

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::{Failure, Outcome, verify_log};
use crate::content_key::ContentKey;
use crate::files::recording_listing::recording_paths;
use crate::files::{examine, whole_file};
use crate::recording::{Examined, Recording, Sound};
use crate::store::{Part, Progress, RecordingFiles, VerifyReport};
use crate::time;

/// How often the bar moves on a terminal, and the state is kept.
const BAR_EVERY: Duration = Duration::from_millis(200);
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it is and what it found is kept in this file, so that the same command goes on after an interruption.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Looks only at what came after the whole run that FILE tells of.
    #[arg(long, requires = "state")]
    since_state: bool,
    /// A checkpoint that was noted elsewhere: the journal must begin with the entries it was made of.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Looks at an exported case instead, a folder or a ZIP file; needs no configuration.
    #[arg(long, conflicts_with_all = ["state", "checkpoint"])]
    pub(super) bundle: Option<PathBuf>,
    /// With --bundle: the public key the city publishes; without it everything is held against the key inside.
    #[arg(long, requires = "bundle")]
    pub(super) key: Vec<String>,
}

struct Folder<'a>(&'a Path);

impl RecordingFiles for Folder<'_> {
    fn examine(
        &self,
        recording: &Recording,
        key: Option<&ContentKey>,
        sound: &Sound,
    ) -> io::Result<Examined> {
        examine(&self.0.join(&recording.path), recording.id, key, sound)
    }

    fn paths(&self) -> Box<dyn Iterator<Item = io::Result<String>> + Send + '_> {
        Box::new(recording_paths(self.0))
    }
}

pub(super) async fn run(file: &Path, args: &Args) -> Outcome {
    let config = super::load(file)?;
    let noted = args.checkpoint.as_deref().map(verify_log::read_note).transpose()?;
    let begun = VerifyReport { nothing_is_recorded: !config.recording.enabled, ..args.begin()? };
    let store = crate::app::open_store(&config).await?;
    let is_stopped = Arc::new(AtomicBool::new(false));
    tokio::spawn(note_signal(is_stopped.clone()));
    let total = store.verify_total(&begun.since).await?;
    let mut bar = Bar::new(total, begun.checked);
    let mut kept_at = time::now().mono;
    let mut watch = |report: &VerifyReport| {
        bar.show(report);
        if kept_at.elapsed() >= KEEP_EVERY {
            kept_at = time::now().mono;
            if let Err(error) = args.keep(report) {
                tracing::warn!(%error, "where the walk is cannot be kept");
            }
        }
        match is_stopped.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let report = store.verify_from(begun, &mut watch, Some(&Folder(&config.recording.dir))).await;
    let report = report?;
    bar.end();
    args.keep(&report)?;
    let walked = args.say(&report);
    // Whoever stopped the walk wants no other one.
    let tree = match report.is_whole() {
        true => verify_log::run(&config, &store, noted.as_ref()).await.map(|tree| tree.findings.is_empty()),
        false => Ok(true),
    };
    store.close().await;
    walked?;
    if tree? { Ok(()) } else { Err(Failure::changed()) }
}

/// From the first Ctrl-C or SIGTERM on the walk stops at its next page.
async fn note_signal(is_stopped: Arc<AtomicBool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    is_stopped.store(true, Ordering::Relaxed);
}

impl Args {
    /// The run that goes on, the one that looks at what is new, or one from the beginning.
    fn begin(&self) -> Result<VerifyReport, Failure> {
        let Some(path) = &self.state else { return Ok(VerifyReport::default()) };
        let kept = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.since_state => {
                return Ok(VerifyReport::default());
            }
            Err(error) => return Err(anyhow!(error).context(path.display().to_string()).into()),
        };
        let kept: VerifyReport =
            serde_json::from_slice(&kept).with_context(|| format!("{}: not a state", path.display()))?;
        match (self.since_state, kept.is_whole()) {
            (true, true) => Ok(kept.since()),
            (false, true) => Ok(VerifyReport::default()),
            // One that looked at new entries goes on as such.
            (_, false) if !self.since_state || kept.since.seq > 0 => Ok(kept),
            _ => Err(anyhow!(
                "{}: that run did not reach its end; go on without --since-state",
                path.display()
            )
            .into()),
        }
    }

    fn keep(&self, report: &VerifyReport) -> anyhow::Result<()> {
        let Some(path) = &self.state else { return Ok(()) };
        whole_file::replace(path, &serde_json::to_vec_pretty(&report.to_keep())?)
            .with_context(|| path.display().to_string())
    }

    fn say(&self, report: &VerifyReport) -> Outcome {
        let Progress { entries, cases, contacts, recordings, files } = report.checked;
        for finding in report.in_words() {
            println!("{finding}");
        }
        println!(
            "{entries} entries, {cases} cases, {contacts} calls, {recordings} recordings checked, {files} files listed"
        );
        println!("head {} {}", report.head.seq, report.head.hash);
        if report.since.seq > 0 {
            println!(
                "looked at: entries after {}, and the cases, calls and recordings they tell of; register numbers and file \
                 names all. Not looked at: everything else, which may have been changed since",
                report.since.seq
            );
        }
        if !report.is_whole() {
            let how = self.state.as_ref().map_or_else(
                || "without --state the next run begins anew".to_owned(),
                |path| format!("go on with: ringback verify --state {}", path.display()),
            );
            println!("stopped in {}; what comes after was not looked at; {how}", report.part.name());
        }
        match (report.is_good(), report.is_whole()) {
            (true, true) => Ok(()),
            (true, false) => Err(Failure::No("not all was looked at".to_owned())),
            _ => Err(Failure::changed()),
        }
    }
}

/// What is on the terminal while it works.
struct Bar {
    total: Progress,
    /// Where this part was when this run came to it.
    part: (Part, u64, Instant),
    before: Progress,
    shown_at: Instant,
    is_terminal: bool,
}

impl Bar {
    fn new(total: Progress, before: Progress) -> Self {
        let now = time::now().mono;
        let is_terminal = io::stderr().is_terminal();
        Self { total, part: (Part::Done, 0, now), before, shown_at: now, is_terminal }
    }

    fn show(&mut self, report: &VerifyReport) {
        let of = |progress: &Progress| match report.part {
            Part::Chain => progress.entries,
            Part::Register | Part::Incidents | Part::Findings | Part::Erasures => progress.cases,
            Part::Contacts => progress.contacts,
            Part::Recordings => progress.recordings,
            Part::Files | Part::Done => progress.files,
        };
        if self.part.0 != report.part {
            self.part = (report.part, of(&self.before), time::now().mono);
        }
        self.before = report.checked;
        if self.shown_at.elapsed() < if self.is_terminal { BAR_EVERY } else { LINE_EVERY } {
            return;
        }
        self.shown_at = time::now().mono;
        let line = line(report, of(&report.checked), of(&self.total), self.part.1, self.part.2.elapsed());
        if self.is_terminal {
            eprint!("\r\x1b[K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    fn end(&self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }
}

/// `the journal's chain: 120000 of 400000, 95000 a minute, 3 min left; 2 findings`.
fn line(report: &VerifyReport, done: u64, total: u64, began_at: u64, took: Duration) -> String {
    let rate = (done.saturating_sub(began_at) as f64 / took.as_secs_f64().max(0.001)).max(0.001);
    let left = total.saturating_sub(done) as f64 / rate;
    let of_all = if total >= done && total > 0 {
        format!(" of {total}, {:.0} a minute, {} left", rate * 60.0, in_words(left))
    } else {
        format!(", {:.0} a minute", rate * 60.0)
    };
    let findings = report.in_words().count();
    format!("{}: {done}{of_all}; findings: {findings}", report.part.name())
}

fn in_words(seconds: f64) -> String {
    match seconds as u64 {
        seconds @ 0..=99 => format!("{seconds} s"),
        seconds @ 100..=5999 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_how_fast_and_how_long() {
        let report = VerifyReport::default();
        let said = line(&report, 120_000, 400_000, 20_000, Duration::from_secs(60));
        assert_eq!(said, "the journal's chain: 120000 of 400000, 100000 a minute, 2 min left; findings: 0");
        assert_eq!(in_words(7300.0), "2 h 1 min");
    }
}
