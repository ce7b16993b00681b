//! The plane on the loopback interface: real sockets, real files; paced by the plane's own packets, never by sleeping.
//! What legs do with packets is tested in `media/tests.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::ids::LegId;
use crate::media::{Command, Event, LegStats};
use crate::recording::{Gap, GapReason, RecordingResult};
use crate::rtp::RtpHeader;
use crate::rtp::g711::Law;
use crate::sdp::Codec;
use crate::sdp::samples::audio_session;

pub(super) const RECORDING: RecordingId = RecordingId(Uuid::from_u128(1));
const CONTACT: ContactId = ContactId(Uuid::from_u128(2));
/// Nothing here takes longer, however busy the machine is.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Bench {
    pub(super) plane: MediaPlane,
    reports: Receiver<Report>,
    pub(super) folder: tempfile::TempDir,
}

impl Bench {
    /// `offset` keeps the tests of one process apart, the process number those of several.
    pub(super) fn new(offset: u16, ports: u16) -> Self {
        Self::with_threads(offset, ports, 1)
    }

    fn with_threads(offset: u16, ports: u16, threads: usize) -> Self {
        let first = 20_000 + (std::process::id() % 40) as u16 * 1000 + offset;
        let folder = tempfile::tempdir().unwrap();
        let settings = MediaPlaneSettings {
            bind: vec![Ipv4Addr::LOCALHOST.into()],
            ports: first..=first + (ports - 1),
            threads,
            recording_dir: folder.path().to_owned(),
        };
        let (sender, reports) = sync_channel(10_000);
        let plane = MediaPlane::start(settings, move |report| sender.try_send(report).unwrap()).unwrap();
        Self { plane, reports, folder }
    }

    pub(super) fn media(&self, command: Command) {
        self.plane.order(Order::Media(command));
    }

    fn report(&self) -> Report {
        self.reports.recv_timeout(PATIENCE).unwrap()
    }

    /// Skips reports until one is wanted.
    pub(super) fn wait_for<T>(&self, wanted: impl Fn(Report) -> Option<T>) -> T {
        (0..1000).find_map(|_| wanted(self.report())).unwrap()
    }

    pub(super) fn open(&self, leg: u64) -> Option<SocketAddr> {
        self.open_beside(leg, None)
    }

    pub(super) fn open_beside(&self, leg: u64, beside: Option<LegId>) -> Option<SocketAddr> {
        let towards = Ipv4Addr::LOCALHOST.into();
        self.media(Command::Open { leg: LegId(leg), seed: leg, towards, beside });
        self.wait_for(|report| match report {
            Report::Media(Event::Opened { local_rtp, .. }) => Some(Some(local_rtp)),
            Report::Media(Event::OpenFailed { .. }) => Some(None),
            _ => None,
        })
    }

    /// What the leg counted, final.
    pub(super) fn close(&self, leg: u64) -> LegStats {
        self.media(Command::Close { leg: LegId(leg) });
        self.wait_for(|report| match report {
            Report::Media(Event::Closed { stats, .. }) => Some(stats),
            _ => None,
        })
    }

    pub(super) fn open_recording(&self) {
        self.plane.order(Order::OpenRecording {
            recording: RECORDING,
            contact: CONTACT,
            path: "2026/11/21/a.wav".into(),
            started_at: Timestamp::from_micros(0),
            sample_rate: 8000,
            description: "test".into(),
        });
        self.wait_for(|report| matches!(report, Report::RecordingOpened { .. }).then_some(()));
    }
}

/// A phone that answers each packet it hears with one of its tone.
struct Phone {
    socket: UdpSocket,
    codec: Codec,
    hz: f64,
    sent: u32,
    heard: Vec<i16>,
}

impl Phone {
    fn connect(bench: &Bench, leg: u64, codec: Codec, hz: f64) -> Self {
        Self::connect_beside(bench, leg, None, codec, hz)
    }

    fn connect_beside(bench: &Bench, leg: u64, beside: Option<u64>, codec: Codec, hz: f64) -> Self {
        bench.open_beside(leg, beside.map(LegId)).unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let remote_rtp = socket.local_addr().unwrap();
        let session = audio_session(codec, remote_rtp);
        bench.media(Command::Connect { leg: LegId(leg), session });
        Self { socket, codec, hz, sent: 0, heard: Vec::new() }
    }

    fn law(&self) -> Law {
        if self.codec == Codec::Pcma { Law::A } else { Law::Mu }
    }

