//! How often watches look that work everything out anew from the rows: soon enough for somebody who waits to see it happen,
//! and never so often that looking keeps a processor busy.

use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after a look, as a multiple of what it took: a twentieth of a processor at most.
const PAUSE_FACTOR: u32 = 20;

/// The pause after a look that began at `began`.
pub(super) fn pause_after(began: Instant) -> Duration {
    let took = crate::time::now().mono.saturating_duration_since(began);
    LOOK_EVERY.max(took * PAUSE_FACTOR)
}
