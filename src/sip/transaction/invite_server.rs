//! The INVITE server transaction: RFC 3261 17.2.1 with figure 7, as amended by RFC 6026 7.1.
//!
//! Retransmits failure responses itself; a 2xx is stored and sent again only when the dialog's owner
//! asks for it (RFC 3261 13.3.1.4).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::machine::Machine;
use super::timer::{T1, T2, T4, TRANSACTION_TIMEOUT, TRYING_DELAY, Timer, absorb_time};
use super::{Output, ServerTransactionId, TransactionError};
use crate::sip::message::{Flow, Request, Response, StatusCode};
use crate::time::TimerTable;

#[derive(Debug)]
pub(super) struct InviteServer {
    id: ServerTransactionId,
    flow: Flow,
    /// The latest response, 100 before the user has given one.
    response: Vec<u8>,
    state: State,
    timers: TimerTable<Timer>,
}

#[derive(Debug)]
enum State {
    Proceeding,
    /// 300-699 sent, ACK awaited.
    Completed {
        interval: Duration,
    },
    Confirmed,
    /// 2xx sent; copies of the INVITE are absorbed.
    Accepted,
    Terminated,
}

/// What an ACK that matches the transaction is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AckFor {
    /// A failure response: the transaction's own matter.
    Failure,
    /// A 2xx, from a client that uses the branch of the INVITE again.
    Success,
}

impl InviteServer {
    pub(super) fn new(id: ServerTransactionId, invite: &Request, flow: Flow, now: Instant) -> Self {
        let mut trying = invite.response(StatusCode::TRYING, "");
        if let Some(timestamp) = invite.headers.first("Timestamp") {
            trying.headers.push("Timestamp", timestamp);
        }
        let mut timers = TimerTable::default();
        timers.set(Timer::Trying, now + TRYING_DELAY);
        Self { id, flow, response: trying.to_bytes(), state: State::Proceeding, timers }
    }

    /// The INVITE once more.
    pub(super) fn handle_repeated(&mut self, out: &mut VecDeque<Output>) {
        if matches!(self.state, State::Proceeding | State::Completed { .. }) {
            self.timers.stop(Timer::Trying);
            self.transmit(out);
        }
    }

    pub(super) fn handle_ack(&mut self, now: Instant) -> AckFor {
        match self.state {
            State::Completed { .. } => {
                self.timers.clear();
                let absorb = absorb_time(self.flow.transport.is_reliable(), T4);
                if absorb.is_zero() {
                    self.state = State::Terminated;
                } else {
                    self.timers.set(Timer::I, now + absorb);
                    self.state = State::Confirmed;
                }
                AckFor::Failure
            }
            State::Accepted => AckFor::Success,
            State::Proceeding | State::Confirmed | State::Terminated => AckFor::Failure,
        }
    }

    pub(super) fn respond(
        &mut self,
        response: &Response,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Result<(), TransactionError> {
        if !self.awaits_answer() {
            return Err(TransactionError::AlreadyAnswered);
        }
        self.response = response.to_bytes();
        self.transmit(out);
        self.timers.stop(Timer::Trying);
        if response.status.is_success() {
            self.timers.set(Timer::L, now + TRANSACTION_TIMEOUT);
            self.state = State::Accepted;
        } else if response.status.is_final() {
            if !self.flow.transport.is_reliable() {
                self.timers.set(Timer::G, now + T1);
            }
            self.timers.set(Timer::H, now + TRANSACTION_TIMEOUT);
            self.state = State::Completed { interval: T1 };
        }
        Ok(())
    }

    /// Sends the stored 2xx again.
    pub(super) fn retransmit_success(&self, out: &mut VecDeque<Output>) -> Result<(), TransactionError> {
        if !matches!(self.state, State::Accepted) {
            return Err(TransactionError::Unknown);
        }
        self.transmit(out);
        Ok(())
    }

    /// True until the final response.
    pub(super) fn awaits_answer(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    fn transmit(&self, out: &mut VecDeque<Output>) {
        out.push_back(Output::Transmit { bytes: self.response.clone(), flow: self.flow });
    }

    fn fail(&mut self, out: &mut VecDeque<Output>) {
        if !matches!(self.state, State::Confirmed | State::Terminated) {
            out.push_back(Output::ResponseFailed { transaction: self.id });
        }
        self.timers.clear();
        self.state = State::Terminated;
    }
}

impl Machine for InviteServer {
    fn handle_timeout(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        while let Some(timer) = self.timers.take_expired(now) {
            match (timer, &mut self.state) {
                (Timer::Trying, _) => self.transmit(out),
                (Timer::G, State::Completed { interval }) => {
                    *interval = (*interval * 2).min(T2);
                    self.timers.set(Timer::G, now + *interval);
                    self.transmit(out);
                }
                (Timer::H, _) => self.fail(out),
                _ => self.state = State::Terminated,
            }
        }
    }

    fn handle_transport_failed(&mut self, out: &mut VecDeque<Output>) {
        self.fail(out);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
