//! `ringback serve`: runs until SIGTERM or SIGINT; the first drains, a second ends running calls at once; SIGHUP
//! reloads. When a part of the service dies, calls are ended and the exit code says so: whoever started it starts it
//! again.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use crate::app::{Plans, Service};
use crate::config::Config;

pub(super) async fn run(file: &Path) -> Outcome {
    let config = super::load(file)?;
    let plans = load_plans(&config).await?;
    let mut service = Service::start(config, Some(file.to_owned()), plans).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => match service.reload().await {
                // Every complaint, and what needs a restart, is already in the log.
                Ok(_) => {}
                Err(complaints) => tracing::error!(count = complaints.len(), "not reloaded"),
            },
            part = service.failed() => return Err(give_up(service, part).await.into()),
        }
    }
    tracing::info!("stopping; running calls may finish");
    service.drain();
    let end = service.ender();
    let stopped = service.stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            outcome = &mut stopped => return Ok(outcome?),
            _ = terminate.recv() => end(),
            _ = interrupt.recv() => end(),
        }
    }
}

/// Ends what still runs, in order, and says why.
async fn give_up(service: Service, part: &str) -> anyhow::Error {
    tracing::error!(part, "a part of the service died; ending all calls and leaving");
    service.ender()();
    match service.stopped().await {
        Ok(()) => anyhow::anyhow!("the {part} ended by itself"),
        Err(error) => error.context(format!("the {part} ended by itself")),
    }
}

/// Reads the plans and renders missing prompts, with progress in the log.
pub(super) async fn load_plans(config: &Config) -> Result<Plans, super::Failure> {
    let config = config.clone();
    let loaded = tokio::task::spawn_blocking(move || {
        let mut last_tenth = 0;
        Plans::load(&config, &mut |done, all| {
            let tenth = done * 10 / all.max(1);
            if tenth > last_tenth {
                last_tenth = tenth;
                tracing::info!(done, all, "rendering prompts");
            }
        })
    });
    loaded.await?.map_err(super::Failure::Config)
}
