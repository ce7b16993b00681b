//! Work that takes a processor for a while and must not be in the way of sound: on a thread of its own, of low priority,
//! which ends with it. The threads of the runtime cannot be lent for it: who has become nice may not become less so.

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::oneshot;

/// A tenth of the weight of others, and still done within seconds on a busy machine.
const NICENESS: i32 = 10;

/// The work was not done: it panicked, or no thread could be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("reading the files was given up half-way; see the log")]
pub(super) struct GivenUp;

/// Does `work` and waits for it. What is dropped meanwhile goes on to its end.
pub(super) async fn at_leisure<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GivenUp> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
            tracing::debug!(%error, "priority stays as it is");
        }
        // Who asked may be gone.
        answer.send(work()).ok();
    };
    let thread = std::thread::Builder::new().name("leisure".to_owned()).spawn(work);
    thread.map_err(|error| {
        tracing::error!(%error, "no thread");
        GivenUp
    })?;
    answered.await.map_err(|_| GivenUp)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn it_is_done_nicely_and_leaves_others_as_they_are() {
        let niceness = || getpriority_process(Some(gettid())).unwrap();
        let before = niceness();
        assert_eq!(at_leisure(niceness).await, Ok(before.max(NICENESS)));
        assert_eq!(niceness(), before);
    }
}
