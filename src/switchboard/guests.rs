//! Guests: citizens who call from the web page, without an account. A guest holds a pass, good for one INVITE to the short
//! number over a WebSocket and for nothing else; everything else under its name is 403. Why it is so stands in
//! docs/decisions/0016; who asks for a pass is `web/web_calls.rs`'s business, what a guest's call becomes `call/setup.rs`'s.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::call::refusal::Refusal;
use crate::call::{Guest, NewCall, Purpose};
use crate::ids::{ContactId, LegId};
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::recording::Keeping;
use crate::sip::digest_auth::{Ha1, Verdict};
use crate::sip::guard::{Bucket, Rate, Recent, Source};
use crate::sip::message::{Flow, Method, Request, Transport};
use crate::sip::transaction::ServerTransactionId;
use crate::switchboard::settings::WebCalls;
use crate::switchboard::snapshot::LiveWebCalls;
use crate::switchboard::{CommandError, Owner, Switchboard};
use crate::termination::Termination;
use crate::time::Now;

/// Where a guest's contact came from, in the place of a trunk's name; no trunk may be called so.
pub const ORIGIN: &str = "web";
/// Addresses whose passes are counted. One pushed out begins anew; the places are bounded all the same.
const MAX_ASKERS: usize = 8192;
/// The time over which the passes of one address are counted.
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Guests {
    /// By SIP user name. No more than there are places, and those that were used until they would have run out.
    passes: HashMap<String, Pass>,
    calls: HashMap<ContactId, GuestCall>,
    askers: Recent<Source, Bucket>,
    fates: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Pass {
    ha1: Ha1,
    good_until: Instant,
    /// Taken by the call that came in by it.
    guest: Option<Guest>,
}

#[derive(Debug)]
struct GuestCall {
    /// Of the pass it came in by.
    user: String,
    leg: LegId,
    ends_at: Instant,
}

impl Guests {
    pub(super) fn new() -> Self {
        Self {
            passes: HashMap::new(),
            calls: HashMap::new(),
            askers: Recent::new(MAX_ASKERS),
            fates: BTreeMap::new(),
        }
    }

    /// Whether somebody of this name has, or had a moment ago, a pass.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.passes.contains_key(user)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let passes = self.passes.values().map(|pass| pass.good_until);
        passes.chain(self.calls.values().map(|call| call.ends_at)).min()
    }

    /// The name of the pass by which this call came in.
    pub(super) fn user_of(&self, contact: ContactId) -> Option<&str> {
        self.calls.get(&contact).map(|call| call.user.as_str())
    }

    /// The call is no more.
    pub(super) fn forget(&mut self, contact: ContactId) {
        self.calls.remove(&contact);
    }

    /// Entries of both tables, for the leak test.
    pub(super) fn len(&self) -> usize {
        self.passes.len() + self.calls.len()
    }

    fn count(&mut self, fate: &'static str) {
        *self.fates.entry(fate).or_default() += 1;
    }

    /// Passes that are out and not used yet.
    fn waiting(&self) -> usize {
        self.passes.values().filter(|pass| pass.guest.is_some()).count()
    }

    fn holds(&self, user: &str, now: Instant) -> bool {
        self.passes.get(user).is_some_and(|pass| pass.guest.is_some() && now < pass.good_until)
    }

    fn drop_expired(&mut self, now: Instant) {
        let mut unused = 0;
        self.passes.retain(|_, pass| {
            let stays = now < pass.good_until;
            unused += u64::from(!stays && pass.guest.is_some());
            stays
        });
        if unused > 0 {
            *self.fates.entry("expired").or_default() += unused;
        }
    }

    /// Guests whose time is over.
    fn take_overdue(&mut self, now: Instant) -> Vec<ContactId> {
        let overdue = self.calls.iter().filter(|(_, call)| call.ends_at <= now);
        let overdue: Vec<ContactId> = overdue.map(|(contact, _)| *contact).collect();
        for contact in &overdue {
            self.calls.remove(contact);
        }
        overdue
    }
}

/// One address may take so many passes in an hour, all of them at once.
fn rate(terms: &WebCalls) -> Rate {
    let passes = terms.calls_per_address_per_hour.max(1);
    Rate { interval: HOUR / passes, burst: passes }
}

/// What belongs to a call that is on. A guest cannot pass it on, and has nothing to subscribe to.
fn may_within_call(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Bye | Method::Info | Method::Update | Method::Prack)
}

impl Switchboard {
    /// Keeps a place for a guest who will show the password of `user`.
    pub(super) fn let_guest_in(
        &mut self,
        user: String,
        ha1: Ha1,
        source: IpAddr,
        guest: Guest,
        now: Now,
    ) -> Result<(), CommandError> {
        let Some(terms) = self.settings.web_calls else {
            self.guests.count("switched_off");
            return Err(CommandError::SwitchedOff);
        };
        self.guests.drop_expired(now.mono);
        let rate = rate(&terms);
        if !self.guests.askers.touch(Source::from(source), || Bucket::full(now.mono)).take(rate, now.mono) {
            self.guests.count("too_often");
            return Err(CommandError::TooOften { retry_after: rate.interval });
        }
        let no_place = self.guest_calls() + self.guests.waiting() >= terms.calls;
        if no_place || self.room_for_guest().is_err() {
            self.guests.count("full");
            return Err(CommandError::Full);
        }
        let pass = Pass { ha1, good_until: now.mono + terms.pass_lives, guest: Some(guest) };
        self.guests.passes.insert(user, pass);
        self.guests.count("given");
        Ok(())
    }