    fn turn(&mut self) {
        let mut buffer = [0; 1500];
        let (len, plane) = self.socket.recv_from(&mut buffer).unwrap();
        let (_, payload) = RtpHeader::parse(&buffer[..len]).unwrap();
        let law = self.law();
        self.heard.extend(payload.iter().map(|octet| law.decode(*octet)));
        let samples = tone(self.hz, self.sent as usize * 160);
        let header = RtpHeader {
            marker: false,
            payload_type: self.codec.payload_type(),
            sequence_number: self.sent as u16,
            timestamp: self.sent * 160,
            ssrc: 9,
        };
        let payload = samples.map(|sample| self.law().encode(sample));
        self.socket.send_to(header.write(&payload, &mut buffer).unwrap(), plane).unwrap();
        self.sent += 1;
    }
}

pub(super) fn tone(hz: f64, from: usize) -> [i16; 160] {
    std::array::from_fn(|i| (8000.0 * ((from + i) as f64 * hz * std::f64::consts::TAU / 8000.0).sin()) as i16)
}

/// Root of the mean power at one frequency, in sample values; a full tone of these phones has 5657.
pub(super) fn level(samples: &[i16], hz: f64) -> f64 {
    let mut power = 0.0;
    for window in samples.chunks_exact(160) {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, sample) in window.iter().enumerate() {
            let angle = i as f64 * hz * std::f64::consts::TAU / 8000.0;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        power += 2.0 * (re * re + im * im) / (160.0 * 160.0);
    }
    (power / (samples.len() / 160) as f64).sqrt()
}

pub(super) fn read(path: &Path) -> (Vec<i16>, Vec<i16>) {
    let samples: Vec<i16> = hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect();
    samples.chunks_exact(2).map(|frame| (frame[0], frame[1])).unzip()
}

#[test]
fn two_phones_hear_each_other_and_the_file_has_both() {
    let bench = Bench::new(0, 100);
    bench.open_recording();
    let mut a = Phone::connect(&bench, 1, Codec::Pcma, 500.0);
    let mut b = Phone::connect_beside(&bench, 2, Some(1), Codec::Pcmu, 1200.0);
    assert_eq!(bench.plane.ports_in_use(), 2);
    bench.media(Command::Record { leg: LegId(1), recording: RECORDING, sample_rate: 8000 });
    bench.media(Command::Bridge { a: LegId(1), b: LegId(2) });
    for _ in 0..100 {
        a.turn();
        b.turn();
    }
    bench
        .plane
        .order(Order::Mark { recording: RECORDING, marker: Marker { offset_ms: 500, label: "m".into() } });
    bench.media(Command::Close { leg: LegId(1) });
    let frames = bench.wait_for(|report| match report {
        Report::Media(Event::RecordingEnded { frames, .. }) => Some(frames),
        _ => None,
    });
    bench.plane.order(Order::SealRecording { recording: RECORDING });
    let sealed = bench.wait_for(|report| match report {
        Report::RecordingSealed(sealed) => Some(sealed),
        _ => None,
    });
    assert_eq!((sealed.frames, sealed.result), (frames, RecordingResult::Ok));
    let path = bench.folder.path().join("2026/11/21/a.wav");
    assert_eq!(sealed.sha256.unwrap(), crate::files::recording_digest(&path).unwrap());
    let (left, right) = read(&path);
    assert!(left.len() >= 95 * 160, "{}", left.len());
    let heard = [
        (&b.heard, 500.0, 1200.0),
        (&a.heard, 1200.0, 500.0),
        (&left, 500.0, 1200.0),
        (&right, 1200.0, 500.0),
    ];
    for (i, (samples, wanted, other)) in heard.into_iter().enumerate() {
        let (wanted, other) = (level(samples, wanted), level(samples, other));
        assert!(
            wanted > 4000.0 && other < 400.0,
            "place {i}: {wanted:.0} of the tone, {other:.0} of the other"
        );
    }
    bench.close(2);
    assert_eq!(bench.plane.ports_in_use(), 0);
}

#[test]
fn a_full_range_refuses_and_a_closed_pair_rests_before_it_is_used_again() {
    let bench = Bench::new(200, 4);
    let opened: Vec<SocketAddr> = [1, 2].map(|leg| bench.open(leg).unwrap()).to_vec();
    assert!(opened.iter().all(|address| address.port() % 2 == 0));
    assert_eq!((bench.open(3), bench.plane.ports_in_use()), (None, 2));
    bench.close(1);
    assert_eq!((bench.open(4), bench.plane.ports_in_use()), (None, 1), "the pair rests");
}

#[test]
fn two_hundred_calls_leave_no_port_behind() {
    let bench = Bench::new(300, 500);
    for leg in 0..200 {
        bench.open(leg).unwrap();
        assert_eq!(bench.plane.ports_in_use(), 1);
        bench.close(leg);
    }
    assert_eq!(bench.plane.ports_in_use(), 0);
}

