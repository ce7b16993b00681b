//! Passwords: argon2id (RFC 9106), computed on blocking threads, few at once. An unknown user costs the same work as
//! a known one, so the time of an answer names nobody.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::error::ApiError;

/// Nobody types more; longer input would only cost us work.
pub(super) const MAX_PASSWORD_BYTES: usize = 256;

/// How long a sign-in waits for its turn before it is told to come again.
const TURN_DEADLINE: Duration = Duration::from_secs(5);

/// Checked in place of the hash an unknown user does not have; no password fits it. Its parameters are those of
/// [`Argon2::default`], which a test holds it to.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cmluZ2JhY2stbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has 8 to {MAX_PASSWORD_BYTES} bytes")]
    Length,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// The PHC string to store for `password`, with a salt of its own. Takes some 30 ms: call it off the async threads.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if !(8..=MAX_PASSWORD_BYTES).contains(&password.len()) {
        return Err(PasswordError::Length);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hash(error.to_string()))
}

/// [`hash`] in its turn, on a blocking thread.
pub(super) async fn hashed(turns: &Arc<Semaphore>, password: String) -> Result<String, ApiError> {
    let turn = tokio::time::timeout(TURN_DEADLINE, turns.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ApiError::Unavailable("too many people are signing in at this moment"));
    };
    let hashed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        hash(&password)
    });
    match hashed.await.map_err(|error| ApiError::internal("password hash died", &error))? {
        Err(length @ PasswordError::Length) => Err(ApiError::unfit("password_length", length.to_string())),
        hashed => hashed.map_err(|error| ApiError::internal("password", &error)),
    }
}

/// True when `password` fits `stored`; `None` stands for a user that does not exist.
pub(super) async fn fits(
    turns: &Arc<Semaphore>,
    stored: Option<String>,
    password: String,
) -> Result<bool, ApiError> {
    let turn = tokio::time::timeout(TURN_DEADLINE, turns.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ApiError::Unavailable("too many people are signing in at this moment"));
    };
    let checked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        verify(stored.as_deref().unwrap_or(NOBODY), &password)
    });
    checked.await.map_err(|error| ApiError::internal("password check died", &error))
}

/// True when `password` fits `stored`; none stands for somebody who has none, and costs the same. Takes some 30 ms: call
/// it off the async threads.
pub fn check(stored: Option<&str>, password: &str) -> bool {
    verify(stored.unwrap_or(NOBODY), password)
}

fn verify(stored: &str, password: &str) -> bool {
    if password.len() > MAX_PASSWORD_BYTES {
        return false;
    }
    let Ok(stored) = PasswordHash::new(stored) else {
        tracing::error!("a stored password hash cannot be read");
        return false;
    };
    Argon2::default().verify_password(password.as_bytes(), &stored).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_hash_fits_its_password_only() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"));
        assert!(verify(&stored, "correct horse"));
        assert!(!verify(&stored, "correct house"));
        assert!(!verify("not a hash", "correct horse"));
    }

    #[test]
    fn an_unknown_user_costs_what_a_known_one_does() {
        let work = |stored: &str| {
            let hash = PasswordHash::new(stored).unwrap();
            (hash.params.to_string(), hash.hash.unwrap().as_ref().len())
        };
        assert_eq!(work(NOBODY), work(&hash("correct horse").unwrap()));
        assert!(!verify(NOBODY, ""));
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(matches!(hash("short"), Err(PasswordError::Length)));
        assert!(matches!(hash(&"x".repeat(MAX_PASSWORD_BYTES + 1)), Err(PasswordError::Length)));
    }
}
