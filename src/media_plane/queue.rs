//! Bounded queues into the threads of the plane, with room kept back: what adds load (a new leg, a block of sound) is
//! refused while what relieves it (close, seal) still gets through. Allocated once; nothing per entry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The sending end.
#[derive(Debug)]
pub(super) struct Intake<T> {
    sender: SyncSender<T>,
    queued: Arc<AtomicUsize>,
    ordinary: usize,
}

impl<T> Clone for Intake<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), queued: self.queued.clone(), ordinary: self.ordinary }
    }
}

/// The receiving end.
#[derive(Debug)]
pub(super) struct Outlet<T> {
    receiver: Receiver<T>,
    queued: Arc<AtomicUsize>,
}

/// A queue of `ordinary` entries and `reserve` more for [`Intake::push_reserved`].
pub(super) fn bounded<T>(ordinary: usize, reserve: usize) -> (Intake<T>, Outlet<T>) {
    let (sender, receiver) = sync_channel(ordinary + reserve);
    let queued = Arc::new(AtomicUsize::new(0));
    (Intake { sender, queued: queued.clone(), ordinary }, Outlet { receiver, queued })
}

impl<T> Intake<T> {
    /// Gives the entry back when the ordinary part is full or the other side is gone.
    pub(super) fn push(&self, entry: T) -> Result<(), T> {
        if self.queued.load(Ordering::Relaxed) >= self.ordinary {
            return Err(entry);
        }
        self.push_reserved(entry)
    }

    /// Gives the entry back when the reserve is full too.
    pub(super) fn push_reserved(&self, entry: T) -> Result<(), T> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.sender.try_send(entry).map_err(|refused| {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            match refused {
                std::sync::mpsc::TrySendError::Full(entry) => entry,
                std::sync::mpsc::TrySendError::Disconnected(entry) => entry,
            }
        })
    }
}

impl<T> Outlet<T> {
    pub(super) fn try_pop(&self) -> Option<T> {
        self.receiver.try_recv().ok().inspect(|_| self.count_down())
    }

    /// Waits; none when every sending end is gone and nothing is left.
    pub(super) fn pop(&self) -> Option<T> {
        self.receiver.recv().ok().inspect(|_| self.count_down())
    }

    fn count_down(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_for_what_relieves() {
        let (intake, outlet) = bounded(2, 1);
        assert_eq!([intake.push(1), intake.push(2), intake.push(3)], [Ok(()), Ok(()), Err(3)]);
        assert_eq!([intake.push_reserved(4), intake.push_reserved(5)], [Ok(()), Err(5)]);
        assert_eq!([outlet.try_pop(), outlet.pop()], [Some(1), Some(2)]);
        assert_eq!(intake.push(6), Ok(()));
        drop(intake);
        assert_eq!([outlet.pop(), outlet.pop(), outlet.pop()], [Some(4), Some(6), None]);
    }
}
