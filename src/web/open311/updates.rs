//! Service request updates: what happened to requests in a span of time, so that a portal need not ask for each of them;
//! and what other programs add to a request, which is kept for the people who work on it and changes no state.

use super::asked::Asked;
use super::document::{Document, Moment, record};
use super::fault::Fault;
use super::requests;
use super::words::Step;
use crate::web::Web;

record!(
    /// One thing that happened to a request.
    UpdateView, "request_update", {
        update_id: String,
        service_request_id: String,
        /// `open` or `closed`.
        status: &'static str,
        updated_datetime: Moment,
        /// In the city's language.
        description: &'static str,
        media_url: String,
    }
);

pub(super) async fn list(web: &Web, asked: &Asked) -> Result<Document, Fault> {
    let plan = web.city();
    let (skip, limit) = asked.page()?;
    let categories = requests::categories(asked, &plan)?;
    let entries = web.store().public_updates(&categories, asked.span()?, skip, limit).await?;
    let updates = entries.into_iter().filter_map(|entry| {
        let step = Step::of_event(&entry.event)?;
        Some(UpdateView {
            update_id: entry.id.to_string(),
            service_request_id: entry.case?.to_string(),
            status: if step.is_end() { "closed" } else { "open" },
            updated_datetime: Moment(entry.at),
            description: step.in_words(plan.language()),
            media_url: String::new(),
        })
    });
    Ok(Document::new("service_request_updates", &updates.collect::<Vec<_>>()))
}
