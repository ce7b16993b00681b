//! What comes to a call, and where it goes: requests, responses and media by their leg, moments by their timer. Each is taken
//! on by who has the call then, in the file of that phase.

use std::time::Instant;

use crate::call::answering::Sound;
use crate::call::leg::{Leg, LegEvent};
use crate::call::turn::Turn;
use crate::call::{Call, KeySource, Missing, Phase, Timer};
use crate::ids::LegId;
use crate::media;
use crate::sip::message::{Flow, Method, Request, Response, Uri};
use crate::sip::transaction::{ClientTransactionId, ServerTransactionId, TransactionLayer};

impl Call {
    pub fn handle_request(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        turn: &mut Turn<'_>,
    ) {
        if matches!(request.method, Method::Subscribe | Method::Notify) {
            self.handle_subscription(leg, transaction, request, turn);
            return;
        }
        self.keep_referral_current(leg);
        let event = self.leg_mut(leg).and_then(|leg| leg.handle_request(transaction, request, turn));
        self.handle_leg_event(leg, event, turn);
    }

    pub fn handle_ack(&mut self, leg: LegId, ack: &Request, turn: &mut Turn<'_>) {
        let event = self.leg_mut(leg).and_then(|leg| leg.handle_ack(ack, turn));
        self.handle_leg_event(leg, event, turn);
    }

    pub fn handle_cancel(&mut self, leg: LegId, turn: &mut Turn<'_>) {
        let event = self.leg_mut(leg).and_then(|leg| leg.handle_cancel(turn));
        self.handle_leg_event(leg, event, turn);
    }

    pub fn handle_response(
        &mut self,
        leg: LegId,
        transaction: ClientTransactionId,
        response: &Response,
        turn: &mut Turn<'_>,
    ) {
        let event = self.leg_mut(leg).and_then(|leg| leg.handle_response(transaction, response, turn));
        self.handle_leg_event(leg, event, turn);
    }

    pub fn handle_request_failed(
        &mut self,
        leg: LegId,
        transaction: ClientTransactionId,
        turn: &mut Turn<'_>,
    ) {
        let event = self.leg_mut(leg).and_then(|leg| leg.handle_request_failed(transaction, turn));
        self.handle_leg_event(leg, event, turn);
    }

    pub fn handle_media(&mut self, leg: LegId, event: &media::Event, turn: &mut Turn<'_>) {
        match event {
            media::Event::Opened { local_rtp, .. } => {
                let event = self.leg_mut(leg).and_then(|leg| leg.handle_media_opened(*local_rtp, turn));
                self.handle_leg_event(leg, event, turn);
            }
            media::Event::OpenFailed { .. } => {
                let event = self.leg_mut(leg).and_then(|leg| leg.handle_media_failed(turn));
                self.handle_leg_event(leg, event, turn);
            }
            media::Event::DigitPressed { digit, .. } if leg == self.citizen.id => {
                self.handle_key(*digit, KeySource::Media, turn);
            }
            media::Event::PlayFinished { play, .. } => self.handle_play_finished(leg, *play, turn),
            media::Event::WentQuiet { .. } => self.handle_quiet(leg, turn),
            media::Event::MediaTimeout { .. } | media::Event::SecurityFailed { .. } => {
                self.handle_media_timeout(leg, turn)
            }
            media::Event::VoiceStarted { .. } if leg == self.citizen.id => {
                self.handle_applicant_sound(Sound::VoiceStarted, turn);
            }
            media::Event::VoiceStopped { .. } if leg == self.citizen.id => {
                self.handle_applicant_sound(Sound::VoiceStopped, turn);
            }
            media::Event::ToneEnded { .. } if leg == self.citizen.id => {
                self.handle_applicant_sound(Sound::ToneEnded, turn);
            }
            media::Event::DigitPressed { .. }
            | media::Event::VoiceStarted { .. }
            | media::Event::VoiceStopped { .. }
            | media::Event::ToneEnded { .. }
            | media::Event::AudioStarted { .. }
            | media::Event::RecordingEnded { .. }
            | media::Event::Closed { .. } => {}
        }
    }

