//! The exchange: legs that have their tick together, addressed by id, and what passes between them. Commands that name
//! a leg or a recording it does not know are ignored: they crossed with a `Close`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use super::block::Band;
use super::bridged::Bridged;
use super::leg::{Leg, Scratch};
use super::playout::Playout;
use super::room::{Role, Rooms};
use super::{Command, Sink};
use crate::ids::LegId;
use crate::rtp::rtcp::is_rtcp;

/// Legs that have their tick together.
#[derive(Debug)]
pub struct Exchange {
    legs: BTreeMap<LegId, Box<Leg>>,
    rooms: Rooms,
    /// The legs of the running tick; kept so that a tick allocates nothing.
    turn: Vec<LegId>,
    bridged: Bridged,
    scratch: Box<Scratch>,
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

impl Exchange {
    pub fn new() -> Self {
        Self {
            legs: BTreeMap::new(),
            rooms: Rooms::default(),
            turn: Vec::new(),
            bridged: Bridged::new(),
            scratch: Box::new(Scratch::new()),
        }
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
            Command::Listen { leg } => self.with_leg(leg, Leg::listen_for_voice),
            Command::Unbridge { leg } => self.rooms.leave(leg),
            Command::Record { leg, recording, sample_rate } => {
                self.with_leg(leg, |leg| leg.record(recording, Band::of_rate(sample_rate), now, sink));
            }
            Command::StopRecording { leg, recording } => {
                self.with_leg(leg, |leg| leg.stop_recording(recording, sink));
            }
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
        let mut has_wide = false;
        for (id, leg) in &mut self.legs {
            leg.listen(now, sink);
            has_wide |= [leg.band(), leg.heard_band()].contains(&Band::Wide);
            self.turn.push(*id);
        }
        if has_wide {
            self.convert();
        }
        for id in &self.turn {
            let room = self.rooms.of(*id);
            if let Some(room) = room {
                self.bridged.mix(*id, room, &self.legs);
            }
            if let Some(leg) = self.legs.get_mut(id) {
                leg.speak(room.map(|_| &self.bridged), now, &mut self.scratch, sink);
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
