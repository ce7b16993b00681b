//! Cases that wait for their applicant's answer: what the store knows of them goes to the switchboard, which rings, and what
//! calls brought goes into the cases. All of it is worked out anew from the rows each time, so that a program that was
//! killed at any moment goes on where it was, and nothing is told twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::pace::pause_after;
use super::vital::Vital;
use crate::call::masked;
use crate::case::city::CityPlan;
use crate::case::rules::VerifyRule;
use crate::case::{Case, CaseEvent, CaseNumber, ClosingCode, InvalidTransition, TellingChannel, Told};
use crate::ids::Mint;
use crate::language::Language;
use crate::notification::chain::{Fate, Step, Writing, next_step};
use crate::notification::{Channel, Occasion};
use crate::notify::{self, Whom, outgoing_to};
use crate::people::Actor;
use crate::store::{Asking, AskingCall, Store, StoreError};
use crate::switchboard::Input;
use crate::time::Timestamp;
use crate::verification::{Inquiry, NotAsked, Policy, Recipient, diallable};

const ACTOR: &str = "verification";

/// What may change with a reload.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub policy: Option<Policy>,
    /// When executors may call applicants.
    pub masked: Option<masked::Policy>,
    pub city: Arc<CityPlan>,
    /// A message on an answering machine counts as told.
    pub machine_counts: bool,
}

#[derive(Debug)]
pub(super) struct VerificationWatch {
    store: Store,
    rules: watch::Receiver<Rules>,
    inputs: mpsc::Sender<Input>,
    notices: watch::Receiver<Arc<notify::Settings>>,
    mint: Mint,
    /// As it was sent last.
    sent: Vec<Inquiry>,
    /// Told and closed as far as the program may; the rest is the control desk's.
    left: BTreeSet<(Recipient, Timestamp)>,
    _vital: Vital,
}

type Moved = Result<(Case, Vec<CaseEvent>), InvalidTransition>;

impl VerificationWatch {
    pub(super) fn new(
        store: Store,
        rules: watch::Receiver<Rules>,
        inputs: mpsc::Sender<Input>,
        notices: watch::Receiver<Arc<notify::Settings>>,
        vital: Vital,
    ) -> Self {
        let mint = Mint::new(rand::random());
        Self { store, rules, inputs, notices, mint, sent: Vec::new(), left: BTreeSet::new(), _vital: vital }
    }

    /// Ends with the switchboard.
    pub(super) async fn run(mut self) {
        loop {
            let began = crate::time::now().mono;
            match self.look().await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "cases in verification not read"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause_after(began)) => {}
                changed = self.rules.changed() => if changed.is_err() { return },
                () = self.inputs.closed() => return,
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let rules = self.rules.borrow_and_update().clone();
        let Some(policy) = &rules.policy else { return self.send(Vec::new()).await };
        let askings = self.store.askings().await?;
        let mut inquiries = Vec::with_capacity(askings.len());
        let mut waiting = BTreeSet::new();
        for asking in &askings {
            self.tell(asking, &rules).await?;
            self.tell_written(asking).await?;
            let inquiry = inquiry_of(asking, &rules.city);
            if let Some(why) = inquiry.over(policy) {
                self.conclude(asking, why, &rules).await?;
            }
            waiting.insert((recipient_of(asking), asking.since));
            inquiries.push(inquiry);
        }
        self.left.retain(|known| waiting.contains(known));
        self.send(inquiries).await
    }

    async fn send(&mut self, inquiries: Vec<Inquiry>) -> Result<(), StoreError> {
        if inquiries != self.sent {
            self.sent.clone_from(&inquiries);
            self.inputs.send(Input::ApplicantsToAsk(inquiries)).await.map_err(|_| StoreError::Closed)?;
        }
        Ok(())
    }

    /// Each call whose outcome is known and that the case has not heard of.
    async fn tell(&self, asking: &Asking, rules: &Rules) -> Result<(), StoreError> {
        for call in &asking.calls {
            let (contact, media) = (call.attempt.contact, call.media);
            let is_news = asking.case.told.iter().all(|told| told.contact != Some(contact));
            if call.attempt.outcome.is_none() || !is_news {
                continue;
            }
            let (call, since, rule) = (call.clone(), asking.since, rules.city.verify_rule().clone());
            let addressed = (asking.whom.clone(), asking.language);
            let (actor, at) = (Actor::system(ACTOR), crate::time::now().utc);
            let machine_counts = rules.machine_counts;
            let by = actor.clone();
            let change = move |case: Case, _: &[_]| {
                told(case, since, (&addressed, &call), machine_counts, &rule, &by, at)
            };
            let during = Some((contact, media));
            let changed = self.store.change_case_during(&asking.case.number, &actor, at, during, change);
            self.settle(&asking.case.number, changed.await)?;
        }
        Ok(())
    }

