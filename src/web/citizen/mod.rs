//! `/api/v1/citizen`: what citizens do on the page at `/` without an account: file a request, and with its number and its
//! code see what becomes of it, say whether it is fixed, add to it, reopen it, rate it, withdraw it. Everything here is bounded by source, and an
//! unknown number is answered as a wrong code is, after the same work.

pub(super) mod ask;
mod code_by_sms;
pub(super) mod codes;
mod hearing;
mod moves;
mod own_sound;
mod receptions;
pub(super) mod said;
pub(super) mod status;
pub(super) mod verdict;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::case::{Case, CaseNumber};
use crate::people::Actor;
use crate::time;

use super::error::ApiError;
use super::filing::code::Code;
use super::login_limit::Attempt;
use super::terms::{CitizenTerms, minutely};
use super::{Shared, Web, filing, sip_socket};

/// Pages opened, and things said, by one source in a minute: a household with a whole street's requests.
const CODES_PER_MINUTE: u32 = 60;

/// Codes from messages that open a page beside the one that was shown, the latest: of each way, cycle and reminder one, and
/// those that were asked for.
const WRITTEN_CODES: u32 = 8;

/// What opens a case's page.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    /// Register number.
    #[schema(example = "2026-01-000042")]
    number: String,
    /// As it was shown when the request was filed.
    #[schema(example = "K7QM-3XPA")]
    code: String,
}

/// Where a request comes from, the proxy on this machine believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct From(IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::from([0; 4]), |ConnectInfo(peer)| peer.ip());
        Ok(Self(sip_socket::speaks_for(&parts.headers, peer)))
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(ask::form))
        .routes(routes!(ask::addresses))
        .routes(routes!(ask::file))
        .routes(routes!(status::show))
        .routes(routes!(status::picture))
        .routes(routes!(said::reopen))
        .routes(routes!(said::withdraw))
        .routes(routes!(said::rate))
        .routes(routes!(said::note))
        .routes(routes!(verdict::give))
        .routes(routes!(codes::give))
        .routes(routes!(code_by_sms::ask))
        .routes(routes!(status::work_picture))
        .routes(routes!(receptions::list))
        .routes(routes!(receptions::book))
        .routes(routes!(receptions::another_time))
        .routes(routes!(receptions::cancel))
        .routes(routes!(hearing::ask))
        .routes(routes!(hearing::link))
        .routes(routes!(hearing::play))
}

pub(super) fn uploads() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(said::photo))
        .layer(axum::extract::DefaultBodyLimit::max(said::MAX_PHOTO_FORM_BYTES))
}

impl Web {
    fn citizen(&self) -> CitizenTerms {
        self.given.in_force.borrow().public.citizen.clone()
    }

    /// A question that needs no code.
    pub(super) fn admit_look(&self, from: From) -> Result<(), ApiError> {
        let rate = minutely(self.citizen().looks_per_address_per_minute);
        let taken = self.limits.look(from.0, rate, time::now().mono);
        taken.map_err(|retry_after| ApiError::TooManyRequests { retry_after })
    }

    /// The case that number and code open. One answer for all that is wrong with them; ten wrong ones for a number close
    /// it to that source for a while.
    async fn opened(&self, key: &Key, from: From) -> Result<Case, ApiError> {
        let now = time::now().mono;
        let looked = self.limits.open(from.0, minutely(CODES_PER_MINUTE), now);
        looked.map_err(|retry_after| ApiError::TooManyRequests { retry_after })?;
        let attempt = Attempt::new(&key.number, from.0);
        self.with_codes(|codes| codes.begin(&attempt, now))
            .map_err(|retry_after| ApiError::TooManyAttempts { retry_after })?;
        let refused = ApiError::NotFound("request with this number and code");
        // Number and code are looked at in any case: neither tells which of them is wrong.
        let number: CaseNumber = key.number.trim().parse().unwrap_or(CaseNumber(String::new()));
        let kept = self.store().code_of(&number).await?;
        let mut written = self.store().written_codes(&number, WRITTEN_CODES).await?.into_iter();
        let typed = Code::typed(&key.code);
        // As many comparisons whatever there is to compare with.
        let kept: Vec<_> = std::iter::once(kept).chain((0..WRITTEN_CODES).map(|_| written.next())).collect();
        let code = typed.clone().unwrap_or_else(Code::none);
        let fits = kept.iter().fold(false, |fits, kept| code.opens(kept.as_ref()) | fits);
        let case = self.store().case(&number).await?;
        match case {
            Some(case) if fits && typed.is_some() => {
                self.with_codes(|codes| codes.succeeded(&attempt));
                Ok(case)
            }
            _ => Err(refused),
        }
    }
}

/// The applicant in the journal: that it was the applicant, not who that is.
fn actor() -> Actor {
    filing::applicant("page")
}
