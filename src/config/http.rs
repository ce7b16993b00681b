//! `[http]`: where the pages and the API are served.
//! No TLS key here: that is for a proxy in front. Another `bind` takes a restart; the URLs are `web/router.rs`.

use std::net::SocketAddr;

use serde::Deserialize;

use crate::web::Origins;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    pub bind: SocketAddr,
    /// Our origin as browsers have it, as in `https://city.example`.
    pub url: Option<String>,
    /// Origins besides our own whose pages may open the WebSocket of SIP, as in `https://desk.city.example`.
    pub origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 8080)), url: None, origins: Vec::new() }
    }
}

impl Http {
    /// The origin without a slash at its end.
    fn origin(&self) -> Option<&str> {
        self.url.as_deref().map(|url| url.trim_end_matches('/'))
    }

    pub fn origins(&self) -> Origins {
        Origins { own: self.origin().map(Into::into), others: self.origins.clone().into() }
    }

    /// What is wrong, by key.
    pub(super) fn complaints(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        let is_web = |origin: &str| origin.starts_with("https://") || origin.starts_with("http://");
        if self.origin().is_some_and(|origin| !is_web(origin) || !is_origin(origin)) {
            found.push(("url", "our address is an origin, as in https://city.example"));
        }
        if !self.origins.iter().all(|origin| is_origin(origin)) {
            found.push(("origins", "an origin has no path, as in https://desk.city.example"));
        }
        found
    }
}

fn is_origin(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, host)| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}
