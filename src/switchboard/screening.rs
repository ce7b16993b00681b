//! Before the transaction layer: what is heard at all, and what a shown or a wrong password means for its source.
//! RFC 3261 8.2.7. Who passes is judged in `sip/guard`; here it learns what only the switchboard knows, trunks and
//! dialogs, and here strangers are answered without a transaction.

use crate::call::effect::Effect;
use crate::call::refusal::Refusal;
use crate::sip::digest_auth::Verdict;
use crate::sip::guard::{Judgement, Knock, Source};
use crate::sip::message::{Flow, Message, Method, Request, StatusCode, Transport};
use crate::sip::transaction::ServerTransactionId;
use crate::switchboard::Switchboard;
use crate::time::Now;

/// What becomes of a request.
enum Screened {
    Pass,
    Answer(StatusCode),
    Drop,
}

impl Switchboard {
    /// Takes a message from the network: drops it, answers it on the spot, or hands it to the transaction layer.
    pub(super) fn handle_message(&mut self, message: Message, flow: Flow, now: Now) {
        let request = match message {
            Message::Request(request) if !self.sip.knows(&request, flow.transport) => request,
            known => return self.sip.handle_message(known, flow, now.mono),
        };
        match self.screen(&request, flow, now) {
            Screened::Pass => self.sip.handle_message(Message::Request(request), flow, now.mono),
            Screened::Answer(status) => self.sip.answer_without_transaction(request, status, flow),
            Screened::Drop => {}
        }
    }

    /// A tag in To claims a dialog; only those we have are believed, so that nobody gets at the places kept for them.
    fn screen(&mut self, request: &Request, flow: Flow, now: Now) -> Screened {
        let claims_dialog = request.to.tag().is_some();
        if claims_dialog && self.leg_of_dialog(request).is_some() {
            return Screened::Pass;
        }
        // Of a dialog long gone, or of one of our answers without a transaction. ACK has no answer.
        if request.method == Method::Ack {
            return Screened::Drop;
        }
        let asked_for = if request.method == Method::Register { &request.to.uri } else { &request.uri };
        let trusted = self.is_trusted(flow);
        if trusted {
            self.vouch(flow);
        }
        let knock = Knock {
            source: Source::from(flow.remote.ip()),
            trusted,
            connected: flow.transport.is_reliable(),
            user_agent: request.headers.first("User-Agent").unwrap_or_default(),
            display: request.from.display.as_deref().unwrap_or_default(),
            name: asked_for.user.as_deref().unwrap_or_default(),
        };
        let judgement = self.guard.judge(knock, now.mono);
        while let Some((source, until)) = self.guard.poll_shunned() {
            // A browser behind a proxy that is a trunk's, too, must not silence the trunk.
            if !self.trunks.trust(flow.remote.ip()) {
                self.effects.push_back(Effect::Shun { source, until });
            }
        }
        match judgement {
            Judgement::Drop => Screened::Drop,
            Judgement::Busy => Screened::Answer(StatusCode::SERVICE_UNAVAILABLE),
            Judgement::Pass if claims_dialog => {
                *self.counters.refusals.entry(Refusal::NoSuchDialog.name()).or_default() += 1;
                Screened::Answer(StatusCode::NO_SUCH_DIALOG)
            }
            Judgement::Pass => Screened::Pass,
        }
    }

    /// True for the addresses of trunks, those of the servers we register with included. Behind a WebSocket stands
    /// whoever opened a page, at an address that may be a proxy's: it vouches for nobody.
    pub(super) fn is_trusted(&self, flow: Flow) -> bool {
        !matches!(flow.transport, Transport::Ws | Transport::Wss) && self.trunks.trust(flow.remote.ip())
    }

    /// True for trunks, and for sources that have shown a password lately.
    pub(super) fn is_acquainted(&self, flow: Flow, now: Now) -> bool {
        self.is_trusted(flow) || self.guard.is_acquainted(Source::from(flow.remote.ip()), now.mono)
    }

    /// What a checked password comes to: a lock takes the right one for none, and the answer does not tell. Trunks are
    /// not locked: behind their address are many.
    pub(super) fn weigh(&mut self, verdict: Verdict, flow: Flow, now: Now) -> Verdict {
        let source = Source::from(flow.remote.ip());
        let (outcome, weighed) = match verdict {
            Verdict::Accepted { user } => {
                if self.guard.is_locked_out(&user, source, now.mono) && !self.is_trusted(flow) {
                    ("locked_out", Verdict::Challenge { stale: false })
                } else {
                    // A guest's pass was given to anybody: it makes no acquaintance.
                    if !self.guests.knows(&user) {
                        self.guard.note_proof(&user, source, now.mono);
                        self.vouch(flow);
                    }
                    ("accepted", Verdict::Accepted { user })
                }
            }
            Verdict::Refused { user } => {
                if !self.is_trusted(flow) {
                    self.guard.note_failure(&user, source, now.mono);
                }
                ("refused", Verdict::Challenge { stale: false })
            }
            Verdict::Challenge { stale: true } => ("stale", verdict),
            Verdict::Challenge { stale: false } => ("challenged", verdict),
        };
        *self.counters.digests.entry(outcome).or_default() += 1;
        weighed
    }

    /// A connection of somebody we know keeps its place when strangers take all others.
    pub(super) fn vouch(&mut self, flow: Flow) {
        if flow.transport.is_reliable() {
            self.effects.push_back(Effect::Vouch { flow });
        }
    }

    /// Refuses somebody who has shown no right to a transaction: answered and forgotten.
    pub(super) fn turn_away(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        refusal: Refusal,
    ) {
        *self.counters.refusals.entry(refusal.name()).or_default() += 1;
        self.routes.invites.remove(&transaction);
        let response = refusal.response(request, &self.sip.stateless_tag(request));
        self.sip.dismiss(transaction, &response);
    }
}
