//! Answers given without a transaction (RFC 3261 8.2.7): to CANCEL, to merged requests, and when the table
//! is full. Copies of a request get the same answer, To tag included, without anything being remembered.

use crate::digest::Sha256;
use crate::sip::message::{Request, Response, StatusCode};

/// Seconds a peer is asked to wait when the transaction table is full: one timer J, after which many
/// transactions will have ended.
const RETRY_AFTER_SECS: u32 = 32;
/// Hexadecimal digits of a derived To tag: 64 bits (RFC 3261 19.3 asks for 32 at least).
const TAG_LEN: usize = 16;

#[derive(Debug)]
pub(super) struct Stateless {
    secret: [u8; 32],
}

impl Stateless {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    pub(super) fn answer(&self, request: &Request, status: StatusCode) -> Response {
        let response = request.response(status, &self.tag(request));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return response.with_header("Retry-After", RETRY_AFTER_SECS.to_string());
        }
        response
    }

    /// The same for every copy of a request, and for an INVITE and its CANCEL.
    pub(super) fn tag(&self, request: &Request) -> String {
        let mut text = self.secret.to_vec();
        let branch = request.via.first().and_then(|via| via.branch()).unwrap_or_default();
        for part in [branch, request.from.tag().unwrap_or_default(), &request.call_id] {
            text.extend_from_slice(part.as_bytes());
            text.push(0);
        }
        let mut tag = Sha256::of(&text).to_string();
        tag.truncate(TAG_LEN);
        tag
    }
}
