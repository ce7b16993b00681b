//! Files on disk: recordings (folder, writer, reader, encryption, digests, repair at start-up, probe of their disk, erasing),
//! prompts (reader), the tiles of the journal's tree, what outlives the program, and what is replaced as a whole. The bytes
//! themselves are `wav/`; which thread writes is `media_plane/`.

pub mod encrypt;
pub mod encrypted_file;
mod leaf_pages;
pub mod prompt_reader;
pub mod recording_digest;
pub mod recording_erase;
pub mod recording_folder;
pub mod recording_listing;
pub mod recording_probe;
pub mod recording_repair;
pub mod recording_source;
pub mod recording_writer;
pub mod standing_file;
pub mod tile_folder;
pub mod whole_file;

pub use encrypt::{EncryptError, ToEncrypt, encrypt};
pub use encrypted_file::{ContentFile, encrypted_path, unfinished_path};
pub use prompt_reader::PromptError;
pub use recording_digest::{examine, recording_digest};
pub use recording_folder::{RecordingFileError, RecordingFolder};
pub use recording_repair::{RepairError, Repaired};
pub use recording_source::open_recording;
pub use recording_writer::RecordingWriter;
pub use tile_folder::TileFolder;
