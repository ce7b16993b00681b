//! `Idempotency-Key`: a request that a telephone without signal may send twice is carried out once. What is kept, and
//! for how long, is `store/sent.rs`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use crate::digest::Sha256;
use crate::store::{KEY_CHARS, Once};

use super::error::ApiError;
use super::gate::Principal;

const HEADER: &str = "idempotency-key";

/// The key of a request, when it has one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OnceKey(Option<String>);

impl OnceKey {
    /// `asked` are the parts that make this request another than the next; `what` names the endpoint.
    pub(super) fn once(&self, principal: &Principal, what: &str, asked: &[&str]) -> Option<Once> {
        let key = self.0.clone()?;
        let mut text = what.to_owned();
        for part in asked {
            // The length keeps "a", "bc" apart from "ab", "c".
            text.push_str(&format!("\n{}\n{part}", part.len()));
        }
        Some(Once { user: principal.user.id, key, asked: Sha256::of(text.as_bytes()) })
    }
}

impl<S: Sync> FromRequestParts<S> for OnceKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        let key = value.to_str().unwrap_or_default().trim_matches('"');
        let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_plain || !KEY_CHARS.contains(&key.len()) {
            let (least, most) = (KEY_CHARS.start(), KEY_CHARS.end());
            return Err(ApiError::BadRequest(format!(
                "Idempotency-Key has {least} to {most} letters, digits and hyphens"
            )));
        }
        Ok(Self(Some(key.to_owned())))
    }
}

impl IntoParams for OnceKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "Of the sender's making: a request that comes again with it changes nothing";
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        vec![key.build()]
    }
}
