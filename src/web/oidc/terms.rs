//! What the configuration says about the city's identity provider: who it is, whom its claims mean, and what is left to
//! passwords.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::notify::Secret;
use crate::people::Role;
use crate::store::User;

/// Who may still sign in by password where there is an identity provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passwords {
    #[default]
    Everybody,
    /// So that somebody gets in when the provider is away for good.
    Administrators,
}

/// `[sign_in.oidc]`, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OidcTerms {
    /// Without a slash at the end, unless the provider calls itself so.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    /// On the button: what people call it.
    pub name: String,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// Its text is the name of one of our users.
    pub user_claim: String,
    /// A text or a list of texts; none where the provider knows nothing of roles.
    pub role_claim: Option<String>,
    /// Our role, by text of that claim.
    pub roles: BTreeMap<String, Role>,
    /// Methods and classes (RFC 8176, `acr`) that mean that a second factor was seen.
    pub second_factor_amr: Vec<String>,
    pub second_factor_acr: Vec<String>,
    pub passwords: Passwords,
}

impl OidcTerms {
    /// The name of our user.
    pub(super) fn user_of<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c str> {
        claims.get(&self.user_claim)?.as_str().filter(|name| !name.is_empty())
    }

    /// Whether the provider grants the role that the person has here. It never gives another one.
    pub(super) fn grants_role(&self, user: &User, claims: &Map<String, Value>) -> bool {
        let Some(claim) = &self.role_claim else { return true };
        texts(claims.get(claim)).any(|text| self.roles.get(text) == Some(&user.role))
    }

    /// Whether the provider has seen a second factor.
    pub(super) fn saw_second_factor(&self, claims: &Map<String, Value>) -> bool {
        let is_in = |known: &[String], text: &str| known.iter().any(|it| it == text);
        texts(claims.get("amr")).any(|method| is_in(&self.second_factor_amr, method))
            || texts(claims.get("acr")).any(|class| is_in(&self.second_factor_acr, class))
    }
}

/// A claim that is a text or a list of texts.
fn texts(claim: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = claim.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    claim.and_then(Value::as_str).into_iter().chain(list.iter().filter_map(Value::as_str))
}
