//! Applicants hear their own calls, as far as the city's rule goes: off, with the leave of the records office, or at once;
//! their own voice or both. Proven by number and code and, where the rule wants it, by the telephone number of the call. The
//! link works for a while, and what is about to be heard is journalled before the first byte leaves.

use axum::Json as Answer;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call::contact::Contact;
use crate::case::Case;
use crate::digest::Sha256;
use crate::ids::{ContactId, HearingId};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::recording::{RecordingResult, RecordingState};
use crate::store::{Hearing, HearingState};
use crate::time;

use super::super::calls::range::{self, Wanted};
use super::super::calls::recording::{Opened, bytes_of, text_value};
use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::terms::HearingRule;
use super::super::view::UtcTime;
use super::super::{Shared, Web};
use super::own_sound::OwnSound;
use super::status::StatusView;
use super::{From, Key, actor};

/// Calls of one case that are offered: the latest.
const MAX_CALLS: usize = 20;
/// Digits by which two spellings of a telephone number are the same: a subscriber's number with its area.
const SAME_DIGITS: usize = 9;

/// A call of the applicant's that may be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct OwnCallView {
    id: String,
    at: UtcTime,
    seconds: u64,
    /// `none`, `asked`, `allowed` or `refused`.
    state: &'static str,
    /// Why not.
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CallAsked {
    number: String,
    code: String,
    /// Id of the call.
    call: String,
    /// The telephone number of the call, where the city asks for it.
    phone: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(in crate::web) struct HearingLink {
    /// Where the sound is, until it is not any more.
    address: String,
    until: UtcTime,
}

/// Ask to hear a call of one's own.
#[utoipa::path(post, path = "/api/v1/citizen/recording", tag = "citizen", request_body = CallAsked,
    responses((status = 200, body = StatusView), (status = 403, description = "the city does not, or another number"),
        (status = 404), (status = 429)))]
pub(in crate::web) async fn ask(
    State(web): State<Shared>,
    from: From,
    Json(asked): Json<CallAsked>,
) -> Result<Answer<StatusView>, ApiError> {
    let (case, contact) = web.own_call(&asked, from).await?;
    let at = time::now().utc;
    let id = HearingId(web.with_mint(|mint| mint.uuid(at)));
    let at_once = web.citizen().hearing.rule == HearingRule::AtOnce;
    web.store().ask_to_hear(id, (&case.number, contact.id), at_once, actor(), at).await?;
    web.shown(&case).await
}

/// A link to a call that may be heard; the one before opens nothing any more.
#[utoipa::path(post, path = "/api/v1/citizen/recording-link", tag = "citizen", request_body = CallAsked,
    responses((status = 200, body = HearingLink), (status = 403), (status = 404), (status = 429)))]
pub(in crate::web) async fn link(
    State(web): State<Shared>,
    from: From,
    Json(asked): Json<CallAsked>,
) -> Result<Answer<HearingLink>, ApiError> {
    let (case, contact) = web.own_call(&asked, from).await?;
    let hearings = web.store().hearings_of(&case.number).await?;
    let allowed = hearings.iter().find(|one| one.contact == contact.id && one.state == HearingState::Allowed);
    let allowed = allowed.ok_or_else(|| ApiError::forbidden("this call may not be heard, or not yet"))?;
    let token = web.with_mint(|mint| mint.token());
    let until = time::now().utc.plus(web.citizen().hearing.link_for);
    web.store().link_hearing(allowed.id, Sha256::of(token.as_bytes()), until).await?;
    Ok(Answer(HearingLink { address: format!("/api/v1/citizen/recordings/{token}"), until: until.into() }))
}

/// The sound behind a link. One byte range at a time.
#[utoipa::path(get, path = "/api/v1/citizen/recordings/{token}", tag = "citizen",
    params(("token" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, content_type = "audio/wav"), (status = 206, content_type = "audio/wav"),
        (status = 404, description = "the link opens nothing, or no longer"),
        (status = 410, description = "erased"), (status = 416), (status = 429)))]
pub(in crate::web) async fn play(
    State(web): State<Shared>,
    from: From,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    web.admit_look(from)?;
    let link = Sha256::of(token.as_bytes());
    let terms = web.citizen().hearing;
    // A rule that was switched off closes the links that are out.
    let open = terms.rule != HearingRule::Off;
    let hearing = web.store().hearing_by_link(link, time::now().utc).await?.filter(|_| open);
    let hearing = hearing.ok_or(ApiError::NotFound("recording behind this link"))?;
    let opened = web.open_recording(hearing.contact, None).await?;
    let sound = OwnSound::of(&opened, terms.both_channels)
        .ok_or_else(|| ApiError::internal("recording is no sound", &opened.recording.id))?;
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let wanted = text(header::RANGE).map_or(Wanted::Whole, |wanted| range::wanted(wanted, sound.length()));
    let (status, first, last) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, sound.length().saturating_sub(1)),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last),
        Wanted::Unsatisfiable => return Err(ApiError::RangeNotSatisfiable { length: sound.length() }),
    };
    let length = sound.length();
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        web.journal(played(&hearing, &opened, &sound, first, last)).await?;
        whole_or_own(opened, sound, first, last)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(last - first + 1));
    if status == StatusCode::PARTIAL_CONTENT {
        fields.insert(header::CONTENT_RANGE, text_value(format!("bytes {first}-{last}/{length}"))?);
    }
    Ok(response)
}

