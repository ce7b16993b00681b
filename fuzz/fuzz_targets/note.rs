//! `make fuzz`: libFuzzer's inputs for [`ringback_fuzz::note`].
//! What must hold is said there.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringback_fuzz::note(data));
