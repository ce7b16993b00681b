//! One leg of the media plane: what it hears (source lock, jitter buffer, digits), what it is told (play-out or the
//! bridged legs), its RTCP, its deadlines and its recording tap. Which legs are bridged is the exchange's business.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::block::{Band, Block, Converter};
use super::bridged::{Bridged, Packet};
use super::comfort_noise::{self, ComfortNoise};
use super::decoded::{Heard, Share};
use super::ear::Ear;
use super::jitter_buffer::JitterBuffer;
use super::keypad::{Key, Keypad};
use super::playout::Playout;
use super::reports::Reports;
use super::sender::{MAX_PACKET, PacketBuffer, RtpSender};
use super::source::{Admission, Source};
use super::tap::{self, Tap};
use super::voice::{Change, Voice};
use super::{DropReason, Drops, Event, LegStats, MEDIA_TIMEOUT_SECS, QUIET_SECS, Sink};
use crate::dtmf::Digit;
use crate::dtmf::telephone_event::{Press, Presses, TelephoneEvent};
use crate::ids::{LegId, RecordingId};
use crate::rtp::{RtpHeader, rtcp};
use crate::sdp::{self, AudioSession, Codec, Direction};

/// A first sequence number in the lower half leaves no doubt about SRTP's rollover counter when the first packets are
/// lost (RFC 3711 3.3.1).
const MAX_FIRST_NUMBER: u16 = 0x7fff;

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) playout: Option<Playout>,
    keypad: Keypad,
    pub(super) tap: Option<Tap>,
    /// What the leg said, as of this tick, and the same in the other band where somebody needs it.
    heard: Heard,
    converted: Option<Box<Block>>,
    converter: Converter,
    /// Brings play-out to the band of what the leg is told.
    play_converter: Converter,
    /// None until the first `Connect`.
    session: Option<AudioSession>,
    source: Source,
    jitter_buffer: JitterBuffer,
    presses: Presses,
    /// Where the peer sends its keys as sound.
    ear: Option<Box<Ear>>,
    /// Where somebody wants to know who speaks.
    voice: Option<Box<Voice>>,
    sender: RtpSender,
    reports: Reports,
    /// Origin of the arrival times for the jitter.
    opened_at: Instant,
    /// When this is reached without a packet the peer is gone; none while it is on hold or has been reported.
    silence_deadline: Option<Instant>,
    quiet_deadline: Option<Instant>,
    /// The next audio packet is the first since the last (re)connect.
    awaits_audio: bool,
    packets_received: u64,
    drops: Drops,
}

/// Room for what a tick of a leg is made into; one is enough for all of them.
#[derive(Debug)]
pub(super) struct Scratch {
    played: Block,
    own: Block,
    packet: PacketBuffer,
    recorded: tap::Scratch,
}

impl Scratch {
    pub(super) const fn new() -> Self {
        let block = Block::silent(Band::Narrow);
        Self { played: block, own: block, packet: [0; MAX_PACKET], recorded: tap::Scratch::new() }
    }
}

impl Leg {
    pub(super) fn new(id: LegId, seed: u64, now: Instant) -> Self {
        let mut seed = seed;
        let (identity, start) = (split_mix(&mut seed), split_mix(&mut seed));
        Self {
            id,
            playout: None,
            keypad: Keypad::default(),
            tap: None,
            heard: Heard::silent(Band::Narrow),
            converted: None,
            converter: Converter::new(),
            play_converter: Converter::new(),
            session: None,
            source: Source::default(),
            jitter_buffer: JitterBuffer::new(),
            presses: Presses::default(),
            ear: None,
            voice: None,
            sender: RtpSender::new(identity as u32, (identity >> 32) as u16 & MAX_FIRST_NUMBER, start as u32),
            reports: Reports::new(split_mix(&mut seed), now),
            opened_at: now,
            silence_deadline: None,
            quiet_deadline: None,
            awaits_audio: false,
            packets_received: 0,
            drops: Drops::default(),
        }
    }

    pub(super) fn connect(&mut self, session: AudioSession, now: Instant) {
        let moved =
            self.session.as_ref().is_some_and(|before| has_moved(before.remote_rtp, session.remote_rtp));
        self.source.relearn(moved, now);
        self.sender.restart_packet();
        self.reports.start(now);
        self.awaits_audio = true;
        let sends_events =
            session.send_event_payload_type.is_some() || session.receive_event_payload_type.is_some();
        self.ear = (!sends_events).then(|| self.ear.take().unwrap_or_else(|| Box::new(Ear::new())));
        if session.send_event_payload_type.is_none() {
            self.keypad = Keypad::default();
        }
        self.session = Some(session);
        self.silence_deadline = self.silence_deadline(now);
        // A phone that answers and loses its power at once is never heard.
        self.quiet_deadline = self.silence_deadline.map(|_| now + Duration::from_secs(QUIET_SECS));
    }

