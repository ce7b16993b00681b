//! A script of ours in node that drives a browser: one JSON value a line, commands in, events and answers out.
//! What the commands are is the script's business.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than the longest wait inside a script.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A running script; ended when dropped.
#[derive(Debug)]
pub struct NodeScript {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<Value>,
    /// Lines nobody waited for yet.
    unread: Vec<Value>,
    last_id: u64,
}

impl NodeScript {
    /// Starts `script`, a path from the root of the repository, with `setup` as its argument.
    pub fn start(script: &str, setup: &Value) -> Self {
        let mut child = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
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
                let value = serde_json::from_str(&line).expect("the script speaks JSON");
                if tell.send(value).is_err() {
                    return;
                }
            }
        });
        Self { child, commands, lines, unread: Vec::new(), last_id: 0 }
    }

    /// Waits for an event, as in `rings`, that nobody waited for before.
    pub fn expect_event(&mut self, event: &str, at_most: Duration) -> Value {
        self.line_where(at_most, |line| line["event"] == event)
            .unwrap_or_else(|| panic!("waited {at_most:?} for {event}; it said {:?}", self.unread))
    }

    /// Waits for a line that nobody waited for before.
    pub fn expect_line(&mut self, what: &str, at_most: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        self.line_where(at_most, wanted)
            .unwrap_or_else(|| panic!("waited {at_most:?} for {what}; it said {:?}", self.unread))
    }

    /// Sends a command, an object with the `command`'s name; what it gives back.
    pub fn command(&mut self, mut command: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        command["id"] = id.into();
        writeln!(self.commands, "{command}").expect("the script runs");
        let answer = self
            .line_where(ANSWER_TIMEOUT, |line| line["id"] == id)
            .unwrap_or_else(|| panic!("no answer to {command}; it said {:?}", self.unread));
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer["answer"].clone()
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

impl Drop for NodeScript {
    fn drop(&mut self) {
        // Chromium ends when the pipe closes that node steers it by.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Samples as a script lists them.
pub fn samples(list: &Value) -> Vec<i16> {
    let list = list.as_array().expect("samples are a list");
    list.iter().map(|sample| sample.as_i64().unwrap_or_default() as i16).collect()
}
