//! Empties the outbox, one task for each way: claims what may go out now, sends a few at a time, writes down what came of
//! each, and leaves a gateway that does not answer in peace. Also puts in what tells applicants the number of their new
//! case. Everything it must remember is in the rows: a program that was killed goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::code::Code;
use super::{Board, SendError, Settings};
use crate::ids::{Mint, NotificationId};
use crate::journal::{Draft, EventType};
use crate::notification::breaker::{Breaker, Turn};
use crate::notification::text::{Facts, Visit, compose};
use crate::notification::{Channel, Failure, Occasion, Patience};
use crate::people::Actor;
use crate::phone_number::PhoneNumber;
use crate::store::{Claimed, NewCase, Outgoing, Settlement, Store, StoreError};
use crate::time::{self, Timestamp};

/// A message waits so long at most before it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A claim outlasts the attempt by this: the outcome is still to be written.
const CLAIM_MARGIN: Duration = Duration::from_secs(5);
/// New cases are told of within this time, or not at all: after a long stop nobody is told what they know.
const NEWS_FOR: Duration = Duration::from_secs(3_600);
/// New cases looked at in one go.
const NEW_CASES: u32 = 50;
const ACTOR: &str = "notify";

/// One way's task.
#[derive(Debug)]
pub struct Sender {
    store: Store,
    settings: watch::Receiver<Arc<Settings>>,
    board: Board,
    channel: Channel,
    breaker: Breaker,
    mint: Mint,
    /// Cases registered before are not told of.
    began_at: Timestamp,
    sending: JoinSet<(Claimed, Patience, Result<Option<String>, SendError>)>,
}

impl Sender {
    pub fn new(
        store: Store,
        settings: watch::Receiver<Arc<Settings>>,
        board: Board,
        channel: Channel,
    ) -> Self {
        let mint = Mint::new(rand::rng().random());
        let began_at = Timestamp::from_micros(
            time::now().utc.micros() - i64::try_from(NEWS_FOR.as_micros()).unwrap_or(i64::MAX),
        );
        let (breaker, sending) = (Breaker::default(), JoinSet::new());
        Self { store, settings, board, channel, breaker, mint, began_at, sending }
    }