    pub(super) fn handle_leg_event(&mut self, leg: LegId, event: Option<LegEvent>, turn: &mut Turn<'_>) {
        let Some(event) = event else { return };
        self.bring_forward(|party| party.leg.id == leg);
        if leg == self.citizen.id {
            self.handle_citizen_event(event, turn);
        } else if self.party_leg() == Some(leg) {
            self.handle_party_event(event, turn);
        } else if self.transfer_leg() == Some(leg) {
            self.handle_transfer_event(event, turn);
        } else {
            self.handle_supervisor_event(leg, event, turn);
        }
    }

    fn transfer_leg(&self) -> Option<LegId> {
        match &self.phase {
            Phase::Transferring { transfer } => Some(transfer.next().leg.id),
            _ => None,
        }
    }

    fn handle_citizen_event(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        if self.rings_back() {
            self.handle_rung_citizen(event, turn);
            return;
        }
        match event {
            LegEvent::Prepared => {
                self.ring(turn);
                self.have(Missing::Media, turn);
            }
            LegEvent::Acknowledged => self.have(Missing::Prack, turn),
            LegEvent::Established => self.start_walk(turn),
            LegEvent::Digit(digit) => self.handle_key(digit, KeySource::Signalling, turn),
            LegEvent::Held => self.note_hold("applicant", self.applicant(), true, turn),
            LegEvent::Resumed => self.note_hold("applicant", self.applicant(), false, turn),
            LegEvent::Ringing | LegEvent::EarlyMedia => {}
            LegEvent::Ended(end) => self.handle_citizen_ended(end, turn),
        }
    }

    pub fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        let citizen = self.citizen.id;
        let event = self.citizen.handle_timeout(turn);
        self.handle_leg_event(citizen, event, turn);
        let ringing: Vec<LegId> =
            self.party.iter().chain(&self.also_ringing).map(|party| party.leg.id).collect();
        let supervising = self.supervisors.iter().map(|supervisor| supervisor.leg().id);
        for leg in ringing.into_iter().chain(supervising.collect::<Vec<_>>()) {
            let event = self.leg_mut(leg).and_then(|party| party.handle_timeout(turn));
            self.handle_leg_event(leg, event, turn);
        }
        if let Phase::Transferring { transfer } = &mut self.phase {
            let next = transfer.next_mut();
            let leg = next.leg.id;
            let event = next.leg.handle_timeout(turn);
            self.handle_leg_event(leg, event, turn);
        }
        for leg in &mut self.retired {
            leg.handle_timeout(turn);
        }
        self.retired.retain(|leg| !leg.is_ended());
        if let Phase::Ivr { walk } = &mut self.phase
            && walk.poll_timeout().is_some_and(|at| at <= turn.now.mono)
        {
            walk.handle_timeout(turn.now);
            self.drain_walk(turn);
        }
        while let Some(timer) = self.timers.take_expired(turn.now.mono) {
            match timer {
                Timer::Setup => self.handle_setup_timeout(turn),
                Timer::Voicemail => self.end_voicemail(turn),
                Timer::Seal => self.handle_seal_timeout(turn),
                Timer::Dispose => self.dispose_now(turn),
                Timer::Hold => self.handle_hold_timeout(turn),
                Timer::Ring => self.handle_ring_timeout(turn),
                Timer::RingSupervisor => self.handle_supervisor_ring_timeout(turn),
                Timer::Answering => self.handle_answering_timeout(turn),
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let of_phase = match &self.phase {
            Phase::Ivr { walk } => walk.poll_timeout(),
            _ => None,
        };
        let parties = self.parties().filter_map(|party| party.leg.poll_timeout()).min();
        let retired = self.retired.iter().filter_map(Leg::poll_timeout).min();
        let supervisors =
            self.supervisors.iter().filter_map(|supervisor| supervisor.leg().poll_timeout()).min();
        [retired, self.citizen.poll_timeout(), parties, supervisors, of_phase, self.timers.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// A connection is gone; legs that went over it find another way, if there is one.
    pub fn handle_flow_closed(&mut self, flow: &Flow, now: Instant) {
        for leg in self.live_legs() {
            leg.handle_flow_closed(flow);
        }
        self.doubt_hold(flow, now);
    }

    /// A phone of this call registered `contact` over `flow`.
    pub fn follow_registration(
        &mut self,
        contact: &Uri,
        flow: Flow,
        sip: &mut TransactionLayer,
        now: Instant,
    ) {
        for leg in self.live_legs() {
            leg.follow_registration(contact, flow, sip, now);
        }
        self.trust_hold(&flow, now);
    }
}