    /// Each message whose fate is known and that the case has not heard of.
    async fn tell_written(&self, asking: &Asking) -> Result<(), StoreError> {
        for writing in &asking.writings {
            let is_news = asking.case.told.iter().all(|told| told.notification != Some(writing.id));
            let delivered = match writing.fate() {
                Fate::Pending => continue,
                Fate::Reached(_) => true,
                Fate::Lost(_) => false,
            };
            if !is_news {
                continue;
            }
            let (writing, since) = (*writing, asking.since);
            let addressed = (asking.whom.clone(), asking.language);
            let (actor, at) = (Actor::system(ACTOR), crate::time::now().utc);
            let by = actor.clone();
            let change =
                move |case: Case, _: &[_]| written(case, since, (&addressed, &writing), delivered, &by, at);
            let changed = self.store.change_case(&asking.case.number, &actor, at, change);
            self.settle(&asking.case.number, changed.await)?;
        }
        Ok(())
    }

    /// Whether the way in writing is over, too: by SMS, then by e-mail, then the days for an answer.
    async fn written_out(&mut self, asking: &Asking, rules: &Rules) -> Result<bool, StoreError> {
        let (settings, at) = (self.notices.borrow().clone(), crate::time::now().utc);
        let number = asking.number.as_ref().filter(|_| asking.may_text);
        let recipients = [
            (Channel::Sms, settings.texts_to(number)),
            (Channel::Mail, settings.mails_to(asking.mail.as_deref())),
        ];
        let ways: Vec<Channel> =
            recipients.iter().filter(|(_, to)| to.is_some()).map(|(channel, _)| *channel).collect();
        let rule = rules.city.verify_rule();
        let channel = match next_step(&ways, &asking.writings, |told_at| rule.answer_deadline(told_at), at) {
            Step::Over => return Ok(true),
            Step::Wait => return Ok(false),
            Step::Write(channel) => channel,
        };
        let recipient = recipients.into_iter().find(|(way, _)| *way == channel).and_then(|(_, to)| to);
        let (Some(recipient), Some(patience)) = (recipient, settings.patience(channel)) else {
            return Ok(true);
        };
        let whom = Whom {
            case: asking.known_as(),
            cycle: asking.case.cycle,
            since: asking.since,
            language: asking.language,
            visit: None,
        };
        let what = (Occasion::Done, channel, recipient);
        let outgoing = outgoing_to(&mut self.mint, &settings, whom, what, at.plus(patience.within), at);
        self.store.queue_notification(outgoing, Actor::system(ACTOR), at).await?;
        Ok(false)
    }

    /// Nobody will be asked about it any more: closed where the rule allows that, else left to the control desk.
    async fn conclude(&mut self, asking: &Asking, why: NotAsked, rules: &Rules) -> Result<(), StoreError> {
        let rings = asking.calls.iter().any(|call| call.attempt.outcome.is_none());
        let key = (recipient_of(asking), asking.since);
        if rings || self.left.contains(&key) {
            return Ok(());
        }
        let unreached = matches!(why, NotAsked::UsedUp | NotAsked::NoNumber | NotAsked::NoMoreCalls);
        if unreached && !self.written_out(asking, rules).await? {
            return Ok(());
        }
        let was_written = asking.writings.iter().any(|writing| matches!(writing.fate(), Fate::Reached(_)));
        // What staff was told, staff closes.
        let by_staff = asking
            .case
            .answer_of(asking.whom.as_ref())
            .is_some_and(|told| told.contact.is_none() && told.channel != TellingChannel::Page);
        let (since, rule) = (asking.since, rules.city.verify_rule().clone());
        let (actor, at) = (Actor::system(ACTOR), crate::time::now().utc);
        let by = actor.clone();
        let addressed = (asking.whom.clone(), asking.language);
        let change = move |case: Case, _: &[_]| -> Moved {
            if case.state.evidence_accepted_at() != Some(since) {
                return Ok((case, Vec::new()));
            }
            match why {
                NotAsked::NoNumber | NotAsked::NoMoreCalls if was_written => {
                    case.clone().close(unanswered(&case, since), &rule, &by, at)
                }
                NotAsked::Answered if by_staff => Ok((case, Vec::new())),
                NotAsked::UsedUp => case.clone().close(unanswered(&case, since), &rule, &by, at),
                NotAsked::NoNumber | NotAsked::NoMoreCalls => unasked(case, since, &addressed, why, &by, at),
                // Said in a call that did not get as far as closing the case.
                NotAsked::Answered => case.close(ClosingCode::FixedConfirmed, &rule, &by, at),
                _ => Ok((case, Vec::new())),
            }
        };
        let changed = self.store.change_case(&asking.case.number, &actor, at, change).await;
        self.settle(&asking.case.number, changed)?;
        // Not before it is written: what the store could not take is concluded with the next look.
        self.left.insert(key);
        Ok(())
    }

