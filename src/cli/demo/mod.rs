//! `ringback demo`, what `make run` starts: a demo city on SQLite and loopback, accounts with random passwords,
//! citizens who call over real SIP and RTP, one of them waiting for the newcomer, and one rung back about work that is done.

mod accounts;
mod citizens;
mod closing;
mod invitation;
mod place;
mod staff;

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use crate::app::Service;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the repository, or of the installation, with dialplans/, city.toml and addresses.csv.
    #[arg(long, default_value = ".")]
    files: PathBuf,
    /// Where the demo keeps its database and recordings; each run has a folder of its own below it.
    #[arg(long, default_value = "var/demo")]
    data: PathBuf,
    /// Only the service and the accounts; nobody calls by themselves.
    #[arg(long)]
    quiet: bool,
}

pub(super) async fn run(args: Args) -> Outcome {
    let place = place::prepare(&args.files, &args.data)?;
    eprintln!("Rendering prompts in six languages (only the first time takes longer) ...");
    let plans = super::serve::load_plans(&place.config).await?;
    let city = plans.city.clone();
    let organisation = accounts::busiest_organisation(&city);
    let store = crate::app::open_store(&place.config).await?;
    let accounts = accounts::create(&place.config, &store, &organisation).await?;
    store.close().await;

    let service = Service::start(place.config.clone(), None, plans).await?;
    println!("{}", invitation::print(&place, &accounts, &service).await?);
    let actors = if args.quiet {
        Vec::new()
    } else {
        let stage = citizens::Stage {
            place: place.clone(),
            snapshot: service.snapshot.clone(),
            commands: service.commands.clone(),
        };
        vec![
            tokio::spawn(staff::play(stage.clone(), accounts.clone())),
            tokio::spawn(closing::play(stage.clone(), service.store.clone(), city, accounts.clone())),
            tokio::spawn(citizens::play(stage)),
        ]
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    eprintln!("\nEnding calls and closing the books ...");
    for actor in actors {
        actor.abort();
    }
    service.ender()();
    service.stopped().await?;
    eprintln!("Ended. Database and recordings stay in {}.", place.folder.display());
    Ok(())
}
