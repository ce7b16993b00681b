//! The whole HTTP service over real sockets: a real store, a stand-in for the switchboard, one user of each role.
//! Laid out like the addresses; `service.rs` starts it.

mod access;
mod addresses;
mod admin;
mod calls;
mod cases;
mod clocks;
mod errors;
mod events;
mod ladder;
mod phone;
mod service;
mod session;
mod sip_socket;
mod web_calls;

use service::Service;
