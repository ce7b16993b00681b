//! One leg of the media plane: what it hears (source lock, jitter buffer, digits), what it is told (play-out or the
//! bridged leg), its RTCP, its deadlines and its recording tap. Which legs are bridged is the exchange's business.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::jitter_buffer::JitterBuffer;
use super::keypad::{Key, Keypad};
use super::playout::Playout;
use super::reports::Reports;
use super::sender::RtpSender;
use super::source::{Admission, Source};
use super::tap::Tap;
use super::{Event, LegStats, MEDIA_TIMEOUT_SECS, SAMPLE_RATE, SAMPLES_PER_TICK, Sink};
use crate::dtmf::telephone_event::{Press, Presses, TelephoneEvent};
use crate::ids::LegId;
use crate::rtp::{RtpHeader, rtcp};
use crate::sdp::{AudioSession, Direction};

/// Comfort noise (RFC 3389): alive, but nothing to hear.
const COMFORT_NOISE: u8 = 13;

const SILENCE: [i16; SAMPLES_PER_TICK] = [0; SAMPLES_PER_TICK];

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) bridged_with: Option<LegId>,
    pub(super) playout: Option<Playout>,
    pub(super) keypad: Keypad,
    pub(super) tap: Option<Tap>,
    /// What the leg said, as of this tick.
    pub(super) heard: [i16; SAMPLES_PER_TICK],
    /// None until the first `Connect`.
    session: Option<AudioSession>,
    source: Source,
    jitter_buffer: JitterBuffer,
    presses: Presses,
    sender: RtpSender,
    reports: Reports,
    /// Origin of the arrival times for the jitter.
    opened_at: Instant,
    /// When this is reached without a packet the peer is gone; none while it is on hold or has been reported.
    silence_deadline: Option<Instant>,
    /// The next audio packet is the first since the last (re)connect.
    awaits_audio: bool,
    packets_received: u64,
    packets_dropped: u64,
    packets_foreign: u64,
}

impl Leg {
    pub(super) fn new(id: LegId, seed: u64, now: Instant) -> Self {
        let mut seed = seed;
        let (identity, start) = (split_mix(&mut seed), split_mix(&mut seed));
        Self {
            id,
            bridged_with: None,
            playout: None,
            keypad: Keypad::default(),
            tap: None,
            heard: SILENCE,
            session: None,
            source: Source::default(),
            jitter_buffer: JitterBuffer::new(),
            presses: Presses::default(),
            sender: RtpSender::new(identity as u32, (identity >> 32) as u16, start as u32),
            reports: Reports::new(split_mix(&mut seed), now),
            opened_at: now,
            silence_deadline: None,
            awaits_audio: false,
            packets_received: 0,
            packets_dropped: 0,
            packets_foreign: 0,
        }
    }

    pub(super) fn connect(&mut self, session: AudioSession, now: Instant) {
        self.source.relearn();
        self.sender.restart_packet();
        self.reports.start(now);
        self.awaits_audio = true;
        self.session = Some(session);
        self.silence_deadline = self.silence_deadline(now);
    }

    /// A peer that holds us may stay silent for as long as it likes; so may one that we hold.
    fn silence_deadline(&self, now: Instant) -> Option<Instant> {
        let session = self.session.as_ref()?;
        (session.direction == Direction::SendRecv).then(|| now + Duration::from_secs(MEDIA_TIMEOUT_SECS))
    }

    pub(super) fn handle_rtp(&mut self, from: SocketAddr, packet: &[u8], now: Instant, sink: &mut impl Sink) {
        let Some(session) = &self.session else {
            self.packets_dropped += 1;
            return;
        };
        let kind = RtpHeader::parse(packet).ok().and_then(|(header, payload)| {
            Some((Content::of(header.payload_type, session)?, header, payload))
        });
        let Some((content, header, payload)) = kind else {
            self.packets_dropped += 1;
            return;
        };
        match self.source.admit(from, &header) {
            Admission::Refused => {
                self.packets_dropped += 1;
                self.packets_foreign += u64::from(self.source.is_foreign(from));
                return;
            }
            Admission::New => {
                self.jitter_buffer.clear();
                self.report_press_of_old_source(now, sink);
            }
            Admission::Known => {}
        }
        self.packets_received += 1;
        self.silence_deadline = self.silence_deadline(now);
        match content {
            Content::Audio => self.handle_audio(&header, payload, now, sink),
            Content::Digit => {
                let event = TelephoneEvent::parse(payload);
                let press = event.and_then(|event| self.presses.handle_event(event, header.timestamp, now));
                self.report_press(press, sink);
            }
            Content::ComfortNoise => {}
        }
    }

    fn handle_audio(&mut self, header: &RtpHeader, payload: &[u8], now: Instant, sink: &mut impl Sink) {
        let Some(session) = &self.session else { return };
        if std::mem::take(&mut self.awaits_audio) {
            sink.event(Event::AudioStarted { leg: self.id });
        }
        if let Some(reception) = self.source.reception() {
            let elapsed = now.saturating_duration_since(self.opened_at);
            let arrival = elapsed.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
            reception.arrived(header.timestamp, arrival as u32);
        }
        let wanted = session.direction.receives();
        if wanted && !self.jitter_buffer.insert(header.timestamp, payload, session.codec) {
            self.packets_dropped += 1;
        }
    }

