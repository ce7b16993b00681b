//! SDP (RFC 8866) and offer/answer (RFC 3264) for one audio stream.
//! `description` knows the lines, `formats` the payload types, `offer_answer` what they mean, `transport` with
//! `security` and `ice` how the stream travels; none knows a call.

mod codec;
pub mod description;
mod family;
mod formats;
pub mod ice;
pub mod offer_answer;
#[cfg(test)]
pub(crate) mod samples;
pub mod security;
pub mod transport;

pub use codec::{Codec, UnknownCodec};
pub use family::audio_address;
pub use formats::{Content, Format};
pub use ice::{IceCredentials, IceSession};
pub use offer_answer::{AudioOffer, AudioSession, Direction, NegotiationError};
pub use security::{DtlsRole, Fingerprint, Security};
pub use transport::{FreshKeys, LocalTransport, MediaTransport, Protection, SrtpPolicy, SrtpTerms};
