//! The outside of the service, played by the simulation: effects are carried out, packets
//! sent, disk and store answer after a random while. What they have written is `record.rs`;
//! who gets the packets is in `street.rs`.

use std::net::SocketAddr;
use std::sync::Arc;

use rand::RngExt;

use ringback::call::effect::Effect;
use ringback::case::CaseNumber;
use ringback::ivr::Answer;
use ringback::media::{self, Sound};
use ringback::recording::{RecordingResult, Sealed};
use ringback::sip::message::{Message, StatusCode, parse_datagram};
use ringback::switchboard::Input;

use super::city::service_rtp;
use super::ears::Ears;
use super::people::millis;
use super::record::Tape;
use super::world::{Happening, World};

impl World {
    pub(super) fn carry_out(&mut self) {
        while let Some(effect) = self.board.poll_effect() {
            self.carry_out_one(effect);
        }
    }

    fn later(&mut self, from: u64, to: u64, input: Input) {
        let at = self.now.mono + millis(&mut self.rng, from, to);
        self.agenda.add(at, Happening::Input(Box::new(input)));
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Transmit { bytes, flow } => self.transmit(bytes, flow.remote),
            Effect::Shun { .. } | Effect::Vouch { .. } => {}
            Effect::Media(command) => self.service_media(command),
            Effect::PlayPrompts { leg, play, prompts } => {
                let length = 800 * prompts.len();
                let sounds = vec![Arc::new(Sound { samples: vec![0; length] })];
                self.service_media(media::Command::Play { leg, play, sounds, repeat: false });
            }
            Effect::PlayMusic { leg, play } | Effect::PlayRinging { leg, play } => {
                let sounds = vec![Arc::new(Sound { samples: vec![0; 8_000] })];
                self.service_media(media::Command::Play { leg, play, sounds, repeat: true });
            }
            Effect::OpenRecording { recording, .. } => {
                self.tapes.insert(recording.id, Tape { open: true, ..Tape::default() });
                self.later(1, 20, Input::RecordingOpened { recording: recording.id });
            }
            Effect::StartRecording { .. }
            | Effect::Mark { .. }
            | Effect::SaveCallBack { .. }
            | Effect::SaveLadder { .. } => {}
            Effect::SealRecording { recording } => {
                let tape = self.tapes.get_mut(&recording).unwrap();
                tape.sealed = true;
                let sealed = Sealed {
                    recording,
                    frames: tape.frames,
                    gaps: Vec::new(),
                    result: RecordingResult::Ok,
                    sha256: None,
                    proof: None,
                    cause: None,
                };
                self.later(1, 50, Input::RecordingSealed(sealed));
            }
            Effect::DiscardRecording { recording } => {
                self.tapes.get_mut(&recording).unwrap().discarded = true
            }
            Effect::Commit { ticket, contact, recording, entries } => {
                let fails = ticket.is_some() && self.rng.random_bool(self.plan.commit_failures);
                if !fails {
                    self.record.write(contact.map(|row| *row), recording.map(|row| *row), entries);
                }
                self.store_free_at = self.store_free_at.max(self.now.mono) + millis(&mut self.rng, 1, 6);
                if let Some(ticket) = ticket {
                    let input = Box::new(Input::Committed { ticket, durable: !fails });
                    self.agenda.add(self.store_free_at, Happening::Input(input));
                }
            }
            Effect::RegisterCase { contact, draft, .. } => {
                self.record.cases.entry(contact).or_default().push(*draft);
                self.record.registered += 1;
                let number = CaseNumber(format!("2026-01-{:06}", self.record.registered));
                self.store_free_at = self.store_free_at.max(self.now.mono) + millis(&mut self.rng, 1, 6);
                let input = Box::new(Input::CaseRegistered { contact, number });
                self.agenda.add(self.store_free_at, Happening::Input(input));
            }
            Effect::AttachCaller { .. } => unreachable!("no plan of the simulation looks for incidents"),
            Effect::Resolve { .. } => unreachable!("the city's trunk is known by address"),
            Effect::PlayBack { .. } | Effect::ReadDictation { .. } | Effect::KeepPrompt { .. } => {
                unreachable!("nobody records prompts here")
            }
            Effect::Lookup { contact, .. } => {
                let answer =
                    [Answer::NotFound, Answer::Count(2), Answer::Failed][self.rng.random_range(0..3)].clone();
                self.later(1, 400, Input::LookupAnswered { contact, answer });
            }
        }
    }

    /// Nothing is answered before it is durable: the one message this must be true of.
    fn transmit(&mut self, bytes: Vec<u8>, to: SocketAddr) {
        if let Ok(Message::Response(response)) = parse_datagram(&bytes)
            && response.status == StatusCode::OK
            && response.cseq.method == ringback::sip::message::Method::Invite
        {
            let contact =
                self.record.by_call_id.get(&response.call_id).expect("answered before it was written");
            assert!(
                self.tapes[&self.record.contacts[contact].recording.unwrap()].open,
                "answered without a tape"
            );
        }
        let Some(person) = self.by_sip.get(&to).copied() else { return };
        if self.arrives() {
            let at = self.arrival();
            self.agenda.add(at, Happening::ToPerson { person, bytes });
        }
    }

    fn service_media(&mut self, command: media::Command) {
        match &command {
            media::Command::Open { leg, .. } => {
                let (leg, local_rtp) = (*leg, service_rtp(*leg));
                self.service_ports.insert(local_rtp, leg);
                self.later(1, 5, Input::Media(media::Event::Opened { leg, local_rtp }));
            }
            media::Command::Close { leg } => {
                self.service_ports.remove(&service_rtp(*leg));
            }
            _ => {}
        }
        let mut sink = Ears::default();
        self.media.handle_command(command, self.now.mono, &mut sink);
        self.hear_service(sink);
    }

    pub(super) fn hear_service(&mut self, sink: Ears) {
        for (recording, frames, loud) in sink.blocks {
            let tape = self.tapes.get_mut(&recording).unwrap();
            assert!(tape.open && !tape.sealed, "a block for a tape that is not open");
            tape.frames += frames;
            tape.loud_ticks += u64::from(loud);
        }
        for (leg, to, packet) in sink.rtp_of {
            if let Some(person) = self.by_rtp.get(&to).copied()
                && self.arrives()
            {
                let at = self.now.mono + millis(&mut self.rng, 1, 15);
                self.agenda.add(at, Happening::RtpToPerson { person, from: service_rtp(leg), packet });
            }
        }
        for event in sink.events {
            self.agenda.add(self.now.mono, Happening::Input(Box::new(Input::Media(event))));
        }
    }
}
