//! All calls, all queues: inputs in, effects out; one owner, one thread, no I/O.

pub mod command;
pub mod snapshot;

pub use command::{Command, CommandError};
pub use snapshot::Snapshot;
