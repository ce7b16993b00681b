//! Prompts as sound: recorded WAVs first, otherwise texts rendered by a speech program at load and cached, and
//! the sounds we make ourselves (music on hold, the beep). During a call nothing is rendered and nothing read.
//! Which prompts there must be is the dialplan's business.

mod cache;
mod engine;
mod hebrew;
mod library;
mod music;
pub mod recorded;
mod render;

pub use library::{Origins, PromptLibrary, digest_of, read_texts, recording_of, speak};
