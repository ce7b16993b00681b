//! Everybody's telephones in the world: citizens dial, operators are rung, and whatever their lines and media put out
//! goes over the lossy link. How people decide is in `people.rs`; what operators do beside calls in `desks.rs`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use rand::RngExt;

use ringback::call::leg::LegEvent;
use ringback::dtmf::Digit;
use ringback::media::{self, Exchange, PlayId};
use ringback::phone_number::PhoneNumber;
use ringback::sip::message::{
    CSeq, Flow, Headers, Host, Message, Method, Request, StatusCode, Transport, Uri, parse_datagram,
};
use ringback::softphone::line::{self, Line};
use ringback::switchboard::Command;
use ringback::switchboard::snapshot::CallPhase;

use super::city::{SHORT_NUMBER, address, service};
use super::ears::Ears;
use super::people::{Farewell, Person, Reaction, Role, Temper, later, millis};
use super::world::{Happening, World};

impl World {
    pub(super) fn add_person(&mut self, role: Role) -> usize {
        let index = self.people.len();
        let (sip, rtp) = (address(index, 5060), address(index, 4000));
        self.by_sip.insert(sip, index);
        self.by_rtp.insert(rtp, index);
        self.people.push(Person {
            line: Line::new(sip, self.rng.random()),
            media: Exchange::new(),
            rtp,
            leg: None,
            role,
            vanished: false,
            wakes_at: None,
            registration: None,
            ringing: None,
            rung: 0,
            answer: None,
            talked: false,
        });
        index
    }

