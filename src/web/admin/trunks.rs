//! `/api/v1/admin/trunks`: each trunk as it is configured and as it is now, and the SIP messages between us and its
//! provider. The ladder of its last call is that of the call (`calls/ladder.rs`), numbers masked there.

use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::call::contact::Contact;
use crate::journal::{Draft, EventType};
use crate::switchboard::{LiveTrunk, TrunkState};
use crate::time;

use super::super::calls::ladder::LadderView;
use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::view::{ListView, UtcTime};
use super::super::{LadderOf, Shared};
use super::TrunkInForce;

/// A trunk: what the configuration says, and how it is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct AdminTrunkView {
    #[serde(flatten)]
    settings: TrunkInForce,
    /// `unknown` where nobody asks: a trunk known by address alone.
    #[schema(value_type = String, example = "up")]
    state: TrunkState,
    since: UtcTime,
    /// None where we do not register.
    registered: Option<bool>,
    /// Calls on it now, both directions.
    calls: usize,
    servers: Vec<ServerView>,
    /// Why the provider does not take our registration: `unanswered`, `challenged`, `refused`, `no_server`.
    registration_failure: Option<&'static str>,
    /// The status code of the refusal.
    registration_status: Option<u16>,
    /// Why our limits last turned a call away, `trunk_full` or `trunk_rate`, and when.
    turned_away: Option<&'static str>,
    turned_away_at: Option<UtcTime>,
    /// The last call that came over it; its ladder is at `/api/v1/calls/{id}/ladder`.
    last_call: Option<LastCallView>,
}

/// One server of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ServerView {
    /// Address and port.
    address: String,
    transport: &'static str,
    /// What its answers to OPTIONS say; none where nobody asks.
    reachable: Option<bool>,
    /// Our registration stands there.
    registered: bool,
}

/// The last call over a trunk; who called is not said.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct LastCallView {
    id: String,
    at: UtcTime,
    /// How it ended; none while it is on.
    #[schema(value_type = Option<String>)]
    termination: Option<crate::termination::Termination>,
}

/// All trunks.
#[utoipa::path(get, path = "/api/v1/admin/trunks", tag = "admin",
    responses((status = 200, body = ListView<AdminTrunkView>), (status = 403)))]
pub(in crate::web) async fn list(
    State(web): State<Shared>,
) -> Result<Answer<ListView<AdminTrunkView>>, ApiError> {
    let (snapshot, in_force) = (web.snapshot(), web.in_force());
    let mut items = Vec::with_capacity(in_force.trunks.len());
    for settings in &in_force.trunks {
        let live = snapshot.trunks.iter().find(|trunk| trunk.name == settings.name);
        let last = web.store().last_contact_of(&settings.name).await?;
        items.push(view(settings, live, last, in_force.at.into()));
    }
    Ok(Answer(ListView { items, next: None }))
}

/// The last registrations and probes of a trunk, message by message.
#[utoipa::path(get, path = "/api/v1/admin/trunks/{name}/ladder", tag = "admin", params(("name" = String, Path)),
    responses((status = 200, body = LadderView), (status = 403), (status = 404)))]
pub(in crate::web) async fn ladder(
    State(web): State<Shared>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Answer<LadderView>, ApiError> {
    let messages =
        web.live_ladder(LadderOf::Trunk(name.clone())).await?.ok_or(ApiError::NotFound("trunk"))?;
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.data = serde_json::json!({ "what": "trunk ladder", "trunk": name });
    web.journal(draft).await?;
    Ok(Answer(LadderView::of_trunk(&messages)))
}

fn view(
    settings: &TrunkInForce,
    live: Option<&LiveTrunk>,
    last: Option<Contact>,
    in_force_at: UtcTime,
) -> AdminTrunkView {
    let servers = live.map(|live| live.servers.as_slice()).unwrap_or_default().iter();
    let turned_away = live.and_then(|live| live.turned_away);
    let failure = live.and_then(|live| live.failure);
    AdminTrunkView {
        settings: settings.clone(),
        state: live.map_or(TrunkState::Unknown, |live| live.state),
        since: live.map_or(in_force_at, |live| live.since.into()),
        registered: live.and_then(|live| live.registered),
        calls: live.map_or(0, |live| live.calls),
        servers: servers
            .map(|server| ServerView {
                address: server.address.to_string(),
                transport: server.transport,
                reachable: server.reachable,
                registered: server.registered,
            })
            .collect(),
        registration_failure: failure.map(|failure| failure.reason),
        registration_status: failure.and_then(|failure| failure.status),
        turned_away: turned_away.map(|(reason, _)| reason),
        turned_away_at: turned_away.map(|(_, at)| at.into()),
        last_call: last.map(|contact| LastCallView {
            id: contact.id.to_string(),
            at: contact.offered_at.into(),
            termination: contact.termination,
        }),
    }
}
