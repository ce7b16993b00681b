//! The non-INVITE server transaction: RFC 3261 17.2.2 with figure 8. Its user must answer in time: the
//! client gives up after 64*T1 (timer F), the server never does.

use std::collections::VecDeque;
use std::time::Instant;

use super::machine::Machine;
use super::timer::{TRANSACTION_TIMEOUT, Timer, absorb_time};
use super::{Output, ServerTransactionId, TransactionError};
use crate::sip::message::{Flow, Response};
use crate::time::TimerTable;

#[derive(Debug)]
pub(super) struct NonInviteServer {
    id: ServerTransactionId,
    flow: Flow,
    state: State,
    timers: TimerTable<Timer>,
}

#[derive(Debug)]
enum State {
    Trying,
    Proceeding { response: Vec<u8> },
    Completed { response: Vec<u8> },
    Terminated,
}

impl NonInviteServer {
    pub(super) fn new(id: ServerTransactionId, flow: Flow) -> Self {
        Self { id, flow, state: State::Trying, timers: TimerTable::default() }
    }

    /// The request once more.
    pub(super) fn handle_repeated(&self, out: &mut VecDeque<Output>) {
        if let State::Proceeding { response } | State::Completed { response } = &self.state {
            out.push_back(Output::Transmit { bytes: response.clone(), flow: self.flow });
        }
    }

    pub(super) fn respond(
        &mut self,
        response: &Response,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Result<(), TransactionError> {
        if !matches!(self.state, State::Trying | State::Proceeding { .. }) {
            return Err(TransactionError::AlreadyAnswered);
        }
        let bytes = response.to_bytes();
        out.push_back(Output::Transmit { bytes: bytes.clone(), flow: self.flow });
        if !response.status.is_final() {
            self.state = State::Proceeding { response: bytes };
            return Ok(());
        }
        let absorb = absorb_time(self.flow.transport.is_reliable(), TRANSACTION_TIMEOUT);
        if absorb.is_zero() {
            self.state = State::Terminated;
        } else {
            self.timers.set(Timer::J, now + absorb);
            self.state = State::Completed { response: bytes };
        }
        Ok(())
    }
}

impl Machine for NonInviteServer {
    fn handle_timeout(&mut self, now: Instant, _out: &mut VecDeque<Output>) {
        if self.timers.take_expired(now).is_some() {
            self.state = State::Terminated;
        }
    }

    fn handle_transport_failed(&mut self, out: &mut VecDeque<Output>) {
        if matches!(self.state, State::Trying | State::Proceeding { .. }) {
            out.push_back(Output::ResponseFailed { transaction: self.id });
        }
        self.timers.clear();
        self.state = State::Terminated;
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
