//! What a client asked: the parameters of its query or form, and where it is. Names may be repeated, and lists divided
//! by commas; none of it is trusted.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use chrono::DateTime;

use super::fault::Fault;
use crate::time::{self, Timestamp};
use crate::web::terms::{Open311Terms, minutely};
use crate::web::{Web, sip_socket};

/// Parameters looked at; a form with more is not ours.
pub(super) const MAX_PARAMETERS: usize = 200;
/// The longest time that one question may span, and what it spans when it does not say.
const SPAN: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Requests of one answer.
const MAX_PAGE: u32 = 1_000;
/// Pages that are turned; what lies behind is found by dates.
const MAX_PAGES: u64 = 10_000;

/// Names and values, and the address of who sent them.
#[derive(Clone, Debug)]
pub(in crate::web) struct Asked {
    parameters: Vec<(String, String)>,
    pub(super) source: IpAddr,
    /// As the client spelt it, with the port.
    host: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::from([0; 4]), |ConnectInfo(peer)| peer.ip());
        let source = sip_socket::speaks_for(&parts.headers, peer);
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let parameters = read(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self { parameters, source, host: host.to_owned() })
    }
}

/// `application/x-www-form-urlencoded`.
pub(super) fn read(form: &[u8]) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(form).take(MAX_PARAMETERS);
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

impl Asked {
    /// The form goes before the query.
    pub(super) fn with(mut self, form: Vec<(String, String)>) -> Self {
        self.parameters.splice(0..0, form);
        self
    }

