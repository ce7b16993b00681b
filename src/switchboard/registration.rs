//! Operators' phones: REGISTER, and what their coming and going means for the distributor.
//! Who may register what is decided here (RFC 3261 10.3); bindings and their expiry are `sip/registrar.rs`.

use crate::acd::OperatorStatus;
use crate::call::refusal::Refusal;
use crate::ids::UserId;
use crate::sip::message::{Flow, Request};
use crate::sip::registrar::Output;
use crate::sip::transaction::ServerTransactionId;
use crate::switchboard::{Switchboard, with_turn};
use crate::time::Now;

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
            self.follow_registration(&user, flow);
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
        }
    }

    /// An operator who was added while the phone was already there is signed in like the others.
    pub(super) fn announce_registered(&mut self, now: Now) {
        for operator in &self.settings.operators {
            let logged_out = matches!(self.acd.status(operator.user), Some(OperatorStatus::LoggedOut));
            if logged_out && !self.registrar.bindings(&operator.extension).is_empty() {
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
