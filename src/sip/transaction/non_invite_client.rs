//! The non-INVITE client transaction: RFC 3261 17.1.2 with figure 6. Also carries our CANCELs, whose outcome
//! nobody asks for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::machine::Machine;
use super::timer::{T1, T2, T4, TRANSACTION_TIMEOUT, Timer, absorb_time};
use super::{ClientTransactionId, Output, RequestFailure};
use crate::sip::message::{Flow, Request, Response};
use crate::time::TimerTable;

#[derive(Debug)]
pub(super) struct NonInviteClient {
    audience: Audience,
    flow: Flow,
    state: State,
    timers: TimerTable<Timer>,
}

/// Who hears of the outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Audience {
    User(ClientTransactionId),
    /// A CANCEL: its outcome shows in the INVITE's.
    Nobody,
}

#[derive(Debug)]
enum State {
    Trying { bytes: Vec<u8>, interval: Duration },
    Proceeding { bytes: Vec<u8> },
    Completed,
    Terminated,
}

impl NonInviteClient {
    /// Sends `request`, which carries its Via already.
    pub(super) fn start(
        audience: Audience,
        request: &Request,
        flow: Flow,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Self {
        let bytes = request.to_bytes();
        out.push_back(Output::Transmit { bytes: bytes.clone(), flow });
        let mut timers = TimerTable::default();
        if !flow.transport.is_reliable() {
            timers.set(Timer::E, now + T1);
        }
        timers.set(Timer::F, now + TRANSACTION_TIMEOUT);
        Self { audience, flow, state: State::Trying { bytes, interval: T1 }, timers }
    }

    pub(super) fn handle_response(
        &mut self,
        response: Response,
        flow: Flow,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) {
        match &mut self.state {
            State::Trying { bytes, .. } | State::Proceeding { bytes } if response.status.is_provisional() => {
                let bytes = std::mem::take(bytes);
                self.state = State::Proceeding { bytes };
            }
            State::Trying { .. } | State::Proceeding { .. } => {
                self.timers.clear();
                let absorb = absorb_time(self.flow.transport.is_reliable(), T4);
                if absorb.is_zero() {
                    self.state = State::Terminated;
                } else {
                    self.timers.set(Timer::K, now + absorb);
                    self.state = State::Completed;
                }
            }
            State::Completed | State::Terminated => return,
        }
        if let Audience::User(transaction) = self.audience {
            out.push_back(Output::ResponseReceived { transaction, response: Box::new(response), flow });
        }
    }

    /// Sends the request again at once, with short intervals again; over a reliable transport it cannot have been lost.
    pub(super) fn hurry(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        if self.flow.transport.is_reliable() {
            return;
        }
        if let State::Trying { bytes, interval } = &mut self.state {
            out.push_back(Output::Transmit { bytes: bytes.clone(), flow: self.flow });
            *interval = T1;
            self.timers.set(Timer::E, now + T1);
        }
    }

    fn fail(&mut self, failure: RequestFailure, out: &mut VecDeque<Output>) {
        if let Audience::User(transaction) = self.audience
            && matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
        {
            out.push_back(Output::RequestFailed { transaction, failure });
        }
        self.timers.clear();
        self.state = State::Terminated;
    }
}

impl Machine for NonInviteClient {
    fn handle_timeout(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        while let Some(timer) = self.timers.take_expired(now) {
            match (timer, &mut self.state) {
                (Timer::E, State::Trying { bytes, interval }) => {
                    out.push_back(Output::Transmit { bytes: bytes.clone(), flow: self.flow });
                    *interval = (*interval * 2).min(T2);
                    self.timers.set(Timer::E, now + *interval);
                }
                (Timer::E, State::Proceeding { bytes }) => {
                    out.push_back(Output::Transmit { bytes: bytes.clone(), flow: self.flow });
                    self.timers.set(Timer::E, now + T2);
                }
                (Timer::F, _) => self.fail(RequestFailure::Timeout, out),
                _ => self.state = State::Terminated,
            }
        }
    }

    fn handle_transport_failed(&mut self, out: &mut VecDeque<Output>) {
        self.fail(RequestFailure::Transport, out);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
