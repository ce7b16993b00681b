//! SIPp as a peer we did not write: runs one of our scenarios (`sipp/*.xml`) as citizen or as operator's phone.
//! The sound is an `RtpPeer`, or SIPp's own, played from a capture that is written here.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::sip_wire::Transport;
use crate::wait;

/// One run of SIPp with one call.
#[derive(Debug)]
pub struct Sipp {
    folder: TempDir,
    child: Child,
}

/// Where and how SIPp runs.
#[derive(Clone, Debug)]
pub struct Place {
    pub transport: Transport,
    pub local: SocketAddr,
    pub server: SocketAddr,
}

impl Sipp {
    /// Starts `scenario` with `{{name}}` replaced by the values; `more` are further arguments.
    pub fn start(scenario: &str, place: &Place, values: &[(&str, String)], more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut text = scenario.to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{{{name}}}}}"), value);
        }
        assert!(!text.contains("{{"), "a value is missing in the scenario:\n{text}");
        let file = folder.path().join("scenario.xml");
        fs::write(&file, text).expect("a temporary folder can be written");
        let output = File::create(folder.path().join("output")).expect("a temporary folder can be written");
        let child = Command::new("sipp")
            .current_dir(folder.path())
            .arg("-sf")
            .arg(&file)
            .args(["-i", &place.local.ip().to_string(), "-p", &place.local.port().to_string()])
            .args(["-t", if place.transport == Transport::Udp { "u1" } else { "t1" }])
            .args(["-m", "1", "-s", "1580", "-nostdin", "-timeout", "60s", "-timeout_error"])
            .args(["-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages"])
            .args(more)
            .arg(place.server.to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file can be opened twice"))
            .stderr(output)
            .spawn()
            .expect("sipp starts; scripts/install-tools.sh test installs it");
        Self { folder, child }
    }

    /// Waits until the scenario went through; anything else fails the test and shows the messages.
    pub fn succeed(mut self, at_most: Duration) -> Messages {
        let status = wait::until("sipp to end", at_most, || self.child.try_wait().ok().flatten());
        assert!(status.success(), "sipp: {status}\n{}", self.trace());
        Messages(self.read("messages"))
    }

    fn trace(&self) -> String {
        format!("--- errors\n{}\n--- messages\n{}", self.read("errors"), self.read("messages"))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

/// What SIPp sent and received in a run, with the time of each message by its own clock.
#[derive(Debug)]
pub struct Messages(String);

impl Messages {
    /// Milliseconds from the answer to the BYE: how long the call was for SIPp.
    pub fn call_ms(&self) -> i64 {
        const DAY_MS: i64 = 86_400_000;
        let moment = |start: &str| {
            let entry = self.0.split("-----------------------------------------------").find(|entry| {
                let mut lines = entry.lines().skip_while(|line| !line.is_empty());
                lines.nth(1).is_some_and(|line| line.starts_with(start))
            });
            let time = entry.and_then(|entry| entry.split_whitespace().nth(1));
            let time = time.unwrap_or_else(|| panic!("no {start} in {}", self.0));
            let seconds = time.split(':').fold(0.0, |seconds, part| {
                seconds * 60.0 + part.parse::<f64>().expect("SIPp writes hours:minutes:seconds")
            });
            (seconds * 1000.0) as i64
        };
        (moment("BYE ") - moment("SIP/2.0 200 ")).rem_euclid(DAY_MS)
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            if std::thread::panicking() {
                eprintln!("{}", self.trace());
            }
        }
    }
}

/// A UDP and TCP port nobody uses.
pub fn free_port(ip: IpAddr) -> SocketAddr {
    let socket = std::net::TcpListener::bind((ip, 0)).expect("loopback has free ports");
    socket.local_addr().expect("a bound socket has an address")
}

/// Writes a capture of RTP packets, one every 20 ms, for SIPp to play: payload type, marker, time stamp, payload.
pub fn write_capture(path: &Path, packets: &[RtpPacket]) -> PathBuf {
    let mut bytes = Vec::new();
    // Classic pcap, little endian, microseconds, Ethernet.
    for word in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        bytes.extend(word.to_le_bytes());
    }
    for (index, packet) in packets.iter().enumerate() {
        let index = u32::try_from(index).expect("a capture is short");
        let frame = frame(packet, u16::try_from(index & 0xFFFF).expect("16 bits"));
        let length = u32::try_from(frame.len()).expect("a frame is short");
        let at = index * 20;
        for word in [at / 1000, at % 1000 * 1000, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    fs::write(path, bytes).expect("a temporary folder can be written");
    path.to_owned()
}

#[derive(Clone, Debug)]
pub struct RtpPacket {
    pub payload_type: u8,
    pub marker: bool,
    pub time_stamp: u32,
    pub payload: Vec<u8>,
}

/// Ethernet, IPv4, UDP and RTP headers; SIPp writes its own addresses and ports over ours.
fn frame(packet: &RtpPacket, sequence: u16) -> Vec<u8> {
    let rtp_length = 12 + packet.payload.len();
    let udp_length = u16::try_from(8 + rtp_length).expect("a frame is short").to_be_bytes();
    let ip_length = u16::try_from(28 + rtp_length).expect("a frame is short").to_be_bytes();
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00]);
    frame.extend([0x45, 0, ip_length[0], ip_length[1], 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    frame.extend([0x17, 0x70, 0x17, 0x70, udp_length[0], udp_length[1], 0, 0]);
    frame.extend([0x80, packet.payload_type | if packet.marker { 0x80 } else { 0 }]);
    frame.extend(sequence.to_be_bytes());
    frame.extend(packet.time_stamp.to_be_bytes());
    frame.extend(0x5150_F00D_u32.to_be_bytes());
    frame.extend(&packet.payload);
    frame
}

/// PCMA speech as packets of a capture, beginning at this time stamp.
pub fn speech_packets(samples: &[i16], time_stamp: u32) -> Vec<RtpPacket> {
    (time_stamp..)
        .step_by(160)
        .zip(samples.chunks(160))
        .map(|(time_stamp, chunk)| RtpPacket {
            payload_type: 8,
            marker: false,
            time_stamp,
            payload: chunk.iter().map(|&sample| crate::audio::alaw_encode(sample)).collect(),
        })
        .collect()
}

/// One RFC 4733 digit: five packets of growing duration, then the end three times.
pub fn digit_packets(digit: u8, payload_type: u8, time_stamp: u32) -> Vec<RtpPacket> {
    (1..=8_u16)
        .map(|n| {
            let [high, low] = (160 * n.min(5)).to_be_bytes();
            let end = if n > 5 { 0x8A } else { 0x0A };
            RtpPacket { payload_type, marker: n == 1, time_stamp, payload: vec![digit, end, high, low] }
        })
        .collect()
}
