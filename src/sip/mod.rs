//! SIP (RFC 3261): `message` is the wire, the rest are sans-IO machines over it.
//! Who may call, and what a call is, is decided above, in `switchboard` and `call`.

pub mod dialog;
pub mod digest_auth;
pub mod message;
pub mod registrar;
pub mod transaction;
