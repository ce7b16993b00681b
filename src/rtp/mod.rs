//! RTP and RTCP packets (RFC 3550): bytes <-> types, total, without allocation; G.711 (ITU-T G.711).

pub mod g711;
pub mod packet;
pub mod rtcp;

pub use packet::{MalformedRtp, RtpHeader};
