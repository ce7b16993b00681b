//! Tests of the library from outside, without sockets or disks: the pure core as a whole.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod simulation;
