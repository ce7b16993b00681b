//! Pictures looked at off the threads that answer requests, as many at once as fit into [`MEMORY_MIB`]: a large picture
//! waits until the small ones are done, and none waits longer than [`TURN_DEADLINE`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::picture::{self, Header, Kind, MAX_PIXELS, Picture, Unreadable};

use super::super::error::ApiError;

/// Memory that looking at pictures takes at most, MiB: one of the largest with transparency, or four photographs of 12
/// million pixels.
const MEMORY_MIB: u32 = 600;
const MIB: u64 = 1024 * 1024;
/// Eight uploads are let in at once, each takes about a second at worst.
const TURN_DEADLINE: Duration = Duration::from_secs(20);

// The largest picture that is let in fits.
const _: () = assert!(MAX_PIXELS * 4 * 3 / MIB < MEMORY_MIB as u64);

/// The queue before the decoder.
#[derive(Debug)]
pub(in crate::web) struct Pictures {
    memory: Arc<Semaphore>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { memory: Arc::new(Semaphore::new(MEMORY_MIB as usize)) }
    }
}

impl Pictures {
    /// Looks at the picture, and gives its bytes back.
    pub(in crate::web) async fn examine(
        &self,
        kind: Kind,
        bytes: Vec<u8>,
    ) -> Result<(Picture, Vec<u8>), ApiError> {
        let header = Header::read(kind, &bytes)?;
        let mib = u32::try_from(header.cost().div_ceil(MIB)).unwrap_or(MEMORY_MIB).min(MEMORY_MIB);
        let turn = tokio::time::timeout(TURN_DEADLINE, self.memory.clone().acquire_many_owned(mib)).await;
        let Ok(Ok(turn)) = turn else {
            return Err(ApiError::Unavailable("too many pictures at this moment"));
        };
        let looked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            (picture::examine(kind, &bytes), bytes)
        });
        let (picture, bytes) =
            looked.await.map_err(|error| ApiError::internal("a picture's decoder died", &error))?;
        Ok((picture?, bytes))
    }
}

impl From<Unreadable> for ApiError {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unprocessable(unreadable.to_string())
    }
}
