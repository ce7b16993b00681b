//! baresip as an operator's softphone we did not write: registered with digest, commanded over its control port,
//! speaking from a file and saving what it decodes. Its configuration is generated into a temporary folder.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audio;
use crate::server::{LOOPBACK, free_http_address};
use crate::sipp::free_port;
use crate::wait;

const MODULES: &str = "/usr/lib/baresip/modules";
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running baresip; ended when dropped.
#[derive(Debug)]
pub struct Baresip {
    folder: TempDir,
    child: Child,
    control: TcpStream,
    /// Bytes of the control connection that are no whole message yet.
    pending: Vec<u8>,
    /// Messages nobody waited for yet: an event may come before the answer to the command that caused it.
    unread: Vec<Value>,
    pub address: SocketAddr,
}

/// How a phone differs from the usual: PCMA, plain RTP, registered over UDP.
#[derive(Clone, Debug)]
pub struct Manners {
    /// As baresip names it: `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// The only one it speaks, `name/rate/channels`.
    pub codec: &'static str,
    /// Further parameters of the account.
    pub account: &'static str,
    /// Further lines of the configuration.
    pub config: String,
}

impl Default for Manners {
    fn default() -> Self {
        Self { transport: "udp", codec: "PCMA/8000/1", account: "", config: String::new() }
    }
}

impl Manners {
    pub fn speaking(codec: &'static str) -> Self {
        Self { codec, ..Self::default() }
    }

    /// Only SRTP, with keys in the descriptions (SDES).
    pub fn secure() -> Self {
        Self { account: ";mediaenc=srtp-mand", ..Self::default() }
    }

    /// [`Self::secure`], registered over TLS with a server that must have this certificate.
    pub fn over_tls(certificate: &Path) -> Self {
        let config = format!("sip_cafile {}\nsip_verify_server yes\n", certificate.display());
        Self { transport: "tls", config, ..Self::secure() }
    }
}

impl Baresip {
    /// Starts as `extension` of `server`. Registers when there is a password, else only listens. Speaks `speech`
    /// as soon as it answers.
    pub fn start(server: SocketAddr, extension: &str, password: Option<&str>, speech: &[i16]) -> Self {
        Self::start_as(Manners::default(), server, extension, password, speech)
    }

