//! Requests from outside any call: who may come in, and with what answer everybody else goes.
//! RFC 3261 8.2. Requests within a call are handed to their leg; digests are checked in `sip/digest_auth.rs`,
//! what an admitted INVITE becomes is `call/setup.rs`.

use std::net::IpAddr;

use crate::call::refusal::{Refusal, with_abilities};
use crate::call::{NewCall, Purpose};
use crate::ids::LegId;
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::recording::{Keeping, Recorder, WhenUnable};
use crate::sip::digest_auth::{Ha1, Verdict};
use crate::sip::message::{Flow, Method, Request, StatusCode};
use crate::sip::transaction::ServerTransactionId;
use crate::switchboard::request_check::{check, check_extensions};
use crate::switchboard::service_code::MAX_SERVICE_CALLS;
use crate::switchboard::{Intake, Owner, ServiceCall, Switchboard, with_turn};
use crate::time::Now;

/// Where an authenticated INVITE comes from.
enum Origin {
    Trunk(String),
    Phone(String),
}

impl Switchboard {
    pub(super) fn handle_request(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        now: Now,
    ) {
        if request.to.tag().is_some() {
            match self.leg_of_dialog(&request) {
                Some(leg) => self.handle_dialog_request(leg, transaction, &request, now),
                None => self.refuse(transaction, &request, Refusal::NoSuchDialog, now),
            }
            return;
        }
        if let Err(refusal) = check(&request) {
            self.refuse(transaction, &request, refusal, now);
            return;
        }
        if request.from.uri.user.as_deref().is_some_and(|user| self.guests.knows(user)) {
            self.handle_guest(transaction, request, flow, now);
            return;
        }
        match request.method {
            Method::Invite => self.handle_invite(transaction, request, flow, now),
            Method::Register => self.handle_register(transaction, &request, flow, now),
            Method::Options => self.handle_options(transaction, &request, flow, now),
            Method::Bye
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Notify
            | Method::Subscribe
            | Method::Refer => {
                let refusal = match request.method {
                    Method::Bye | Method::Info | Method::Update | Method::Prack | Method::Notify => {
                        Refusal::NoSuchDialog
                    }
                    // Subscriptions are made by REFER, and REFER only moves a call that is on.
                    Method::Subscribe => Refusal::BadEvent,
                    Method::Refer => Refusal::Declined,
                    _ => Refusal::MethodNotAllowed,
                };
                self.refuse(transaction, &request, refusal, now);
            }
            Method::Other(_) => self.refuse(transaction, &request, Refusal::MethodUnknown, now),
            _ => self.refuse(transaction, &request, Refusal::MethodNotAllowed, now),
        }
    }

    fn handle_dialog_request(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        now: Now,
    ) {
        if self.restrains_guest(leg, transaction, request) {
            return;
        }
        if matches!(request.method, Method::Other(_)) {
            self.refuse(transaction, request, Refusal::MethodUnknown, now);
            return;
        }
        if let Err(refusal) = check_extensions(request) {
            self.refuse(transaction, request, refusal, now);
            return;
        }
        if request.method == Method::Refer {
            self.handle_refer(leg, transaction, request, now);
            return;
        }
        self.with_dictation(leg, now, |one, turn| one.handle_request(transaction, request, turn));
        self.with_leg(
            leg,
            now,
            |call, turn| call.handle_request(leg, transaction, request, turn),
            |service, turn| service.handle_request(transaction, request, turn),
        );
    }

    /// As an INVITE would be answered (RFC 3261 11.2): strangers are challenged and learn no more than that.
    fn handle_options(&mut self, transaction: ServerTransactionId, request: &Request, flow: Flow, now: Now) {
        if !self.is_acquainted(flow, now) && self.authenticate(transaction, request, now).is_none() {
            return;
        }
        if let Some(refusal) = self.why_out_of_service(flow) {
            self.refuse(transaction, request, refusal, now);
            return;
        }
        let response = with_abilities(request.response(StatusCode::OK, &self.mint.token()))
            .with_header("Accept-Encoding", "identity");
        with_turn!(self, now, |turn| turn.respond(transaction, &response));
    }

