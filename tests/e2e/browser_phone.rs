//! A browser as an operator's phone we did not write: JsSIP in headless Chromium (`browser_phone/phone.mjs`), SIP over
//! WebSocket and media over DTLS-SRTP. Speaks from a file, and tells what its loudspeaker would play.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audio;
use crate::server::Server;

/// Chromium's start, and the bundling of the page.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A running browser phone; ended when dropped.
#[derive(Debug)]
pub struct BrowserPhone {
    _folder: TempDir,
    child: Child,
    commands: ChildStdin,
    lines: Receiver<Value>,
    /// Lines nobody waited for yet.
    unread: Vec<Value>,
    last_id: u64,
}

impl BrowserPhone {
    /// Starts and registers as `extension`. It says `speech` from the moment it answers. `codecs`, as in `["opus"]`,
    /// are the only ones it answers with; none means all of Chromium's.
    pub fn register(
        server: &Server,
        extension: &str,
        password: &str,
        speech: &[i16],
        codecs: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let wav = folder.path().join("speech.wav");
        audio::write_mono(&wav, speech, audio::RATE as u32);
        let setup = json!({
            "page": format!("http://{}/", server.http),
            "socket": format!("ws://{}/sip", server.http),
            "uri": format!("sip:{extension}@{}", server.http.ip()),
            "password": password,
            "speech": wav,
            "codecs": codecs,
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/browser_phone/phone.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(setup.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts; scripts/install-tools.sh test installs it");
        let commands = child.stdin.take().expect("standard input is a pipe");
        let output = child.stdout.take().expect("standard output is a pipe");
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("the browser phone speaks JSON");
                if tell.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { _folder: folder, child, commands, lines, unread: Vec::new(), last_id: 0 };
        browser.expect_event("registered", START_TIMEOUT);
        browser
    }

    /// Waits for an event, as in `rings`, that nobody waited for before.
    pub fn expect_event(&mut self, event: &str, at_most: Duration) -> Value {
        self.line_where(at_most, |line| line["event"] == event)
            .unwrap_or_else(|| panic!("waited {at_most:?} for {event}; it said {:?}", self.unread))
    }

    /// Waits until DTLS and ICE stand.
    pub fn is_connected(&mut self, at_most: Duration) {
        let connected = |line: &Value| line["event"] == "connection" && line["state"] == "connected";
        let found = self.line_where(at_most, connected);
        assert!(found.is_some(), "waited {at_most:?} for the media path; it said {:?}", self.unread);
    }

    /// A command of `window.phone` in `browser_phone/page.js`, as in `answer`; what it gives back.
    pub fn command(&mut self, name: &str) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        writeln!(self.commands, "{}", json!({ "command": name, "id": id })).expect("the browser phone runs");
        let answer = self
            .line_where(ANSWER_TIMEOUT, |line| line["id"] == id)
            .unwrap_or_else(|| panic!("no answer to {name}"));
        assert!(answer["error"].is_null(), "{name}: {answer}");
        answer["answer"].clone()
    }

    /// What its loudspeaker would have played since it was told to listen anew, at [`audio::RATE`].
    pub fn heard(&mut self) -> Vec<i16> {
        let samples = self.command("heard");
        let samples = samples.as_array().expect("samples are a list");
        samples.iter().map(|sample| sample.as_i64().unwrap_or_default() as i16).collect()
    }

    fn line_where(&mut self, at_most: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(index) = self.unread.iter().position(&wanted) {
                return Some(self.unread.remove(index));
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            self.unread.push(self.lines.recv_timeout(left).ok()?);
        }
    }
}

impl Drop for BrowserPhone {
    fn drop(&mut self) {
        // Chromium ends when the pipe closes that node steers it by.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
