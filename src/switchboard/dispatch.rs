//! The way of what comes in to the call it is about: messages of transactions by their dialog, reports of media and disk
//! by their leg or recording; and back, when a call has taken its step, into the tables that wake it next.
//! What the call makes of it is `call/`'s; requests from outside any call are `admission.rs`'s.

use crate::call::Call;
use crate::call::effect::Effect;
use crate::call::turn::Turn;
use crate::ids::{ContactId, LegId, RecordingId};
use crate::media;
use crate::sip::dialog::Dialog;
use crate::sip::message::Request;
use crate::sip::transaction::Output;
use crate::switchboard::{ServiceCall, Switchboard, with_turn};
use crate::time::Now;

/// Who a leg belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Call(ContactId),
    Service(LegId),
    /// By the leg itself: a prompt is spoken there.
    Dictation,
}

impl Switchboard {
    pub(super) fn handle_sip_output(&mut self, output: Output, now: Now) {
        let Some(output) = self.handle_asked(output, now) else { return };
        match output {
            Output::Transmit { bytes, flow } => {
                self.ladders.handle_sent(&bytes, flow, now.utc);
                self.effects.push_back(Effect::Transmit { bytes, flow });
            }
            Output::RequestReceived { transaction, request, flow } => {
                self.handle_request(transaction, *request, flow, now);
            }
            Output::AckReceived { request, .. } => {
                if let Some(leg) = self.leg_of_dialog(&request) {
                    self.with_dictation(leg, now, |one, turn| one.handle_ack(&request, turn));
                    self.with_leg(
                        leg,
                        now,
                        |call, turn| call.handle_ack(leg, &request, turn),
                        |service, turn| {
                            service.handle_ack(&request, turn);
                        },
                    );
                } else {
                    *self.counters.dropped.entry("stray_ack").or_default() += 1;
                }
            }
            Output::CancelReceived { invite } => {
                if let Some(leg) = self.routes.invites.get(&invite).copied() {
                    self.with_leg(
                        leg,
                        now,
                        |call, turn| call.handle_cancel(leg, turn),
                        ServiceCall::handle_cancel,
                    );
                }
            }
            Output::ResponseReceived { transaction, response, .. } => {
                if let Some(leg) = self.routes.requests.get(&transaction).copied() {
                    self.with_dictation(leg, now, |one, turn| {
                        one.handle_response(transaction, &response, turn)
                    });
                    self.with_leg(
                        leg,
                        now,
                        |call, turn| call.handle_response(leg, transaction, &response, turn),
                        |_, _| {},
                    );
                } else {
                    self.handle_trunk_response(transaction, &response, now);
                }
            }
            Output::RequestFailed { transaction, failure } => {
                *self.counters.transactions_failed.entry(failure.name()).or_default() += 1;
                if let Some(leg) = self.routes.requests.get(&transaction).copied() {
                    self.with_dictation(leg, now, |one, turn| one.handle_request_failed(transaction, turn));
                    self.with_leg(
                        leg,
                        now,
                        |call, turn| call.handle_request_failed(leg, transaction, turn),
                        |_, _| {},
                    );
                } else {
                    self.handle_trunk_request_failed(transaction, now);
                }
            }
            Output::ResponseFailed { .. } => {
                *self.counters.transactions_failed.entry("not_acknowledged").or_default() += 1;
            }
        }
    }

