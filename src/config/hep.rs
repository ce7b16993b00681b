//! `[hep]`: where copies of SIP messages go, for a collector such as Homer. Sent by `app/hep_agent.rs`; a change takes a
//! restart.

use std::net::SocketAddr;

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hep {
    /// HEP 3 over UDP; none sends nothing.
    pub collector: Option<SocketAddr>,
    /// Tells the collector who saw a message.
    pub agent_id: u32,
}

impl Default for Hep {
    fn default() -> Self {
        Self { collector: None, agent_id: 1580 }
    }
}
