//! `/api/v1/calls/{id}/ladder`: the SIP messages of a call, as a list to read and as a capture for Wireshark. While the
//! call is on they come from the switchboard, later from the store. Looking is journalled as `access.viewed`.
//!
//! Secrets were masked when the messages were kept; numbers of citizens are masked here, for roles that do not talk
//! to them.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use crate::call::contact::Contact;
use crate::call::ladder::{LadderMessage, MessageDirection};
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::pcap::Capture;
use crate::sip::message::mask;
use crate::time;

use super::super::access::Sight;
use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::view::UtcTime;
use super::super::{COMMAND_DEADLINE, LadderOf, Shared, Web, access};

/// The messages of a call in order.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct LadderView {
    items: Vec<RungView>,
    /// Messages that were not kept: of a call with very many those in the middle. `seq` jumps there.
    left_out: usize,
}

/// One SIP message.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RungView {
    /// From 1; a jump is what was left out.
    seq: u32,
    at: UtcTime,
    /// `received` or `sent`, seen from here.
    direction: &'static str,
    /// `citizen` for the leg of the citizen, `operator` for all others; `provider` in the ladder of a trunk.
    party: &'static str,
    /// UDP, TCP, TLS, WS or WSS.
    transport: &'static str,
    /// Address and port.
    from: String,
    to: String,
    /// `INVITE sip:1580@... SIP/2.0`, `SIP/2.0 200 OK`
    first_line: String,
    /// The whole message, secrets masked by asterisks.
    text: String,
}

/// The SIP messages of a call.
#[utoipa::path(get, path = "/api/v1/calls/{id}/ladder", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = LadderView), (status = 403), (status = 404)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
) -> Result<Answer<LadderView>, ApiError> {
    let (contact, messages) = web.ladder_to_see(id, &principal, "ladder").await?;
    let last = messages.last().map_or(0, |message| message.seq);
    let left_out = usize::try_from(last).unwrap_or(usize::MAX).saturating_sub(messages.len());
    let items = messages.iter().map(|message| RungView::new(message, &contact)).collect();
    Ok(Answer(LadderView { items, left_out }))
}

/// The same as a capture file. What came over TCP, TLS or a WebSocket is in it as UDP between the same addresses; the
/// list tells the transport.
#[utoipa::path(get, path = "/api/v1/calls/{id}/ladder.pcap", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/vnd.tcpdump.pcap"), (status = 403), (status = 404)))]
pub(in crate::web) async fn download(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
) -> Result<Response, ApiError> {
    let (_, messages) = web.ladder_to_see(id, &principal, "ladder.pcap").await?;
    let mut capture = Capture::default();
    for message in &messages {
        let (from, to) = ends(message);
        capture.add(message.at, from, to, &message.bytes);
    }
    let mut response = capture.into_bytes().into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.tcpdump.pcap"));
    let name = format!("attachment; filename=\"{id}.pcap\"");
    let name = HeaderValue::try_from(name).map_err(|error| ApiError::internal("header value", &error))?;
    fields.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

impl LadderView {
    /// Of the messages between us and a provider.
    pub(in crate::web) fn of_trunk(messages: &[LadderMessage]) -> Self {
        let items = messages.iter().map(|message| RungView::with(message, "provider")).collect();
        Self { items, left_out: 0 }
    }
}

impl RungView {
    fn new(message: &LadderMessage, contact: &Contact) -> Self {
        let citizen = mask::call_id(&message.bytes) == Some(&contact.sip_call_id);
        Self::with(message, if citizen { "citizen" } else { "operator" })
    }

    fn with(message: &LadderMessage, party: &'static str) -> Self {
        let text = String::from_utf8_lossy(&message.bytes).into_owned();
        let (from, to) = ends(message);
        Self {
            seq: message.seq,
            at: message.at.into(),
            direction: message.direction.name(),
            party,
            transport: message.flow.transport.name(),
            from: from.to_string(),
            to: to.to_string(),
            first_line: text.lines().next().unwrap_or_default().to_owned(),
            text,
        }
    }
}

/// Where a message came from and where it went.
fn ends(message: &LadderMessage) -> (std::net::SocketAddr, std::net::SocketAddr) {
    match message.direction {
        MessageDirection::Received => (message.flow.remote, message.flow.local),
        MessageDirection::Sent => (message.flow.local, message.flow.remote),
    }
}

impl Web {
    /// The messages this person may see; that they were looked at is on the journal.
    async fn ladder_to_see(
        &self,
        id: ContactId,
        principal: &Principal,
        what: &str,
    ) -> Result<(Contact, Vec<LadderMessage>), ApiError> {
        let contact = self.contact(id).await?;
        let mut messages = match self.live_ladder(LadderOf::Call(id)).await? {
            Some(messages) => messages,
            None => self.store().ladder(id).await?,
        };
        let reads = self.sight_of_call(&contact, principal).await? != Sight::Existence;
        if !reads || !access::sees_applicants(principal.role()) {
            for message in &mut messages {
                message.bytes = mask::without_person(&message.bytes, contact.caller.as_str());
            }
        }
        let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
        draft.contact = Some(id);
        draft.data = serde_json::json!({ "what": what });
        self.journal(draft).await?;
        Ok((contact, messages))
    }

    /// What the switchboard holds, of a call that is on or was a moment ago, or of a trunk.
    pub(in crate::web) async fn live_ladder(
        &self,
        of: LadderOf,
    ) -> Result<Option<Vec<LadderMessage>>, ApiError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.given.ladders.send((of, answer)).await.ok()?;
            answered.await.ok()
        };
        let answer = tokio::time::timeout(COMMAND_DEADLINE, asked).await.ok().flatten();
        let ladder = answer.ok_or(ApiError::Unavailable("the switchboard is not answering"))?;
        Ok(ladder.map(|ladder| ladder.messages().cloned().collect()))
    }
}
