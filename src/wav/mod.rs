//! WAV files (RIFF, EBU Tech 3285 `bext`, `cue ` and `LIST/adtl`): pure bytes <-> types. Recordings are
//! written so that the file is valid at every moment; see `files/recording_writer.rs` for the disk.

pub mod chunks;
pub mod cue;
pub mod header;
pub mod resample;

pub use chunks::{Layout, Unreadable};
pub use header::{HEADER_LEN, RecordingHeader};
