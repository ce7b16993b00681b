//! `[sign_in]`: how long people stay signed in, and by what beside a password (`oidc.rs`).
//! Who may do what is no configuration: it is `web/access.rs`. What a session is stands in `store/sessions.rs`.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::checks::within;
use super::oidc::Oidc;
use crate::people::Role;
use crate::web::SignInTerms;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// Minutes without use after which a session ends, 5 to 1,440.
    #[serde(deserialize_with = "within::<5, 1440, _>")]
    pub idle_minutes: u64,
    /// The same for executors, 5 to 1,440.
    #[serde(deserialize_with = "within::<5, 1440, _>")]
    pub field_idle_minutes: u64,
    /// Hours after which a session ends in any case, 1 to 24.
    #[serde(deserialize_with = "within::<1, 24, _>")]
    pub longest_hours: u64,
    /// Roles that need a code of an authenticator app beside the password. Others may have one.
    pub second_factor: Vec<Role>,
    /// The city's identity provider, where there is one.
    pub oidc: Option<Oidc>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            idle_minutes: 60,
            field_idle_minutes: 720,
            longest_hours: 12,
            second_factor: Vec::new(),
            oidc: None,
        }
    }
}

impl SignIn {
    pub fn terms(&self) -> SignInTerms {
        SignInTerms {
            longest: Duration::from_secs(self.longest_hours * HOUR),
            idle: Duration::from_secs(self.idle_minutes * MINUTE),
            field_idle: Duration::from_secs(self.field_idle_minutes * MINUTE),
            second_factor: self.second_factor.clone(),
            oidc: self.oidc.as_ref().map(|oidc| Arc::new(oidc.terms())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_web() {
        assert_eq!(SignIn::default().terms(), SignInTerms::default());
    }

    #[test]
    fn limits_have_bounds() {
        let read = |text: &str| toml::from_str::<SignIn>(text);
        for good in ["idle_minutes = 5", "idle_minutes = 1440", "longest_hours = 1", "longest_hours = 24"] {
            assert!(read(good).is_ok(), "{good}");
        }
        assert_eq!(read("second_factor = [\"mayor_office\"]").unwrap().second_factor, [Role::MayorOffice]);
        assert!(read("second_factor = [\"mayor\"]").is_err());
        for bad in
            ["idle_minutes = 4", "field_idle_minutes = 1441", "longest_hours = 0", "longest_hours = 25"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
