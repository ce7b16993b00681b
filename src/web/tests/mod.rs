//! The whole HTTP service over real sockets: a real store, a stand-in for the switchboard, one user of each role.
//! Laid out like the addresses; `service.rs` starts it.

mod access;
mod addresses;
mod admin;
mod audit;
mod calls;
mod cases;
mod citizen;
mod clearance;
mod clocks;
mod code_by_sms;
mod endings;
mod engagements;
mod errors;
mod events;
mod evidence;
mod hearings;
mod ladder;
mod log;
mod notices;
mod oidc;
mod open311;
mod phone;
mod receptions;
mod records;
mod reports;
mod routes;
mod second_factor;
mod service;
mod session;
mod sip_socket;
mod web_calls;

use service::Service;