    /// Until the store is closed, or nobody has settings for it any more.
    pub async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                Some(sent) = self.sending.join_next() => match sent {
                    Ok((message, patience, outcome)) => self.settle(message, &patience, outcome).await,
                    // Claimed still: sent again when the claim is over.
                    Err(error) => { tracing::error!(%error, "a message broke off"); Ok(()) }
                },
                _ = look.tick() => Ok(()),
                changed = self.settings.changed() => if changed.is_err() { return } else { Ok(()) },
            };
            match self.go_on(done).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, channel = self.channel.name(), "the outbox was not looked at")
                }
            }
        }
    }

    async fn go_on(&mut self, done: Result<(), StoreError>) -> Result<(), StoreError> {
        done?;
        let settings = self.settings.borrow_and_update().clone();
        let at = time::now().utc;
        // One of the two is enough for both ways.
        if self.channel == Channel::Sms {
            self.store.expire_notifications(at).await?;
        }
        let Some(patience) = settings.patience(self.channel).cloned() else { return Ok(()) };
        if settings.tells_registered(self.channel) {
            self.announce(&settings, &patience, at).await?;
        }
        let room = self.breaker.room(at, patience.at_once).saturating_sub(self.sending.len());
        if room == 0 || !self.store.has_notifications(self.channel, at).await? {
            return Ok(());
        }
        let until = at.plus(patience.timeout + CLAIM_MARGIN);
        let only_awaited = !patience.is_open(at);
        let claimed = self.store.claim_notifications(self.channel, at, until, room, only_awaited).await?;
        for message in claimed {
            if message.attempts > patience.attempts {
                // Broken off by crashes as often as it may be tried: nobody was asked, and nobody has answered.
                let unanswered = Settlement::Failed(Failure::Unanswered);
                self.store.settle_notification(message.id, unanswered, at).await?;
            } else {
                self.begin(message, &settings, &patience);
            }
        }
        Ok(())
    }

    fn begin(&mut self, message: Claimed, settings: &Arc<Settings>, patience: &Patience) {
        let (settings, patience) = (settings.clone(), patience.clone());
        tracing::debug!(notification.id = %message.id, channel = self.channel.name(), "sending");
        self.sending.spawn(async move {
            let outcome = match (message.channel, &settings.sms, &settings.mail) {
                (Channel::Sms, Some(sms), _) => sms.gateway.send(&message, patience.timeout).await,
                (Channel::Mail, _, Some(mail)) => {
                    mail.server.send(&message, patience.timeout).await.map(|()| None)
                }
                _ => Err(SendError::Later("switched off".to_owned())),
            };
            (message, patience, outcome)
        });
    }

    async fn settle(
        &mut self,
        message: Claimed,
        patience: &Patience,
        outcome: Result<Option<String>, SendError>,
    ) -> Result<(), StoreError> {
        let at = time::now().utc;
        let turn = match &outcome {
            Err(SendError::Gateway(_)) => self.breaker.failed(at),
            _ => self.breaker.answered(),
        };
        self.show(&outcome, at);
        let settlement = match outcome {
            Ok(gateway_id) => {
                let report_by = patience.report_within.map(|within| at.plus(within));
                Settlement::Sent { gateway_id, report_by }
            }
            Err(SendError::Refused(why)) => {
                tracing::warn!(notification.id = %message.id, why, "message refused");
                Settlement::Failed(Failure::Refused)
            }
            Err(SendError::Gateway(why) | SendError::Later(why)) => {
                tracing::warn!(notification.id = %message.id, why, attempts = message.attempts, "message not taken");
                match patience.retry_deadline(message.attempts, at) {
                    Some(again) => Settlement::Again(again),
                    None => Settlement::Failed(Failure::Unanswered),
                }
            }
        };
        self.store.settle_notification(message.id, settlement, at).await?;
        match turn {
            Some(turn) => self.alarm(turn, at).await,
            None => Ok(()),
        }
    }

    fn show(&self, outcome: &Result<Option<String>, SendError>, at: Timestamp) {
        let halted_since = self.breaker.halted_since();
        self.board.note(self.channel, |way| {
            way.halted_since = halted_since;
            match outcome {
                Ok(_) => {
                    way.taken += 1;
                    way.taken_at = Some(at);
                }
                Err(error) => {
                    way.failed += 1;
                    way.trouble = Some((at, error.to_string()));
                }
            }
        });
    }

    async fn alarm(&self, turn: Turn, at: Timestamp) -> Result<(), StoreError> {
        let event = match turn {
            Turn::Halted => {
                tracing::error!(
                    channel = self.channel.name(),
                    "the gateway does not answer; nothing is sent for now"
                );
                EventType::NotifHalted
            }
            Turn::Resumed => {
                tracing::info!(channel = self.channel.name(), "the gateway answers again");
                EventType::NotifResumed
            }
        };
        let data = serde_json::json!({ "channel": self.channel });
        self.store.journal(vec![Draft { data, ..Draft::new(event, at, Actor::system(ACTOR)) }]).await
    }

    /// Applicants of new cases are told number and code, by SMS where that can be, else by e-mail.
    async fn announce(
        &mut self,
        settings: &Settings,
        patience: &Patience,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let window = i64::try_from(NEWS_FOR.as_micros()).unwrap_or(i64::MAX);
        let after = self.began_at.max(Timestamp::from_micros(at.micros() - window));
        for case in self.store.unannounced_cases(after, NEW_CASES).await? {
            let Some(recipient) = recipient_of(self.channel, &case, settings) else {
                // The earliest first: those nobody can be told of are passed for good.
                if Channel::ALL.into_iter().all(|way| recipient_of(way, &case, settings).is_none()) {
                    self.began_at = self.began_at.max(case.registered_at);
                }
                continue;
            };
            let outgoing = outgoing_to(
                &mut self.mint,
                settings,
                Whom {
                    case: &case.number,
                    cycle: 1,
                    since: case.registered_at,
                    language: case.language,
                    visit: None,
                },
                (Occasion::Registered, self.channel, recipient),
                at.plus(patience.within),
                at,
            );
            self.store.queue_notification(outgoing, Actor::system(ACTOR), at).await?;
        }
        Ok(())
    }
}

