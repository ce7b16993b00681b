//! Prompts: texts per language rendered by a speech program at load and cached, recorded WAVs of the same id first.
