//! `/api/v1/operators/me/phone`: what the phone in the operator's page needs to register with us. The digest secret is
//! the operator's own, bound to our realm; why it goes to the page stands in docs/decisions/0014.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::gate::Principal;
use super::{Shared, sip_socket};

/// The account of a phone in a page.
#[derive(Serialize, ToSchema)]
pub(super) struct PhoneView {
    #[schema(example = "201")]
    extension: String,
    /// Digest realm that `ha1` is good for.
    realm: String,
    /// MD5 of `extension:realm:password` (RFC 2617 3.2.2.2), 32 hexadecimal digits.
    ha1: String,
    /// Path of the WebSocket that speaks SIP (RFC 7118), at the origin of the page.
    #[schema(example = "/sip")]
    socket: &'static str,
}

/// The SIP account of the operator signed in, for the phone in their page.
#[utoipa::path(get, path = "/api/v1/operators/me/phone", tag = "live",
    responses((status = 200, body = PhoneView), (status = 404, description = "no extension belongs to this operator"),
        (status = 409, description = "phones must prove themselves by more than MD5 here")))]
pub(super) async fn show(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<impl IntoResponse, ApiError> {
    let account = principal.user.sip.as_ref().ok_or(ApiError::NotFound("phone of yours"))?;
    let realm = web.given.page_realm.clone().ok_or_else(|| {
        ApiError::Conflict("[sip] digest does not offer MD5, the only one that pages know".to_owned())
    })?;
    let ha1 = account.ha1.md5.iter().map(|byte| format!("{byte:02x}")).collect();
    let view = PhoneView { extension: account.extension.clone(), realm, ha1, socket: sip_socket::PATH };
    Ok(([(header::CACHE_CONTROL, "no-store")], Answer(view)))
}
