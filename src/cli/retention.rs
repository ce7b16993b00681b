//! `ringback retention --dry-run`: what the city plan's rules would destroy now, held things among it. It destroys nothing:
//! that is done by the running service.

use std::path::Path;

use anyhow::Context as _;

use super::{Failure, Outcome};
use crate::case::city::CityPlan;
use crate::case::retention::Content;
use crate::store::{Due, DueWalk, LOOKED_AT};
use crate::time;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Lists what would go; the only thing this command does.
    #[arg(long, required = true)]
    dry_run: bool,
    /// City plan to try instead of the one that is in force.
    #[arg(long)]
    plan: Option<std::path::PathBuf>,
}

pub(super) async fn run(file: &Path, args: Args) -> Outcome {
    if !args.dry_run {
        return Err(
            anyhow::anyhow!("what is due is erased by the running service: --dry-run lists it").into()
        );
    }
    let config = super::load(file)?;
    let path = args.plan.unwrap_or_else(|| config.city.file.clone());
    let text = std::fs::read_to_string(&path).with_context(|| super::show(&path))?;
    let plan = CityPlan::parse(&super::show(&path), &text).map_err(Failure::Config)?;
    if plan.retention_rules().is_empty() {
        println!("{}: no [[retention]] rule: nothing is ever erased by itself", super::show(&path));
        return Ok(());
    }
    let store = crate::app::open_store(&config).await?;
    let (at, mut walk) = (time::now().utc, Some(DueWalk::Beginning));
    let (mut going, mut held) = (0_u64, 0_u64);
    // Page by page: a city that writes its first rule has years of them.
    while let Some(from) = walk {
        let (page, next) = store.retention_due(&plan, from, at, LOOKED_AT as usize).await?;
        for due in page {
            *if due.kept.is_held { &mut held } else { &mut going } += 1;
            println!("{}", in_words(&due));
        }
        walk = next;
    }
    store.close().await;
    println!("{going} would be erased, {held} are held");
    Ok(())
}

fn in_words(due: &Due) -> String {
    let what: Vec<&str> = due.what.iter().copied().map(Content::name).collect();
    let (rule, version) = &due.rule;
    let held = if due.kept.is_held { ", held: stays" } else { "" };
    let over_at = due.kept.over_at.rfc3339();
    format!("{} {over_at}: {} by rule {rule} version {version}{held}", due.kept.subject, what.join(", "))
}