    /// What dispatchers are to know from the answer to OPTIONS. Phones are told only that the program stops: out of
    /// service, theirs are the calls that finish.
    fn why_out_of_service(&self, flow: Flow) -> Option<Refusal> {
        match self.intake {
            Intake::Closed { .. } => Some(Refusal::Stopping),
            Intake::Draining { .. } if self.is_trusted(flow) => Some(Refusal::Draining),
            _ => None,
        }
    }

    fn handle_invite(&mut self, transaction: ServerTransactionId, request: Request, flow: Flow, now: Now) {
        if request.headers.first("Replaces").is_some() {
            self.handle_replacing_invite(transaction, request, flow, now);
            return;
        }
        let number = PhoneNumber::from_user_part(request.uri.user.as_deref().unwrap_or_default());
        let service = self.is_service_code(number.as_str());
        let colleague = self.operator_of(number.as_str());
        let must_be_phone = service || colleague.is_some();
        let Some(origin) = self.identify(transaction, &request, flow, must_be_phone, now) else { return };
        if service {
            self.start_service(transaction, request, flow, &origin, now);
            return;
        }
        if let Some(colleague) = colleague {
            match origin {
                Origin::Phone(extension) => {
                    self.start_consultation(transaction, request, flow, extension, colleague, now);
                }
                Origin::Trunk(_) => self.refuse(transaction, &request, Refusal::Forbidden, now),
            }
            return;
        }
        if let Some(extension) = self.who_calls_outside(&origin, &number) {
            self.start_consultation_outside(transaction, request, flow, extension, number, now);
            return;
        }
        let numbering = match &origin {
            Origin::Trunk(name) => self.trunks.numbering(name),
            Origin::Phone(_) => NumberingPlan::default(),
        };
        let refusal = if !self.settings.is_short_number(&number, &numbering) {
            Some(Refusal::UnknownNumber)
        } else if self.citizens_calls() >= self.settings.capacity {
            Some(Refusal::OverCapacity)
        } else {
            self.intake.refusal()
        };
        let keeping = match refusal {
            Some(refusal) => Err(refusal),
            None => self.keeping(),
        };
        let admitted = keeping.and_then(|keeping| match &origin {
            Origin::Trunk(name) => self.pass_trunk(name, now).map(|()| keeping),
            Origin::Phone(_) => Ok(keeping),
        });
        let keeping = match admitted {
            Ok(keeping) => keeping,
            Err(refusal) => return self.refuse(transaction, &request, refusal, now),
        };
        let new = NewCall {
            transaction,
            invite: request,
            flow,
            trusted: matches!(origin, Origin::Trunk(_)),
            guest: None,
            origin: match origin {
                Origin::Trunk(name) | Origin::Phone(name) => name,
            },
            called: number,
            numbering,
            purpose: Purpose::Service,
            keeping,
            plan: self.settings.plan.clone(),
            topic_categories: self.settings.topic_categories.clone(),
        };
        self.start_call(new, now);
    }

    /// The extension whose phone dials a number that some trunk takes.
    fn who_calls_outside(&self, origin: &Origin, number: &PhoneNumber) -> Option<String> {
        let Origin::Phone(extension) = origin else { return None };
        let is_ours = self.settings.is_short_number(number, &NumberingPlan::default());
        (!is_ours && self.trunks.take(number)).then(|| extension.clone())
    }

    /// How the sound of a call that comes now is kept.
    pub(super) fn keeping(&self) -> Result<Keeping, Refusal> {
        match (self.settings.recording, self.recorder) {
            (None, _) => Ok(Keeping::Off),
            (Some(WhenUnable::Refuse), Recorder::Impaired { .. }) => Err(Refusal::CannotRecord),
            (Some(WhenUnable::AnswerUnrecorded), Recorder::Impaired { cause, .. }) => {
                Ok(Keeping::Unrecorded(cause))
            }
            (Some(when_unable), Recorder::Off | Recorder::Able) => Ok(Keeping::Recorded { when_unable }),
        }
    }

