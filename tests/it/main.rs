//! Tests of the library from outside, without sockets or disks: the pure core as a whole.
//! Single machines are tested beside their code, real sockets and real peers in `tests/e2e`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod deadlines;
mod flood;
mod simulation;