#[test]
fn a_plane_that_ends_in_the_middle_of_a_call_leaves_a_whole_file() {
    let bench = Bench::new(900, 4);
    bench.open_recording();
    let mut phone = Phone::connect(&bench, 1, Codec::Pcma, 500.0);
    bench.media(Command::Record { leg: LegId(1), recording: RECORDING, sample_rate: 8000 });
    for _ in 0..30 {
        phone.turn();
    }
    let Bench { plane, folder, .. } = bench;
    drop(plane);
    let (left, _) = read(&folder.path().join("2026/11/21/a.wav"));
    assert!(left.len() >= 25 * 160 && level(&left[1600..], 500.0) > 4000.0, "{}", left.len());
}

#[test]
fn a_recording_that_cannot_be_made_or_is_unknown_is_reported() {
    let bench = Bench::new(910, 4);
    bench.open_recording();
    bench.plane.order(Order::OpenRecording {
        recording: RecordingId(Uuid::from_u128(3)),
        contact: CONTACT,
        path: "2026/11/21/a.wav".into(),
        started_at: Timestamp::from_micros(0),
        sample_rate: 8000,
        description: String::new(),
    });
    assert!(matches!(bench.report(), Report::RecordingOpenFailed { .. }));
    bench.plane.order(Order::DiscardRecording { recording: RECORDING });
    bench.plane.order(Order::SealRecording { recording: RECORDING });
    let report = bench.report();
    assert!(
        matches!(report, Report::RecordingSealed(Sealed { result: RecordingResult::Failed, .. })),
        "{report:?}"
    );
    assert!(!bench.folder.path().join("2026/11/21/a.wav").exists());
}

#[test]
fn blocks_that_a_full_ring_refused_become_a_listed_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (intake, work) = queue::bounded(4, 4);
    let (sender, reports) = sync_channel(10);
    let report = Reporter(Arc::new(move |report| sender.try_send(report).unwrap()));
    let opening = Opening {
        recording: RECORDING,
        contact: CONTACT,
        path: "a.wav".into(),
        started_at: Timestamp::from_micros(0),
        sample_rate: 8000,
        description: String::new(),
    };
    intake.push_reserved(Work::Open(opening)).unwrap();
    let mut refused = 0;
    for first_frame in (0..10 * 160).step_by(160) {
        let frames = [5, 0, 6, 0].repeat(160);
        let block = writer_thread::Block { recording: RECORDING, first_frame, pieces: vec![frames] };
        refused += u64::from(intake.push(Work::Block(block)).is_err());
    }
    intake.push_reserved(Work::Ended { recording: RECORDING, frames: 1600 }).unwrap();
    intake.push_reserved(Work::Seal { recording: RECORDING }).unwrap();
    drop(intake);
    WriterThread::new(folder.path().to_owned(), work, report).run();
    let Some(Report::RecordingSealed(sealed)) = reports.try_iter().last() else { panic!("not sealed") };
    let gap = Gap { offset_ms: 60, duration_ms: 140, reason: GapReason::RingOverflow };
    assert_eq!(
        (refused, sealed.frames, sealed.result, sealed.gaps),
        (7, 1600, RecordingResult::Degraded, vec![gap])
    );
    let (left, right) = read(&folder.path().join("a.wav"));
    assert_eq!((left[479], left[480], right[1599]), (5, 0, 0));
}

#[test]
fn a_call_stays_on_one_thread_and_calls_are_spread() {
    let bench = Bench::with_threads(400, 100, 2);
    bench.open_recording();
    let mut a = Phone::connect(&bench, 1, Codec::Pcma, 500.0);
    let mut other = Phone::connect(&bench, 2, Codec::Pcma, 700.0);
    let mut b = Phone::connect_beside(&bench, 3, Some(1), Codec::Pcma, 1200.0);
    bench.media(Command::Record { leg: LegId(1), recording: RECORDING, sample_rate: 8000 });
    bench.media(Command::Bridge { a: LegId(1), b: LegId(3) });
    // On another thread: this one is not heard by the two.
    bench.media(Command::Bridge { a: LegId(1), b: LegId(2) });
    for _ in 0..100 {
        a.turn();
        b.turn();
        other.turn();
    }
    bench.media(Command::StopRecording { leg: LegId(1), recording: RECORDING });
    bench.wait_for(|report| matches!(report, Report::Media(Event::RecordingEnded { .. })).then_some(()));
    for (heard, wanted) in [(&a.heard, 1200.0), (&b.heard, 500.0)] {
        let (wanted, other) = (level(heard, wanted), level(heard, 700.0));
        assert!(wanted > 4000.0 && other < 400.0, "{wanted:.0} of the tone, {other:.0} of the other");
    }
    assert!(level(&other.heard, 500.0) < 400.0);
    for leg in [1, 2, 3] {
        bench.close(leg);
    }
    assert_eq!(bench.plane.ports_in_use(), 0);
}
