//! RTP g711.
