//! Pieces that several answers share: moments as RFC 3339 text, pages of lists. Stored types keep moments as
//! numbers; the API shows them through views of its own.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::store::{Listed, Page};
use crate::time::Timestamp;

use super::access;
use super::error::ApiError;

/// A moment as the API writes it: UTC, milliseconds, `2026-11-21T06:38:21.250Z`. Reads any RFC 3339 offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct UtcTime(pub(super) Timestamp);

impl From<Timestamp> for UtcTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UtcTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = chrono::DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(Timestamp::from_utc(at.to_utc())))
    }
}

impl PartialSchema for UtcTime {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for UtcTime {}

/// Items of a page when nobody says how many.
const DEFAULT_LIMIT: u32 = 50;
/// Most items of a page: a screen shows fewer, an export turns pages.
pub(super) const MAX_LIMIT: u32 = 200;
/// Cursors are ours and short.
const MAX_CURSOR_LEN: usize = 256;

/// `?limit=` and `?cursor=` of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// 1 to 200, default 50.
    #[serde(default)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

impl Paging {
    pub(super) fn page(self) -> Result<Page, ApiError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::BadRequest(format!("limit is 1 to {MAX_LIMIT}")));
        }
        if self.cursor.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR_LEN) {
            return Err(ApiError::BadRequest("cursor is not one of ours".to_owned()));
        }
        Ok(Page { limit, cursor: self.cursor })
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListView<T> {
    pub(super) items: Vec<T>,
    /// `cursor` of the next page; null on the last.
    pub(super) next: Option<String>,
}

impl<T> ListView<T> {
    pub(super) fn of<S>(listed: Listed<S>, view: impl FnMut(S) -> T) -> Self {
        Self { items: listed.items.into_iter().map(view).collect(), next: listed.next }
    }
}

/// A citizen's number as `role` may see it.
pub(super) fn number_for(role: Role, number: &PhoneNumber) -> String {
    if access::sees_applicants(role) { number.as_str().to_owned() } else { number.masked() }
}

/// A filter that would let a masked number be guessed digit by digit is refused to those it is masked for.
pub(super) fn check_caller_filter(role: Role, caller: Option<&str>) -> Result<(), ApiError> {
    if caller.is_some() && !access::sees_applicants(role) {
        return Err(ApiError::forbidden("this role does not search by telephone number"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn moments_are_text_with_milliseconds() {
        let at = UtcTime(Timestamp::from_micros(1_795_243_101_250_999));
        let json = serde_json::to_string(&at).unwrap();
        assert_eq!(json, "\"2026-11-21T06:38:21.250Z\"");
        let read: UtcTime = serde_json::from_str("\"2026-11-21T08:38:21.25+02:00\"").unwrap();
        assert_eq!(read.0, Timestamp::from_micros(1_795_243_101_250_000));
        assert!(serde_json::from_str::<UtcTime>("\"yesterday\"").is_err());
    }

    #[test]
    fn limits_are_held() {
        let page = |limit| Paging { limit, cursor: None }.page();
        assert_eq!(page(None).unwrap().limit, DEFAULT_LIMIT);
        assert_eq!(page(Some(MAX_LIMIT)).unwrap().limit, MAX_LIMIT);
        assert!(page(Some(0)).is_err());
        assert!(page(Some(MAX_LIMIT + 1)).is_err());
    }
}
