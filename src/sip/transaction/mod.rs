//! The transaction layer (RFC 3261 17, RFC 6026): all client and server transactions of this element.
//!
//! Drive it like every machine here: one `handle_*` or command, then drain [`TransactionLayer::poll_output`],
//! then sleep until [`TransactionLayer::poll_timeout`]. Signalling is symmetric: an answer goes back over the
//! flow its request came from.

mod invite_client;
mod invite_server;
mod key;
mod large;
mod machine;
mod non_invite_client;
mod non_invite_server;
mod stateless;
mod table;
#[cfg(test)]
mod tests;
pub mod timer;
mod top_via;

use std::collections::VecDeque;
use std::time::Instant;

use self::invite_client::InviteClient;
use self::invite_server::{AckFor, InviteServer};
use self::key::{Key, MergeKey};
use self::large::{Fallback, Large};
use self::machine::{Machine, Transaction};
use self::non_invite_client::{Audience, NonInviteClient};
use self::non_invite_server::NonInviteServer;
use self::stateless::Stateless;
use self::table::{Claim, Table};
use super::message::{Flow, Message, Method, Request, Response, StatusCode, Transport};
use crate::ids::Mint;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServerTransactionId(pub u64);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientTransactionId(pub u64);

/// Most transactions held at once; above it new requests are answered 503 without a transaction.
pub const MAX_TRANSACTIONS: usize = 20_000;
/// Places of the table that only requests within dialogs may take: enough for a BYE of every leg of a
/// thousand calls, so that calls can end while new ones are turned away.
pub const IN_DIALOG_RESERVE: usize = 2_000;

#[derive(Debug)]
pub struct TransactionLayer {
    mint: Mint,
    stateless: Stateless,
    table: Table,
    large: Large,
    last_id: u64,
    stray_responses: u64,
    /// What one input caused; drained after each.
    outputs: VecDeque<Output>,
}

/// What the layer wants done or tells its user.
#[derive(Debug)]
pub enum Output {
    Transmit {
        bytes: Vec<u8>,
        flow: Flow,
    },
    /// A new request (never ACK or CANCEL). Answer it with [`TransactionLayer::respond`].
    RequestReceived {
        transaction: ServerTransactionId,
        request: Box<Request>,
        flow: Flow,
    },
    /// An ACK for a 2xx (its own dialog matter, RFC 3261 13.3.1.4).
    AckReceived {
        request: Box<Request>,
        flow: Flow,
    },
    /// A CANCEL for an INVITE not yet finally answered; the layer has answered the CANCEL with 200.
    CancelReceived {
        invite: ServerTransactionId,
    },
    /// A response: provisional, final, and every further 2xx of an INVITE (RFC 6026 8.4).
    ResponseReceived {
        transaction: ClientTransactionId,
        response: Box<Response>,
        flow: Flow,
    },
    /// No final response will come.
    RequestFailed {
        transaction: ClientTransactionId,
        failure: RequestFailure,
    },
    /// The ACK for a non-2xx final response never came (timer H), or its transport failed.
    ResponseFailed {
        transaction: ServerTransactionId,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestFailure {
    /// Timer B or F, or no end of a cancelled INVITE.
    Timeout,
    Transport,
}

impl RequestFailure {
    /// The label of the counter of failed transactions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Transport => "transport",
        }
    }
}

/// Why a request or response was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransactionError {
    #[error("the transaction is gone")]
    Unknown,
    #[error("a final response was already sent")]
    AlreadyAnswered,
    #[error("{MAX_TRANSACTIONS} transactions are open")]
    Full,
}

