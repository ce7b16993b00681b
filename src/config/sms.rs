//! `[sms]`: the gateway by which applicants are written to on their telephones. Off until `url` is set. What is asked of the
//! gateway and how its answer is read stands here, for every provider has its own; sending is `notify`'s.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderName;
use serde::{Deserialize, Deserializer};

use crate::calendar::{Calendar, CalendarError, DayHours, Week};
use crate::language::Language;
use crate::notification::{Patience, text};
use crate::notify::{Gateway, Reports, Secret, Sms as Way, check_placeholders};

use super::checks::within;

const HOUR_SECS: u64 = 3_600;
/// Shorter secrets of reports can be tried out.
const MIN_REPORT_SECRET_CHARS: usize = 16;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sms {
    /// With `{number}`, `{text}`, `{id}` and `{secret}` where they go; none switches SMS off.
    pub url: Option<String>,
    pub method: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// What the answer must contain besides a status of success.
    pub success: String,
    /// JSON pointer to the gateway's id of the message in its answer.
    pub message_id: Option<String>,
    pub secret: Option<Secret>,
    pub secret_file: Option<PathBuf>,
    /// Beginnings of numbers, each with `+`.
    pub takes: Vec<String>,
    /// Whether new cases are told of.
    pub registered: bool,
    /// Days and hours in which people may be written to, by the city's clock.
    #[serde(deserialize_with = "parsed")]
    pub days: Week,
    #[serde(deserialize_with = "parsed")]
    pub hours: DayHours,
    /// Parts of the longest text, 1 to 6.
    #[serde(deserialize_with = "within::<1, 6, _>")]
    pub segments: u64,
    /// Seconds for an attempt, 1 to 60.
    #[serde(deserialize_with = "within::<1, 60, _>")]
    pub timeout_secs: u64,
    /// 1 to 10.
    #[serde(deserialize_with = "within::<1, 10, _>")]
    pub attempts: u64,
    /// Seconds from the first attempt to the second, 1 to 3,600; each further rest is twice as long.
    #[serde(deserialize_with = "within::<1, 3_600, _>")]
    pub retry_secs: u64,
    /// Hours after which a message is not sent any more, 1 to 168.
    #[serde(deserialize_with = "within::<1, 168, _>")]
    pub within_hours: u64,
    /// Messages on their way at the same time, 1 to 32.
    #[serde(deserialize_with = "within::<1, 32, _>")]
    pub at_once: u64,
    pub report: Report,
}

/// `[sms.report]`: what the gateway tells later of a message.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// Part of the address the gateway calls; none where it sends no reports.
    pub secret: Option<Secret>,
    pub secret_file: Option<PathBuf>,
    pub id: String,
    pub status: String,
    pub delivered: Vec<String>,
    pub failed: Vec<String>,
    /// Hours a report is waited for, 1 to 168.
    #[serde(deserialize_with = "within::<1, 168, _>")]
    pub within_hours: u64,
}

impl Default for Sms {
    fn default() -> Self {
        Self {
            url: None,
            method: "POST".to_owned(),
            headers: BTreeMap::new(),
            body: String::new(),
            success: String::new(),
            message_id: None,
            secret: None,
            secret_file: None,
            takes: Vec::new(),
            registered: true,
            days: Week::ALL,
            hours: DayHours::from_hour_to_hour(9, 20),
            segments: 3,
            timeout_secs: 10,
            attempts: 4,
            retry_secs: 60,
            within_hours: 48,
            at_once: 4,
            report: Report::default(),
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            secret: None,
            secret_file: None,
            id: "id".to_owned(),
            status: "status".to_owned(),
            delivered: words(&["delivered", "DELIVRD"]),
            failed: words(&["undelivered", "failed", "expired", "rejected", "UNDELIV", "EXPIRED", "REJECTD"]),
            within_hours: 24,
        }
    }
}

/// The table and the key something is wrong at, and what.
pub(super) type Complaint = (&'static str, &'static str, String);

impl Sms {
    pub(super) fn resolve(&mut self, base: &std::path::Path) {
        for file in [&mut self.secret_file, &mut self.report.secret_file].into_iter().flatten() {
            *file = base.join(&*file);
        }
    }

