//! Dialogs (RFC 3261 12): identity, sequence numbers, route set, remote target. One type for both sides.

use super::message::{Flow, Method, NameAddr, Request, Response, Uri};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DialogId {
    pub call_id: String,
    pub local_tag: String,
    pub remote_tag: String,
}

#[derive(Clone, Debug)]
pub struct Dialog {
    pub id: DialogId,
    pub local: NameAddr,
    pub remote: NameAddr,
    pub remote_target: Uri,
    pub route_set: Vec<NameAddr>,
    pub local_seq: u32,
    pub remote_seq: Option<u32>,
    /// Our own Contact.
    pub contact: NameAddr,
    /// Symmetric signalling: requests go back where the peer's messages came from.
    pub flow: Flow,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DialogError {
    #[error("no Contact in a dialog-creating message")]
    NoContact,
    #[error("no tag where a dialog needs one")]
    NoTag,
    #[error("CSeq is lower than one already seen")]
    OutOfOrder,
}

impl Dialog {
    /// The UAS side, from a dialog-creating request (RFC 3261 12.1.1).
    pub fn uas(
        _request: &Request,
        _local_tag: &str,
        _contact: NameAddr,
        _flow: Flow,
    ) -> Result<Self, DialogError> {
        todo!()
    }

    /// The UAC side, from our request and a response with a To tag (RFC 3261 12.1.2).
    pub fn uac(
        _request: &Request,
        _response: &Response,
        _contact: NameAddr,
        _flow: Flow,
    ) -> Result<Self, DialogError> {
        todo!()
    }

    /// The identity a received request would have in a dialog; none without a To tag.
    pub fn id_of_request(_request: &Request) -> Option<DialogId> {
        todo!()
    }

    /// A request within the dialog, with the next CSeq (RFC 3261 12.2.1.1). Via is left to the transaction layer.
    pub fn request(&mut self, _method: Method) -> Request {
        todo!()
    }

    /// The ACK for the 2xx of the INVITE numbered `invite_seq` (RFC 3261 13.2.2.4).
    pub fn ack(&self, _invite_seq: u32) -> Request {
        todo!()
    }

    /// Checks the CSeq of a received request and refreshes the target (RFC 3261 12.2.2).
    pub fn receive(&mut self, _request: &Request) -> Result<(), DialogError> {
        todo!()
    }
}
