//! Signs how long the journal is and what its tree's root is, every so often or so many entries, once there is something new:
//! grows the tree from the hashes of committed entries, writes its tiles, signs, keeps. Nobody waits for it. It goes on
//! from the newest checkpoint; where tiles are missing it makes them anew, and it never signs a tree that does not
//! continue what it signed before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Stop;
use crate::files::TileFolder;
use crate::journal::SignerKey;
use crate::journal::tree::{Edge, leaf_hash};
use crate::people::Actor;
use crate::store::{Store, StoreError};
use crate::time::Now;

/// Pause between two looks at whether a checkpoint is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Entries between two lines in the log while it catches up.
const PROGRESS_EVERY: u64 = 1_000_000;
const ACTOR: &str = "journal";

/// When a checkpoint is due, once something was journalled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cadence {
    pub every: Duration,
    /// So many new entries do not wait for that.
    pub entries: u64,
}

#[derive(Debug)]
pub(super) struct Checkpointer {
    pub store: Store,
    pub tiles: TileFolder,
    pub signer: Arc<SignerKey>,
    pub cadence: Cadence,
    pub stopping: watch::Receiver<Stop>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a tile cannot be written: {0}")]
    Tile(#[from] std::io::Error),
    #[error("the work was broken off")]
    BrokenOff,
    #[error(
        "entries 1 to {size} are not those of the checkpoint that was signed: nothing more will be; run `ringback verify`"
    )]
    Rewritten { size: u64 },
}

/// The tree as it was signed last.
#[derive(Debug)]
struct Signed {
    edge: Edge,
    at: Instant,
}

impl Checkpointer {
    /// Until the service stops, or the journal turns out to be another than the one that was signed.
    pub(super) async fn run(self) {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = self.follow() => {}
            // A tree half grown is grown again at the next start; its full tiles stay.
            _ = stopping.wait_for(|stop| *stop == Stop::Ending) => {}
        }
    }

    async fn follow(&self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut signed, mut is_failing) = (None, false);
        loop {
            looks.tick().await;
            let outcome = match signed.as_mut() {
                Some(signed) => self.look(signed, crate::time::now()).await.map(drop),
                None => self.recover().await.map(|edge| {
                    signed = Some(Signed { edge, at: crate::time::now().mono });
                }),
            };
            match outcome {
                Ok(()) => is_failing = false,
                Err(Failure::Store(StoreError::Closed)) => return,
                Err(rewritten @ Failure::Rewritten { .. }) => {
                    tracing::error!(error = %rewritten, "the journal was changed");
                    return;
                }
                // Once is enough until it goes on.
                Err(_) if is_failing => {}
                Err(error) => {
                    is_failing = true;
                    tracing::warn!(%error, "no checkpoint of the journal; tried again every second");
                }
            }
        }
    }

    /// The tree of the newest checkpoint, from its tiles or, failing that, from the journal.
    async fn recover(&self) -> Result<Edge, Failure> {
        let Some(newest) = self.store.newest_checkpoint().await? else { return Ok(Edge::default()) };
        let checkpoint = newest.note.checkpoint;
        let (tiles, size) = (self.tiles.clone(), checkpoint.size);
        let edge = tokio::task::spawn_blocking(move || tiles.edge(size)).await;
        if let Some(edge) = edge.ok().flatten().filter(|edge| edge.root() == checkpoint.root) {
            return Ok(edge);
        }
        tracing::warn!(size, "tiles of the journal are missing or altered; making them anew");
        let edge = self.grow(Edge::default(), size).await?;
        if edge.root() == checkpoint.root { Ok(edge) } else { Err(Failure::Rewritten { size }) }
    }

    /// Makes a checkpoint when one is due; its size.
    async fn look(&self, signed: &mut Signed, now: Now) -> Result<Option<u64>, Failure> {
        let before = signed.edge.size();
        let (size, grew) = self.store.journal_growth(before).await?;
        let waited = now.mono.saturating_duration_since(signed.at);
        let is_due = waited >= self.cadence.every || size.saturating_sub(before) >= self.cadence.entries;
        if size < before {
            return Err(Failure::Rewritten { size: before });
        }
        if !grew || !is_due {
            return Ok(None);
        }
        let edge = self.grow(signed.edge.clone(), size).await?;
        let note = self.signer.sign(size, edge.root());
        self.store.keep_checkpoint(note, Actor::system(ACTOR), now.utc).await?;
        *signed = Signed { edge, at: now.mono };
        Ok(Some(size))
    }

    /// Takes entries in up to number `size`, page by page; the tiles are on the disk when it returns.
    async fn grow(&self, mut edge: Edge, size: u64) -> Result<Edge, Failure> {
        let is_long = size - edge.size() > PROGRESS_EVERY;
        while edge.size() < size {
            let began = crate::time::now().mono;
            let hashes = self.store.entry_hashes(edge.size(), size).await?;
            if hashes.is_empty() {
                return Err(Failure::Rewritten { size });
            }
            let (tiles, before) = (self.tiles.clone(), edge.size());
            let grown = tokio::task::spawn_blocking(move || {
                let mut written = Ok(());
                for hash in &hashes {
                    edge.push(leaf_hash(hash), &mut |tile, hashes| {
                        if written.is_ok() {
                            written = tiles.write(tile, hashes);
                        }
                    });
                }
                written.map(|()| edge)
            });
            edge = grown.await.map_err(|_| Failure::BrokenOff)??;
            if is_long {
                if before / PROGRESS_EVERY < edge.size() / PROGRESS_EVERY {
                    tracing::info!(entries = edge.size(), all = size, "tree of the journal");
                }
                // Half of a processor and of the disk at most: calls go on meanwhile.
                tokio::time::sleep(crate::time::now().mono.saturating_duration_since(began)).await;
            }
        }
        let tiles = self.tiles.clone();
        let written = tokio::task::spawn_blocking(move || {
            edge.partial().try_for_each(|(tile, hashes)| tiles.write(tile, hashes))?;
            std::io::Result::Ok(edge)
        });
        Ok(written.await.map_err(|_| Failure::BrokenOff)??)
    }
}

#[cfg(test)]
mod tests;
