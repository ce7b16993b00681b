//! RTP and RTCP packets (RFC 3550): bytes <-> types, total, without allocation; G.711 (ITU-T G.711); reception
//! statistics. Sources, buffers and sending are `media/`.

pub mod g711;
pub mod packet;
pub mod rtcp;
pub mod statistics;

pub use packet::{MalformedRtp, RtpHeader};
pub use statistics::Reception;