fn whole_or_own(opened: Opened, sound: OwnSound, first: u64, last: u64) -> Body {
    if !sound.is_whole() {
        return Body::from_stream(sound.bytes(opened.file, first, last));
    }
    Body::from_stream(bytes_of(opened.file, first, last - first + 1))
}

/// The `access.played` entry for the bytes `first..=last` of what is sent.
fn played(hearing: &Hearing, opened: &Opened, sound: &OwnSound, first: u64, last: u64) -> Draft {
    let [from, to] = sound.millis(first, last);
    let mut draft = Draft::new(EventType::AccessPlayed, time::now().utc, actor());
    draft.case = Some(hearing.case.clone());
    draft.contact = Some(hearing.contact);
    draft.media = Some(MediaPosition { recording: opened.recording.id, offset_ms: from });
    draft.data = serde_json::json!({
        "bytes": [first, last], "seconds": [from / 1000, to.div_ceil(1000)], "millis": [from, to],
        "hearing": hearing.id, "own_voice_only": !sound.is_whole(),
    });
    draft
}

impl Web {
    /// The call asked for, once it is proven that it is the asker's.
    async fn own_call(&self, asked: &CallAsked, from: From) -> Result<(Case, Contact), ApiError> {
        let key = Key { number: asked.number.clone(), code: asked.code.clone() };
        let case = self.opened(&key, from).await?;
        let terms = self.citizen().hearing;
        if terms.rule == HearingRule::Off {
            return Err(ApiError::forbidden("this city does not give calls to hear"));
        }
        let unknown = || ApiError::NotFound("call");
        let id: ContactId = asked.call.parse().map_err(|_| unknown())?;
        let own = self.own_contacts(&case).await?;
        let contact = own.into_iter().find(|contact| contact.id == id).ok_or_else(unknown)?;
        let same = |phone: &String| tail(phone).is_some_and(|own| tail(contact.caller.as_str()) == Some(own));
        if terms.ask_number && !asked.phone.as_ref().is_some_and(same) {
            return Err(ApiError::forbidden("this is not the telephone number of the call"));
        }
        Ok((case, contact))
    }

    /// Answered calls of the case that came from, or went to, its applicant's own telephone.
    async fn own_contacts(&self, case: &Case) -> Result<Vec<Contact>, ApiError> {
        let mut own = Vec::new();
        let Some(number) = case.applicant.number.as_ref().filter(|number| !number.is_withheld()) else {
            return Ok(own);
        };
        for id in case.contacts.iter().rev().take(MAX_CALLS) {
            let contact = self.store().contact(*id).await?;
            own.extend(contact.filter(|contact| {
                &contact.caller == number && contact.answered_at.is_some() && contact.ended_at.is_some()
            }));
        }
        Ok(own)
    }

    /// What the page offers; nothing where the rule is off.
    pub(super) async fn own_calls(&self, case: &Case) -> Result<Vec<OwnCallView>, ApiError> {
        if self.citizen().hearing.rule == HearingRule::Off {
            return Ok(Vec::new());
        }
        let hearings = self.store().hearings_of(&case.number).await?;
        let mut calls = Vec::new();
        for contact in self.own_contacts(case).await? {
            let recordings = self.store().recordings_of(contact.id).await?;
            let Some(recording) = recordings.first().filter(|one| one.state == RecordingState::Sealed) else {
                continue;
            };
            if !matches!(recording.result, Some(RecordingResult::Ok | RecordingResult::Degraded)) {
                continue;
            }
            let hearing = hearings.iter().find(|hearing| hearing.contact == contact.id);
            calls.push(OwnCallView {
                id: contact.id.to_string(),
                at: recording.started_at.into(),
                seconds: recording.frames / u64::from(recording.sample_rate.max(1)),
                state: hearing.map_or("none", |hearing| match hearing.state {
                    HearingState::Asked => "asked",
                    HearingState::Allowed => "allowed",
                    HearingState::Refused => "refused",
                }),
                reason: hearing.and_then(|hearing| hearing.reason.clone()),
            });
        }
        Ok(calls)
    }
}

/// The last digits of a number; none when it has too few to be told apart by them.
pub(super) fn tail(number: &str) -> Option<String> {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let start = digits.len().checked_sub(SAME_DIGITS)?;
    Some(digits[start..].iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        assert_eq!(tail("+380 50 123-45-67"), tail("0501234567"));
        assert_ne!(tail("+380501234567"), tail("+380501234568"));
        assert_eq!((tail("34567"), tail("")), (None, None));
    }
}