    pub(super) fn handle_rtcp(&mut self, from: SocketAddr, packet: &[u8], now: Instant) {
        let Some(session) = &self.session else { return };
        let source = self.source.ssrc();
        if self.source.admit_rtcp(from, session.remote_rtp)
            && self.reports.handle_compound(packet, source, now)
        {
            self.silence_deadline = self.silence_deadline(now);
        } else {
            self.packets_dropped += 1;
        }
    }

    /// First half of a tick: what the leg says in it.
    pub(super) fn listen(&mut self) {
        self.jitter_buffer.take(&mut self.heard);
        if !self.session.as_ref().is_some_and(|session| session.direction.receives()) {
            self.heard = SILENCE;
        }
    }

    /// Second half of a tick: what the leg is told, recorded, reported. `bridged` is what the other leg says.
    pub(super) fn speak(
        &mut self,
        bridged: Option<&[i16; SAMPLES_PER_TICK]>,
        now: Instant,
        sink: &mut impl Sink,
    ) {
        let mut own = SILENCE;
        let mut bridged = bridged.unwrap_or(&SILENCE);
        if let Some(playout) = &mut self.playout {
            let play = playout.play;
            if playout.fill(&mut own) {
                self.playout = None;
                sink.event(Event::PlayFinished { leg: self.id, play });
            }
            bridged = &SILENCE;
        }
        let sends = self.transmit(if own == SILENCE { bridged } else { &own }, sink);
        if let Some(tap) = &mut self.tap {
            let (own, bridged) = if sends { (&own, bridged) } else { (&SILENCE, &SILENCE) };
            tap.record(&self.heard, own, bridged, sink);
        }
        if self.reports.take_due(now) {
            self.transmit_report(false, now, sink);
        }
        let press = self.presses.handle_timeout(now);
        self.report_press(press, sink);
        if self.silence_deadline.is_some_and(|deadline| deadline <= now) {
            self.silence_deadline = None;
            sink.event(Event::MediaTimeout { leg: self.id });
        }
    }

    /// True when the peer may be sent to.
    fn transmit(&mut self, samples: &[i16; SAMPLES_PER_TICK], sink: &mut impl Sink) -> bool {
        match &self.session {
            Some(session) if session.direction.sends() => {
                let to = self.source.address().unwrap_or(session.remote_rtp);
                if let Some(payload_type) = session.send_event_payload_type
                    && let Key::Event { event, begins } = self.keypad.tick()
                {
                    self.sender.send_event(event, begins, payload_type, |packet| {
                        sink.transmit_rtp(self.id, to, packet)
                    });
                    return true;
                }
                self.sender.send(samples, session, |packet| sink.transmit_rtp(self.id, to, packet));
                true
            }
            _ => {
                self.sender.pause();
                false
            }
        }
    }

    fn transmit_report(&mut self, bye: bool, now: Instant, sink: &mut impl Sink) {
        let Some(session) = &self.session else { return };
        let to = self.source.rtcp_address(session.remote_rtp, session.remote_rtcp);
        let mut buffer = [0; rtcp::MAX_WRITTEN];
        let source = self.source.ssrc().zip(self.source.reception());
        let sender = (self.sender.ssrc, self.sender.sender_info());
        let packet = self.reports.write(sender, source, bye, now, &mut buffer);
        sink.transmit_rtcp(self.id, to, packet);
    }

    fn report_press_of_old_source(&mut self, now: Instant, sink: &mut impl Sink) {
        let mut presses = std::mem::take(&mut self.presses);
        let press = presses.handle_timeout(now + crate::dtmf::telephone_event::LOST_END);
        self.report_press(press, sink);
    }

    fn report_press(&self, press: Option<Press>, sink: &mut impl Sink) {
        if let Some(Press { digit, duration_ms }) = press {
            sink.event(Event::DigitPressed { leg: self.id, digit, duration_ms });
        }
    }

    /// Ends the recording of this leg, if there is one.
    pub(super) fn stop_recording(&mut self, sink: &mut impl Sink) {
        if let Some(Tap { recording, frames, .. }) = self.tap.take() {
            sink.event(Event::RecordingEnded { recording, frames });
        }
    }

    pub(super) fn close(mut self, now: Instant, sink: &mut impl Sink) {
        self.stop_recording(sink);
        if self.reports.has_started() {
            self.transmit_report(true, now, sink);
        }
        sink.event(Event::Closed { leg: self.id, stats: self.stats() });
    }

    fn stats(&self) -> LegStats {
        LegStats {
            packets_received: self.packets_received,
            packets_sent: self.sender.packets(),
            packets_lost: self.source.lost(),
            packets_dropped: self.packets_dropped,
            packets_foreign: self.packets_foreign,
            jitter_us: self.source.jitter().saturating_mul(1_000_000 / SAMPLE_RATE),
        }
    }
}

/// What a payload type stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Audio,
    Digit,
    ComfortNoise,
}

impl Content {
    fn of(payload_type: u8, session: &AudioSession) -> Option<Self> {
        // Some peers send events as the type they asked for rather than the one we did.
        let events = [session.receive_event_payload_type, session.send_event_payload_type];
        if payload_type == session.receive_payload_type {
            Some(Self::Audio)
        } else if events.contains(&Some(payload_type)) {
            Some(Self::Digit)
        } else {
            (payload_type == COMFORT_NOISE).then_some(Self::ComfortNoise)
        }
    }
}

/// The next number of Steele's SplitMix64 sequence: spreads one seed over SSRC, numbers and CNAME.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
