//! RTP rtcp.
