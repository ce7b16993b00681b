//! `/log`: the newest signed checkpoint of the journal and the tiles of its tree (C2SP tlog-tiles), for everybody: they hold
//! hashes alone. `/api/v1/journal/{seq}/proof`: an entry with the proof that it stands in that tree, for auditors.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::journal::tree::{self, Tile, leaf_hash};
use crate::sip::guard::Rate;
use crate::time;

use super::error::ApiError;
use super::extract::Path;
use super::sip_socket::speaks_for;
use super::{Shared, Web};

/// A monitor that begins with a journal of twenty million entries fetches 80,000 tiles, in some half an hour; one that
/// follows it fetches a few an hour.
const RATE: Rate = Rate { interval: Duration::from_millis(20), burst: 1000 };

/// Requests to `/log`, by what became of them.
#[derive(Debug, Default)]
pub(super) struct LogCounts {
    checkpoints: AtomicU64,
    tiles: AtomicU64,
    missing: AtomicU64,
    refused: AtomicU64,
}

impl LogCounts {
    /// In the Prometheus text format.
    pub(super) fn metrics(&self) -> String {
        let name = "ringback_log_requests_total";
        let rows = [
            ("checkpoint", &self.checkpoints),
            ("tile", &self.tiles),
            ("missing", &self.missing),
            ("refused", &self.refused),
        ];
        let rows = rows.map(|(answer, count)| {
            format!("{name}{{answer=\"{answer}\"}} {}\n", count.load(Ordering::Relaxed))
        });
        format!(
            "# HELP {name} Requests for the journal's checkpoint and tiles.\n# TYPE {name} counter\n{}",
            rows.concat()
        )
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Web {
    fn may_ask_the_log(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<(), ApiError> {
        let source = speaks_for(headers, peer.ip());
        self.limits.log(source, RATE, time::now().mono).map_err(|retry_after| {
            count(&self.log.refused);
            ApiError::TooManyRequests { retry_after }
        })
    }

    fn not_in_the_log(&self, what: &'static str) -> ApiError {
        count(&self.log.missing);
        ApiError::NotFound(what)
    }
}

/// A tile that is full never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A partial one is replaced by a fuller one under another name.
const FOR_A_WHILE: &str = "public, max-age=3600";

/// An entry of the journal and the proof that it is in the tree of the checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProofView {
    /// The entry as it was hashed: SHA-256 of its canonical JSON (RFC 8785) without `hash` is `hash`.
    #[schema(value_type = Object)]
    entry: Value,
    /// Place of the entry in the tree, from 0.
    leaf_index: u64,
    /// SHA-256 of a zero octet and the entry's hash, hexadecimal.
    leaf_hash: String,
    /// Hashes from the leaf upwards (RFC 9162 2.1.3), hexadecimal.
    proof: Vec<String>,
    /// Entries in the checkpoint's tree.
    size: u64,
    /// The signed checkpoint as `/log/checkpoint` gives it.
    checkpoint: String,
}

/// Tiles have as many steps in their paths as the tree wants, for which OpenAPI has no words: C2SP tlog-tiles describes
/// them.
pub(super) const TILE_PATH: &str = "/log/tile/{level}/{*index}";

/// The newest signed checkpoint of the journal (C2SP tlog-checkpoint); the tiles of its tree are under `/log/tile/`.
#[utoipa::path(get, path = "/log/checkpoint", tag = "log",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404), (status = 429)))]
pub(super) async fn checkpoint(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asked: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    web.may_ask_the_log(&asked, peer)?;
    let newest = web.store().newest_checkpoint().await?.ok_or_else(|| web.not_in_the_log("checkpoint"))?;
    count(&web.log.checkpoints);
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, newest.note.text().to_owned()))
}

/// A tile of the journal's tree (C2SP tlog-tiles): hashes of 32 octets, 256 or, in `….p/W`, W of them.
pub(super) async fn tile(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asked: HeaderMap,
    Path((level, index)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    web.may_ask_the_log(&asked, peer)?;
    let path = format!("tile/{level}/{index}");
    let tile = Tile::from_path(&path).ok_or_else(|| web.not_in_the_log("tile"))?;
    let tiles = web.given.tiles.clone();
    let read = tokio::task::spawn_blocking(move || tiles.read(tile)).await;
    let octets = read.ok().flatten().ok_or_else(|| web.not_in_the_log("tile"))?;
    count(&web.log.tiles);
    let fresh = if tile.is_full() { FOR_EVER } else { FOR_A_WHILE };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, fresh)];
    Ok((headers, octets))
}

/// An entry of the journal, and the proof that it stands in the tree of the newest checkpoint. 409 `not_signed_yet` for an
/// entry that is newer.
#[utoipa::path(get, path = "/api/v1/journal/{seq}/proof", tag = "log", params(("seq" = u64, Path)),
    responses((status = 200, body = ProofView), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn proof(
    State(web): State<Shared>,
    Path(seq): Path<u64>,
) -> Result<Answer<ProofView>, ApiError> {
    let entry = web.store().entry(seq).await?.ok_or(ApiError::NotFound("journal entry"))?;
    let newest = web.store().newest_checkpoint().await?.ok_or(ApiError::NotFound("checkpoint"))?;
    let checkpoint = &newest.note.checkpoint;
    let (size, index) = (checkpoint.size, seq - 1);
    if seq > size {
        let detail = format!("the newest checkpoint has {size} entries; this one is in the next");
        return Err(ApiError::conflict("not_signed_yet", detail));
    }
    let tiles = web.given.tiles.clone();
    let proof = tokio::task::spawn_blocking(move || tiles.inclusion(seq, size)).await;
    let proof = proof.ok().flatten().ok_or(ApiError::Unavailable("tiles of the journal are missing"))?;
    let leaf = leaf_hash(&entry.hash);
    if !tree::includes(&checkpoint.root, size, index, &leaf, &proof) {
        let cause = format!("entry {seq} is not in the signed tree of {size} entries; run `ringback verify`");
        return Err(ApiError::internal("the journal or its tiles were changed", &cause));
    }
    Ok(Answer(ProofView {
        entry: serde_json::to_value(&entry).map_err(|error| ApiError::internal("journal entry", &error))?,
        leaf_index: index,
        leaf_hash: leaf.to_string(),
        proof: proof.iter().map(ToString::to_string).collect(),
        size,
        checkpoint: newest.note.text().to_owned(),
    }))
}
