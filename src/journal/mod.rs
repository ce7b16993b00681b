//! The journal: what is recorded of every fact (`event`), its canonical bytes (`canonical`), the hash chain that
//! ties entries together (`chain`) and the check that nobody touched it (`verify`). Storing it is `store/`.

pub mod canonical;
pub mod chain;
pub mod event;
pub mod verify;

pub use chain::{Entry, Head};
pub use event::{Draft, EventType, MediaPosition};
pub use verify::{Break, Fault, Verifier, verify};