    /// A request under the name of a pass, from outside any call.
    pub(super) fn handle_guest(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        now: Now,
    ) {
        let user = request.from.uri.user.clone().unwrap_or_default();
        if !self.may_call_in(&user, &request, flow, now) {
            return self.turn_guest_away(transaction, &request);
        }
        if !self.proves_pass(transaction, &request, &user, flow, now) {
            return;
        }
        let Some(guest) = self.guests.passes.get_mut(&user).and_then(|pass| pass.guest.take()) else {
            return self.turn_guest_away(transaction, &request);
        };
        self.guests.count("used");
        match self.room_for_guest() {
            Ok(keeping) => self.start_guest_call(transaction, request, flow, (user, guest), keeping, now),
            Err(refusal) => self.turn_away(transaction, &request, refusal),
        }
    }

    /// Answers a request of a guest's phone within its call that no guest may make; true when it has.
    pub(super) fn restrains_guest(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
    ) -> bool {
        let restrained =
            !may_within_call(&request.method) && self.guests.calls.values().any(|call| call.leg == leg);
        if restrained {
            self.turn_guest_away(transaction, request);
        }
        restrained
    }

    pub(super) fn handle_guest_timeout(&mut self, now: Now) {
        self.guests.drop_expired(now.mono);
        for contact in self.guests.take_overdue(now.mono) {
            tracing::info!(call.id = %contact, "a call from the page has lasted as long as it may");
            self.with_call(contact, now, |call, turn| call.end(Termination::LimitReached, turn));
        }
    }

    /// Calls from the page that are on.
    pub fn guest_calls(&self) -> usize {
        let running = |contact| self.calls.get(contact).is_some_and(|call| !call.is_over());
        self.guests.calls.keys().filter(|contact| running(contact)).count()
    }

    /// What became of passes asked for and given, for metrics.
    pub fn guest_fates(&self) -> &BTreeMap<&'static str, u64> {
        &self.guests.fates
    }

    pub(super) fn live_web_calls(&self) -> Option<LiveWebCalls> {
        let terms = self.settings.web_calls?;
        Some(LiveWebCalls {
            languages: self.settings.plan.languages().to_vec(),
            longest_call_secs: terms.longest_call.as_secs(),
        })
    }

    /// One INVITE to the short number, over a WebSocket, as long as the pass is good.
    fn may_call_in(&self, user: &str, request: &Request, flow: Flow, now: Now) -> bool {
        let called = PhoneNumber::from_user_part(request.uri.user.as_deref().unwrap_or_default());
        self.settings.web_calls.is_some()
            && request.method == Method::Invite
            && request.headers.first("Replaces").is_none()
            && matches!(flow.transport, Transport::Ws | Transport::Wss)
            && self.settings.is_short_number(&called, &NumberingPlan::default())
            && self.guests.holds(user, now.mono)
    }

    /// The secret of `user` was shown, and no other's; else there was a challenge.
    fn proves_pass(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        user: &str,
        flow: Flow,
        now: Now,
    ) -> bool {
        let passes = &self.guests.passes;
        let secret_of =
            |named: &str| passes.get(named).filter(|_| named == user).map(|pass| pass.ha1.clone());
        let source = flow.remote.ip();
        let verdict = self.authenticator.verify(request, source, secret_of, now.mono);
        match self.weigh(verdict, flow, now) {
            Verdict::Accepted { .. } => return true,
            Verdict::Challenge { stale } => self.challenge(transaction, request, stale, source, now),
            Verdict::Refused { .. } => self.challenge(transaction, request, false, source, now),
        }
        false
    }

    /// What every call of a citizen needs.
    fn room_for_guest(&self) -> Result<Keeping, Refusal> {
        if self.citizens_calls() >= self.settings.capacity {
            return Err(Refusal::OverCapacity);
        }
        self.intake.refusal().map_or_else(|| self.keeping(), Err)
    }

    fn start_guest_call(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        (user, guest): (String, Guest),
        keeping: Keeping,
        now: Now,
    ) {
        let new = NewCall {
            transaction,
            called: PhoneNumber::from_user_part(request.uri.user.as_deref().unwrap_or_default()),
            invite: request,
            flow,
            origin: ORIGIN.to_owned(),
            trusted: false,
            guest: Some(guest),
            numbering: NumberingPlan::default(),
            purpose: Purpose::Service,
            keeping,
            plan: self.settings.plan.clone(),
            topic_categories: self.settings.topic_categories.clone(),
        };
        self.start_call(new, now);
        let leg = self.routes.invites.get(&transaction).copied();
        let owner = leg.and_then(|leg| self.owners.get(&leg).copied());
        if let (Some(leg), Some(Owner::Call(contact)), Some(terms)) = (leg, owner, self.settings.web_calls) {
            let ends_at = now.mono + terms.longest_call;
            self.guests.calls.insert(contact, GuestCall { user, leg, ends_at });
            self.vouch(flow);
        }
    }

    fn turn_guest_away(&mut self, transaction: ServerTransactionId, request: &Request) {
        self.guests.count("overstepped");
        self.turn_away(transaction, request, Refusal::Forbidden);
    }
}

#[cfg(test)]
mod tests;
