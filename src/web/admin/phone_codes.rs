//! `/api/v1/admin/users/{id}/phone-code`: the telephone an executor is rung at, and the code by which they are known when
//! they call the short number. The code is made here, shown once and kept as a hash; rows are `store/field_phones.rs`.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::ids::UserId;
use crate::journal::{Draft, EventType};
use crate::people::Role;
use crate::phone_code::{PhoneCode, Standing};
use crate::phone_number::PhoneNumber;
use crate::store::{FieldPhone, FieldPhoneChange, StoreError};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::gate::Principal;
use super::super::{Shared, password};

/// Codes drawn until one begins like no other; with half of all beginnings taken, one in a million draws so often in vain.
const DRAWS: usize = 20;

/// What is on record of somebody outside.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FieldPhoneView {
    /// Where they are rung.
    phone: Option<String>,
    /// Their code, if they have one: `usable`, `resting` after wrong ones, or `void` after too many.
    #[schema(value_type = Option<String>)]
    code: Option<Standing>,
}

impl From<&FieldPhone> for FieldPhoneView {
    fn from(known: &FieldPhone) -> Self {
        let standing = known.wrongs.standing(time::now().utc);
        Self {
            phone: known.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            code: known.code_hash.as_ref().map(|_| standing),
        }
    }
}

/// A code, this once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct NewCodeView {
    /// Ten digits.
    code: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Telephone {
    /// As it is written, with the country's code; empty takes it away.
    phone: String,
}

/// Makes a code for an executor. It is in this answer and nowhere else; one they had before is void.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/phone-code", tag = "admin", params(("id" = String, Path)),
    responses((status = 201, body = NewCodeView), (status = 403), (status = 404),
        (status = 422, description = "only executors have one")))]
pub(in crate::web) async fn give(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
) -> Result<(StatusCode, Answer<NewCodeView>), ApiError> {
    check_executor(&web, id).await?;
    for _ in 0..DRAWS {
        let code = PhoneCode::new(rand::rng().random());
        let hash = password::hashed(&web.password_checks, code.digits().to_owned()).await?;
        let change = FieldPhoneChange::Code { name: code.name().to_owned(), hash };
        match web.store().change_field_phone(id, change, entry(id, "phone_code", &principal)).await {
            Ok(_) => {
                let code = code.digits().to_owned();
                return Ok((StatusCode::CREATED, Answer(NewCodeView { code })));
            }
            Err(StoreError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::Unavailable("no code is free: take some back"))
}

/// Takes the code away.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/phone-code", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = FieldPhoneView), (status = 403), (status = 404)))]
pub(in crate::web) async fn take(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
) -> Result<Answer<FieldPhoneView>, ApiError> {
    let entry = entry(id, "no_phone_code", &principal);
    let known = web.store().change_field_phone(id, FieldPhoneChange::NoCode, entry).await?;
    Ok(Answer(FieldPhoneView::from(&known)))
}

/// Enters the telephone at which an executor is rung.
#[utoipa::path(put, path = "/api/v1/admin/users/{id}/field-phone", tag = "admin", params(("id" = String, Path)),
    request_body = Telephone,
    responses((status = 200, body = FieldPhoneView), (status = 403), (status = 404), (status = 422)))]
pub(in crate::web) async fn set_phone(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
    Json(Telephone { phone }): Json<Telephone>,
) -> Result<Answer<FieldPhoneView>, ApiError> {
    check_executor(&web, id).await?;
    let written = match phone.trim() {
        "" => None,
        text => Some(PhoneNumber::written(text).ok_or_else(|| {
            ApiError::Unprocessable("a telephone number has 7 to 15 digits, as in +380501234567".to_owned())
        })?),
    };
    let change = FieldPhoneChange::Phone(written);
    let known = web.store().change_field_phone(id, change, entry(id, "field_phone", &principal)).await?;
    Ok(Answer(FieldPhoneView::from(&known)))
}

async fn check_executor(web: &Shared, id: UserId) -> Result<(), ApiError> {
    let user = web.store().user(id).await?.ok_or(ApiError::NotFound("user"))?;
    if user.role == Role::Executor {
        return Ok(());
    }
    Err(ApiError::Unprocessable("only executors work by telephone".to_owned()))
}

fn entry(user: UserId, what: &str, principal: &Principal) -> Draft {
    let mut entry = Draft::new(EventType::UserChanged, time::now().utc, principal.actor());
    entry.data = json!({ "user": user, "changed": [what] });
    entry
}
