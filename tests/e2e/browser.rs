//! Chromium as a phone we did not write: its media only, driven by `browser/media.mjs`. Session descriptions are carried
//! by the test, so that it can be at the end of any signalling.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audio;

/// A running Chromium with a call's end in its page; ended when dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Browser {
    /// Will speak `speech` once, from the moment it is asked for its offer.
    pub fn start(speech: &[i16]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("speech.wav");
        audio::write_mono(&file, speech, audio::RATE as u32);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/browser/media.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts; scripts/install-tools.sh test installs it");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut browser = Self { child, commands, answers, _folder: folder };
        assert_eq!(browser.read(), "ready");
        browser
    }

    /// Its session description, with its microphone on.
    pub fn offer(&mut self) -> String {
        self.text("offer", "")
    }

    /// Takes the answer to its offer.
    pub fn answer(&mut self, description: &str) {
        assert_eq!(self.text("answer", description), "taken");
    }

    /// Presses keys, as telephone-events.
    pub fn press(&mut self, keys: &str) {
        assert_eq!(self.text("press", keys), "pressed");
    }

    /// `state`, and `dtlsCipher` and `srtpCipher` once there are some.
    pub fn state(&mut self) -> Value {
        self.command("state", "")
    }

    /// What it has heard so far, 8 kHz.
    pub fn heard(&mut self) -> Vec<i16> {
        let samples = self.command("heard", "");
        let samples = samples.as_array().unwrap_or_else(|| panic!("{samples}"));
        samples.iter().map(|sample| sample.as_i64().unwrap_or_default() as i16).collect()
    }

    fn text(&mut self, name: &str, argument: &str) -> String {
        let answer = self.command(name, argument);
        answer.as_str().unwrap_or_else(|| panic!("{name}: {answer}")).to_owned()
    }

    fn command(&mut self, name: &str, argument: &str) -> Value {
        let commands = self.commands.as_mut().expect("only dropping closes it");
        writeln!(commands, "{}", json!([name, argument])).expect("the script runs");
        self.read()
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the script's output is text");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The script ends Chromium when there are no more commands.
        drop(self.commands.take());
        let _ = self.child.wait();
    }
}
