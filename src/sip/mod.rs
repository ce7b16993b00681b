//! SIP (RFC 3261): `message` is the wire, the rest are sans-IO machines over it.
//! Who may call, and what a call is, is decided above, in `switchboard` and `call`.

pub mod credentials;
pub mod dialog;
pub mod digest_auth;
pub mod guard;
pub mod message;
pub mod probe;
pub mod redirection;
pub mod refer;
pub mod registrar;
pub mod registration;
pub mod reliable;
pub mod replaces;
pub mod server_location;
pub mod session_timer;
pub mod transaction;
