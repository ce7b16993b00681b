//! Files on disk: recordings (writer, repair at start-up) and prompts (reader).