    /// What is wrong, each with the table and the key it stands at. `page` is the citizens', `short` the short number.
    pub(super) fn complaints(&self, short: &str, page: Option<&str>) -> Vec<Complaint> {
        let mut found = Vec::new();
        let Some(url) = &self.url else { return found };
        let mut complain = |table, key, message: String| found.push((table, key, message));
        if !(url.starts_with("https://") || url.starts_with("http://"))
            || url.parse::<reqwest::Url>().is_err()
        {
            complain("sms", "url", "an address is as in https://gateway.example/send".to_owned());
        }
        let mut named = Vec::new();
        let headers = self.headers.values().map(|value| ("headers", value));
        for (key, template) in [("url", url), ("body", &self.body)].into_iter().chain(headers) {
            match check_placeholders(template) {
                Ok(names) => named.extend(names),
                Err(wrong) => complain("sms", key, wrong.to_string()),
            }
        }
        for needed in ["number", "text"] {
            if !named.contains(&needed) {
                complain(
                    "sms",
                    "body",
                    format!("`{{{needed}}}` is neither in `body` nor in `url` nor in `headers`"),
                );
            }
        }
        if !matches!(self.method.as_str(), "POST" | "GET" | "PUT") {
            complain("sms", "method", "the method is \"POST\", \"PUT\" or \"GET\"".to_owned());
        }
        if let Some(wrong) = self.headers.keys().find(|name| name.parse::<HeaderName>().is_err()) {
            complain("sms", "headers", format!("'{wrong}' is no name of a header"));
        }
        if self.takes.is_empty() {
            let message =
                "`takes` names the beginnings of the numbers that may be written to, as in [\"+380\"]";
            complain("sms", "takes", message.to_owned());
        }
        let is_begin = |begin: &&String| {
            let digits = begin.strip_prefix('+').unwrap_or_default();
            digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if let Some(wrong) = self.takes.iter().find(is_begin) {
            complain("sms", "takes", format!("'{wrong}' is no beginning of a number, as in +380"));
        }
        found.extend(self.wrong_secrets(named.contains(&"secret")));
        found.extend(self.too_long(short, page));
        found
    }

    fn wrong_secrets(&self, is_named: bool) -> Vec<Complaint> {
        let mut found = Vec::new();
        let mut complain = |table, key, message: String| found.push((table, key, message));
        match self.secret() {
            Err(error) => complain("sms", "secret_file", error),
            Ok(None) if is_named => {
                complain(
                    "sms",
                    "secret",
                    "`{secret}` needs `secret_file`, or RINGBACK_SMS__SECRET".to_owned(),
                );
            }
            Ok(_) => {}
        }
        match self.report.secret() {
            Err(error) => complain("sms.report", "secret_file", error),
            Ok(Some(secret)) if secret.0.chars().count() < MIN_REPORT_SECRET_CHARS => complain(
                "sms.report",
                "secret",
                format!("the secret of reports has at least {MIN_REPORT_SECRET_CHARS} characters"),
            ),
            Ok(_) => {}
        }
        found
    }

    /// The longest of our texts against the parts that are paid for.
    fn too_long(&self, short: &str, page: Option<&str>) -> Option<Complaint> {
        let (parts, language): (usize, Language) = text::longest(short, page);
        let is_long = u64::try_from(parts).unwrap_or(u64::MAX) > self.segments;
        is_long.then(|| {
            let message = format!(
                "our texts have up to {parts} parts with this `url` of [citizen] (in '{language}'), but `segments` \
                 allows {}",
                self.segments
            );
            ("sms", "segments", message)
        })
    }

    fn secret(&self) -> Result<Option<Secret>, String> {
        secret(self.secret.as_ref(), self.secret_file.as_deref())
    }

    /// None where SMS is off; `zone` is the city's.
    pub fn way(&self, zone: &str) -> Result<Option<Way>, CalendarError> {
        let Some(url) = &self.url else { return Ok(None) };
        let reports = self.report.reports();
        let report_within = reports.is_some().then(|| hours(self.report.within_hours));
        let headers = self.headers.iter();
        let gateway = Gateway {
            method: Method::from_bytes(self.method.as_bytes()).unwrap_or(Method::POST),
            url: url.clone(),
            headers: headers.filter_map(|(name, value)| Some((name.parse().ok()?, value.clone()))).collect(),
            body: self.body.clone(),
            // What cannot be read was complained about when the file was checked.
            secret: self.secret().ok().flatten().unwrap_or_default(),
            success: self.success.clone(),
            message_id: self.message_id.clone(),
            reports,
        };
        let patience = Patience {
            attempts: u32::try_from(self.attempts).unwrap_or(1),
            retry: Duration::from_secs(self.retry_secs),
            within: hours(self.within_hours),
            at_once: usize::try_from(self.at_once).unwrap_or(1),
            timeout: Duration::from_secs(self.timeout_secs),
            hours: Some(Calendar::weekly(zone, self.days, self.hours, Default::default())?),
            report_within,
        };
        Ok(Some(Way { gateway, patience, takes: self.takes.clone(), registered: self.registered }))
    }
}

impl Report {
    fn secret(&self) -> Result<Option<Secret>, String> {
        secret(self.secret.as_ref(), self.secret_file.as_deref())
    }

    fn reports(&self) -> Option<Reports> {
        let secret = self.secret().ok().flatten()?;
        Some(Reports {
            secret,
            id: self.id.clone(),
            status: self.status.clone(),
            delivered: self.delivered.clone(),
            failed: self.failed.clone(),
        })
    }
}

pub(super) fn hours(count: u64) -> Duration {
    Duration::from_secs(count * HOUR_SECS)
}

/// From the file, or as it was given; what is wrong with either.
pub(super) fn secret(
    given: Option<&Secret>,
    file: Option<&std::path::Path>,
) -> Result<Option<Secret>, String> {
    match (given, file) {
        (Some(_), Some(_)) => {
            Err("a secret stands in the file or in the environment, not in both".to_owned())
        }
        (Some(secret), None) => Ok(Some(secret.clone())),
        (None, Some(file)) => {
            let text = super::read(file).map_err(|error| format!("{} {error}", file.display()))?;
            match text.trim() {
                "" => Err(format!("{} is empty", file.display())),
                secret => Ok(Some(Secret(secret.to_owned()))),
            }
        }
        (None, None) => Ok(None),
    }
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err = CalendarError>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
