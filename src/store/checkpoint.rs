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
        match copy(&readers).await {
            Ok(_) => copied = transactions,
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "the write-ahead log stays as it is"),
        }
    }
}

/// One checkpoint. Passive: it waits for nobody and nobody waits for it; what is in use is left for the next time. Pages
/// that were in the log, and those of them that are in the database now.
async fn copy(readers: &SqlitePool) -> Result<(i64, i64), sqlx::Error> {
    let (_busy, logged, copied): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(readers).await?;
    Ok((logged, copied))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::people::Role;
    use crate::store::fixture::{fresh, user};

    #[tokio::test]
    async fn readers_that_may_not_write_bring_the_log_into_the_database() {
        let (store, _files) = fresh().await;
        store.create_user(&user(1, Role::Operator)).await.unwrap();
        let refused = sqlx::query("DELETE FROM users").execute(&store.readers).await;
        assert!(refused.is_err(), "a reader may not write");
        let (logged, copied) = copy(&store.readers).await.unwrap();
        assert!(logged > 0, "something was in the log");
        assert_eq!(copied, logged);
    }
}
