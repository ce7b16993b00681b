//! A browser as an operator's phone we did not write: JsSIP in headless Chromium (`browser_phone/phone.mjs`), SIP over
//! WebSocket and media over DTLS-SRTP. Speaks from a file, and tells what its loudspeaker would play.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audio;
use crate::node_script::{self, NodeScript};
use crate::server::Server;

/// Chromium's start, and the bundling of the page.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running browser phone; ended when dropped.
#[derive(Debug)]
pub struct BrowserPhone {
    script: NodeScript,
    _folder: TempDir,
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
        let mut script = NodeScript::start("tests/e2e/browser_phone/phone.mjs", &setup);
        script.expect_event("registered", START_TIMEOUT);
        Self { script, _folder: folder }
    }

    /// Waits for an event, as in `rings`, that nobody waited for before.
    pub fn expect_event(&mut self, event: &str, at_most: Duration) -> Value {
        self.script.expect_event(event, at_most)
    }

    /// Waits until DTLS and ICE stand.
    pub fn is_connected(&mut self, at_most: Duration) {
        let connected = |line: &Value| line["event"] == "connection" && line["state"] == "connected";
        self.script.expect_line("the media path", at_most, connected);
    }

    /// A command of `window.phone` in `browser_phone/page.js`, as in `answer`; what it gives back.
    pub fn command(&mut self, name: &str) -> Value {
        self.script.command(json!({ "command": name }))
    }

    /// What its loudspeaker would have played since it was told to listen anew, at [`audio::RATE`].
    pub fn heard(&mut self) -> Vec<i16> {
        node_script::samples(&self.command("heard"))
    }
}