    pub fn start_as(
        manners: Manners,
        server: SocketAddr,
        extension: &str,
        password: Option<&str>,
        speech: &[i16],
    ) -> Self {
        let Manners { transport, codec, account: more, config: further } = manners;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (address, control) = (free_port(LOOPBACK), free_http_address());
        // Its converter from 8 to 16 kHz lets nothing above 1300 Hz through: G.722 is given 16 kHz to begin with.
        let rate = if codec.starts_with("G722") { 16_000 } else { 8000 };
        audio::write_mono(&folder.path().join("speech.wav"), speech, rate);
        let account = format!(
            "<sip:{extension}@{server};transport={transport}>;auth_user={extension};auth_pass={};answermode=manual;regint={};\
             audio_codecs={codec}{more}\n",
            password.unwrap_or("none"),
            if password.is_some() { 60 } else { 0 },
        );
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("a temporary folder can be written");
        };
        write("config", &(config(folder.path(), address, control, rate) + &further));
        write("accounts", &account);
        write("contacts", "");
        let log = fs::File::create(folder.path().join("log")).expect("a temporary folder can be written");
        let child = Command::new("baresip")
            // SIP messages into the log.
            .arg("-s")
            .arg("-f")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log)
            .spawn()
            .expect("baresip starts; scripts/install-tools.sh test installs it");
        let control =
            wait::until("baresip's control port", START_TIMEOUT, || TcpStream::connect(control).ok());
        let mut baresip = Self { folder, child, control, pending: Vec::new(), unread: Vec::new(), address };
        if password.is_some() {
            // It registers at once, perhaps before its control port was there to tell of it.
            wait::until_true("baresip to register", START_TIMEOUT, || {
                baresip.command("reginfo").contains("OK")
            });
        }
        baresip
    }

    /// Gives a command of baresip's menu, as in `accept`, and waits until it was taken; what it says to that.
    pub fn command(&mut self, name: &str) -> String {
        self.command_with(name, "")
    }

    /// Presses a key in the call.
    pub fn press(&mut self, key: char) {
        self.command_with("sndcode", &key.to_string());
    }

    /// Calls an address from this phone.
    pub fn dial(&mut self, uri: &str) {
        self.command_with("dial", uri);
    }

    fn command_with(&mut self, name: &str, parameters: &str) -> String {
        let text = json!({ "command": name, "params": parameters, "token": name }).to_string();
        write!(self.control, "{}:{text},", text.len()).expect("baresip runs");
        let answer = self.message_where(START_TIMEOUT, |message| message["token"] == name);
        let answer = answer.unwrap_or_else(|| panic!("baresip does not answer to {name}\n{}", self.log()));
        assert_eq!(answer["ok"], true, "{name}: {answer}");
        answer["data"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for an event, as in `CALL_INCOMING`, that nobody waited for before. When it was read.
    pub fn expect_event(&mut self, kind: &str, at_most: Duration) -> Instant {
        let event =
            self.message_where(at_most, |message| message["event"] == true && message["type"] == kind);
        assert!(event.is_some(), "waited {at_most:?} for {kind}\n{}", self.log());
        Instant::now()
    }

    fn message_where(&mut self, at_most: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let deadline = Instant::now() + at_most;
        let mut buffer = [0_u8; 4096];
        loop {
            while let Some(message) = self.take_message() {
                self.unread.push(message);
            }
            if let Some(index) = self.unread.iter().position(&wanted) {
                return Some(self.unread.remove(index));
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.control.set_read_timeout(Some(left)).expect("a connected socket takes options");
            match self.control.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.pending.extend(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return None,
            }
        }
    }

    /// One netstring: `length:json,`.
    fn take_message(&mut self) -> Option<Value> {
        let colon = self.pending.iter().position(|&byte| byte == b':')?;
        let length: usize = std::str::from_utf8(&self.pending[..colon]).ok()?.parse().ok()?;
        let end = colon + 1 + length;
        if self.pending.len() <= end {
            return None;
        }
        let message = serde_json::from_slice(&self.pending[colon + 1..end]).expect("baresip speaks JSON");
        self.pending.drain(..=end);
        Some(message)
    }

    /// What it decoded in its last call; complete once the call is over.
    pub fn heard(&self) -> Vec<i16> {
        let files = fs::read_dir(self.folder.path())
            .expect("the folder is there")
            .flatten()
            .map(|entry| entry.path());
        let mut decoded: Vec<PathBuf> =
            files.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).collect();
        decoded.sort();
        let last = decoded.last().unwrap_or_else(|| panic!("baresip saved no sound\n{}", self.log()));
        audio::read_first_channel(last)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- baresip's last words ---\n{}\n---", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &std::path::Path, address: SocketAddr, control: SocketAddr, rate: u32) -> String {
    // aubridge is a loudspeaker that needs no sound card; sndfile saves what is decoded.
    let modules = ["g711", "g722", "opus", "srtp", "aufile", "aubridge", "sndfile"]
        .map(|name| format!("module {name}.so\n"))
        .concat();
    format!(
        "sip_listen {address}\nnet_interface {ip}\nmodule_path {MODULES}\n{modules}\
         module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
         ctrl_tcp_listen {control}\nsnd_path {folder}\n\
         audio_source aufile,{folder}/speech.wav\naudio_player aubridge,loudspeaker\naudio_alert aubridge,alert\n\
         ausrc_srate {rate}\nauplay_srate {rate}\nausrc_channels 1\nauplay_channels 1\naudio_buffer 20-160\n",
        ip = address.ip(),
        folder = folder.display(),
    )
}
