//! RTP packet.
