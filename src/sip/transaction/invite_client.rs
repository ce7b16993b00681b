//! The INVITE client transaction: RFC 3261 17.1.1 with figure 5, as amended by RFC 6026 7.2.
//!
//! Also keeps CANCEL waiting until a provisional response allows it (RFC 3261 9.1). Does not acknowledge
//! 2xx: that is the dialog's matter.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::machine::Machine;
use super::timer::{PROCEEDING_TIMEOUT, RESPONSE_ABSORB_TIME, T1, TRANSACTION_TIMEOUT, Timer, absorb_time};
use super::{ClientTransactionId, Output, RequestFailure};
use crate::sip::message::{CSeq, Flow, Headers, Method, Request, Response};
use crate::time::TimerTable;

#[derive(Debug)]
pub(super) struct InviteClient {
    id: ClientTransactionId,
    /// Without its body: what ACK and CANCEL are made from.
    invite: Box<Request>,
    flow: Flow,
    state: State,
    timers: TimerTable<Timer>,
}

#[derive(Debug)]
enum State {
    Calling {
        bytes: Vec<u8>,
        interval: Duration,
        cancel: Cancel,
    },
    Proceeding {
        cancel: Cancel,
    },
    /// 300-699 received; `ack` answers each copy of it.
    Completed {
        ack: Vec<u8>,
    },
    /// 2xx received; further ones are passed on.
    Accepted,
    Terminated,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cancel {
    No,
    /// To be sent as soon as a provisional response has come.
    Wanted,
    Sent,
}

impl InviteClient {
    /// Sends `invite`, which carries its Via already.
    pub(super) fn start(
        id: ClientTransactionId,
        mut invite: Request,
        flow: Flow,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Self {
        let bytes = invite.to_bytes();
        out.push_back(Output::Transmit { bytes: bytes.clone(), flow });
        invite.body = Vec::new();
        let mut timers = TimerTable::default();
        if !flow.transport.is_reliable() {
            timers.set(Timer::A, now + T1);
        }
        timers.set(Timer::B, now + TRANSACTION_TIMEOUT);
        let state = State::Calling { bytes, interval: T1, cancel: Cancel::No };
        Self { id, invite: Box::new(invite), flow, state, timers }
    }

    pub(super) fn handle_response(
        &mut self,
        response: Response,
        flow: Flow,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) {
        let status = response.status;
        if flow.transport.is_reliable() && flow.transport == self.flow.transport {
            // The peer has reconnected: ACK and CANCEL reach it where it is now (RFC 5626 5.3).
            self.flow = flow;
        }
        match &self.state {
            State::Calling { cancel, .. } | State::Proceeding { cancel } if status.is_provisional() => {
                let cancel = *cancel;
                self.timers.stop(Timer::A);
                self.timers.stop(Timer::B);
                if cancel != Cancel::Sent {
                    self.timers.set(Timer::C, now + PROCEEDING_TIMEOUT);
                }
                self.state = State::Proceeding { cancel };
            }
            State::Calling { .. } | State::Proceeding { .. } if status.is_success() => {
                self.enter(State::Accepted, Timer::M, TRANSACTION_TIMEOUT, now);
            }
            State::Calling { .. } | State::Proceeding { .. } => {
                let ack = self.ack(&response).to_bytes();
                out.push_back(Output::Transmit { bytes: ack.clone(), flow: self.flow });
                let absorb = absorb_time(self.flow.transport.is_reliable(), RESPONSE_ABSORB_TIME);
                self.enter(State::Completed { ack }, Timer::D, absorb, now);
            }
            State::Completed { ack } => {
                if status.is_final() && !status.is_success() {
                    out.push_back(Output::Transmit { bytes: ack.clone(), flow: self.flow });
                }
                return;
            }
            State::Accepted if status.is_success() => {}
            State::Accepted | State::Terminated => return,
        }
        out.push_back(Output::ResponseReceived { transaction: self.id, response: Box::new(response), flow });
    }

    /// Sends the INVITE again at once, with short intervals again; over a reliable transport it cannot have been lost.
    pub(super) fn hurry(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        if self.flow.transport.is_reliable() {
            return;
        }
        if let State::Calling { bytes, interval, .. } = &mut self.state {
            out.push_back(Output::Transmit { bytes: bytes.clone(), flow: self.flow });
            *interval = T1;
            self.timers.set(Timer::A, now + T1);
        }
    }

    /// The user wants the INVITE cancelled; [`Self::poll_cancel`] tells when.
    pub(super) fn cancel(&mut self) {
        if let State::Calling { cancel, .. } | State::Proceeding { cancel } = &mut self.state
            && *cancel == Cancel::No
        {
            *cancel = Cancel::Wanted;
        }
    }

    /// The CANCEL, once, as soon as it may be sent.
    pub(super) fn poll_cancel(&mut self, now: Instant) -> Option<Request> {
        let State::Proceeding { cancel } = &mut self.state else { return None };
        if *cancel != Cancel::Wanted {
            return None;
        }
        *cancel = Cancel::Sent;
        self.timers.stop(Timer::C);
        self.timers.set(Timer::Cancelled, now + TRANSACTION_TIMEOUT);
        Some(self.companion(Method::Cancel))
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The ACK for a 300-699 (RFC 3261 17.1.1.3).
    fn ack(&self, response: &Response) -> Request {
        Request { to: response.to.clone(), ..self.companion(Method::Ack) }
    }

    /// A request of the same branch: what ACK and CANCEL have in common (RFC 3261 9.1, 17.1.1.3).
    fn companion(&self, method: Method) -> Request {
        let mut headers = Headers::default();
        for route in self.invite.headers.all("Route") {
            headers.push("Route", route);
        }
        Request {
            cseq: CSeq { seq: self.invite.cseq.seq, method: method.clone() },
            method,
            uri: self.invite.uri.clone(),
            via: self.invite.via.iter().take(1).cloned().collect(),
            from: self.invite.from.clone(),
            to: self.invite.to.clone(),
            call_id: self.invite.call_id.clone(),
            max_forwards: 70,
            headers,
            body: Vec::new(),
        }
    }

    fn enter(&mut self, state: State, timer: Timer, after: Duration, now: Instant) {
        self.timers.clear();
        if after.is_zero() {
            self.state = State::Terminated;
        } else {
            self.timers.set(timer, now + after);
            self.state = state;
        }
    }

    fn fail(&mut self, failure: RequestFailure, out: &mut VecDeque<Output>) {
        // After a final response the user knows the outcome already.
        if matches!(self.state, State::Calling { .. } | State::Proceeding { .. }) {
            out.push_back(Output::RequestFailed { transaction: self.id, failure });
        }
        self.timers.clear();
        self.state = State::Terminated;
    }
}

impl Machine for InviteClient {
    fn handle_timeout(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        while let Some(timer) = self.timers.take_expired(now) {
            match (timer, &mut self.state) {
                (Timer::A, State::Calling { bytes, interval, .. }) => {
                    out.push_back(Output::Transmit { bytes: bytes.clone(), flow: self.flow });
                    *interval *= 2;
                    self.timers.set(Timer::A, now + *interval);
                }
                (Timer::C, State::Proceeding { .. }) => self.cancel(),
                (Timer::B | Timer::Cancelled, _) => self.fail(RequestFailure::Timeout, out),
                _ => self.state = State::Terminated,
            }
        }
    }

    fn handle_transport_failed(&mut self, out: &mut VecDeque<Output>) {
        // An accepted INVITE sends nothing any more; its peer may repeat the 2xx over another connection.
        if !matches!(self.state, State::Accepted) {
            self.fail(RequestFailure::Transport, out);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
