//! SDP (RFC 8866) and offer/answer (RFC 3264) for one audio stream.
//! `description` knows the lines, `formats` the payload types, `offer_answer` what they mean; none knows a call.

mod codec;
pub mod description;
mod family;
mod formats;
pub mod offer_answer;

pub use codec::{Codec, UnknownCodec};
pub use family::audio_address;
pub use formats::{Content, Format};
pub use offer_answer::{AudioOffer, AudioSession, Direction, NegotiationError};
