//! `[speech]`: what renders the prompt texts that nobody has recorded.
//! Texts and recordings lie beside the dialplan; how they become sound is `speech/`.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speech {
    /// Program that speaks: `espeak-ng`, by name or path.
    pub engine: PathBuf,
    /// Rendered prompts are kept here; may be deleted at any time.
    pub cache: PathBuf,
}

impl Default for Speech {
    fn default() -> Self {
        Self { engine: PathBuf::from("espeak-ng"), cache: PathBuf::from("data/speech") }
    }
}
