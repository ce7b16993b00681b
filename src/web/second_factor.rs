//! `/api/v1/second-factor`: an authenticator app beside the password: offered as a QR code, confirmed by its first code,
//! asked for at each sign-in, taken away by the administrator. What a code is stands in `one_time_code.rs`; why so,
//! docs/decisions/0032.

use std::net::SocketAddr;

use axum::Json as Answer;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use qrcode::QrCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::ids::{Mint, UserId};
use crate::journal::{Draft, EventType};
use crate::one_time_code::{RECOVERY_CODES, Secret, printed, recovery_code};
use crate::people::Actor;
use crate::store::{StoreError, User};
use crate::time;

use super::admin::phones::rows;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::gate::Principal;
use super::login_limit::Attempt;
use super::{Shared, Web, password};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecondFactorView {
    /// It is asked for at each sign-in.
    set: bool,
    /// The role must have one.
    required: bool,
    /// Recovery codes not used yet.
    recovery_left: u32,
}

/// Whether one has a second factor.
#[utoipa::path(get, path = "/api/v1/second-factor", tag = "session",
    responses((status = 200, body = SecondFactorView), (status = 401)))]
pub(super) async fn show(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<Answer<SecondFactorView>, ApiError> {
    let factor = web.store().second_factor(principal.user.id).await?.filter(|factor| factor.confirmed);
    Ok(Answer(SecondFactorView {
        set: factor.is_some(),
        required: web.in_force().sign_in.second_factor.contains(&principal.role()),
        recovery_left: factor.map_or(0, |factor| factor.recovery_left),
    }))
}

/// Who sits at a page that was left open does not know it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnPassword {
    password: String,
}

/// Shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct OfferView {
    /// For apps without a camera: base32.
    secret: String,
    /// What the QR code says.
    uri: String,
    /// A row of `0` and `1` for each row of modules, without the quiet zone.
    qr: Vec<String>,
}

/// Begin to set up a second factor. It is asked for once it is confirmed.
#[utoipa::path(post, path = "/api/v1/second-factor", tag = "session", request_body = OwnPassword,
    responses((status = 200, body = OfferView), (status = 401),
        (status = 409, description = "`second_factor_set`: the administrator takes the old one away first"),
        (status = 422, description = "`wrong_password`"), (status = 429)))]
pub(super) async fn offer(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    principal: Principal,
    Json(asked): Json<OwnPassword>,
) -> Result<Answer<OfferView>, ApiError> {
    let user = &principal.user;
    let attempt = Attempt::new(&user.name, peer.ip());
    web.begin_login(&attempt)?;
    if !password::fits(&web.password_checks, Some(user.password_hash.clone()), asked.password).await? {
        return Err(ApiError::unfit("wrong_password", "the password is wrong"));
    }
    web.login_succeeded(&attempt);
    let secret = Secret(web.with_mint(Mint::bytes));
    match web.store().offer_second_factor(user.id, secret.clone()).await {
        Err(StoreError::Exists(_)) => {
            return Err(ApiError::conflict("second_factor_set", "there is a second factor already"));
        }
        offered => offered?,
    }
    let uri = secret.uri(&user.name);
    let qr = QrCode::new(&uri).map_err(|error| ApiError::internal("QR code", &error))?;
    Ok(Answer(OfferView { secret: secret.base32(), uri, qr: rows(&qr) }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstCode {
    code: String,
}

/// Shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct RecoveryView {
    /// Each signs in once in the place of a code.
    recovery_codes: Vec<String>,
}

/// The app shows this code: from now on one is asked for at each sign-in, and other sessions end.
#[utoipa::path(post, path = "/api/v1/second-factor/confirm", tag = "session", request_body = FirstCode,
    responses((status = 200, body = RecoveryView), (status = 401),
        (status = 409, description = "`second_factor_set`, or nothing was offered"),
        (status = 422, description = "`wrong_code`"), (status = 429)))]
pub(super) async fn confirm(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    principal: Principal,
    Json(asked): Json<FirstCode>,
) -> Result<Answer<RecoveryView>, ApiError> {
    let user = &principal.user;
    let attempt = Attempt::new(&user.name, peer.ip());
    web.begin_login(&attempt)?;
    let factor = web.store().second_factor(user.id).await?;
    let factor = factor.ok_or_else(|| ApiError::Conflict("nothing was offered".to_owned()))?;
    let at = time::now().utc;
    let step = factor.secret.accepts(&asked.code, at, factor.last_step);
    let step = step.ok_or_else(|| ApiError::unfit("wrong_code", "the code is wrong"))?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| web.with_mint(Mint::token)).collect();
    let entry = entry(EventType::UserSecondFactorSet, user.id, principal.actor());
    let set = web.store().confirm_second_factor(user.id, step, &codes, &principal.token, entry).await?;
    if !set {
        return Err(ApiError::conflict("second_factor_set", "there is a second factor already"));
    }
    web.login_succeeded(&attempt);
    web.sessions_ended();
    Ok(Answer(RecoveryView { recovery_codes: codes.iter().map(|code| printed(code)).collect() }))
}

/// Somebody has lost app and recovery codes: the second factor is taken away, and they are signed out everywhere.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/second-factor", tag = "admin", params(("id" = String, Path)),
    responses((status = 204), (status = 403), (status = 404)))]
pub(super) async fn reset(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    let entry = entry(EventType::UserSecondFactorReset, id, principal.actor());
    if !web.store().reset_second_factor(id, entry).await? {
        return Err(ApiError::NotFound("second factor"));
    }
    web.sessions_ended();
    Ok(StatusCode::NO_CONTENT)
}

fn entry(event: EventType, user: UserId, by: Actor) -> Draft {
    Draft { data: json!({ "user": user }), ..Draft::new(event, time::now().utc, by) }
}

impl Web {
    /// The code a sign-in needs beside the right password; the attempt counts as failed until it is there.
    pub(super) async fn check_second_factor(&self, user: &User, typed: Option<&str>) -> Result<(), ApiError> {
        if !user.second_factor {
            return Ok(());
        }
        let refused = |name, detail: &str| ApiError::Known {
            status: StatusCode::UNAUTHORIZED,
            name,
            detail: detail.to_owned(),
        };
        let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else {
            return Err(refused("second_factor", "the code of your authenticator app is wanted"));
        };
        let accepted = if let Some(code) = recovery_code(typed) {
            let by = Actor::person(user.role, user.id, user.organisation.clone());
            let entry = entry(EventType::UserRecoveryCodeUsed, user.id, by);
            self.store().spend_recovery_code(user.id, &code, entry).await?
        } else {
            let factor = self.store().second_factor(user.id).await?.filter(|factor| factor.confirmed);
            let at = time::now().utc;
            match factor.and_then(|factor| factor.secret.accepts(typed, at, factor.last_step)) {
                Some(step) => self.store().spend_code(user.id, step).await?,
                None => false,
            }
        };
        if accepted {
            Ok(())
        } else {
            Err(refused("second_factor_wrong", "the code is wrong or was used before"))
        }
    }
}
