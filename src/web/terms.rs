//! What the city allows the world outside: Open311 and the citizens' page. Comes from the configuration, in force as a
//! whole with each reload; a key that is not in it any more is revoked.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::digest::Sha256;
use crate::people::Role;
use crate::sip::guard::Rate;

use super::oidc::OidcTerms;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublicTerms {
    pub open311: Open311Terms,
    pub citizen: CitizenTerms,
}

/// What auditors need.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AuditTerms {
    /// Who was never given an engagement sees nothing.
    pub engagements_required: bool,
}

/// How long people stay signed in; sessions that stand keep the limits they were opened with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignInTerms {
    /// A session ends so long after it was opened.
    pub longest: Duration,
    /// And when it was not used for so long,
    pub idle: Duration,
    /// executors' sessions when not used for so long: they are in the street, their telephone in the pocket.
    pub field_idle: Duration,
    /// Roles that do nothing before they have a second factor.
    pub second_factor: Vec<Role>,
    /// The city's identity provider.
    pub oidc: Option<Arc<OidcTerms>>,
}

impl Default for SignInTerms {
    fn default() -> Self {
        Self { longest: 12 * HOUR, idle: HOUR, field_idle: 12 * HOUR, second_factor: Vec::new(), oidc: None }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open311Terms {
    pub enabled: bool,
    /// Our address as the world has it, without a slash at the end; that of the request where there is none.
    pub url: Option<String>,
    /// Of an installation where nothing that is filed counts.
    pub test_url: Option<String>,
    /// Whom developers ask, and how they get a key.
    pub contact: String,
    pub key_service: String,
    /// Names of jurisdictions; empty where clients need not name any.
    pub jurisdictions: Vec<String>,
    pub keys: Vec<ApiKey>,
    pub filings_per_key_per_hour: u32,
    /// Questions of one address.
    pub looks_per_address_per_minute: u32,
}

/// Who may file requests by Open311.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// Told in the journal.
    pub name: String,
    pub sha256: Sha256,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CitizenTerms {
    /// Whether requests can be filed from the page; looking up and reopening goes on either way.
    pub enabled: bool,
    pub filings_per_address_per_hour: u32,
    /// Address searches, and other questions that do not need a code.
    pub looks_per_address_per_minute: u32,
    pub hearing: HearingTerms,
}

/// Whether applicants hear their own calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HearingRule {
    #[default]
    Off,
    /// The records office decides about each.
    Approval,
    AtOnce,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HearingTerms {
    pub rule: HearingRule,
    /// The city's voice, too; otherwise the applicant's alone.
    pub both_channels: bool,
    /// Number and code are not enough: the telephone number of the call as well.
    pub ask_number: bool,
    /// How long a link works.
    pub link_for: Duration,
}

impl Default for HearingTerms {
    fn default() -> Self {
        let link_for = Duration::from_secs(60 * 60);
        Self { rule: HearingRule::Off, both_channels: false, ask_number: true, link_for }
    }
}

impl Default for Open311Terms {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            test_url: None,
            contact: String::new(),
            key_service: String::new(),
            jurisdictions: Vec::new(),
            keys: Vec::new(),
            filings_per_key_per_hour: 600,
            looks_per_address_per_minute: 120,
        }
    }
}

impl Default for CitizenTerms {
    fn default() -> Self {
        Self {
            enabled: true,
            filings_per_address_per_hour: 10,
            looks_per_address_per_minute: 120,
            hearing: HearingTerms::default(),
        }
    }
}

/// So many in an hour, all of them at once if need be.
pub(super) fn hourly(count: u32) -> Rate {
    let count = count.max(1);
    Rate { interval: HOUR / count, burst: count }
}

pub(super) fn minutely(count: u32) -> Rate {
    let count = count.max(1);
    Rate { interval: MINUTE / count, burst: count }
}
