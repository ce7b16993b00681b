//! `ringback report [weekly] --week 2026-W47 --format html|xlsx|csv|json`: the weekly control report on the standard
//! output or in a file; with `--from-journal` from journal entries alone, held against the rows.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use super::{Failure, Outcome};
use crate::case::city::CityPlan;
use crate::language::Language;
use crate::report::{Difference, Names, Period, Week, differences, report, words};
use crate::store::Store;
use crate::time;
use crate::web::ReportForm;

/// Differences printed; whoever sees so many looks into the journal.
const MAX_TOLD: usize = 200;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which report.
    #[arg(value_enum, default_value_t = Kind::Weekly)]
    kind: Kind,
    /// ISO week by the city's clock, as in 2026-W47; the last one that is over when left out.
    #[arg(long)]
    week: Option<String>,
    #[arg(long, value_enum, default_value_t = ReportForm::Html)]
    format: ReportForm,
    /// Of titles and names: uk, en, lt, pl, ru, he; the city's when left out.
    #[arg(long)]
    language: Option<String>,
    /// File to write; the standard output when left out.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Counts from the journal alone and says where the rows differ; exit code 1 when they do.
    #[arg(long)]
    from_journal: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Weekly,
}

pub(super) async fn run(file: &Path, args: Args) -> Outcome {
    let Kind::Weekly = args.kind;
    let config = super::load(file)?;
    let text = std::fs::read_to_string(&config.city.file).context("reading the city plan")?;
    let plan = CityPlan::parse(&config.city.file.display().to_string(), &text).map_err(Failure::Config)?;
    let language = match &args.language {
        None => plan.language(),
        Some(code) => code.parse::<Language>()?,
    };
    let now = time::now().utc;
    let this_week = Week::of(now, plan.clock());
    let week = match &args.week {
        None => this_week.before(),
        Some(text) => text.parse::<Week>()?,
    };
    if week > this_week {
        return Err(anyhow::anyhow!("the week {week} has not begun").into());
    }
    let period = week.period(now, config.report.answer_within(), plan.clock());
    let before = week.before().period(now, config.report.answer_within(), plan.clock());
    let store = crate::app::open_store(&config).await?;
    let printed = print(&store, (week, &period, &before), &args, &Names { plan: &plan, language }).await;
    store.close().await;
    let (bytes, told) = printed?;
    match &args.out {
        Some(path) => std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?,
        None => std::io::stdout().write_all(&bytes).context("writing")?,
    }
    if told.is_empty() { Ok(()) } else { Err(Failure::No(told.join("\n"))) }
}

/// The file, and where rows and journal differ, in words.
async fn print(
    store: &Store,
    (week, period, before): (Week, &Period, &Period),
    args: &Args,
    names: &Names<'_>,
) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
    let rows = (store.report_facts(period).await?, store.report_facts(before).await?);
    let mut counted = report((period, &rows.0), (before, &rows.1));
    let mut told = Vec::new();
    if args.from_journal {
        let [now, earlier] = store.report_facts_from_journal([period, before]).await?;
        let journal = report((period, &now), (before, &earlier));
        let found = differences(&counted, &journal);
        told.extend(found.iter().take(MAX_TOLD).map(|difference| in_words(difference, week, names)));
        counted = journal;
    }
    match args.format.print(&counted, week, args.from_journal, names) {
        Ok(bytes) => Ok((bytes, told)),
        Err(error) => bail!("the report was not printed: {error}"),
    }
}

fn in_words(difference: &Difference, week: Week, names: &Names<'_>) -> String {
    let part =
        difference.part.as_ref().map(|(by, key)| format!(" ({} {})", by.id(), names.of(*by, key.as_deref())));
    let week = if difference.is_before { week.before() } else { week };
    format!(
        "{week}: '{}'{} is {:?} by the rows and {:?} by the journal",
        words::title(difference.indicator, names.language),
        part.unwrap_or_default(),
        difference.rows,
        difference.journal,
    )
}
