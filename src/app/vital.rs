//! Tells when a task that the service cannot do without has ended, whether it returned or panicked.
//! What is done about it is decided by who waits for `Service::failed`.

use tokio::sync::mpsc;

/// Vital tasks at most; each tells once.
const MAX_PARTS: usize = 10;

/// Held by a task for as long as it runs.
#[derive(Debug)]
pub(super) struct Vital {
    part: &'static str,
    ended: mpsc::Sender<&'static str>,
}

impl Drop for Vital {
    fn drop(&mut self) {
        // Full or closed only when others have ended before, or nobody asks.
        self.ended.try_send(self.part).ok();
    }
}

/// Makes the guards.
#[derive(Debug)]
pub(super) struct Vitals {
    ended: mpsc::Sender<&'static str>,
}

impl Vitals {
    /// And where the names of the ended parts come out.
    pub(super) fn new() -> (Self, mpsc::Receiver<&'static str>) {
        let (ended, names) = mpsc::channel(MAX_PARTS);
        (Self { ended }, names)
    }

    pub(super) fn of(&self, part: &'static str) -> Vital {
        Vital { part, ended: self.ended.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[tokio::test]
    async fn a_task_that_dies_is_named_and_one_that_runs_is_not() {
        let (vitals, mut ended) = Vitals::new();
        let (lasting, dying) = (vitals.of("lasting"), vitals.of("dying"));
        let died = tokio::spawn(async move {
            let _vital = dying;
            panic!("as a test");
        });
        assert_eq!(ended.recv().await, Some("dying"));
        assert!(died.await.is_err());
        assert!(ended.try_recv().is_err(), "the other one still runs");
        drop(lasting);
        assert_eq!(ended.recv().await, Some("lasting"));
    }
}