    pub(super) fn place_call(&mut self) {
        let temper = Temper::draw(&mut self.rng, self.plan.vanishing);
        let at = self.now.mono;
        let person = self.add_person(Role::Citizen(temper.clone()));
        let target = Uri::sip(Some(SHORT_NUMBER), Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), Some(5060));
        let local = self.people[person].line.local();
        let flow = Flow { transport: Transport::Udp, local, remote: service() };
        let time = self.now;
        let demand = temper.insists.then(|| ("Require", "100rel".to_owned()));
        let (caller, headers) = (format!("38050{person:07}"), demand.into_iter().collect());
        self.people[person].line.call_with(target, flow, &caller, headers, time);
        self.agenda.add(at + temper.patience, Happening::HangUp { person });
        if temper.vanishes {
            let when = later(at, &mut self.rng, 500, 8_000);
            self.agenda.add(when, Happening::Vanish { person });
        }
        self.serve_person(person);
    }

    pub(super) fn react(&mut self, person: usize, rung: u64, answer: bool) {
        if self.people[person].rung != rung {
            return;
        }
        let Some(ringing) = self.people[person].ringing.take() else { return };
        let time = self.now;
        let line = &mut self.people[person].line;
        if answer {
            line.accept(ringing, time);
        } else {
            line.reject(&ringing, StatusCode::BUSY_HERE, time);
        }
        self.serve_person(person);
    }

    pub(super) fn press(&mut self, person: usize, key: char) {
        let Some(leg) = self.people[person].leg else { return };
        let digit = Digit::from_char(key).unwrap();
        self.media_command(person, media::Command::SendDigit { leg, digit });
    }

    fn media_command(&mut self, person: usize, command: media::Command) {
        let mut sink = Ears::default();
        let at = self.now.mono;
        self.people[person].media.handle_command(command, at, &mut sink);
        self.hear_person(person, sink);
    }

    /// Takes what a person's line has to say.
    pub(super) fn serve_person(&mut self, person: usize) {
        while let Some(output) = self.people[person].line.poll_output() {
            match output {
                line::Output::Transmit { bytes, .. } => {
                    let from = self.people[person].line.local();
                    self.note_answer(person, &bytes);
                    if !self.people[person].vanished && self.arrives() {
                        let at = self.arrival();
                        self.agenda.add(at, Happening::ToService { bytes, from });
                    }
                }
                line::Output::Media(command) => self.person_media(person, command),
                line::Output::Event(line::Event::Leg(event)) => self.person_event(person, event),
                line::Output::Event(line::Event::Incoming(ringing)) => self.ring(person, ringing),
                line::Output::Event(line::Event::Response { response, .. }) => {
                    if response.status.is_final() {
                        self.go_on_registering(person, &response);
                    }
                }
                line::Output::Event(line::Event::Failed { .. }) => self.begin_registration(person),
            }
        }
        if let Some(at) = self.people[person].line.poll_timeout()
            && self.people[person].wakes_at.is_none_or(|earlier| at < earlier)
        {
            self.people[person].wakes_at = Some(at);
            self.agenda.add(at, Happening::Wake { person });
        }
    }

    fn ring(&mut self, person: usize, ringing: line::Ringing) {
        self.people[person].rung += 1;
        let rung = self.people[person].rung;
        self.people[person].ringing = Some(ringing);
        match Reaction::draw(&mut self.rng) {
            Reaction::Answer { after } => {
                self.agenda.add(self.now.mono + after, Happening::React { person, rung, answer: true });
            }
            Reaction::Reject { after } => {
                self.agenda.add(self.now.mono + after, Happening::React { person, rung, answer: false });
            }
            Reaction::LetRing => {}
        }
    }

    fn person_media(&mut self, person: usize, command: media::Command) {
        if let media::Command::Open { leg, .. } = command {
            self.people[person].leg = Some(leg);
            self.media_command(person, command);
            let event = media::Event::Opened { leg, local_rtp: self.people[person].rtp };
            let time = self.now;
            self.people[person].line.handle_media(&event, time);
            return;
        }
        if matches!(command, media::Command::Close { .. }) {
            self.people[person].leg = None;
        }
        self.media_command(person, command);
    }

    fn person_event(&mut self, person: usize, event: LegEvent) {
        if event != LegEvent::Established {
            return;
        }
        self.people[person].talked = true;
        if let Some(leg) = self.people[person].leg {
            let sounds = vec![self.tone.clone()];
            self.media_command(person, media::Command::Play { leg, play: PlayId(1), sounds, repeat: true });
        }
        match self.people[person].role.clone() {
            Role::Citizen(temper) => {
                for (after, key) in temper.keys {
                    self.agenda.add(self.now.mono + after, Happening::Press { person, key });
                }
            }
            Role::Operator { .. } => {
                let at = later(self.now.mono, &mut self.rng, 500, 9_000);
                self.draw_trouble(person, at);
                self.draw_farewell(person, at);
            }
        }
    }

    fn draw_farewell(&mut self, person: usize, at: Instant) {
        match Farewell::draw(&mut self.rng) {
            Farewell::HangUp => self.agenda.add(at, Happening::HangUp { person }),
            Farewell::Transfer { to, by_phone, leaves } => {
                self.agenda.add(at, Happening::Transfer { person, to, by_phone });
                if leaves {
                    let at = later(at, &mut self.rng, 10, 3_000);
                    self.agenda.add(at, Happening::HangUp { person });
                }
            }
            Farewell::Stay => {}
        }
    }

    /// Keeps the 200 OK that opens a dialog of this telephone.
    fn note_answer(&mut self, person: usize, bytes: &[u8]) {
        if let Ok(Message::Response(response)) = parse_datagram(bytes)
            && response.status == StatusCode::OK
            && response.cseq.method == Method::Invite
        {
            self.people[person].answer = Some(Box::new(response));
        }
    }

    /// The operator passes the citizen on, whatever has become of the call meanwhile.
    pub(super) fn transfer(&mut self, person: usize, to: &str, by_phone: bool) {
        let Role::Operator { user, .. } = self.people[person].role else { return };
        if by_phone {
            self.refer(person, to);
            return;
        }
        let calls = self.board.snapshot(self.now).calls;
        let held = calls.iter().find(|call| call.operator == Some(user) && call.phase == CallPhase::Talking);
        if let Some(contact) = held.map(|call| call.id) {
            let target = PhoneNumber::from_user_part(to);
            // Busy targets and unknown ones are refused; the call goes on.
            self.board.handle_command(Command::Transfer { contact, by: user, target }, self.now).ok();
            self.carry_out();
        }
    }

    /// REFER in the dialog of the last call.
    fn refer(&mut self, person: usize, to: &str) {
        let Some(answer) = self.people[person].answer.clone() else { return };
        let host = Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut headers = Headers::default();
        headers.push("Refer-To", format!("<sip:{to}@ringback>"));
        headers.push("Contact", format!("<sip:{}>", self.people[person].line.local()));
        let refer = Request {
            method: Method::Refer,
            uri: Uri::sip(Some("ringback"), host, Some(service().port())),
            via: Vec::new(),
            from: answer.to,
            to: answer.from,
            call_id: answer.call_id,
            // The line counts its own requests in the dialog from 1; an equal number is no step back.
            cseq: CSeq { seq: 1, method: Method::Refer },
            max_forwards: 70,
            headers,
            body: Vec::new(),
        };
        let local = self.people[person].line.local();
        let flow = Flow { transport: Transport::Udp, local, remote: service() };
        let time = self.now;
        self.people[person].line.send(refer, flow, time).unwrap();
        self.serve_person(person);
    }

    pub(super) fn hear_person(&mut self, person: usize, sink: Ears) {
        for (to, packet) in sink.rtp {
            if let Some(leg) = self.service_ports.get(&to).copied()
                && !self.people[person].vanished
                && self.arrives()
            {
                let from = self.people[person].rtp;
                let at = self.now.mono + millis(&mut self.rng, 1, 15);
                self.agenda.add(at, Happening::RtpToService { leg, from, packet });
            }
        }
    }
}
