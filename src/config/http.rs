//! `[http]`: where the pages and the API are served.
//! No TLS key here: that is for a proxy in front. A change takes a restart; the URLs are `web/router.rs`.

use std::net::SocketAddr;

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    pub bind: SocketAddr,
    /// Origins besides our own whose pages may open the WebSocket of SIP, as in `https://desk.city.example`.
    pub origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 8080)), origins: Vec::new() }
    }
}
