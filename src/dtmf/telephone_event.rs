//! RFC 4733 telephone-event payloads and their de-duplication into one digit per press.