fn phone(case: &NewCase) -> Option<PhoneNumber> {
    case.phone.as_deref().map(PhoneNumber::from_user_part)
}

/// Whom this way tells of the new case: e-mail only those whom no SMS tells.
fn recipient_of(channel: Channel, case: &NewCase, settings: &Settings) -> Option<String> {
    let texted =
        settings.tells_registered(Channel::Sms).then(|| settings.texts_to(phone(case).as_ref())).flatten();
    match channel {
        Channel::Sms => texted,
        Channel::Mail if texted.is_none() && settings.tells_registered(Channel::Mail) => {
            settings.mails_to(case.mail.as_deref())
        }
        Channel::Mail => None,
    }
}

/// What a message about a case is about.
#[derive(Clone, Copy, Debug)]
pub struct Whom<'w> {
    pub case: &'w crate::case::CaseNumber,
    pub cycle: u16,
    pub since: Timestamp,
    pub language: crate::language::Language,
    /// For a reminder.
    pub visit: Option<&'w Visit>,
}

/// A message with a new code in it.
pub fn outgoing_to(
    mint: &mut Mint,
    settings: &Settings,
    whom: Whom<'_>,
    (occasion, channel, recipient): (Occasion, Channel, String),
    expires_at: Timestamp,
    at: Timestamp,
) -> Outgoing {
    let code = Code::new(mint);
    let facts = Facts {
        language: whom.language,
        short: &settings.short,
        number: &whom.case.0,
        code: &code.to_string(),
        page: settings.page.as_deref(),
        visit: whom.visit,
    };
    let message = compose(occasion, channel, &facts);
    Outgoing {
        id: NotificationId(mint.uuid(at)),
        case: Some(whom.case.clone()),
        cycle: whom.cycle,
        since: whom.since,
        occasion,
        channel,
        recipient,
        language: whom.language,
        subject: message.subject,
        text: message.text,
        code: Some(code.kept(&mint.token())),
        expires_at,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::notify::{Gateway, Secret, Sms};

    /// A gateway where nobody listens.
    fn settings() -> Settings {
        let gateway = Gateway {
            method: reqwest::Method::POST,
            url: "http://127.0.0.1:1/".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            secret: Secret::default(),
            success: String::new(),
            message_id: None,
            reports: None,
        };
        let patience = Patience {
            attempts: 1,
            retry: Duration::from_secs(60),
            within: Duration::from_secs(3_600),
            at_once: 4,
            timeout: Duration::from_secs(1),
            hours: None,
            report_within: None,
        };
        let sms = Sms { gateway, patience, takes: vec!["+380".to_owned()], registered: false };
        Settings { sms: Some(sms), ..Settings::default() }
    }

    #[tokio::test]
    async fn what_was_broken_off_too_often_is_no_word_of_the_gateway() {
        let store = Store::open("sqlite::memory:", "01").await.unwrap();
        let at = time::now().utc;
        let settings = watch::channel(Arc::new(settings())).1;
        let mut sender = Sender::new(store.clone(), settings.clone(), Board::new(settings), Channel::Sms);
        for _ in 0..crate::notification::breaker::FAILURES {
            sender.breaker.failed(Timestamp::default());
        }
        let test = Outgoing {
            id: NotificationId(uuid::Uuid::from_u128(1)),
            case: None,
            cycle: 0,
            since: at,
            occasion: Occasion::Test,
            channel: Channel::Sms,
            recipient: "+380501112233".to_owned(),
            language: crate::language::Language::Uk,
            subject: String::new(),
            text: "a test".to_owned(),
            code: None,
            expires_at: at.plus(Duration::from_secs(3_600)),
        };
        store.queue_notification(test, Actor::system("test"), at).await.unwrap();
        // Taken by a program that was killed.
        store.claim_notifications(Channel::Sms, at, at, 1, false).await.unwrap();
        sender.go_on(Ok(())).await.unwrap();
        let kept = store.latest_notifications(1).await.unwrap().remove(0);
        assert_eq!(kept.writing.failure, Some(Failure::Unanswered));
        assert!(sender.breaker.halted_since().is_some(), "it is still left in peace");
        assert!(sender.sending.is_empty());
    }
}