    /// The first value that says something, trimmed.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(known, _)| known == name);
        values.find_map(|(_, value)| Some(value.trim()).filter(|value| !value.is_empty()))
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a name and of the comma lists under it.
    pub(super) fn list<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let values = self.all(name).flat_map(|value| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// `attribute[code]=value` and `attribute[code][]=value`.
    pub(super) fn answers(&self) -> Vec<(String, String)> {
        let answers = self.parameters.iter().filter_map(|(name, value)| {
            let rest = name.strip_prefix("attribute[")?;
            let code = rest.strip_suffix("[]").unwrap_or(rest).strip_suffix(']')?;
            Some((code.to_owned(), value.clone()))
        });
        answers.collect()
    }

    pub(super) fn says(&self, name: &str) -> bool {
        self.one(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        let Some(text) = self.one(name) else { return Ok(None) };
        let at = DateTime::parse_from_rfc3339(text)
            .map_err(|_| Fault::bad(format!("{name} is a moment as in 2026-01-31T00:00:00Z")))?;
        Ok(Some(Timestamp::from_utc(at.to_utc())))
    }

    /// `start_date` to `end_date`, 90 days at most and the last 90 when neither is said.
    pub(super) fn span(&self) -> Result<(Timestamp, Timestamp), Fault> {
        let back = |to: Timestamp| Timestamp(to.micros().saturating_sub(micros(SPAN)));
        let now = time::now().utc;
        let (from, to) = match (self.moment("start_date")?, self.moment("end_date")?) {
            (None, None) => (back(now), now.plus(Duration::from_secs(1))),
            (Some(from), None) => (from, from.plus(SPAN)),
            (None, Some(to)) => (back(to), to),
            (Some(from), Some(to)) => (from, to),
        };
        if from > to {
            return Err(Fault::bad("start_date is later than end_date"));
        }
        if to.since(from) > SPAN + Duration::from_secs(1) {
            return Err(Fault::bad("start_date and end_date may not span more than 90 days"));
        }
        // What is asked for up to a second is asked for with that second.
        Ok((from, to.plus(Duration::from_secs(1))))
    }

    /// How many to leave out, and how many to answer.
    pub(super) fn page(&self) -> Result<(u64, u32), Fault> {
        let number = |name: &str, most: u64, default: u64| match self.one(name) {
            None => Ok(default),
            Some(text) => {
                let number = text.parse::<u64>().ok().filter(|number| (1..=most).contains(number));
                number.ok_or_else(|| Fault::bad(format!("{name} is a number from 1 to {most}")))
            }
        };
        let size = number("page_size", u64::from(MAX_PAGE), u64::from(MAX_PAGE))?;
        let page = number("page", MAX_PAGES, 1)?;
        Ok(((page - 1) * size, u32::try_from(size).unwrap_or(MAX_PAGE)))
    }

    /// Our address as this client has it.
    pub(super) fn root(&self, terms: &Open311Terms) -> String {
        let named = terms.url.clone().unwrap_or_else(|| format!("http://{}", self.host));
        format!("{named}/open311")
    }

    /// Whether this may be asked here, now, and of this jurisdiction.
    pub(super) fn admit(&self, web: &Web, terms: &Open311Terms) -> Result<(), Fault> {
        if !terms.enabled {
            return Err(Fault::switched_off());
        }
        let rate = minutely(terms.looks_per_address_per_minute);
        web.limits.look(self.source, rate, time::now().mono).map_err(Fault::too_often)?;
        match self.one("jurisdiction_id") {
            Some(id) if !terms.jurisdictions.iter().any(|known| known == id) => {
                Err(Fault::unknown("jurisdiction_id", id))
            }
            None if terms.jurisdictions.len() > 1 => Err(Fault::bad("jurisdiction_id was not provided")),
            _ => Ok(()),
        }
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(query: &str) -> Asked {
        let parameters = read(query.as_bytes());
        Asked { parameters, source: IpAddr::from([127, 0, 0, 1]), host: "127.0.0.1:8080".to_owned() }
    }

    #[test]
    fn lists_are_repeated_or_divided_by_commas() {
        let lists = asked("status=open,closed&service_code=water&service_code=+roads,%2Cheat&empty=");
        assert_eq!(lists.list("status"), ["open", "closed"]);
        assert_eq!(lists.list("service_code"), ["water", "roads", "heat"]);
        assert_eq!((lists.one("empty"), lists.one("none")), (None, None));
        assert!(asked("extensions=true").says("extensions") && !asked("extensions=no").says("extensions"));
    }

    #[test]
    fn answers_are_named_by_their_questions() {
        let given =
            asked("attribute[kind]=dark&attribute[where][]=road&attribute%5Bwhere%5D%5B%5D=yard&attribute=x");
        let expected = [("kind", "dark"), ("where", "road"), ("where", "yard")];
        assert_eq!(given.answers(), expected.map(|(code, value)| (code.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_span_has_ninety_days_at_most() {
        let days = |query: &str| {
            let (from, to) = asked(query).span().unwrap();
            to.since(from).as_secs() / 86_400
        };
        assert_eq!(days(""), 90);
        assert_eq!(days("start_date=2026-01-01T00:00:00Z"), 90);
        assert_eq!(days("end_date=2026-01-01T00:00:00%2B02:00"), 90);
        assert_eq!(days("start_date=2026-01-01T00:00:00Z&end_date=2026-04-01T00:00:00Z"), 90);
        for wrong in [
            "start_date=2026-01-01T00:00:00Z&end_date=2026-04-02T00:00:00Z",
            "start_date=2026-01-02T00:00:00Z&end_date=2026-01-01T00:00:00Z",
            "start_date=2026-01-01",
            "end_date=yesterday",
        ] {
            assert!(asked(wrong).span().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pages_are_numbered_from_one() {
        assert_eq!(asked("").page().unwrap(), (0, 1_000));
        assert_eq!(asked("page=3&page_size=20").page().unwrap(), (40, 20));
        for wrong in ["page=0", "page=x", "page_size=1001", "page_size=-1", "page=10001"] {
            assert!(asked(wrong).page().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_form_is_read_without_end() {
        assert_eq!(read("a=b&".repeat(MAX_PARAMETERS + 1).as_bytes()).len(), MAX_PARAMETERS);
    }
}