    /// Nothing where the peer takes no telephone events.
    pub(super) fn press(&mut self, digit: Digit) {
        if self.session.as_ref().is_some_and(|session| session.send_event_payload_type.is_some()) {
            self.keypad.press(digit);
        }
    }

    /// A peer that holds us may stay silent for as long as it likes; so may one that we hold.
    fn silence_deadline(&self, now: Instant) -> Option<Instant> {
        let session = self.session.as_ref()?;
        (session.direction == Direction::SendRecv).then(|| now + Duration::from_secs(MEDIA_TIMEOUT_SECS))
    }

    pub(super) fn handle_rtp(&mut self, from: SocketAddr, packet: &[u8], now: Instant, sink: &mut impl Sink) {
        if let Err(reason) = self.take_rtp(from, packet, now, sink) {
            self.drops.count(reason);
        }
    }

    fn take_rtp(
        &mut self,
        from: SocketAddr,
        packet: &[u8],
        now: Instant,
        sink: &mut impl Sink,
    ) -> Result<(), DropReason> {
        let session = self.session.as_ref().ok_or(DropReason::Unconnected)?;
        let (header, payload) = RtpHeader::parse(packet).map_err(|_| DropReason::Malformed)?;
        let content = Content::of(header.payload_type, session).ok_or(DropReason::PayloadType)?;
        match self.source.admit(from, session.remote_rtp, &header, now) {
            Admission::Stranger => return Err(DropReason::ThirdAddress),
            Admission::Refused => return Err(DropReason::Unproven),
            Admission::New => {
                self.jitter_buffer.clear();
                self.report_press_of_old_source(now, sink);
            }
            Admission::Known => {}
        }
        self.packets_received += 1;
        self.silence_deadline = self.silence_deadline(now);
        self.quiet_deadline = self.silence_deadline.map(|_| now + Duration::from_secs(QUIET_SECS));
        match content {
            Content::Audio(codec) => self.handle_audio(codec, &header, payload, now, sink),
            Content::Digit { clock_hz } => {
                let event = TelephoneEvent::parse(payload).ok_or(DropReason::Malformed)?;
                let press = self.presses.handle_event(event, header.timestamp, clock_hz, now);
                self.report_press(press, sink);
                Ok(())
            }
            Content::ComfortNoise => {
                let noise = ComfortNoise::parse(payload).ok_or(DropReason::Malformed)?;
                self.jitter_buffer.insert_comfort_noise(header.timestamp, noise);
                Ok(())
            }
        }
    }

    fn handle_audio(
        &mut self,
        codec: Codec,
        header: &RtpHeader,
        payload: &[u8],
        now: Instant,
        sink: &mut impl Sink,
    ) -> Result<(), DropReason> {
        if std::mem::take(&mut self.awaits_audio) {
            sink.event(Event::AudioStarted { leg: self.id });
        }
        let elapsed = now.saturating_duration_since(self.opened_at);
        if let Some(reception) = self.source.reception() {
            let arrival = elapsed.as_micros() * u128::from(codec.clock_hz()) / 1_000_000;
            reception.arrived(header.timestamp, arrival as u32);
        }
        // On hold there is nobody to hear it.
        let wanted = self.session.as_ref().is_some_and(|session| session.direction.receives());
        if wanted { self.jitter_buffer.insert(header.timestamp, payload, codec, elapsed) } else { Ok(()) }
    }

    pub(super) fn handle_rtcp(&mut self, from: SocketAddr, packet: &[u8], now: Instant) {
        if let Err(reason) = self.take_rtcp(from, packet, now) {
            self.drops.count(reason);
        }
    }

    fn take_rtcp(&mut self, from: SocketAddr, packet: &[u8], now: Instant) -> Result<(), DropReason> {
        let session = self.session.as_ref().ok_or(DropReason::Unconnected)?;
        if !self.source.expects_rtcp(from, session.remote_rtp) {
            return Err(DropReason::ThirdAddress);
        }
        if !self.reports.handle_compound(packet, self.source.ssrc(), now) {
            return Err(DropReason::Malformed);
        }
        self.source.fix_rtcp(from);
        self.silence_deadline = self.silence_deadline(now);
        Ok(())
    }

