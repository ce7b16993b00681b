//! `name-addr` / `addr-spec` with header parameters: From, To, Contact, Route (RFC 3261 20.10, 25.1).

use super::uri::{Params, Uri};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NameAddr {
    /// Unquoted display name.
    pub display: Option<String>,
    pub uri: Uri,
    /// Header parameters (outside the angle brackets), `tag` among them.
    pub params: Params,
}

impl NameAddr {
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    pub fn tag(&self) -> Option<&str> {
        self.params.find("tag")
    }

    pub fn set_tag(&mut self, tag: &str) {
        self.params.set("tag", Some(tag.to_owned()));
    }

    /// Parses one address.
    pub fn parse(_text: &str) -> Result<Self, super::parse::Malformed> {
        todo!()
    }

    /// Parses a comma-separated list (Contact, Route, Record-Route); commas inside quotes and angle
    /// brackets do not separate.
    pub fn parse_list(_text: &str) -> Result<Vec<Self>, super::parse::Malformed> {
        todo!()
    }
}

impl std::fmt::Display for NameAddr {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
