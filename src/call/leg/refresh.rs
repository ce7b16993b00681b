//! The session timer of a leg (RFC 4028 10): refreshes sent and their answers, and the end of a call that nobody
//! refreshed. By UPDATE where the peer takes it, else by a re-INVITE that changes nothing.
//!
//! The same requests ask a peer that went quiet whether it still knows the call: 481 ends it at once.
//! Also the wait after a 491, so that two re-INVITEs do not cross twice (RFC 3261 14.1). What the interval is,
//! and when it is over, is `sip/session_timer.rs`'s.

use std::time::{Duration, Instant};

use crate::call::leg::body::{SDP, description_of};
use crate::call::leg::{Leg, LegEnd, LegEvent, State, Timer, authorize, send_bye};
use crate::call::refusal::{ALLOW, SUPPORTED};
use crate::call::turn::Turn;
use crate::sdp::AudioOffer;
use crate::sip::message::{Method, Response, StatusCode};
use crate::sip::session_timer::{Terms, Wish};
use crate::sip::transaction::{ClientTransactionId, TransactionLayer};

/// A refresh that could not be sent, or was refused for a reason that may pass, is tried again after this; the
/// session's end bounds how often.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A refresh of ours and what it was.
#[derive(Debug)]
pub(super) struct Refresh {
    pub(super) transaction: ClientTransactionId,
    method: Method,
    seq: u32,
    /// None where no session timer was agreed on.
    wish: Option<Wish>,
    /// Our description in a re-INVITE.
    offer: Option<AudioOffer>,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    Pending,
    /// A repeated 2xx still gets its ACK.
    Answered,
}

impl Leg {
    /// The session was agreed on, or refreshed, just now.
    pub(super) fn start_session(&mut self, terms: Option<Terms>, turn: &Turn<'_>) {
        self.session_terms = terms;
        let now = turn.now.mono;
        match terms.and_then(|terms| terms.refresh_deadline(now)) {
            Some(at) => self.timers.set(Timer::Refresh, at),
            None => self.timers.stop(Timer::Refresh),
        }
        match terms {
            Some(terms) => self.timers.set(Timer::SessionExpiry, terms.expiry_deadline(now)),
            None => self.timers.stop(Timer::SessionExpiry),
        }
    }

