//! Connections that go and come back while calls are on (RFC 5626 5.3): a closed one does not end a call, and a
//! phone that registers anew takes its calls along. What a leg does about it is `call/leg/flow.rs`.

use crate::sip::message::Flow;
use crate::switchboard::Switchboard;
use crate::time::Now;

impl Switchboard {
    /// A closed connection does not end a call: its next request goes over a new one, and silence is the media
    /// timeout's business.
    pub(super) fn handle_flow_closed(&mut self, flow: Flow, now: Now) {
        self.sip.handle_transport_failed(&flow, now.mono);
        self.registrar.handle_flow_closed(&flow);
        self.trunks.handle_flow_closed(&flow, now);
        for call in self.calls.values_mut() {
            call.handle_flow_closed(&flow, now.mono);
        }
    }

    /// `user` registered over `flow`: requests of calls with the same phone go there, too, and what it has not answered is
    /// repeated. Only calls of this very user are touched, for a contact may be guessed.
    pub(super) fn follow_registration(&mut self, user: &str, flow: Flow, now: Now) {
        let operator = self.operator_of(user);
        let bindings = self.registrar.bindings(user).into_iter().filter(|binding| binding.flow == flow);
        for binding in bindings {
            for call in self.calls.values_mut() {
                let talks = operator.is_some() && call.operator() == operator;
                if talks || call.contact().origin == user {
                    call.follow_registration(&binding.contact, flow, &mut self.sip, now.mono);
                }
            }
        }
    }
}