    /// First half of a tick: what the leg says in it.
    pub(super) fn listen(&mut self, now: Instant, sink: &mut impl Sink) {
        if let Some(address) = self.source.settle(now) {
            sink.settled(self.id, address);
        }
        let elapsed = now.saturating_duration_since(self.opened_at);
        self.jitter_buffer.take(elapsed, self.presses.is_running(), &mut self.heard);
        if !self.session.as_ref().is_some_and(|session| session.direction.receives()) {
            self.heard.clear(self.heard.block.band());
        }
        let press = self.ear.as_mut().and_then(|ear| ear.hear(&self.heard));
        self.report_press(press, sink);
        match self.voice.as_mut().and_then(|voice| voice.hear(&self.heard)) {
            Some(Change::Started) => sink.event(Event::VoiceStarted { leg: self.id }),
            Some(Change::Stopped) => sink.event(Event::VoiceStopped { leg: self.id }),
            Some(Change::ToneEnded) => sink.event(Event::ToneEnded { leg: self.id }),
            None => {}
        }
    }

    pub(super) fn listen_for_voice(&mut self) {
        self.voice.get_or_insert_with(|| Box::new(Voice::new()));
    }

    /// The band of what the leg says.
    pub(super) fn heard_band(&self) -> Band {
        self.heard.block.band()
    }

    /// The band of what the leg is told.
    pub(super) fn band(&self) -> Band {
        self.session.as_ref().map_or(Band::Narrow, |session| Band::of(session.codec))
    }

    /// Makes what the leg says of this tick ready for those who listen in `band`.
    pub(super) fn convert(&mut self, band: Band) {
        let room = self.converted.get_or_insert_with(|| Box::new(Block::silent(band)));
        self.converter.convert(&self.heard.block, band, room);
    }

    /// What the leg says, in `band`; after [`Self::convert`] where that is not its own.
    pub(super) fn said(&self, band: Band) -> &Block {
        match &self.converted {
            Some(converted) if self.heard_band() != band => converted,
            _ => &self.heard.block,
        }
    }

