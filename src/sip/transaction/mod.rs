//! The transaction layer (RFC 3261 17, RFC 6026): all client and server transactions of this element.
//!
//! Drive it like every machine here: one `handle_*` or command, then drain [`TransactionLayer::poll_output`],
//! then sleep until [`TransactionLayer::poll_timeout`].

use std::time::Instant;

use super::message::{Flow, Message, Request, Response};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServerTransactionId(pub u64);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientTransactionId(pub u64);

/// Most transactions held at once; above it new requests are answered 503 without a transaction.
pub const MAX_TRANSACTIONS: usize = 20_000;

#[derive(Debug)]
pub struct TransactionLayer {}

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
    /// Timer B or F.
    Timeout,
    Transport,
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
    pub fn new(_seed: [u8; 32]) -> Self {
        todo!()
    }

    /// Takes a parsed message that arrived on `flow`. Fills in `received` and `rport` of the top Via
    /// first (RFC 3261 18.2.1, RFC 3581).
    pub fn handle_message(&mut self, _message: Message, _flow: Flow, _now: Instant) {
        todo!()
    }

    /// The transport could not deliver to `flow`.
    pub fn handle_transport_failed(&mut self, _flow: &Flow, _now: Instant) {
        todo!()
    }

    /// Answers a request. 2xx to INVITE are retransmitted by the dialog's owner with
    /// [`Self::retransmit_success`], not by the transaction (RFC 6026 7.1).
    pub fn respond(
        &mut self,
        _transaction: ServerTransactionId,
        _response: &Response,
        _now: Instant,
    ) -> Result<(), TransactionError> {
        todo!()
    }

    /// Sends the stored 2xx of an accepted INVITE once more.
    pub fn retransmit_success(&mut self, _transaction: ServerTransactionId) -> Result<(), TransactionError> {
        todo!()
    }

    /// Starts a client transaction. The layer puts its own Via on top (sent-by = `flow.local`, rport).
    pub fn send_request(
        &mut self,
        _request: Request,
        _flow: Flow,
        _now: Instant,
    ) -> Result<ClientTransactionId, TransactionError> {
        todo!()
    }

    /// Sends an ACK for a 2xx: no transaction, a branch of its own (RFC 3261 13.2.2.4).
    pub fn send_ack(&mut self, _request: Request, _flow: Flow) {
        todo!()
    }

    /// Cancels a pending INVITE: at once if a provisional response was seen, else when it comes
    /// (RFC 3261 9.1). Nothing happens after a final response.
    pub fn cancel(&mut self, _transaction: ClientTransactionId, _now: Instant) {
        todo!()
    }

    pub fn handle_timeout(&mut self, _now: Instant) {
        todo!()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }

    /// Open transactions, for metrics and the leak test.
    pub fn len(&self) -> usize {
        todo!()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
