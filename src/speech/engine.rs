//! The speech program, espeak-ng or one that takes its options: a child process per prompt, with a deadline.
//! Text goes in by standard input, so no text is ever an option; a WAV file comes out.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::language::Language;

/// A prompt takes some ten milliseconds; a machine under load may need a hundred times that.
const DEADLINE: Duration = Duration::from_secs(10);
/// Octets kept of what a failing program says.
const MAX_COMPLAINT: usize = 200;

#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    #[error(
        "the speech program cannot be run ({source}): install espeak-ng, name another by [speech] engine, or record every prompt"
    )]
    Missing { source: io::Error },
    #[error("the speech program failed: {0}")]
    Failed(String),
    #[error("the speech program did not finish within {} s", DEADLINE.as_secs())]
    TooSlow,
}

#[derive(Clone, Debug)]
pub(super) struct Engine {
    pub(super) program: PathBuf,
    /// Another version speaks differently: part of what cached sounds are known by.
    pub(super) version: String,
}

/// Voice, words a minute: one voice per language, slower than the program's 175 for the telephone.
pub(super) const fn voice(language: Language) -> (&'static str, u32) {
    match language {
        Language::Uk => ("uk", 150),
        Language::En => ("en-gb", 155),
        Language::Lt => ("lt", 145),
        Language::Pl => ("pl", 150),
        Language::Ru => ("ru", 150),
        Language::He => ("he", 140),
    }
}

impl Engine {
    /// Asks the program for its version.
    pub(super) fn find(program: &Path) -> Result<Self, EngineError> {
        let missing = |source| EngineError::Missing { source };
        let output = std::process::Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(missing)?;
        if !output.status.success() {
            return Err(EngineError::Failed(complaint(&output.stderr)));
        }
        let version = String::from_utf8_lossy(&output.stdout);
        // The rest of the line names a folder, which says nothing about the voice.
        let version = version.split("Data at").next().unwrap_or_default().trim().to_owned();
        Ok(Self { program: program.to_owned(), version })
    }

    /// Speaks `said` into a new WAV file at `path`.
    pub(super) async fn render(
        &self,
        language: Language,
        said: &str,
        path: &Path,
    ) -> Result<(), EngineError> {
        let failed = |error: io::Error| EngineError::Failed(error.to_string());
        let (voice, rate) = voice(language);
        let mut child = Command::new(&self.program)
            .args(["-v", voice, "-s", &rate.to_string(), "-b", "1", "--stdin", "-w"])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| EngineError::Missing { source })?;
        let mut stdin = child.stdin.take();
        let speaking = async {
            if let Some(stdin) = &mut stdin {
                stdin.write_all(said.as_bytes()).await?;
            }
            // The program speaks at the end of its input.
            drop(stdin);
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(DEADLINE, speaking).await.map_err(|_| EngineError::TooSlow)?;
        let output = output.map_err(failed)?;
        if output.status.success() { Ok(()) } else { Err(EngineError::Failed(complaint(&output.stderr))) }
    }
}

fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.trim().chars().take(MAX_COMPLAINT).collect()
}
