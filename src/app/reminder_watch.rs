//! Reminders of receptions: whose time comes near is written to, by SMS and where that is lost by e-mail, in the hours in
//! which people may be disturbed. All of it is worked out anew from the rows each time, so that a program that was killed
//! goes on where it was; that nothing is written twice, or about a time that was given back, is the outbox's word.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::vital::Vital;
use crate::case::city::CityPlan;
use crate::case::reception::{self, Reception};
use crate::ids::Mint;
use crate::notification::chain::{Step, next_step};
use crate::notification::text::Visit;
use crate::notification::{Channel, Occasion};
use crate::notify::{Board, Settings, Whom, outgoing_to};
use crate::people::Actor;
use crate::store::{Reminder, Store, StoreError};
use crate::time::Timestamp;

/// Pause between two looks: a reminder is hours before its time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Reminders that fall into closed hours go out so much earlier at most.
const EARLIER: Duration = Duration::from_secs((reception::MAX_DAYS_EARLIER + 1) * 24 * 3_600);
const ACTOR: &str = "receptions";

#[derive(Debug)]
pub(super) struct ReminderWatch {
    store: Store,
    city: watch::Receiver<Arc<CityPlan>>,
    board: Board,
    mint: Mint,
    _vital: Vital,
}

impl ReminderWatch {
    pub(super) fn new(
        store: Store,
        city: watch::Receiver<Arc<CityPlan>>,
        board: Board,
        vital: Vital,
    ) -> Self {
        Self { store, city, board, mint: Mint::new(rand::random()), _vital: vital }
    }

    /// Runs until nobody has a city plan for it any more, or the store is closed.
    pub(super) async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                changed = self.city.changed() => if changed.is_err() { return },
            }
            let (city, settings) = (self.city.borrow_and_update().clone(), self.board.settings());
            match remind(&self.store, &city, &settings, &mut self.mint, crate::time::now().utc).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "reminders of receptions were not looked at"),
            }
        }
    }
}

/// Writes to everybody who is to be reminded at `at`; nobody while the city has no way to write.
async fn remind(
    store: &Store,
    city: &CityPlan,
    settings: &Settings,
    mint: &mut Mint,
    at: Timestamp,
) -> Result<(), StoreError> {
    if !Channel::ALL.into_iter().any(|channel| settings.is_on(channel)) {
        return Ok(());
    }
    for reception in city.receptions() {
        let until = at.plus(reception.remind).plus(EARLIER);
        for reminder in store.reminders_due(&reception.id, at, until).await? {
            take_step(store, (city, settings), reception, &reminder, mint, at).await?;
        }
    }
    Ok(())
}

async fn take_step(
    store: &Store,
    (city, settings): (&CityPlan, &Settings),
    reception: &Reception,
    reminder: &Reminder,
    mint: &mut Mint,
    at: Timestamp,
) -> Result<(), StoreError> {
    let appointment = &reminder.appointment;
    let recipients = [
        (Channel::Sms, settings.texts_to(reminder.number.as_ref())),
        (Channel::Mail, settings.mails_to(reminder.mail.as_deref())),
    ];
    let ways: Vec<Channel> =
        recipients.iter().filter(|(_, to)| to.is_some()).map(|(channel, _)| *channel).collect();
    let hours = ways.first().and_then(|way| settings.patience(*way)?.hours.as_ref());
    if at < reception.remind_at(appointment.slot, hours) {
        return Ok(());
    }
    // Nobody answers a reminder: what has arrived is the end of it.
    let channel = match next_step(&ways, &reminder.writings, |reached_at| reached_at, at) {
        Step::Wait => return Ok(()),
        Step::Over => return store.reminded(appointment, at).await.map(|_| ()),
        Step::Write(channel) => channel,
    };
    let recipient = recipients.into_iter().find(|(way, _)| *way == channel).and_then(|(_, to)| to);
    let (Some(recipient), Some(patience)) = (recipient, settings.patience(channel)) else { return Ok(()) };
    let mut languages = [reminder.language, city.language()].into_iter();
    let who = languages.find_map(|language| reception.name.get(&language)).cloned();
    let visit = Visit {
        starts_at: city.clock().civil(appointment.slot.starts_at),
        who: who.unwrap_or_default(),
        place: reception.place.clone(),
    };
    let whom = Whom {
        case: &appointment.case,
        cycle: reminder.cycle,
        since: appointment.arranged_at,
        language: reminder.language,
        visit: Some(&visit),
    };
    let expires_at = at.plus(patience.within).min(appointment.slot.starts_at);
    let what = (Occasion::Reminder, channel, recipient);
    let outgoing = outgoing_to(mint, settings, whom, what, expires_at, at);
    tracing::info!(case.id = %appointment.case, channel = channel.name(), "reminding of a reception");
    store.queue_notification(outgoing, Actor::system(ACTOR), at).await.map(|_| ())
}

#[cfg(test)]
mod tests;
