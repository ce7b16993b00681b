//! Dialogs (RFC 3261 12): identity, sequence numbers, route set, remote target. One type for both sides.
//!
//! Whether the dialog is early, confirmed or over is known to its owner, the leg; so is glare (14.1, 14.2).

use super::message::{CSeq, Flow, Headers, Method, NameAddr, Params, Request, Response, Uri};

#[cfg(test)]
mod tests;

/// Hops a request of ours may take (RFC 3261 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DialogId {
    pub call_id: String,
    pub local_tag: String,
    /// Empty when a peer from before RFC 3261 gave none (12.1.1).
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
        request: &Request,
        local_tag: &str,
        contact: NameAddr,
        flow: Flow,
    ) -> Result<Self, DialogError> {
        let mut local = request.to.clone();
        local.set_tag(local_tag);
        Ok(Self {
            id: DialogId {
                call_id: request.call_id.clone(),
                local_tag: local_tag.to_owned(),
                remote_tag: request.from.tag().unwrap_or_default().to_owned(),
            },
            local,
            remote: request.from.clone(),
            remote_target: target(&request.headers).ok_or(DialogError::NoContact)?,
            route_set: record_route(&request.headers),
            local_seq: 0,
            remote_seq: Some(request.cseq.seq),
            contact,
            flow,
        })
    }

    /// The UAC side, from our request and a response with a To tag (RFC 3261 12.1.2).
    pub fn uac(
        request: &Request,
        response: &Response,
        contact: NameAddr,
        flow: Flow,
    ) -> Result<Self, DialogError> {
        let local_tag = request.from.tag().ok_or(DialogError::NoTag)?;
        let remote_tag = response.to.tag().ok_or(DialogError::NoTag)?;
        Ok(Self {
            id: DialogId {
                call_id: request.call_id.clone(),
                local_tag: local_tag.to_owned(),
                remote_tag: remote_tag.to_owned(),
            },
            local: request.from.clone(),
            remote: response.to.clone(),
            remote_target: target(&response.headers).ok_or(DialogError::NoContact)?,
            route_set: reversed(record_route(&response.headers)),
            local_seq: request.cseq.seq,
            remote_seq: None,
            contact,
            flow,
        })
    }

    /// The identity a received request would have in a dialog; none without a To tag.
    pub fn id_of_request(request: &Request) -> Option<DialogId> {
        Some(DialogId {
            call_id: request.call_id.clone(),
            local_tag: request.to.tag()?.to_owned(),
            remote_tag: request.from.tag().unwrap_or_default().to_owned(),
        })
    }

    /// An early dialog of ours becomes confirmed: the 2xx names target and route set anew
    /// (RFC 3261 13.2.2.4).
    pub fn confirm(&mut self, success: &Response) -> Result<(), DialogError> {
        self.remote_target = target(&success.headers).ok_or(DialogError::NoContact)?;
        self.route_set = reversed(record_route(&success.headers));
        Ok(())
    }

    /// A request within the dialog, with the next CSeq (RFC 3261 12.2.1.1). Via is left to the transaction
    /// layer. Not for ACK, which has [`Self::ack`], nor CANCEL, which the transaction layer makes.
    pub fn request(&mut self, method: Method) -> Request {
        self.local_seq += 1;
        let names_target = refreshes_target(&method);
        let mut request = self.numbered(method, self.local_seq);
        if names_target {
            request.headers.push("Contact", self.contact.to_string());
        }
        request
    }

    /// The ACK for the 2xx of the INVITE numbered `invite_seq` (RFC 3261 13.2.2.4).
    pub fn ack(&self, invite_seq: u32) -> Request {
        self.numbered(Method::Ack, invite_seq)
    }

    /// Checks the CSeq of a received request and refreshes the target (RFC 3261 12.2.2).
    pub fn receive(&mut self, request: &Request) -> Result<(), DialogError> {
        if self.remote_seq.is_some_and(|seen| request.cseq.seq < seen) {
            return Err(DialogError::OutOfOrder);
        }
        self.remote_seq = Some(request.cseq.seq);
        if refreshes_target(&request.method)
            && let Some(target) = target(&request.headers)
        {
            self.remote_target = target;
        }
        Ok(())
    }

    /// Takes the new target from a 2xx to a re-INVITE of ours (RFC 3261 12.2.1.2).
    pub fn receive_response(&mut self, response: &Response) {
        if response.status.is_success()
            && refreshes_target(&response.cseq.method)
            && let Some(target) = target(&response.headers)
        {
            self.remote_target = target;
        }
    }

    fn numbered(&self, method: Method, seq: u32) -> Request {
        let (uri, routes) = self.path();
        let mut headers = Headers::default();
        for route in &routes {
            headers.push("Route", route.to_string());
        }
        Request {
            cseq: CSeq { seq, method: method.clone() },
            method,
            uri,
            via: Vec::new(),
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.id.call_id.clone(),
            max_forwards: MAX_FORWARDS,
            headers,
            body: Vec::new(),
        }
    }

    /// Request-URI and Route. A first hop without `lr` is a strict router: it wants to be the Request-URI
    /// and finds the target at the end of the route (RFC 3261 12.2.1.1).
    fn path(&self) -> (Uri, Vec<NameAddr>) {
        let target = in_request_line(self.remote_target.clone());
        match self.route_set.split_first() {
            Some((first, rest)) if !first.uri.params.contains("lr") => {
                let mut routes = rest.to_vec();
                routes.push(NameAddr::new(target));
                (in_request_line(first.uri.clone()), routes)
            }
            _ => (target, self.route_set.clone()),
        }
    }
}

/// Methods that may move the remote target (RFC 3261 12.2, RFC 3311, RFC 3515, RFC 6665).
fn refreshes_target(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer)
}

/// The URI of the first Contact.
fn target(headers: &Headers) -> Option<Uri> {
    let contacts = NameAddr::parse_list(headers.first("Contact")?).ok()?;
    contacts.into_iter().next().map(|contact| contact.uri)
}

/// Record-Route in the order of the headers. A line that cannot be read is left out: the rest is still the
/// best known way.
fn record_route(headers: &Headers) -> Vec<NameAddr> {
    headers.all("Record-Route").flat_map(|line| NameAddr::parse_list(line).unwrap_or_default()).collect()
}

fn reversed(mut routes: Vec<NameAddr>) -> Vec<NameAddr> {
    routes.reverse();
    routes
}

/// A Request-URI has no header part and no `method` parameter (RFC 3261 19.1.1, table 1).
fn in_request_line(mut uri: Uri) -> Uri {
    uri.uri_headers = None;
    uri.params =
        Params(uri.params.0.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("method")).collect());
    uri
}
