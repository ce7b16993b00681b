//! `/api/v1/web-calls`: a citizen calls from the web page. Hands out the pass that the page's phone shows at `/sip`; who gets
//! one, and what it is good for, is decided in `switchboard/guests.rs` (docs/decisions/0016).

use std::net::SocketAddr;

use axum::Json as Answer;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call::Guest;
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::sip::digest_auth::Ha1;
use crate::switchboard::Command;
use crate::switchboard::snapshot::CallPhase;

use super::error::ApiError;
use super::extract::{Json, Path};
use super::{Shared, sip_socket};

/// What the names of passes begin with, for the reader of a trace.
const NAME_PREFIX: &str = "web-";

/// Said where phones in pages cannot prove themselves: no page can call then.
const SWITCHED_OFF: &str = "calls from the web page are switched off";

/// Whether one can call from the page now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebCallsView {
    open: bool,
    /// The number that is called.
    #[schema(example = "1580")]
    number: String,
    /// Languages the greeting is spoken in.
    languages: Vec<&'static str>,
    /// After this time a call is ended.
    longest_call_secs: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebCallAsked {
    /// To be greeted in; otherwise the dialplan's first.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "uk")]
    language: Option<Language>,
    /// Where the citizen wants to be reached. Shown to the operator as said, not as proven.
    #[serde(default)]
    #[schema(example = "+380501112233")]
    number: Option<String>,
}

/// Good for one call to the short number, within the next moments.
#[derive(Serialize, ToSchema)]
pub(super) struct WebCallPass {
    /// SIP user name.
    user: String,
    /// Digest realm that `ha1` is good for.
    realm: String,
    /// MD5 of `user:realm:secret` (RFC 2617 3.2.2.2), 32 hexadecimal digits.
    ha1: String,
    /// Path of the WebSocket that speaks SIP (RFC 7118), at the origin of the page.
    #[schema(example = "/sip")]
    socket: &'static str,
    /// The number to call.
    number: String,
}

/// How far a call has come.
#[derive(Serialize, ToSchema)]
pub(super) struct WebCallProgress {
    /// `setup ivr voicemail waiting ringing talking wrap_up`.
    #[schema(value_type = String)]
    phase: CallPhase,
    /// From 1, while waiting.
    position: Option<usize>,
    /// Register number of the case that the call has become.
    case: Option<String>,
}

/// Whether citizens can call from the web page.
#[utoipa::path(get, path = "/api/v1/web-calls", tag = "citizen", responses((status = 200, body = WebCallsView)))]
pub(super) async fn show(State(web): State<Shared>) -> Answer<WebCallsView> {
    let snapshot = web.snapshot();
    let live = snapshot.web_calls.as_ref().filter(|_| web.given.page_realm.is_some());
    Answer(WebCallsView {
        open: live.is_some(),
        number: web.given.short_number.clone(),
        languages: live.map_or_else(Vec::new, |live| live.languages.iter().map(|one| one.code()).collect()),
        longest_call_secs: live.map_or(0, |live| live.longest_call_secs),
    })
}

/// A pass for one call from the web page.
#[utoipa::path(post, path = "/api/v1/web-calls", tag = "citizen", request_body = WebCallAsked,
    responses((status = 201, body = WebCallPass),
        (status = 403, description = "switched off, or asked for by another site's page"),
        (status = 422, description = "the number to be reached at is none"),
        (status = 429, description = "too many calls from this address; see Retry-After"),
        (status = 503, description = "all lines are busy")))]
pub(super) async fn ask(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(asked): Json<WebCallAsked>,
) -> Result<impl IntoResponse, ApiError> {
    if !sip_socket::is_welcome(&headers, &web.in_force().origins.others, peer.ip()) {
        return Err(ApiError::forbidden("pages of this origin may not call"));
    }
    let realm = web.given.page_realm.clone().ok_or(ApiError::forbidden(SWITCHED_OFF))?;
    let stated = asked.number.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let number = match stated {
        Some(text) => Some(PhoneNumber::written(text).ok_or_else(|| {
            ApiError::Unprocessable("a telephone number has 7 to 15 digits, as in +380501112233".to_owned())
        })?),
        None => None,
    };
    let (name, secret) = web.with_mint(|mint| (mint.token(), mint.token()));
    let user = format!("{NAME_PREFIX}{name}");
    let ha1 = Ha1::new(&user, &realm, &secret);
    let pass = WebCallPass {
        user: user.clone(),
        realm,
        ha1: ha1.md5.iter().map(|byte| format!("{byte:02x}")).collect(),
        socket: sip_socket::PATH,
        number: web.given.short_number.clone(),
    };
    let guest = Guest { language: asked.language, number };
    let source = sip_socket::speaks_for(&headers, peer.ip());
    web.command(Command::LetGuestIn { user, ha1, source, guest }).await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Answer(pass)))
}

/// How far the call that came in by this pass has come. Only the page knows the name of its pass.
#[utoipa::path(get, path = "/api/v1/web-calls/{user}", tag = "citizen",
    params(("user" = String, Path, description = "`user` of the pass")),
    responses((status = 200, body = WebCallProgress), (status = 204, description = "no such call is on, or none any more")))]
pub(super) async fn follow(State(web): State<Shared>, Path(user): Path<String>) -> Response {
    let snapshot = web.snapshot();
    let call = snapshot.calls.iter().find(|call| call.pass.as_deref() == Some(user.as_str()));
    // A call that has just ended is no mistake of the page that asks.
    let Some(call) = call else { return StatusCode::NO_CONTENT.into_response() };
    let progress = WebCallProgress {
        phase: call.phase,
        position: call.position,
        case: call.case.as_ref().map(ToString::to_string),
    };
    ([(header::CACHE_CONTROL, "no-store")], Answer(progress)).into_response()
}
