//! The journal: what is recorded of every fact (`event`), its canonical bytes (`canonical`), the hash chain that
//! ties entries together (`chain`), the check that nobody touched it (`verify`), the Merkle tree over it (`tree`) and what
//! is signed of that (`checkpoint`). Storing it is `store/`.

pub mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod event;
pub mod tree;
pub mod verify;

pub use chain::{Entry, Head};
pub use checkpoint::{Checkpoint, Note, SignerKey, VerifierKey};
pub use event::{Draft, EventType, MediaPosition};
pub use verify::{Break, Fault, Verifier, verify};
