//! Star codes: an operator's phone dials them to become ready or not ready, hears a confirmation, is hung up.
//! Which numbers they are is `[operator]` of the configuration; that a phone proves
//! who it is belongs to `admission.rs`.

use std::time::{Duration, Instant};

use crate::acd::OperatorStatus;
use crate::call::effect::Effect;
use crate::call::leg::{Leg, LegEvent};
use crate::call::refusal::Refusal;
use crate::call::turn::Turn;
use crate::dialplan::PromptRef;
use crate::ids::{LegId, UserId};
use crate::language::Language;
use crate::media::{self, PlayId};
use crate::phone_number::PhoneNumber;
use crate::sip::message::{Flow, Request};
use crate::sip::transaction::ServerTransactionId;
use crate::switchboard::Switchboard;
use crate::time::Now;

/// A confirmation never takes longer than this; then the phone is hung up on.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(20);
/// The reason shown for an operator who used the star code.
const STAR_CODE_REASON: &str = "star_code";

/// Star-code calls at once; they count beside `capacity`, and each holds two ports for seconds.
pub(super) const MAX_SERVICE_CALLS: usize = 32;

/// One short call of an operator to the system itself. No contact: nobody but the system speaks.
#[derive(Debug)]
pub(super) struct ServiceCall {
    leg: Leg,
    code: ServiceCode,
    deadline: Instant,
    /// The confirmation was on its way to the operator's ear.
    confirmed: bool,
}

/// What a star code does, and what its caller hears.
#[derive(Clone, Debug)]
pub(super) struct ServiceCode {
    pub(super) extension: String,
    prompt: PromptRef,
    /// Ready once the phone is free again: a call would find it busy with this one.
    then_ready: Option<UserId>,
}

impl ServiceCall {
    pub(super) fn offered(
        transaction: ServerTransactionId,
        invite: Request,
        flow: Flow,
        code: ServiceCode,
        turn: &mut Turn<'_>,
    ) -> Result<Self, (Refusal, Box<Request>)> {
        let leg = Leg::incoming(transaction, invite, flow, turn)?;
        Ok(Self { leg, code, deadline: turn.now.mono + SERVICE_TIMEOUT, confirmed: false })
    }

    pub(super) fn extension(&self) -> &str {
        &self.code.extension
    }

    /// Who becomes ready now that the call is over.
    pub(super) fn makes_ready(&self) -> Option<UserId> {
        self.code.then_ready.filter(|_| self.confirmed)
    }

    pub(super) fn leg(&self) -> LegId {
        self.leg.id
    }

    pub(super) fn is_over(&self) -> bool {
        self.leg.is_ended()
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| at <= now)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.leg.poll_timeout(), Some(self.deadline)].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        self.leg.handle_timeout(turn);
        if self.deadline <= turn.now.mono {
            self.leg.hang_up(turn);
            self.deadline = turn.now.mono + SERVICE_TIMEOUT;
        }
    }

    pub(super) fn handle_media(&mut self, event: &media::Event, turn: &mut Turn<'_>) {
        match event {
            media::Event::Opened { local_rtp, .. } => {
                self.leg.handle_media_opened(*local_rtp, turn);
                self.leg.answer_or_refuse(turn);
            }
            media::Event::OpenFailed { .. } => {
                self.leg.handle_media_failed(turn);
            }
            media::Event::PlayFinished { .. }
            | media::Event::WentQuiet { .. }
            | media::Event::MediaTimeout { .. }
            | media::Event::SecurityFailed { .. } => self.leg.hang_up(turn),
            _ => {}
        }
    }

    pub(super) fn handle_ack(&mut self, ack: &Request, turn: &mut Turn<'_>) {
        if self.leg.handle_ack(ack, turn) == Some(LegEvent::Established) {
            self.confirmed = true;
            turn.effect(Effect::PlayPrompts {
                leg: self.leg.id,
                play: PlayId(1),
                prompts: vec![self.code.prompt.clone()],
            });
        }
    }

    pub(super) fn handle_cancel(&mut self, turn: &mut Turn<'_>) {
        self.leg.handle_cancel(turn);
    }

    pub(super) fn handle_request(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        turn: &mut Turn<'_>,
    ) {
        self.leg.handle_request(transaction, request, turn);
    }
}

impl Switchboard {
    pub(super) fn is_service_code(&self, number: &str) -> bool {
        number == self.settings.ready_code || number == self.settings.not_ready_code
    }

    /// Applies the code dialled by `extension`, or prepares it; the prompt confirms it in the operator's language.
    pub(super) fn apply_service_code(
        &mut self,
        request: &Request,
        extension: &str,
        now: Now,
    ) -> Option<ServiceCode> {
        let operator = self.operator_of(extension)?;
        let profile = self.settings.operators.iter().find(|known| known.user == operator)?;
        let language = profile.languages.first().copied().unwrap_or(Language::Uk);
        let number = PhoneNumber::from_user_part(request.uri.user.as_deref().unwrap_or_default());
        let (prompt, then_ready) = if number.as_str() == self.settings.ready_code {
            match self.acd.status(operator) {
                None | Some(OperatorStatus::LoggedOut) => ("operator.refused", None),
                Some(_) => ("operator.ready", Some(operator)),
            }
        } else {
            match self.acd.set_not_ready(operator, STAR_CODE_REASON, now.mono) {
                Ok(()) => ("operator.not_ready", None),
                Err(error) => {
                    tracing::info!(operator.id = %operator, %error, "star code not applied");
                    ("operator.refused", None)
                }
            }
        };
        let prompt = PromptRef { id: prompt.to_owned(), language };
        Some(ServiceCode { extension: extension.to_owned(), prompt, then_ready })
    }
}
