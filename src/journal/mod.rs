//! The journal: what is recorded of every fact (`event`), and the hash chain that ties entries together (`chain`).

pub mod chain;
pub mod event;

pub use chain::{Entry, Head};
pub use event::{Draft, EventType, MediaPosition};