    pub(super) fn refresh_is_pending(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.progress == Progress::Pending)
    }

    /// True while an offer of ours within the dialog is unanswered.
    pub(super) fn refresh_offers(&self) -> bool {
        self.refresh_is_pending() && self.refresh.as_ref().is_some_and(|refresh| refresh.offer.is_some())
    }

    pub(super) fn refresh_session(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let wish = self.session_terms?.wish();
        if self.may_refresh() {
            self.send_refresh(Some(wish), turn);
        } else {
            self.timers.set(Timer::Refresh, turn.now.mono + RETRY_AFTER);
        }
        None
    }

    /// Asks a peer that went quiet. One that does not know the call answers 481; whatever else it says, it is there. It must
    /// be heard and go quiet again before it is asked again, so not more often than once in [`crate::media::QUIET_SECS`]; a
    /// question left out would leave a desk talking with nobody.
    pub(in crate::call) fn ask_whether_it_knows_the_call(&mut self, turn: &mut Turn<'_>) {
        if self.may_refresh() {
            self.send_refresh(self.session_terms.map(|terms| terms.wish()), turn);
        }
    }

    /// The peer shows itself: it need not wait for the next copy of what it was asked.
    pub(super) fn hurry_refresh(&self, sip: &mut TransactionLayer, now: Instant) {
        if let Some(refresh) = self.refresh.as_ref().filter(|_| self.refresh_is_pending()) {
            sip.hurry(refresh.transaction, now);
        }
    }

    /// While the peer's own re-INVITE awaits its ACK, ours would cross it.
    fn may_refresh(&self) -> bool {
        matches!(self.state, State::Established { awaited: None, .. }) && !self.refresh_is_pending()
    }

    fn send_refresh(&mut self, wish: Option<Wish>, turn: &mut Turn<'_>) {
        let offer = (!self.peer.allows_update).then(|| self.repeated_offer(turn));
        let State::Established { dialog, .. } = &mut self.state else { return };
        let method = if offer.is_some() { Method::Invite } else { Method::Update };
        let mut request = dialog.request(method.clone());
        request.headers.push("Allow", ALLOW);
        request.headers.push("Supported", SUPPORTED);
        if let Some(wish) = wish {
            wish.write(&mut request.headers, true);
        }
        if let Some(offer) = &offer {
            request.headers.push("Content-Type", SDP);
            request.body = offer.to_sdp().into_bytes();
        }
        authorize(&mut request, self.login.as_deref_mut(), turn);
        let seq = request.cseq.seq;
        match turn.sip.send_request(request, dialog.flow, turn.now.mono) {
            Ok(transaction) => {
                turn.routes.requests.insert(transaction, self.id);
                let progress = Progress::Pending;
                let refresh = Box::new(Refresh { transaction, method, seq, wish, offer, progress });
                if let Some(earlier) = self.refresh.replace(refresh) {
                    turn.routes.requests.remove(&earlier.transaction);
                }
            }
            Err(error) => {
                tracing::warn!(leg.id = self.id.0, %error, "session not refreshed");
                self.timers.set(Timer::Refresh, turn.now.mono + RETRY_AFTER);
            }
        }
    }

    /// What we offered last; a new version when something else was said in between.
    fn repeated_offer(&mut self, turn: &mut Turn<'_>) -> AudioOffer {
        // Keys that are not said do not count.
        let said = self.media.offered.as_ref().map(AudioOffer::to_sdp);
        if said != Some(self.local_description(turn).to_sdp()) {
            self.media.session_version += 1;
        }
        let offer = self.local_description(turn);
        self.media.offered = Some(offer.clone());
        offer
    }

    pub(super) fn handle_refresh_response(
        &mut self,
        response: &Response,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let (State::Established { dialog, sent, .. }, Some(refresh)) = (&mut self.state, &mut self.refresh)
        else {
            return None;
        };
        if response.status.is_provisional() {
            return None;
        }
        if response.status.is_success() && refresh.method == Method::Invite {
            turn.sip.send_ack(dialog.ack(refresh.seq), dialog.flow);
        }
        if std::mem::replace(&mut refresh.progress, Progress::Answered) == Progress::Answered {
            return None;
        }
        if response.status.is_success() {
            dialog.receive_response(response);
            return self.handle_refreshed(response, turn);
        }
        let wish = refresh.wish;
        let calls_id_is_ours = sent.is_some();
        if self.login.as_mut().is_some_and(|login| login.handle_challenge(response)) {
            self.send_refresh(wish, turn);
            return None;
        }
        match response.status {
            StatusCode(422) if let Some(raised) = wish.and_then(|wish| wish.raise(response)) => {
                self.send_refresh(Some(raised), turn);
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED if self.peer.allows_update => {
                self.peer.allows_update = false;
                self.send_refresh(wish, turn);
            }
            StatusCode::REQUEST_PENDING => {
                let wait = glare_wait(calls_id_is_ours, turn.mint.u32());
                self.timers.set(Timer::Refresh, turn.now.mono + wait);
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::NO_SUCH_DIALOG => {
                return self.handle_refresh_failed(turn);
            }
            _ => self.timers.set(Timer::Refresh, turn.now.mono + RETRY_AFTER),
        }
        None
    }

    fn handle_refreshed(&mut self, response: &Response, turn: &mut Turn<'_>) -> Option<LegEvent> {
        if let Some(login) = &mut self.login {
            login.handle_success();
        }
        self.start_session(Terms::of_success(response), turn);
        let offer = self.refresh.as_mut().and_then(|refresh| refresh.offer.take())?;
        let answer = description_of(&response.headers, &response.body)?;
        match offer.accept_answer(answer) {
            Ok(session) if self.media.session.as_ref() != Some(&session) => self.apply_session(session, turn),
            Ok(_) => None,
            Err(error) => {
                tracing::info!(leg.id = self.id.0, %error, "answer to our refresh cannot be used");
                None
            }
        }
    }

    /// The peer does not know the call any more, or cannot be reached (RFC 4028 10).
    pub(super) fn handle_refresh_failed(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        self.give_up(LegEnd::Unreachable, turn)
    }

    /// Nobody refreshed the session in time.
    pub(super) fn expire_session(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        tracing::info!(leg.id = self.id.0, "session expired");
        self.give_up(LegEnd::SessionExpired, turn)
    }

    fn give_up(&mut self, end: LegEnd, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let State::Established { dialog, .. } = &mut self.state else { return None };
        send_bye(dialog, self.login.as_deref_mut(), turn);
        self.end(turn);
        Some(LegEvent::Ended(end))
    }
}

/// RFC 3261 14.1: who made the Call-ID waits 2.1 to 4 s, the other side up to 2 s, in steps of 10 ms.
fn glare_wait(call_id_is_ours: bool, random: u32) -> Duration {
    let steps = if call_id_is_ours { 210 + random % 191 } else { random % 201 };
    Duration::from_millis(u64::from(steps) * 10)
}

#[cfg(test)]
mod wait_tests {
    use super::*;

    #[test]
    fn the_two_sides_wait_in_ranges_that_do_not_meet() {
        let range = |ours| {
            let waits = (0..1_000).map(|random| glare_wait(ours, random).as_millis());
            (waits.clone().min(), waits.max())
        };
        assert_eq!(range(true), (Some(2_100), Some(4_000)));
        assert_eq!(range(false), (Some(0), Some(2_000)));
    }
}
