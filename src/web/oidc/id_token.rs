//! An ID token (OpenID Connect Core 1.0, 3.1.3.7): by which key it is signed, and whether it is about this sign-in. Only
//! signatures by keys nobody shares are known here; `none` and shared secrets are not among them.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

/// A token longer than this is none, bytes.
const MAX_TOKEN_BYTES: usize = 32 * 1024;
/// Clocks of cities' servers differ by less, seconds.
const LEEWAY_SECS: u64 = 60;

/// What the claims must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'e> {
    pub(super) issuer: &'e str,
    pub(super) client_id: &'e str,
    pub(super) nonce: &'e str,
}

/// Why a token is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum NotBelieved {
    #[error("it is no signed token: {0}")]
    Shape(String),
    #[error("it is signed by {0}; RS256, ES256 and EdDSA are known")]
    Algorithm(String),
    #[error("its key is none of the provider's")]
    UnknownKey,
    #[error("its signature or a claim is wrong: {0}")]
    Wrong(String),
    #[error("it is not about this sign-in: another nonce")]
    Nonce,
    #[error("it was made for another program")]
    Party,
}

/// The claims of `token`, when one of `keys` has signed it for us and for this sign-in.
pub(super) fn verify(
    token: &str,
    keys: &[Jwk],
    expected: Expected<'_>,
) -> Result<Map<String, Value>, NotBelieved> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(NotBelieved::Shape(format!("longer than {MAX_TOKEN_BYTES} bytes")));
    }
    let header = decode_header(token).map_err(|error| NotBelieved::Shape(error.to_string()))?;
    let algorithm = match header.alg {
        known @ (Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) => known,
        other => return Err(NotBelieved::Algorithm(format!("{other:?}"))),
    };
    let key = pick(keys, header.kid.as_deref(), algorithm).ok_or(NotBelieved::UnknownKey)?;
    let key = DecodingKey::from_jwk(key).map_err(|error| NotBelieved::Wrong(error.to_string()))?;
    let mut rules = Validation::new(algorithm);
    rules.leeway = LEEWAY_SECS;
    rules.validate_nbf = true;
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let believed = decode::<Map<String, Value>>(token, &key, &rules);
    let claims = believed.map_err(|error| NotBelieved::Wrong(error.to_string()))?.claims;
    if claims.get("nonce").and_then(Value::as_str) != Some(expected.nonce) {
        return Err(NotBelieved::Nonce);
    }
    // A token for several programs names the one it was given to; one that is named is us.
    let party = claims.get("azp").and_then(Value::as_str);
    let many = claims.get("aud").and_then(Value::as_array).is_some_and(|aud| aud.len() > 1);
    if party.map_or(many, |party| party != expected.client_id) {
        return Err(NotBelieved::Party);
    }
    Ok(claims)
}

/// The key of this name that fits the algorithm; without a name the only one that fits.
fn pick<'k>(keys: &'k [Jwk], name: Option<&str>, algorithm: Algorithm) -> Option<&'k Jwk> {
    let mut fitting = keys
        .iter()
        .filter(|key| fits(key, algorithm) && (name.is_none() || key.common.key_id.as_deref() == name));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    if !matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return false;
    }
    match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(pair), Algorithm::EdDSA) => pair.curve == EllipticCurve::Ed25519,
        _ => false,
    }
}
