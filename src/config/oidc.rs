//! `[sign_in.oidc]`: the city's identity provider, whom its claims mean, and what is left to passwords.
//! What becomes of its answers is `web/oidc/`'s. The secret stands in a file or in the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::sms::secret;
use crate::notify::Secret;
use crate::people::Role;
use crate::web::{OidcTerms, Passwords, is_safe_address};

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// As the provider calls itself, as in `https://id.city.example`.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<Secret>,
    pub client_secret_file: Option<PathBuf>,
    /// On the button of the sign-in page.
    #[serde(default = "name")]
    pub name: String,
    /// Beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim with the name of our user.
    #[serde(default = "user_claim")]
    pub user_claim: String,
    /// The claim with the person's roles; needs `roles`.
    pub role_claim: Option<String>,
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    #[serde(default)]
    pub second_factor_amr: Vec<String>,
    #[serde(default)]
    pub second_factor_acr: Vec<String>,
    #[serde(default)]
    pub passwords: Passwords,
}

fn name() -> String {
    "OpenID".to_owned()
}

fn scopes() -> Vec<String> {
    vec!["profile".to_owned()]
}

fn user_claim() -> String {
    "preferred_username".to_owned()
}

impl Oidc {
    pub(super) fn resolve(&mut self, base: &Path) {
        if let Some(file) = &mut self.client_secret_file {
            *file = base.join(&*file);
        }
    }

    /// What is wrong, by key. `has_url`: browsers' address of ours is configured.
    pub(super) fn complaints(&self, has_url: bool) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut complain = |key, message: &str| found.push((key, message.to_owned()));
        if !is_safe_address(&self.issuer) || self.issuer.contains(['?', '#']) {
            complain("issuer", "the provider's address is as in https://id.city.example");
        }
        if !has_url {
            complain("issuer", "the provider must find the way back: `url` in [http] is needed");
        }
        if self.client_id.trim().is_empty() {
            complain("client_id", "the provider knows us by a client id");
        }
        if self.name.trim().is_empty() || self.name.chars().count() > 40 {
            complain("name", "the name on the button has 1 to 40 characters");
        }
        if self.user_claim.is_empty() {
            complain("user_claim", "a claim has a name, as in preferred_username");
        }
        if self.role_claim.is_some() == self.roles.is_empty() {
            complain("role_claim", "`role_claim` and `roles` go together");
        }
        match secret(self.client_secret.as_ref(), self.client_secret_file.as_deref()) {
            Err(error) => complain("client_secret_file", &error),
            Ok(None) => complain(
                "client_id",
                "`client_secret_file` is needed, or RINGBACK_SIGN_IN__OIDC__CLIENT_SECRET",
            ),
            Ok(Some(_)) => {}
        }
        found
    }

    /// Of a configuration that was checked.
    pub fn terms(&self) -> OidcTerms {
        let secret = secret(self.client_secret.as_ref(), self.client_secret_file.as_deref());
        OidcTerms {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: secret.ok().flatten().unwrap_or_default(),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            user_claim: self.user_claim.clone(),
            role_claim: self.role_claim.clone(),
            roles: self.roles.clone(),
            second_factor_amr: self.second_factor_amr.clone(),
            second_factor_acr: self.second_factor_acr.clone(),
            passwords: self.passwords,
        }
    }
}
