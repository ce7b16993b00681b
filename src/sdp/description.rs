//! Session descriptions: bytes <-> types, total (RFC 8866).
