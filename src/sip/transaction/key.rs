//! Which transaction a message belongs to: RFC 3261 17.1.3 (responses), 17.2.3 (requests, with the older
//! rules for branches without the magic cookie) and 8.2.2.2 (merged requests).

use crate::sip::message::via::MAGIC_COOKIE;
use crate::sip::message::{Host, Method, Request, Response, Transport};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Key {
    /// The branch is ours and cannot be guessed, so it suffices with the method of the CSeq.
    Client { branch: String, method: Method },
    Server {
        /// A request that is repeated comes as it came first; one that comes another way is answered there.
        transport: Transport,
        branch: Branch,
        sent_by: (Host, Option<u16>),
        method: Method,
    },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Branch {
    Unique(String),
    /// RFC 2543 peers: From tag, Call-ID and CSeq number stand for it. The To tag is left out, so the ACK of
    /// a failure finds its INVITE without a rule of its own.
    Legacy {
        from_tag: String,
        call_id: String,
        seq: u32,
    },
}

/// Two requests outside of dialogs that agree in this, but not in their transaction, are one request that
/// came by two ways.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct MergeKey {
    from_tag: String,
    call_id: String,
    seq: u32,
}

impl Key {
    /// None when the response has not exactly one Via with a branch: it is not ours (RFC 3261 8.1.3.3).
    pub(super) fn of_response(response: &Response) -> Option<Self> {
        let [via] = response.via.as_slice() else { return None };
        Some(Self::Client { branch: via.branch()?.to_owned(), method: response.cseq.method.clone() })
    }

    /// The key of a request we send: its branch is ours.
    pub(super) fn of_sent(request: &Request) -> Self {
        let branch = request.via.first().and_then(|via| via.branch()).unwrap_or_default();
        Self::Client { branch: branch.to_owned(), method: request.method.clone() }
    }

    /// The keys a received request has if it is one of ours that came back: its Vias hold our branch (RFC 3261
    /// 16.3 step 4).
    pub(super) fn of_looped(request: &Request) -> impl Iterator<Item = Self> + use<'_> {
        let branches = request.via.iter().filter_map(|via| via.branch());
        branches.map(|branch| Self::Client { branch: branch.to_owned(), method: request.method.clone() })
    }

    /// None without a Via. ACK has the key of its INVITE.
    pub(super) fn of_received(request: &Request, transport: Transport) -> Option<Self> {
        let method = match &request.method {
            Method::Ack => Method::Invite,
            method => method.clone(),
        };
        Self::for_method(request, method, transport)
    }

    /// The key of the INVITE that a CANCEL wants to end (RFC 3261 9.2).
    pub(super) fn of_cancelled(cancel: &Request, transport: Transport) -> Option<Self> {
        Self::for_method(cancel, Method::Invite, transport)
    }

    fn for_method(request: &Request, method: Method, transport: Transport) -> Option<Self> {
        let via = request.via.first()?;
        let branch = match via.branch() {
            Some(branch) if branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE) => {
                Branch::Unique(branch.to_owned())
            }
            _ => Branch::Legacy {
                from_tag: request.from.tag().unwrap_or_default().to_owned(),
                call_id: request.call_id.clone(),
                seq: request.cseq.seq,
            },
        };
        Some(Self::Server { transport, branch, sent_by: (via.host.clone(), via.port), method })
    }
}

impl MergeKey {
    /// Only INVITEs outside of dialogs are guarded: they alone would ring, record and be counted twice.
    pub(super) fn of(request: &Request) -> Option<Self> {
        (request.method == Method::Invite && request.to.tag().is_none()).then(|| Self {
            from_tag: request.from.tag().unwrap_or_default().to_owned(),
            call_id: request.call_id.clone(),
            seq: request.cseq.seq,
        })
    }
}