    pub(super) fn handle_media(&mut self, event: &media::Event, now: Now) {
        let leg = match event {
            media::Event::RecordingEnded { recording, .. } => {
                let recording = *recording;
                self.handle_take_ended(recording, now);
                self.with_recording(recording, now, |call, turn| {
                    call.handle_recording_ended(recording, turn)
                });
                return;
            }
            media::Event::Opened { leg, .. }
            | media::Event::OpenFailed { leg }
            | media::Event::PlayFinished { leg, .. }
            | media::Event::DigitPressed { leg, .. }
            | media::Event::AudioStarted { leg }
            | media::Event::WentQuiet { leg }
            | media::Event::VoiceStarted { leg }
            | media::Event::VoiceStopped { leg }
            | media::Event::ToneEnded { leg }
            | media::Event::MediaTimeout { leg }
            | media::Event::SecurityFailed { leg }
            | media::Event::Closed { leg, .. } => *leg,
        };
        self.with_dictation(leg, now, |one, turn| one.handle_media(event, turn));
        self.with_leg(
            leg,
            now,
            |call, turn| call.handle_media(leg, event, turn),
            |service, turn| {
                service.handle_media(event, turn);
            },
        );
    }

    pub(super) fn leg_of_dialog(&self, request: &Request) -> Option<LegId> {
        Dialog::id_of_request(request).and_then(|id| self.routes.dialogs.get(&id).copied())
    }

    pub(super) fn with_leg(
        &mut self,
        leg: LegId,
        now: Now,
        on_call: impl FnOnce(&mut Call, &mut Turn<'_>),
        on_service: impl FnOnce(&mut ServiceCall, &mut Turn<'_>),
    ) {
        match self.owners.get(&leg).copied() {
            Some(Owner::Call(contact)) => self.with_call(contact, now, on_call),
            Some(Owner::Service(id)) => self.with_service(id, now, on_service),
            // Told before, each by its own.
            Some(Owner::Dictation) | None => {}
        }
    }

    pub(super) fn with_recording(
        &mut self,
        recording: RecordingId,
        now: Now,
        step: impl FnOnce(&mut Call, &mut Turn<'_>),
    ) {
        if let Some(contact) = self.recordings.get(&recording).copied() {
            self.with_call(contact, now, step);
        }
    }

    /// One step of one call; afterwards its deadline, its legs and its end are noted.
    pub(super) fn with_call(
        &mut self,
        contact: ContactId,
        now: Now,
        step: impl FnOnce(&mut Call, &mut Turn<'_>),
    ) {
        let Some(mut call) = self.calls.remove(&contact) else { return };
        with_turn!(self, now, |turn| {
            turn.beside = Some(call.first_leg());
            step(&mut call, turn);
        });
        self.note_callback(&mut call, now);
        self.note_asking(&mut call, now);
        self.keep(call);
    }

    /// Puts a call (back) into the tables, or forgets it when it is complete.
    pub(super) fn keep(&mut self, call: Box<Call>) {
        let contact = call.id();
        if let Some(at) = self.scheduled.remove(&contact) {
            self.deadlines.remove(&(at, contact));
        }
        self.ladders.adopt(contact, call.sip_call_ids());
        if call.is_complete() {
            self.ladders.complete(contact);
            self.guests.forget(contact);
            for leg in call.legs() {
                self.owners.remove(leg);
            }
            if let Some(recording) = call.recording() {
                self.recordings.remove(&recording);
            }
            return;
        }
        for leg in call.legs() {
            self.owners.insert(*leg, Owner::Call(contact));
        }
        if call.sought().is_some() && !self.seeking_way_out.contains(&contact) {
            self.seeking_way_out.push(contact);
        }
        if let Some(at) = call.poll_timeout() {
            self.deadlines.insert((at, contact));
            self.scheduled.insert(contact, at);
        }
        self.calls.insert(contact, call);
    }

    pub(super) fn with_service(
        &mut self,
        leg: LegId,
        now: Now,
        step: impl FnOnce(&mut ServiceCall, &mut Turn<'_>),
    ) {
        let Some(mut service) = self.services.remove(&leg) else { return };
        with_turn!(self, now, |turn| step(&mut service, turn));
        if service.is_over() {
            self.owners.remove(&leg);
            if let Some(operator) = service.makes_ready()
                && let Err(error) = self.acd.set_ready(operator, now.mono)
            {
                tracing::info!(operator.id = %operator, %error, "star code not applied");
            }
        } else {
            self.services.insert(leg, service);
        }
    }
}