impl TransactionLayer {
    /// `seed` feeds the branches.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut mint = Mint::new(seed);
        let stateless = Stateless::new(mint.seed());
        Self {
            mint,
            stateless,
            table: Table::default(),
            large: Large::default(),
            last_id: 0,
            stray_responses: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes a parsed message that arrived on `flow`. Fills in `received` and `rport` of the top Via
    /// first (RFC 3261 18.2.1, RFC 3581).
    pub fn handle_message(&mut self, message: Message, flow: Flow, now: Instant) {
        match message {
            Message::Response(response) => self.handle_response(response, flow, now),
            Message::Request(mut request) => {
                top_via::complete(&mut request, &flow);
                let Some(key) = Key::of_received(&request, flow.transport) else { return };
                match request.method {
                    Method::Ack => self.handle_ack(&key, request, flow, now),
                    Method::Cancel => self.handle_cancel(&request, flow),
                    _ => self.handle_request(key, request, flow, now),
                }
            }
        }
    }

    /// The transport could not deliver to `flow`.
    pub fn handle_transport_failed(&mut self, flow: &Flow, now: Instant) {
        for id in self.table.over_flow(flow) {
            if let Some(fallback) = self.large.give_up(id, now) {
                self.restart(id, fallback, now);
                continue;
            }
            if let Some(transaction) = self.table.transaction(id) {
                transaction.handle_transport_failed(&mut self.outputs);
            }
            self.table.settle(id);
        }
    }

    /// Answers a request. 2xx to INVITE are retransmitted by the dialog's owner with
    /// [`Self::retransmit_success`], not by the transaction (RFC 6026 7.1).
    pub fn respond(
        &mut self,
        transaction: ServerTransactionId,
        response: &Response,
        now: Instant,
    ) -> Result<(), TransactionError> {
        let id = transaction.0;
        match self.table.transaction(id) {
            Some(Transaction::InviteServer(server)) => server.respond(response, now, &mut self.outputs)?,
            Some(Transaction::NonInviteServer(server)) => server.respond(response, now, &mut self.outputs)?,
            _ => return Err(TransactionError::Unknown),
        }
        // Careless phones repeat a challenged INVITE under the same CSeq, and what was refused may be tried another
        // way: that is no merged request, for nothing runs that it could be merged with.
        if response.status.is_final() && !response.status.is_success() {
            self.table.unguard(id);
        }
        self.table.settle(id);
        Ok(())
    }

    /// Answers a request and forgets it at once (RFC 3261 8.2.7): the answer is not repeated by us, a copy of the request
    /// is a new one. For those who have shown no right to 32 s of our memory.
    pub fn dismiss(&mut self, transaction: ServerTransactionId, response: &Response) {
        if let Some(flow) = self.table.flow(transaction.0) {
            self.outputs.push_back(Output::Transmit { bytes: response.to_bytes(), flow });
            self.table.remove(transaction.0);
        }
    }

    /// The To tag of an answer given without a transaction: the same for every copy of the request.
    pub fn stateless_tag(&self, request: &Request) -> String {
        self.stateless.tag(request)
    }

    /// Answers a request that has no transaction and shall get none. Fills in `received` and `rport` first.
    pub fn answer_without_transaction(&mut self, mut request: Request, status: StatusCode, flow: Flow) {
        top_via::complete(&mut request, &flow);
        self.answer_stateless(&request, status, flow);
    }

    /// True for copies of a request that has a transaction, for its ACK, and for its CANCEL.
    pub fn knows(&self, request: &Request, transport: Transport) -> bool {
        let key = match request.method {
            Method::Cancel => Key::of_cancelled(request, transport),
            _ => Key::of_received(request, transport),
        };
        key.is_some_and(|key| self.table.find(&key).is_some())
    }

    /// Sends the stored 2xx of an accepted INVITE once more.
    pub fn retransmit_success(&mut self, transaction: ServerTransactionId) -> Result<(), TransactionError> {
        match self.table.transaction(transaction.0) {
            Some(Transaction::InviteServer(server)) => server.retransmit_success(&mut self.outputs),
            _ => Err(TransactionError::Unknown),
        }
    }

    /// Starts a client transaction. The layer puts its own Via on top (sent-by = `flow.local`, rport).
    pub fn send_request(
        &mut self,
        mut request: Request,
        flow: Flow,
        now: Instant,
    ) -> Result<ClientTransactionId, TransactionError> {
        if !self.table.has_room(claim(&request)) {
            return Err(TransactionError::Full);
        }
        top_via::push(&mut request, &flow, &self.mint.token());
        let id = self.next_id();
        let audience = Audience::User(ClientTransactionId(id));
        match self.large.way(&mut request, flow, now) {
            None => self.start_client(id, audience, request, flow, now),
            Some(tcp) => {
                let mut over_tcp = request.clone();
                top_via::rename(&mut over_tcp, Transport::Tcp);
                self.large.wait(id, Fallback { audience, request, flow, cancelled: false }, now);
                self.start_client(id, audience, over_tcp, tcp, now);
            }
        }
        Ok(ClientTransactionId(id))
    }

    /// Sends an ACK for a 2xx: no transaction, a branch of its own (RFC 3261 13.2.2.4).
    pub fn send_ack(&mut self, mut request: Request, flow: Flow) {
        top_via::push(&mut request, &flow, &self.mint.token());
        self.outputs.push_back(Output::Transmit { bytes: request.to_bytes(), flow });
    }

    /// Cancels a pending INVITE: at once if a provisional response was seen, else when it comes
    /// (RFC 3261 9.1). Nothing happens after a final response.
    pub fn cancel(&mut self, transaction: ClientTransactionId, now: Instant) {
        if let Some(Transaction::InviteClient(client)) = self.table.transaction(transaction.0) {
            client.cancel();
            self.large.cancel(transaction.0);
            self.settle(transaction.0, now);
        }
    }

    /// The peer has just been heard elsewhere: what it has not answered is sent again now, not when the interval of a long
    /// silence is over. When the transaction gives up stays as it is.
    pub fn hurry(&mut self, transaction: ClientTransactionId, now: Instant) {
        match self.table.transaction(transaction.0) {
            Some(Transaction::InviteClient(client)) => client.hurry(now, &mut self.outputs),
            Some(Transaction::NonInviteClient(client)) => client.hurry(now, &mut self.outputs),
            _ => return,
        }
        self.settle(transaction.0, now);
    }

    /// Over which flow the peer of a received request is reached: it may have left the one the dialog knows.
    pub fn server_flow(&self, transaction: ServerTransactionId) -> Option<Flow> {
        self.table.flow(transaction.0)
    }

    /// Over which flow the peer of a sent request is reached: where its latest response came from.
    pub fn client_flow(&self, transaction: ClientTransactionId) -> Option<Flow> {
        self.table.flow(transaction.0)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.large.due(now) {
            if let Some(fallback) = self.large.give_up(id, now) {
                self.restart(id, fallback, now);
            }
        }
        while let Some(id) = self.table.due(now) {
            if let Some(transaction) = self.table.transaction(id) {
                transaction.handle_timeout(now, &mut self.outputs);
            }
            self.settle(id, now);
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.table.next_deadline(), self.large.next_deadline()].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Open transactions, for metrics and the leak test.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Responses that belonged to no request of ours, so far; they are dropped (RFC 3261 18.1.2).
    pub fn stray_responses(&self) -> u64 {
        self.stray_responses
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn handle_response(&mut self, response: Response, flow: Flow, now: Instant) {
        let Some(id) = Key::of_response(&response).and_then(|key| self.table.find(&key)) else {
            self.stray_responses += 1;
            return;
        };
        match self.table.transaction(id) {
            Some(Transaction::InviteClient(client)) => {
                client.handle_response(response, flow, now, &mut self.outputs);
                let reached_at = *client.flow();
                self.table.move_to(id, reached_at);
            }
            Some(Transaction::NonInviteClient(client)) => {
                client.handle_response(response, flow, now, &mut self.outputs);
            }
            _ => return,
        }
        self.large.settle(id);
        self.settle(id, now);
    }

    fn handle_request(&mut self, key: Key, request: Request, flow: Flow, now: Instant) {
        if let Some(id) = self.table.find(&key) {
            match self.table.transaction(id) {
                Some(Transaction::InviteServer(server)) => server.handle_repeated(&mut self.outputs),
                Some(Transaction::NonInviteServer(server)) => server.handle_repeated(&mut self.outputs),
                _ => {}
            }
            self.table.settle(id);
            return;
        }
        if Key::of_looped(&request).any(|key| self.table.find(&key).is_some()) {
            self.answer_stateless(&request, StatusCode::LOOP_DETECTED, flow);
            return;
        }
        let merge_key = MergeKey::of(&request);
        if merge_key.as_ref().is_some_and(|merge_key| self.table.is_merged(merge_key)) {
            self.answer_stateless(&request, StatusCode::LOOP_DETECTED, flow);
            return;
        }
        if !self.table.has_room(claim(&request)) {
            self.answer_stateless(&request, StatusCode::SERVICE_UNAVAILABLE, flow);
            return;
        }
        let id = self.next_id();
        let transaction = ServerTransactionId(id);
        let machine = match request.method {
            Method::Invite => Transaction::InviteServer(InviteServer::new(transaction, &request, flow, now)),
            _ => Transaction::NonInviteServer(NonInviteServer::new(transaction, flow)),
        };
        self.table.insert(id, machine, key, flow);
        if let Some(merge_key) = merge_key {
            self.table.guard(id, merge_key);
        }
        self.outputs.push_back(Output::RequestReceived { transaction, request: Box::new(request), flow });
    }

    fn handle_ack(&mut self, invite_key: &Key, ack: Request, flow: Flow, now: Instant) {
        if let Some(id) = self.table.find(invite_key)
            && let Some(Transaction::InviteServer(server)) = self.table.transaction(id)
        {
            let ack_for = server.handle_ack(now);
            self.table.settle(id);
            if ack_for == AckFor::Failure {
                return;
            }
        }
        self.outputs.push_back(Output::AckReceived { request: Box::new(ack), flow });
    }

    /// CANCEL is hop by hop and cannot be challenged, so it must come from where its INVITE came from
    /// (RFC 3261 9.2, 22.1). It is answered without a transaction: its copies get the same answer.
    fn handle_cancel(&mut self, cancel: &Request, flow: Flow) {
        let invite = Key::of_cancelled(cancel, flow.transport).and_then(|key| self.table.find(&key));
        let server = invite.and_then(|id| match self.table.transaction(id) {
            Some(Transaction::InviteServer(server)) => Some((id, server)),
            _ => None,
        });
        match server {
            Some((id, server)) if server.flow().remote.ip() == flow.remote.ip() => {
                let pending = server.awaits_answer();
                self.answer_stateless(cancel, StatusCode::OK, flow);
                if pending {
                    self.outputs.push_back(Output::CancelReceived { invite: ServerTransactionId(id) });
                }
            }
            _ => self.answer_stateless(cancel, StatusCode::NO_SUCH_DIALOG, flow),
        }
    }

    fn answer_stateless(&mut self, request: &Request, status: StatusCode, flow: Flow) {
        let bytes = self.stateless.answer(request, status).to_bytes();
        self.outputs.push_back(Output::Transmit { bytes, flow });
    }

    fn start_client(&mut self, id: u64, audience: Audience, request: Request, flow: Flow, now: Instant) {
        let key = Key::of_sent(&request);
        let out = &mut self.outputs;
        let machine = match request.method {
            Method::Invite => Transaction::InviteClient(InviteClient::start(
                ClientTransactionId(id),
                request,
                flow,
                now,
                out,
            )),
            _ => Transaction::NonInviteClient(NonInviteClient::start(audience, &request, flow, now, out)),
        };
        self.table.insert(id, machine, key, flow);
    }

    /// A large request goes out once more, by UDP: the same transaction, its branch unchanged, so that a peer which
    /// has seen it over TCP takes it for a copy.
    fn restart(&mut self, id: u64, fallback: Fallback, now: Instant) {
        let Fallback { audience, request, flow, cancelled } = fallback;
        self.table.remove(id);
        self.start_client(id, audience, request, flow, now);
        if cancelled && let Some(Transaction::InviteClient(client)) = self.table.transaction(id) {
            client.cancel();
        }
    }

    /// After a step of `id`: sends the CANCEL that has become due and keeps the table right. There is at
    /// most one CANCEL for each INVITE, so the bound of the table is not asked.
    fn settle(&mut self, id: u64, now: Instant) {
        if let Some(Transaction::InviteClient(client)) = self.table.transaction(id)
            && let Some(cancel) = client.poll_cancel(now)
        {
            let flow = *client.flow();
            let cancel_id = self.next_id();
            self.start_client(cancel_id, Audience::Nobody, cancel, flow, now);
        }
        self.table.settle(id);
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// A To tag means that a dialog exists (RFC 3261 12.2.2).
fn claim(request: &Request) -> Claim {
    if request.to.tag().is_some() { Claim::InDialog } else { Claim::OutOfDialog }
}