    /// The packet that it said of this tick, if it was one, or that one is missing.
    pub(super) fn said_packet(&self) -> Packet<'_> {
        match (self.heard.codec, self.heard.share) {
            (Some(codec), Share::All) => Packet::Whole(codec, &self.heard.payload),
            _ if self.heard.is_lost => Packet::Lost,
            _ => Packet::None,
        }
    }

    /// Second half of a tick: what the leg is told, recorded, reported. `bridged` is what the others in its room say,
    /// in the leg's band.
    pub(super) fn speak(
        &mut self,
        bridged: Option<&Bridged>,
        now: Instant,
        scratch: &mut Scratch,
        sink: &mut impl Sink,
    ) {
        let Scratch { played, own, packet, recorded } = scratch;
        let own = self.play(played, own, sink);
        // Who plays is not told what the others say.
        let bridged = bridged.filter(|_| own.is_none());
        let sends = self.transmit(own, bridged, packet, sink);
        if let Some(tap) = &mut self.tap {
            let sound = if sends { (own, bridged.map(|bridged| &bridged.block)) } else { (None, None) };
            let waits = self.jitter_buffer.delay_ticks(now.saturating_duration_since(self.opened_at));
            tap.record(&self.heard, waits, sound, recorded, sink);
        }
        if self.reports.take_due(now) {
            self.transmit_report(false, now, sink);
        }
        let press = self.presses.handle_timeout(now);
        self.report_press(press, sink);
        if self.quiet_deadline.take_if(|deadline| *deadline <= now).is_some() {
            sink.event(Event::WentQuiet { leg: self.id });
        }
        if self.silence_deadline.is_some_and(|deadline| deadline <= now) {
            self.silence_deadline = None;
            sink.event(Event::MediaTimeout { leg: self.id });
        }
    }

    /// What is played to the leg, in its band; none when nothing is.
    fn play<'a>(
        &mut self,
        played: &'a mut Block,
        room: &'a mut Block,
        sink: &mut impl Sink,
    ) -> Option<&'a Block> {
        let playout = self.playout.as_mut()?;
        played.set_band(Band::Narrow);
        let play = playout.play;
        if playout.fill(played.samples_mut()) {
            self.playout = None;
            sink.event(Event::PlayFinished { leg: self.id, play });
        }
        let band = self.band();
        Some(self.play_converter.convert(played, band, room))
    }

    /// True when the peer may be sent to.
    fn transmit(
        &mut self,
        own: Option<&Block>,
        bridged: Option<&Bridged>,
        buffer: &mut PacketBuffer,
        sink: &mut impl Sink,
    ) -> bool {
        let (id, sender) = (self.id, &mut self.sender);
        match &self.session {
            Some(session) if session.direction.sends() => {
                let to = self.source.address().unwrap_or(session.remote_rtp);
                if let Some(payload_type) = session.send_event_payload_type
                    && let Key::Event { event, begins } = self.keypad.tick(session.event_clock_hz)
                {
                    sender.send_event(event, begins, payload_type, session.codec, |packet| {
                        sink.transmit_rtp(id, to, packet)
                    });
                    return true;
                }
                let passed = match bridged.map(Bridged::packet) {
                    Some(Packet::Whole(codec, payload)) => {
                        sender.relay(codec, payload, session, buffer, |packet| {
                            sink.transmit_rtp(id, to, packet)
                        })
                    }
                    Some(Packet::Lost) => sender.leave_out(session.codec),
                    Some(Packet::None) | None => false,
                };
                if !passed {
                    let bridged = bridged.map(|bridged| &bridged.block);
                    let block = own.or(bridged).unwrap_or(Block::silence(Band::of(session.codec)));
                    sender.send(block, session, buffer, |packet| sink.transmit_rtp(id, to, packet));
                }
                true
            }
            session => {
                let codec = session.as_ref().map_or(Codec::Pcma, |session| session.codec);
                sender.pause(codec);
                false
            }
        }
    }

    fn transmit_report(&mut self, bye: bool, now: Instant, sink: &mut impl Sink) {
        let Some(session) = &self.session else { return };
        let to = if session.transport.rtcp_mux {
            self.source.address().unwrap_or(session.remote_rtp)
        } else {
            self.source.rtcp_address(session.remote_rtp, session.remote_rtcp)
        };
        // On hold by 0.0.0.0 the peer is nowhere; with ICE the front knows where.
        if to.ip().is_unspecified() && session.transport.ice.is_none() {
            return;
        }
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

    /// Starts a recording, ending the one before.
    pub(super) fn record(&mut self, recording: RecordingId, band: Band, now: Instant, sink: &mut impl Sink) {
        self.end_recording(sink);
        let waits = self.jitter_buffer.delay_ticks(now.saturating_duration_since(self.opened_at));
        self.tap = Some(Tap::new(recording, band, waits));
    }

    /// Ends this recording; one that has taken its place goes on.
    pub(super) fn stop_recording(&mut self, recording: RecordingId, sink: &mut impl Sink) {
        if self.tap.as_ref().is_some_and(|tap| tap.recording == recording) {
            self.end_recording(sink);
        }
    }

    fn end_recording(&mut self, sink: &mut impl Sink) {
        if let Some(Tap { recording, frames, .. }) = self.tap.take() {
            sink.event(Event::RecordingEnded { recording, frames });
        }
    }

    pub(super) fn close(mut self, now: Instant, sink: &mut impl Sink) {
        self.end_recording(sink);
        if self.reports.has_started() {
            self.transmit_report(true, now, sink);
        }
        sink.event(Event::Closed { leg: self.id, stats: self.stats() });
    }

    fn jitter_us(&self) -> u32 {
        let clock_hz = self.session.as_ref().map_or(Codec::Pcma, |session| session.codec).clock_hz();
        (u64::from(self.source.jitter()) * 1_000_000 / u64::from(clock_hz)).min(u32::MAX.into()) as u32
    }

    fn stats(&self) -> LegStats {
        LegStats {
            packets_received: self.packets_received,
            packets_sent: self.sender.packets(),
            packets_lost: self.source.lost(),
            drops: self.drops,
            jitter_us: self.jitter_us(),
        }
    }
}

/// Whether the peer has gone elsewhere: 0.0.0.0 is no place but a hold, or ICE.
fn has_moved(before: SocketAddr, now: SocketAddr) -> bool {
    before != now && !before.ip().is_unspecified() && !now.ip().is_unspecified()
}

/// What a packet holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Audio(Codec),
    Digit { clock_hz: u32 },
    ComfortNoise,
}

impl Content {
    fn of(payload_type: u8, session: &AudioSession) -> Option<Self> {
        // Some peers send events as the type they asked for rather than the one we did.
        let events = [session.receive_event_payload_type, session.send_event_payload_type];
        if payload_type == session.receive_payload_type {
            return Some(Self::Audio(session.codec));
        }
        if events.contains(&Some(payload_type)) {
            return Some(Self::Digit { clock_hz: session.event_clock_hz });
        }
        let other = session.alternatives.iter().find(|format| format.payload_type == payload_type);
        match other.map(|format| format.content) {
            Some(sdp::Content::Audio(codec)) => Some(Self::Audio(codec)),
            Some(sdp::Content::Event { clock_hz }) => Some(Self::Digit { clock_hz }),
            // As with events: the type it asked for where that means nothing else.
            None if payload_type == session.send_payload_type => Some(Self::Audio(session.codec)),
            None => (payload_type == comfort_noise::PAYLOAD_TYPE).then_some(Self::ComfortNoise),
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
