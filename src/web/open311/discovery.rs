//! Service discovery: where the API is, in which formats, whom to ask. Two endpoints, production and test; a city
//! without a test installation names the same address twice.

use super::asked::Asked;
use super::document::{Document, Formats, Moment, record};
use crate::time::Timestamp;
use crate::web::terms::Open311Terms;

/// The specification that is spoken here.
const SPECIFICATION: &str = "http://wiki.open311.org/GeoReport_v2";

record!(
    /// What is offered, and by whom.
    DiscoveryView, "discovery", {
        /// When any of it changed last.
        changeset: Moment,
        contact: String,
        key_service: String,
        endpoints: Vec<EndpointView>,
    }
);

record!(
    /// One place where the API is.
    EndpointView, "endpoint", {
        specification: &'static str,
        url: String,
        changeset: Moment,
        /// `production` or `test`.
        r#type: &'static str,
        #[schema(value_type = Vec<String>)]
        formats: Formats,
    }
);

/// `since` is when what is in force came into force.
pub(super) fn document(asked: &Asked, terms: &Open311Terms, since: Timestamp) -> Document {
    let changeset = Moment(since);
    let endpoint = |r#type, root: String| EndpointView {
        specification: SPECIFICATION,
        url: format!("{root}/v2"),
        changeset,
        r#type,
        formats: Formats(vec!["text/xml", "application/json"]),
    };
    let here = asked.root(terms);
    let test = terms.test_url.as_ref().map_or_else(|| here.clone(), |url| format!("{url}/open311"));
    let discovery = DiscoveryView {
        changeset,
        contact: terms.contact.clone(),
        key_service: terms.key_service.clone(),
        endpoints: vec![endpoint("production", here), endpoint("test", test)],
    };
    Document::new("discovery", &discovery)
}
