//! The exchange: all legs of one media thread, addressed by id, and the bridges between them. Commands that name a
//! leg or a recording it does not know are ignored: they crossed with a `Close`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use super::leg::Leg;
use super::playout::Playout;
use super::tap::Tap;
use super::{Command, SAMPLES_PER_TICK, Sink};
use crate::ids::{LegId, RecordingId};
use crate::rtp::rtcp::is_rtcp;

/// All legs of one media thread.
#[derive(Debug, Default)]
pub struct Exchange {
    legs: BTreeMap<LegId, Box<Leg>>,
    /// The legs of the running tick; kept so that a tick allocates nothing.
    turn: Vec<LegId>,
}

impl Exchange {
    pub fn new() -> Self {
        Self::default()
    }

    /// Legs that are open.
    pub fn len(&self) -> usize {
        self.legs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    /// Everything but `Open` and `Close`'s sockets, which are the thread's business: on `Open` the thread binds
    /// the ports and calls this with the same command; the machine sends no `Opened` itself.
    pub fn handle_command(&mut self, command: Command, now: Instant, sink: &mut impl Sink) {
        match command {
            Command::Open { leg, seed, .. } => {
                self.legs.entry(leg).or_insert_with(|| Box::new(Leg::new(leg, seed, now)));
            }
            Command::Connect { leg, session } => self.with_leg(leg, |leg| leg.connect(session, now)),
            Command::Close { leg } => self.close(leg, now, sink),
            Command::Play { leg, play, sounds, repeat } => {
                self.with_leg(leg, |leg| leg.playout = Some(Playout::new(play, sounds, repeat)));
            }
            Command::StopPlay { leg } => self.with_leg(leg, |leg| leg.playout = None),
            Command::SendDigit { leg, digit } => self.with_leg(leg, |leg| leg.keypad.press(digit)),
            Command::Bridge { a, b } => self.bridge(a, b),
            Command::Unbridge { leg } => self.unbridge(leg),
            Command::Record { leg, recording } => self.with_leg(leg, |leg| {
                leg.stop_recording(sink);
                leg.tap = Some(Tap::new(recording));
            }),
            Command::StopRecording { recording } => self.stop_recording(recording, sink),
        }
    }

    fn with_leg(&mut self, leg: LegId, step: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            step(leg);
        }
    }

    fn close(&mut self, leg: LegId, now: Instant, sink: &mut impl Sink) {
        self.unbridge(leg);
        if let Some(leg) = self.legs.remove(&leg) {
            leg.close(now, sink);
        }
    }

    fn bridge(&mut self, a: LegId, b: LegId) {
        if a == b || !self.legs.contains_key(&a) || !self.legs.contains_key(&b) {
            return;
        }
        for (leg, other) in [(a, b), (b, a)] {
            self.unbridge(leg);
            self.with_leg(leg, |leg| {
                leg.playout = None;
                leg.bridged_with = Some(other);
            });
        }
    }

    fn unbridge(&mut self, leg: LegId) {
        let other = self.legs.get_mut(&leg).and_then(|leg| leg.bridged_with.take());
        if let Some(other) = other {
            self.with_leg(other, |leg| leg.bridged_with = None);
        }
    }

    fn stop_recording(&mut self, recording: RecordingId, sink: &mut impl Sink) {
        let is_on = |leg: &&mut Box<Leg>| leg.tap.as_ref().is_some_and(|tap| tap.recording == recording);
        if let Some(leg) = self.legs.values_mut().find(is_on) {
            leg.stop_recording(sink);
        }
    }

    pub fn handle_rtp(
        &mut self,
        leg: LegId,
        from: SocketAddr,
        packet: &[u8],
        now: Instant,
        sink: &mut impl Sink,
    ) {
        if is_rtcp(packet) {
            // A peer that multiplexes although it was not agreed (RFC 5761).
            self.handle_rtcp(leg, from, packet, now, sink);
        } else {
            self.with_leg(leg, |leg| leg.handle_rtp(from, packet, now, sink));
        }
    }

    pub fn handle_rtcp(
        &mut self,
        leg: LegId,
        from: SocketAddr,
        packet: &[u8],
        now: Instant,
        _sink: &mut impl Sink,
    ) {
        self.with_leg(leg, |leg| leg.handle_rtcp(from, packet, now));
    }

    /// Call every [`TICK_MS`](super::TICK_MS); `now` is the tick's nominal time.
    pub fn handle_tick(&mut self, now: Instant, sink: &mut impl Sink) {
        self.turn.clear();
        for (id, leg) in &mut self.legs {
            leg.listen();
            self.turn.push(*id);
        }
        for id in &self.turn {
            let heard: Option<[i16; SAMPLES_PER_TICK]> = self
                .legs
                .get(id)
                .and_then(|leg| leg.bridged_with)
                .and_then(|other| self.legs.get(&other))
                .map(|other| other.heard);
            if let Some(leg) = self.legs.get_mut(id) {
                leg.speak(heard.as_ref(), now, sink);
            }
        }
    }
}
