//! Brings the write-ahead log into the database in the background (PRAGMA wal_checkpoint), so that no change waits while
//! it is copied and synced. The writer does it itself only when the log has grown to [`WAL_PAGES`] all the same.

use std::sync::Weak;
use std::time::Duration;

use sqlx::SqlitePool;

use super::writer::Throughput;

/// Pages of 4 KiB after which the writer makes a checkpoint, 64 MiB: some ten thousand calls.
pub(super) const WAL_PAGES: &str = "16384";
/// What is copied at once stays a matter of milliseconds.
const EVERY: Duration = Duration::from_secs(1);

/// Copies what was committed, until the writer is gone.
pub(super) async fn run(readers: SqlitePool, committed: Weak<Throughput>) {
    let mut copied = 0;
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(transactions) = committed.upgrade().map(|committed| committed.transactions()) else {
            return;
        };
        if transactions == copied || readers.is_closed() {
            continue;
        }
        // Passive: it waits for nobody and nobody waits for it; what is in use is left for the next time.
        match sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&readers).await {
            Ok(_) => copied = transactions,
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "the write-ahead log stays as it is"),
        }
    }
}