    /// What `capacity` counts.
    pub(super) fn citizens_calls(&self) -> usize {
        self.calls.values().filter(|call| !call.is_over() && !call.is_consultation()).count()
    }

    fn start_service(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        origin: &Origin,
        now: Now,
    ) {
        let Origin::Phone(extension) = origin else {
            self.refuse(transaction, &request, Refusal::Forbidden, now);
            return;
        };
        let busy = self.services.len() >= MAX_SERVICE_CALLS
            || self.services.values().any(|service| service.extension() == extension);
        if busy || self.intake.is_closed() {
            self.refuse(transaction, &request, Refusal::OverCapacity, now);
            return;
        }
        let Some(code) = self.apply_service_code(&request, extension, now) else {
            self.refuse(transaction, &request, Refusal::Forbidden, now);
            return;
        };
        let started =
            with_turn!(self, now, |turn| ServiceCall::offered(transaction, request, flow, code, turn));
        match started {
            Ok(service) => {
                self.owners.insert(service.leg(), Owner::Service(service.leg()));
                self.services.insert(service.leg(), service);
            }
            Err((refusal, invite)) => self.refuse(transaction, &invite, refusal, now),
        }
    }

    /// Who sends this INVITE. A trusted address needs no proof, except where a phone's owner is acted upon
    /// (`must_be_phone`). Nobody is told whether a name exists: every failure is the same challenge.
    fn identify(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        flow: Flow,
        must_be_phone: bool,
        now: Now,
    ) -> Option<Origin> {
        if !must_be_phone
            && self.is_trusted(flow)
            && let Some(trunk) = self.trunks.of_source(&request.uri, flow.remote.ip())
        {
            return Some(Origin::Trunk(trunk.to_owned()));
        }
        let user = self.authenticate(transaction, request, now)?;
        if self.settings.accounts.contains_key(&user) {
            return Some(Origin::Phone(user));
        }
        let trunk = self
            .settings
            .trunks
            .iter()
            .find(|trunk| trunk.digest.as_ref().is_some_and(|(name, _)| *name == user));
        trunk.map(|trunk| Origin::Trunk(trunk.name.clone()))
    }

    /// The user who proved the password; everybody else is challenged here, without holding a transaction for them.
    pub(super) fn authenticate(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        now: Now,
    ) -> Option<String> {
        let flow = self.sip.server_flow(transaction)?;
        let source = flow.remote.ip();
        let settings = &self.settings;
        let secret_of = |user: &str| -> Option<Ha1> {
            settings.accounts.get(user).map(|account| account.ha1.clone()).or_else(|| {
                let trunk_secrets = settings.trunks.iter().filter_map(|trunk| trunk.digest.as_ref());
                trunk_secrets.into_iter().find(|(name, _)| name == user).map(|(_, ha1)| ha1.clone())
            })
        };
        let verdict = self.authenticator.verify(request, source, secret_of, now.mono);
        let stale = match self.weigh(verdict, flow, now) {
            Verdict::Accepted { user } => return Some(user),
            Verdict::Challenge { stale } => stale,
            Verdict::Refused { .. } => false,
        };
        self.challenge(transaction, request, stale, source, now);
        None
    }

    /// Asks for the password, without holding a transaction for it.
    pub(super) fn challenge(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        stale: bool,
        source: IpAddr,
        now: Now,
    ) {
        let mut response = request.response(StatusCode::UNAUTHORIZED, &self.sip.stateless_tag(request));
        for challenge in self.authenticator.challenge(stale, source, now.mono) {
            response.headers.push("WWW-Authenticate", challenge);
        }
        self.sip.dismiss(transaction, &response);
    }

    /// Trunks get an answer that is repeated until it arrives; everybody else asks again.
    pub(super) fn refuse(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        refusal: Refusal,
        now: Now,
    ) {
        let flow = self.sip.server_flow(transaction);
        if !flow.is_some_and(|flow| self.is_trusted(flow)) {
            return self.turn_away(transaction, request, refusal);
        }
        with_turn!(self, now, |turn| turn.refuse(transaction, request, refusal));
    }
}
