//! The whole HTTP service over real sockets: a real store, a stand-in for the switchboard, one user of each role.

mod access;
mod calls;
mod errors;
mod events;
mod service;
mod session;

use service::Service;
