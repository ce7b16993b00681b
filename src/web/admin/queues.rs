//! `/api/v1/admin/queues`: the queues as the configuration has them, who serves each and what leads there. Read only:
//! queues are changed in the file.

use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::Shared;
use super::super::error::ApiError;
use super::super::view::ListView;
use super::CONFIG;

/// A queue.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct AdminQueueView {
    name: String,
    /// The file in which it is changed, and the line where it begins; none where the shipped queues are in force.
    file: Option<String>,
    line: Option<usize>,
    /// Key and value, as the file writes them.
    keys: Vec<KeyView>,
    /// Names of the operators who serve it.
    operators: Vec<String>,
    /// Nodes of the dialplan that lead here.
    nodes: Vec<String>,
    waiting: usize,
}

/// One key of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct KeyView {
    #[schema(example = "no_answer_secs")]
    key: &'static str,
    #[schema(value_type = Object)]
    value: serde_json::Value,
}

/// All queues.
#[utoipa::path(get, path = "/api/v1/admin/queues", tag = "admin",
    responses((status = 200, body = ListView<AdminQueueView>), (status = 403)))]
pub(in crate::web) async fn list(
    State(web): State<Shared>,
) -> Result<Answer<ListView<AdminQueueView>>, ApiError> {
    let (snapshot, in_force) = (web.snapshot(), web.in_force());
    let users = web.store().users().await?;
    let config = in_force.file(CONFIG);
    let view = |queue: &super::QueueInForce| {
        let line = config.and_then(|file| line_of(&file.text, &queue.name));
        let serves = |queues: &[String]| queues.contains(&queue.name);
        let serving =
            users.iter().filter(|user| !user.disabled && user.sip.is_some() && serves(&user.queues));
        let nodes = in_force.plan.nodes().filter(|node| node.queue() == Some(queue.name.as_str()));
        AdminQueueView {
            name: queue.name.clone(),
            file: config.filter(|_| line.is_some()).map(|file| file.path.display().to_string()),
            line,
            keys: queue.keys.iter().map(|(key, value)| KeyView { key, value: value.clone() }).collect(),
            operators: serving.map(|user| user.name.clone()).collect(),
            nodes: nodes.map(|node| node.name.clone()).collect(),
            waiting: snapshot
                .queues
                .iter()
                .find(|live| live.name == queue.name)
                .map_or(0, |live| live.waiting),
        }
    };
    Ok(Answer(ListView { items: in_force.queues.iter().map(view).collect(), next: None }))
}

/// The line of the `[[queue]]` with this name, from 1.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let mut began = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            began = line.starts_with("[[queue]]").then_some(index + 1);
        }
        let value = line.strip_prefix("name").and_then(|rest| rest.trim_start().strip_prefix('='));
        let named = value.is_some_and(|value| {
            let value = value.trim_start();
            let quote = value.chars().next().unwrap_or_default();
            matches!(quote, '"' | '\'') && value[1..].split(quote).next() == Some(name)
        });
        if began.is_some() && named {
            return began;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_found_where_its_table_begins() {
        let text = "[sip]\nname = \"city\"\n\n[[queue]]\nname = \"duty\"\n[[queue]] # first\ncapacity = 5\nname = 'city'\n";
        assert_eq!(line_of(text, "city"), Some(6));
        assert_eq!(line_of(text, "duty"), Some(4));
        assert_eq!(line_of(text, "dut"), None);
    }
}
