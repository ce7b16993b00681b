//! The exchange: all legs of one media thread, addressed by id, and what passes between them. Commands that name a
//! leg or a recording it does not know are ignored: they crossed with a `Close`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use super::block::{Band, Block, MAX_SAMPLES};
use super::leg::Leg;
use super::playout::Playout;
use super::room::{Role, Room, Rooms};
use super::{Command, Sink};
use crate::ids::{LegId, RecordingId};
use crate::rtp::rtcp::is_rtcp;

/// All legs of one media thread.
#[derive(Debug, Default)]
pub struct Exchange {
    legs: BTreeMap<LegId, Box<Leg>>,
    rooms: Rooms,
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
            Command::SendDigit { leg, digit } => self.with_leg(leg, |leg| leg.press(digit)),
            Command::Bridge { a, b } => self.bridge(a, b),
            Command::Join { leg, beside, role } => self.join(leg, beside, role),
            Command::Unbridge { leg } => self.rooms.leave(leg),
            Command::Record { leg, recording, sample_rate } => {
                self.with_leg(leg, |leg| leg.record(recording, Band::of_rate(sample_rate), now, sink));
            }
            Command::StopRecording { recording } => self.stop_recording(recording, sink),
        }
    }

    fn with_leg(&mut self, leg: LegId, step: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            step(leg);
        }
    }

    fn close(&mut self, leg: LegId, now: Instant, sink: &mut impl Sink) {
        self.rooms.leave(leg);
        if let Some(leg) = self.legs.remove(&leg) {
            leg.close(now, sink);
        }
    }

    fn bridge(&mut self, a: LegId, b: LegId) {
        if self.are_two(a, b) {
            self.rooms.pair(a, b);
            self.with_leg(a, |leg| leg.playout = None);
            self.with_leg(b, |leg| leg.playout = None);
        }
    }

    fn join(&mut self, leg: LegId, beside: LegId, role: Role) {
        if self.are_two(leg, beside) && self.rooms.join(leg, beside, role) {
            self.with_leg(leg, |leg| leg.playout = None);
        }
    }

    fn are_two(&self, a: LegId, b: LegId) -> bool {
        a != b && self.legs.contains_key(&a) && self.legs.contains_key(&b)
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
            leg.listen(now, sink);
            self.turn.push(*id);
        }
        self.convert();
        for id in &self.turn {
            let bridged = self.rooms.of(*id).map(|room| mixed_for(*id, room, &self.legs));
            if let Some(leg) = self.legs.get_mut(id) {
                leg.speak(bridged.as_ref(), now, sink);
            }
        }
    }

    /// Where a room has legs of both bands, each is made ready for those of the other one.
    fn convert(&mut self) {
        let bands = [Band::Narrow, Band::Wide];
        for room in self.rooms.iter() {
            for band in bands {
                let listens = |leg: LegId| self.legs.get(&leg).is_some_and(|leg| leg.band() == band);
                if !room.members().iter().any(|member| listens(member.leg)) {
                    continue;
                }
                for member in room.members() {
                    if let Some(leg) = self.legs.get_mut(&member.leg).filter(|leg| leg.heard_band() != band) {
                        leg.convert(band);
                    }
                }
            }
        }
    }
}

/// All that `listener` hears in its room, in its band; what is too loud together is clipped.
fn mixed_for(listener: LegId, room: &Room, legs: &BTreeMap<LegId, Box<Leg>>) -> Block {
    let band = legs.get(&listener).map_or(Band::Narrow, |leg| leg.band());
    let mut voices = room.audible_to(listener).filter_map(|id| Some(legs.get(&id)?.said(band)));
    let mut mixed = voices.next().copied().unwrap_or(Block::silent(band));
    let Some(second) = voices.next() else { return mixed };
    // Summed before it is clipped, so that the order of the voices does not matter.
    let mut sums = [0_i32; MAX_SAMPLES];
    for voice in [&mixed, second].into_iter().chain(voices) {
        for (sum, sample) in sums.iter_mut().zip(voice.samples()) {
            *sum += i32::from(*sample);
        }
    }
    for (sample, sum) in mixed.samples_mut().iter_mut().zip(sums) {
        *sample = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
    mixed
}
