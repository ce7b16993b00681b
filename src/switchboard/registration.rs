//! Operators' phones: REGISTER, the OPTIONS that ask whether they are still there (RFC 3261 11), and what their coming
//! and going means for the distributor.
//! Who may register what is decided here (RFC 3261 10.3); bindings and their expiry are `sip/registrar.rs`.

use crate::acd::OperatorStatus;
use crate::call::refusal::Refusal;
use crate::ids::UserId;
use crate::sip::message::{CSeq, Flow, Headers, Host, Method, NameAddr, Request, Uri};
use crate::sip::registrar::{Binding, BindingId, Output};
use crate::sip::transaction::{self, ServerTransactionId};
use crate::switchboard::{Switchboard, with_turn};
use crate::time::Now;

/// User part of the From of our OPTIONS: what the trace of a phone shows.
const ASKING_USER: &str = "ringback";
/// Hops a request of ours may take (RFC 3261 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

impl Switchboard {
    pub(super) fn handle_register(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        flow: Flow,
        now: Now,
    ) {
        let Some(user) = self.authenticate(transaction, request, now) else { return };
        // One may register only oneself (RFC 3261 10.3 step 5); trunks do not register here.
        if request.to.uri.user.as_deref() != Some(user.as_str())
            || !self.settings.accounts.contains_key(&user)
        {
            self.refuse(transaction, request, Refusal::Forbidden, now);
            return;
        }
        let to_tag = self.mint.token();
        let response = self.registrar.register(&user, request, flow, &to_tag, now.mono);
        with_turn!(self, now, |turn| turn.respond(transaction, &response));
        if response.status.is_success() {
            self.follow_registration(&user, flow, now);
        }
    }

    pub(super) fn handle_registrar_output(&mut self, output: &Output, now: Now) {
        match output {
            Output::Registered { user } => {
                if let Some(operator) = self.operator_of(user) {
                    tracing::info!(operator.id = %operator, "phone registered");
                    self.acd.handle_registered(operator, now.mono);
                }
            }
            Output::Unregistered { user } => {
                if let Some(operator) = self.operator_of(user) {
                    tracing::info!(operator.id = %operator, "phone unregistered");
                    self.acd.handle_unregistered(operator, now.mono);
                }
            }
            Output::Ask { user, binding } => self.ask_phone(user, *binding, now),
        }
    }

    fn ask_phone(&mut self, user: &str, id: BindingId, now: Now) {
        let (call_id, tag) = (self.mint.token(), self.mint.token());
        let bindings = self.registrar.bindings(user);
        let Some(binding) = bindings.into_iter().find(|binding| binding.id == id) else { return };
        let flow = binding.flow;
        let question = self.question(binding, call_id, &tag);
        match self.sip.send_request(question, flow, now.mono) {
            Ok(transaction) => {
                self.asked.insert(transaction, (user.to_owned(), id));
            }
            Err(error) => {
                tracing::debug!(%error, "OPTIONS not sent");
                self.registrar.handle_unasked(user, id, now.mono);
            }
        }
    }

    fn question(&self, binding: &Binding, call_id: String, tag: &str) -> Request {
        let realm = Host::Name(self.settings.realm.to_ascii_lowercase());
        let mut from = NameAddr::new(Uri::sip(Some(ASKING_USER), realm, None));
        from.set_tag(tag);
        let mut headers = Headers::default();
        for (header, value) in binding.route() {
            headers.push(header, value);
        }
        headers.push("Accept", "application/sdp");
        Request {
            method: Method::Options,
            uri: binding.contact.clone(),
            via: Vec::new(),
            from,
            to: NameAddr::new(binding.contact.clone()),
            call_id,
            cseq: CSeq { seq: 1, method: Method::Options },
            max_forwards: MAX_FORWARDS,
            headers,
            body: Vec::new(),
        }
    }

    /// Takes what came of our OPTIONS to phones; everything else goes on to calls.
    pub(super) fn handle_asked(
        &mut self,
        output: transaction::Output,
        now: Now,
    ) -> Option<transaction::Output> {
        let transaction = match &output {
            transaction::Output::ResponseReceived { transaction, .. }
            | transaction::Output::RequestFailed { transaction, .. } => *transaction,
            _ => return Some(output),
        };
        let Some((user, binding)) = self.asked.get(&transaction).cloned() else { return Some(output) };
        match &output {
            transaction::Output::ResponseReceived { response, .. } if !response.status.is_final() => {}
            transaction::Output::ResponseReceived { .. } => {
                self.asked.remove(&transaction);
                self.registrar.handle_answered(&user, binding, now.mono);
            }
            // The binding's own deadline counts the silence: a moment without network is not three of them.
            _ => {
                self.asked.remove(&transaction);
            }
        }
        None
    }

    /// An operator who was added while the phone was already there is signed in like the others.
    pub(super) fn announce_registered(&mut self, now: Now) {
        for operator in &self.settings.operators {
            let logged_out = matches!(self.acd.status(operator.user), Some(OperatorStatus::LoggedOut));
            if logged_out && !self.registrar.reachable(&operator.extension).is_empty() {
                self.acd.handle_registered(operator.user, now.mono);
            }
        }
    }

    pub(super) fn operator_of(&self, extension: &str) -> Option<UserId> {
        self.settings
            .operators
            .iter()
            .find(|operator| operator.extension == extension)
            .map(|operator| operator.user)
    }
}
