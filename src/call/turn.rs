//! One turn of the switchboard: what a call may touch while it handles one input.
//! It lends, it decides nothing: the switchboard owns all of it and makes a turn for each step
//! (`with_turn!`). Also here: the routes from messages to legs, and the counters.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::acd::Distributor;
use crate::call::effect::{Effect, Ticket};
use crate::call::refusal::Refusal;
use crate::histogram::Histogram;
use crate::ids::{LegId, Mint};
use crate::media;
use crate::sdp::{Codec, SrtpTerms};
use crate::sip::dialog::DialogId;
use crate::sip::message::{Request, Response};
use crate::sip::transaction::{ClientTransactionId, ServerTransactionId, TransactionLayer};
use crate::switchboard::trunks::Trunks;
use crate::time::Now;

/// Which leg a message or a report belongs to.
#[derive(Debug, Default)]
pub struct Routes {
    pub dialogs: HashMap<DialogId, LegId>,
    /// Our pending requests.
    pub requests: HashMap<ClientTransactionId, LegId>,
    /// INVITEs waiting for our final answer, for CANCEL.
    pub invites: HashMap<ServerTransactionId, LegId>,
}

/// Counts of what happened, for `/metrics`; keys are closed lists, so the table is bounded.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub refusals: BTreeMap<&'static str, u64>,
    /// Transactions without the end they waited for.
    pub transactions_failed: BTreeMap<&'static str, u64>,
    /// What came and was not used: messages that belong to nothing, packets from a wrong place.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Calls of citizens.
    pub calls_offered: u64,
    pub calls_answered: u64,
    pub calls_ended: BTreeMap<&'static str, u64>,
    pub lengths: Lengths,
    /// Recordings that are over, by result, and the gaps in them, by reason.
    pub recordings: BTreeMap<&'static str, u64>,
    pub recording_gaps: BTreeMap<&'static str, u64>,
    /// Calls of operators to colleagues, which are none of the three above.
    pub consultations: u64,
    pub offers: u64,
    /// Attempts to ring citizens back, by what came of them.
    pub callbacks: BTreeMap<&'static str, u64>,
    /// Applicants rung to be asked, by what came of it.
    pub verifications: BTreeMap<&'static str, u64>,
    /// Executors who called applicants, by what came of it.
    pub masked_calls: BTreeMap<&'static str, u64>,
    pub commits_failed: u64,
    /// Passwords shown and not shown, by what came of it.
    pub digests: BTreeMap<&'static str, u64>,
}

/// How long parts of citizens' calls took.
#[derive(Clone, Debug)]
pub struct Lengths {
    /// From the INVITE to its 200.
    pub set_up: Histogram,
    /// From the line to an operator, of those who were connected.
    pub wait: Histogram,
    /// From being connected to the end.
    pub talk: Histogram,
}

impl Default for Lengths {
    fn default() -> Self {
        Self {
            set_up: Histogram::new(const { &millis([5, 10, 25, 50, 100, 250, 500, 1_000, 2_500]) }),
            wait: Histogram::new(const { &seconds([1, 5, 10, 20, 30, 60, 120, 300, 600, 1_800]) }),
            talk: Histogram::new(const { &seconds([15, 30, 60, 120, 180, 300, 600, 1_200, 1_800, 3_600]) }),
        }
    }
}

const fn millis<const N: usize>(lengths: [u64; N]) -> [Duration; N] {
    let (mut bounds, mut at) = ([Duration::ZERO; N], 0);
    while at < N {
        bounds[at] = Duration::from_millis(lengths[at]);
        at += 1;
    }
    bounds
}

const fn seconds<const N: usize>(lengths: [u64; N]) -> [Duration; N] {
    let (mut bounds, mut at) = ([Duration::ZERO; N], 0);
    while at < N {
        bounds[at] = Duration::from_secs(lengths[at]);
        at += 1;
    }
    bounds
}

/// Everything besides the call itself that one step may use.
#[derive(Debug)]
pub struct Turn<'a> {
    pub now: Now,
    pub sip: &'a mut TransactionLayer,
    pub acd: &'a mut Distributor,
    pub mint: &'a mut Mint,
    pub routes: &'a mut Routes,
    pub effects: &'a mut VecDeque<Effect>,
    pub counters: &'a mut Counters,
    pub tickets: &'a mut u64,
    /// Written into SDP instead of the bound address when the machine stands behind NAT.
    pub advertised: Option<IpAddr>,
    /// Session interval we ask for (RFC 4028), in seconds.
    pub session_expires_secs: u32,
    /// Spoken on every leg, in order of preference.
    pub codecs: &'a [Codec],
    /// Whether and how media is encrypted.
    pub srtp: SrtpTerms,
    /// A leg that those opened now may be bridged with.
    pub beside: Option<LegId>,
    /// Where calls go out of the city; none for a telephone.
    pub trunks: Option<&'a Trunks>,
}

impl Turn<'_> {
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub fn media(&mut self, command: media::Command) {
        self.effects.push_back(Effect::Media(command));
    }

    pub fn ticket(&mut self) -> Ticket {
        *self.tickets += 1;
        Ticket(*self.tickets)
    }

    /// Answers a request; a transaction that is already over needs no answer.
    pub fn respond(&mut self, transaction: ServerTransactionId, response: &Response) {
        if response.status.is_final() {
            self.routes.invites.remove(&transaction);
        }
        if let Err(error) = self.sip.respond(transaction, response, self.now.mono) {
            tracing::debug!(sip.call_id = %response.call_id, %error, "answer not sent");
        }
    }

    /// Refuses a request and counts why.
    pub fn refuse(&mut self, transaction: ServerTransactionId, request: &Request, refusal: Refusal) {
        let to_tag = self.mint.token();
        self.refuse_as(transaction, request, refusal, &to_tag);
    }

    /// The same, with the To tag that earlier responses to `request` had.
    pub fn refuse_as(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        refusal: Refusal,
        to_tag: &str,
    ) {
        *self.counters.refusals.entry(refusal.name()).or_default() += 1;
        self.respond(transaction, &refusal.response(request, to_tag));
    }
}
