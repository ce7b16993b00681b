//! A JSON Web Signature in the general JSON serialisation (RFC 7515 7.2.1) with EdDSA (RFC 8037): `alg` in the protected header,
//! the certificate in `x5c` of the unprotected one, as vCon wants it. The certificate is self-signed by the journal's key: it
//! carries the key and the name of the journal, and proves no more than that. Owns no payload.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DistinguishedName, DnType, PublicKeyData, SignatureAlgorithm, SigningKey};
use serde_json::{Value, json};

use crate::digest::Sha256;
use crate::journal::{SignerKey, VerifierKey};

/// What stands before the 32 octets of an Ed25519 key in a certificate (RFC 8410 section 4).
pub const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PROTECTED: &str = r#"{"alg":"EdDSA"}"#;

/// Why a signed document is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotJws {
    #[error("it is not a signature in the general JSON serialisation with EdDSA and x5c")]
    Form,
    #[error("its certificate is not of a key of this journal")]
    Certificate,
    #[error("its signature does not fit")]
    Signature,
}

/// Lends the journal's key to the maker of certificates.
struct Lent<'k>(&'k SignerKey);

impl PublicKeyData for Lent<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.verifier().public()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl SigningKey for Lent<'_> {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.0.sign_octets(octets))
    }
}

/// The journal's key in X.509 (DER), the same at each call.
///
/// # Errors
/// A name that no certificate can carry.
pub fn certificate(key: &SignerKey) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, key.verifier().name.as_str());
    let serial = Sha256::of(key.verifier().to_string().as_bytes());
    params.serial_number = Some(serial.0[..16].to_vec().into());
    Ok(params.self_signed(&Lent(key))?.der().to_vec())
}

/// `payload` signed. `id` names it to those who do not open it.
///
/// # Errors
/// As [`certificate`].
pub fn sign(payload: &str, id: &str, key: &SignerKey) -> Result<Value, rcgen::Error> {
    let (protected, payload) = (URL_SAFE_NO_PAD.encode(PROTECTED), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign_octets(format!("{protected}.{payload}").as_bytes());
    Ok(json!({
        "payload": payload,
        "signatures": [{
            "protected": protected,
            "header": { "x5c": [STANDARD.encode(certificate(key)?)], "uuid": id },
            "signature": URL_SAFE_NO_PAD.encode(signature),
        }],
    }))
}

/// The payload, signed by one of `keys`, whose certificate lies beside it.
///
/// # Errors
/// What it lacks.
pub fn open(document: &Value, keys: &[VerifierKey]) -> Result<Vec<u8>, NotJws> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(NotJws::Form);
    let [one] = document["signatures"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err(NotJws::Form);
    };
    let (protected, payload) = (text(&one["protected"])?, text(&document["payload"])?);
    let unsealed = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| NotJws::Form);
    if unsealed(&protected)? != PROTECTED.as_bytes() {
        return Err(NotJws::Form);
    }
    let certificate = STANDARD.decode(text(&one["header"]["x5c"][0])?).map_err(|_| NotJws::Form)?;
    let carries = |key: &&VerifierKey| {
        let wanted = [&ED25519_SPKI[..], key.public()].concat();
        certificate.windows(wanted.len()).any(|window| window == wanted)
    };
    let key = keys.iter().find(carries).ok_or(NotJws::Certificate)?;
    let signature = unsealed(&text(&one["signature"])?)?;
    if !key.verifies(format!("{protected}.{payload}").as_bytes(), &signature) {
        return Err(NotJws::Signature);
    }
    unsealed(&payload)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_signed_is_opened_by_its_key_alone() {
        let key = SignerKey::new("місто.example/1580", [7; 32]).unwrap();
        let keys = [key.verifier().clone()];
        let signed = sign(r#"{"vcon":"x"}"#, "id", &key).unwrap();
        assert_eq!(open(&signed, &keys), Ok(br#"{"vcon":"x"}"#.to_vec()));
        assert_eq!(signed, sign(r#"{"vcon":"x"}"#, "id", &key).unwrap(), "the same at each call");
        assert!(signed["signatures"][0]["header"].get("alg").is_none());
        let other = SignerKey::new("місто.example/1580", [8; 32]).unwrap();
        assert_eq!(open(&signed, &[other.verifier().clone()]), Err(NotJws::Certificate));
        let mut changed = signed.clone();
        changed["payload"] = URL_SAFE_NO_PAD.encode(r#"{"vcon":"y"}"#).into();
        assert_eq!(open(&changed, &keys), Err(NotJws::Signature));
        let mut changed = signed.clone();
        changed["signatures"][0]["protected"] = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#).into();
        assert_eq!(open(&changed, &keys), Err(NotJws::Form));
        let twice = json!({ "payload": signed["payload"], "signatures": [signed["signatures"][0], signed["signatures"][0]] });
        assert_eq!(open(&twice, &keys), Err(NotJws::Form));
        assert_eq!(open(&json!({}), &keys), Err(NotJws::Form));
    }
}