    /// A refused transition means that the case has moved on, or that the control desk has the last word.
    fn settle(&self, case: &CaseNumber, changed: Result<Case, StoreError>) -> Result<(), StoreError> {
        match changed {
            Ok(case) => {
                tracing::info!(case.id = %case.number, case.state = case.state.name(), "applicant asked");
                Ok(())
            }
            Err(StoreError::Transition(refused)) => {
                tracing::info!(case.id = %case, %refused, "left to the control desk");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// What the switchboard must know of a case.
pub(crate) fn inquiry_of(asking: &Asking, city: &CityPlan) -> Inquiry {
    let case = &asking.case;
    Inquiry {
        recipient: recipient_of(asking),
        restored: case.tells_restoration(),
        since: asking.since,
        language: asking.language,
        topic: city.topic_of(&case.category).map(str::to_owned),
        number: diallable(asking.number.as_ref()),
        attempts: asking.calls.iter().map(|call| call.attempt).collect(),
        refuses_calls: asking.refuses_calls,
        given_up: asking.given_up,
        answered: case.answer_of(asking.whom.as_ref()).is_some(),
    }
}

fn recipient_of(asking: &Asking) -> Recipient {
    Recipient { case: asking.case.number.clone(), whom: asking.whom.clone() }
}

/// The code a case is closed with when this applicant says nothing: another one may have confirmed it meanwhile.
fn unanswered(case: &Case, since: Timestamp) -> ClosingCode {
    match case.told.iter().any(|told| told.at >= since && told.confirmed == Some(true)) {
        true => ClosingCode::FixedConfirmed,
        false => ClosingCode::FixedUnconfirmed,
    }
}

/// Which applicant, and the language they are spoken to in.
type Addressed = (Option<CaseNumber>, Language);

/// The case as it is after this call; the same where it has heard of it already, or is no longer asked about.
fn told(
    case: Case,
    since: Timestamp,
    (addressed, call): (&Addressed, &AskingCall),
    machine_counts: bool,
    rule: &VerifyRule,
    by: &Actor,
    at: Timestamp,
) -> Moved {
    let contact = call.attempt.contact;
    let known = case.told.iter().any(|told| told.contact == Some(contact));
    let Some(outcome) = call.attempt.outcome.filter(|_| !known) else { return Ok((case, Vec::new())) };
    if case.state.evidence_accepted_at() != Some(since) {
        return Ok((case, Vec::new()));
    }
    let told = Told {
        delivered: outcome.is_told(machine_counts),
        confirmed: outcome.confirmed(),
        contact: Some(contact),
        ..not_reached(&case, addressed, TellingChannel::Voice, at)
    };
    let (case, events) = hear(case, told, json!({ "outcome": outcome }), by, at)?;
    if outcome.confirmed() != Some(true) {
        return Ok((case, events));
    }
    // Where others who came with merged cases wait to be told as well, the last of them closes it.
    Ok(match case.clone().close(ClosingCode::FixedConfirmed, rule, by, at) {
        Ok((closed, ending)) => (closed, events.into_iter().chain(ending).collect()),
        Err(_) => (case, events),
    })
}

/// The case as it is after this message; the same where it has heard of it already, or is no longer asked about.
fn written(
    case: Case,
    since: Timestamp,
    (addressed, writing): (&Addressed, &Writing),
    delivered: bool,
    by: &Actor,
    at: Timestamp,
) -> Moved {
    let known = case.told.iter().any(|told| told.notification == Some(writing.id));
    if known || case.state.evidence_accepted_at() != Some(since) {
        return Ok((case, Vec::new()));
    }
    let channel = match writing.channel {
        Channel::Sms => TellingChannel::Sms,
        Channel::Mail => TellingChannel::Mail,
    };
    let told =
        Told { delivered, notification: Some(writing.id), ..not_reached(&case, addressed, channel, at) };
    let outcome = writing.failure.map_or_else(|| json!("written"), |why| json!(why));
    hear(case, told, json!({ "outcome": outcome, "notification": writing.id }), by, at)
}

/// An applicant who cannot be rung at all is on the record as one who was not reached, once.
fn unasked(
    case: Case,
    since: Timestamp,
    addressed: &Addressed,
    why: NotAsked,
    by: &Actor,
    at: Timestamp,
) -> Moved {
    if case.told.iter().any(|told| told.at >= since && told.whom == addressed.0) {
        return Ok((case, Vec::new()));
    }
    let told = not_reached(&case, addressed, TellingChannel::Voice, at);
    hear(case, told, json!({ "outcome": why }), by, at)
}

fn not_reached(case: &Case, addressed: &Addressed, channel: TellingChannel, at: Timestamp) -> Told {
    let (whom, language) = addressed.clone();
    Told {
        at,
        language,
        channel,
        delivered: false,
        confirmed: None,
        cycle: case.cycle,
        whom,
        contact: None,
        notification: None,
    }
}

/// The case hears that an applicant was told or not; `came_of_it` goes with it into the journal.
fn hear(case: Case, told: Told, came_of_it: Value, by: &Actor, at: Timestamp) -> Moved {
    let (case, mut events) = case.tell(told, by, at)?;
    if let (Some(attempted), Value::Object(fields)) = (events.first_mut(), came_of_it) {
        for (name, value) in fields {
            attempted.data[name] = value;
        }
    }
    Ok((case, events))
}

#[cfg(test)]
mod tests;
