//! The implicit subscription of a REFER: the transferor learns by NOTIFY how the transfer goes.
//! RFC 3515 2.4.4-2.4.7, RFC 6665. It outlives the call of the one who referred (RFC 5057 4.1): a phone may
//! send BYE as soon as its REFER is accepted, and still hears the outcome. What is tried, and whether it worked, is
//! `transfer.rs`'s business.

use std::time::{Duration, Instant};

use crate::call::leg::Leg;
use crate::call::refusal::Refusal;
use crate::call::transfer::Transfer;
use crate::call::turn::Turn;
use crate::call::{Call, Phase};
use crate::ids::LegId;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, StatusCode};
use crate::sip::refer::{EVENT, Refer, SIPFRAG, sipfrag};
use crate::sip::transaction::ServerTransactionId;

/// How long the subscription is promised for; longer than any phone rings (`transfer.rs`), and its last
/// NOTIFY ends it sooner.
const LIFETIME: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Referral {
    leg: LegId,
    /// CSeq of the REFER, which tells it from others in the same dialog (RFC 3515 2.4.6).
    id: u32,
    /// The dialog as it was last seen; carries on by itself once the leg has ended.
    dialog: Box<Dialog>,
    ends_at: Instant,
}

impl Referral {
    /// The leg has changed its dialog: the next NOTIFY goes on from there.
    pub(super) fn follow(&mut self, leg: &Leg) {
        if let Some(dialog) = leg.dialog().filter(|_| leg.id == self.leg) {
            *self.dialog = dialog.clone();
        }
    }

    /// Sends `status` to the transferor; a final one ends the subscription. Nothing waits for the answer: a phone that
    /// does not want to know (481) loses nothing else.
    fn notify(&mut self, leg: Option<&mut Leg>, status: StatusCode, turn: &mut Turn<'_>) {
        let live = leg.and_then(Leg::dialog_mut);
        let dialog = live.unwrap_or(&mut self.dialog);
        let mut notify = dialog.request(Method::Notify);
        notify.headers.push("Event", format!("{EVENT};id={}", self.id));
        let state = if status.is_final() {
            "terminated;reason=noresource".to_owned()
        } else {
            let left = self.ends_at.saturating_duration_since(turn.now.mono).as_secs();
            format!("active;expires={left}")
        };
        notify.headers.push("Subscription-State", state);
        notify.headers.push("Content-Type", SIPFRAG);
        notify.body = sipfrag(status);
        let flow = dialog.flow;
        if let Err(error) = turn.sip.send_request(notify, flow, turn.now.mono) {
            tracing::warn!(leg.id = %self.leg, %error, "NOTIFY not sent");
        }
    }
}

impl Call {
    /// Says 202, and what it subscribes to with it: none when no NOTIFY is wanted (RFC 4488 4).
    pub(super) fn accept_refer(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        refer: &Refer,
        turn: &mut Turn<'_>,
    ) -> Option<Referral> {
        let dialog = self.leg_mut(leg)?.dialog()?.clone();
        let mut accepted =
            request.response(StatusCode(202), "").with_header("Contact", dialog.contact.to_string());
        if !refer.subscribes {
            accepted = accepted.with_header("Refer-Sub", "false");
        }
        turn.respond(transaction, &accepted);
        let mut referral =
            Referral { leg, id: request.cseq.seq, dialog: dialog.into(), ends_at: turn.now.mono + LIFETIME };
        refer.subscribes.then(|| {
            self.notify(&mut referral, StatusCode::TRYING, turn);
            referral
        })
    }

    pub(super) fn notify(&mut self, referral: &mut Referral, status: StatusCode, turn: &mut Turn<'_>) {
        let leg = self.leg_mut(referral.leg);
        referral.notify(leg, status, turn);
    }

    /// How far the transfer is, where one is referred.
    pub(super) fn tell_transferor(&mut self, status: StatusCode, turn: &mut Turn<'_>) {
        if let Some(mut referral) = self.take_referral() {
            self.notify(&mut referral, status, turn);
            self.put_referral(referral);
        }
    }

    fn take_referral(&mut self) -> Option<Referral> {
        match &mut self.phase {
            Phase::Transferring { transfer } => match transfer.as_mut() {
                Transfer::Ringing { referral, .. } => referral.take(),
                Transfer::Replacing { .. } => None,
            },
            _ => None,
        }
    }

    fn put_referral(&mut self, back: Referral) {
        if let Phase::Transferring { transfer } = &mut self.phase
            && let Transfer::Ringing { referral, .. } = transfer.as_mut()
        {
            *referral = Some(back);
        }
    }

    /// The transferor's dialog changed, and may end with this request: NOTIFY goes on from there.
    pub(super) fn keep_referral_current(&mut self, leg: LegId) {
        if let Some(mut referral) = self.take_referral() {
            if let Some(leg) = self.leg_mut(leg) {
                referral.follow(leg);
            }
            self.put_referral(referral);
        }
    }

    /// SUBSCRIBE and NOTIFY in a dialog of this call. We watch nobody, so a NOTIFY belongs to nothing (481); a
    /// subscription is made by REFER only, and its phone may prolong or end it (RFC 3515 2.4.4).
    pub(super) fn handle_subscription(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        turn: &mut Turn<'_>,
    ) {
        let received = self.leg_mut(leg).ok_or(Refusal::NoSuchDialog).and_then(|leg| leg.receive(request));
        if let Err(refusal) = received.and_then(|()| subscription_event(request)) {
            turn.refuse(transaction, request, refusal);
            return;
        }
        let mut referral = match self.take_referral() {
            Some(referral) if referral.leg == leg => referral,
            other => {
                other.into_iter().for_each(|referral| self.put_referral(referral));
                turn.refuse(transaction, request, Refusal::NoSuchDialog);
                return;
            }
        };
        let wanted = request.headers.seconds("Expires").unwrap_or(u32::MAX);
        let granted = u64::from(wanted).min(LIFETIME.as_secs());
        let response = request
            .response(StatusCode::OK, "")
            .with_header("Expires", granted.to_string())
            .with_header("Contact", referral.dialog.contact.to_string());
        turn.respond(transaction, &response);
        if granted > 0 {
            referral.ends_at = turn.now.mono + Duration::from_secs(granted);
            self.notify(&mut referral, StatusCode::TRYING, turn);
            self.put_referral(referral);
        } else {
            self.notify(&mut referral, StatusCode::REQUEST_TERMINATED, turn);
        }
    }
}

fn subscription_event(request: &Request) -> Result<(), Refusal> {
    let event = request.headers.first("Event").unwrap_or_default();
    let package = event.split(';').next().unwrap_or_default().trim();
    match request.method {
        Method::Subscribe if package.eq_ignore_ascii_case(EVENT) => Ok(()),
        Method::Subscribe => Err(Refusal::BadEvent),
        _ => Err(Refusal::NoSuchDialog),
    }
}
