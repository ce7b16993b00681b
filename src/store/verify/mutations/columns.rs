//! Which columns are proven, and why the others are not: everything that the journal speaks of is one or the other, which a
//! test holds against the schema. What a row has as its JSON body is named by its path.

use serde_json::Value;

/// Whether a change by hand is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Proven,
    NotProven(&'static str),
}

/// Tables and their proven columns.
pub(super) const PROVEN: [(&str, &[&str]); 31] = [
    (
        "journal",
        &[
            "seq",
            "id",
            "type",
            "v",
            "at",
            "actor",
            "contact",
            "case_number",
            "recording",
            "offset_ms",
            "reason",
            "data",
            "prev",
            "hash",
        ],
    ),
    ("checkpoints", &["size", "root", "note", "at", "entry"]),
    ("register", &["year", "office", "last_seq"]),
    (
        "cases",
        &[
            "number",
            "seq",
            "year",
            "office",
            "state",
            "category",
            "executor",
            "caller",
            "registered_at",
            "resolve_by",
            "due_at",
            "level",
            "closed_at",
            "street",
            "house",
            "lat",
            "lon",
        ],
    ),
    ("case_contacts", &["case_number", "contact"]),
    ("case_relations", &["case_number", "kind", "other"]),
    ("escalations", &["case_number", "number", "executor", "raised_at", "answered_at"]),
    ("escalation_posts", &["case_number", "number", "post"]),
    ("inspections", &["case_number", "cycle", "entry", "drawn_at", "inspected_at", "passed"]),
    ("appointments", &["case_number", "reception", "starts_at", "ends_at", "state", "arranged_at"]),
    (
        "work_orders",
        &[
            "id",
            "case_number",
            "executor",
            "state",
            "task",
            "issued_at",
            "result",
            "declined_reason",
            "because",
        ],
    ),
    ("evidence", &["id", "work_order", "role", "content_type", "length", "sha256", "received_at"]),
    ("evidence_blobs", &["sha256", "content"]),
    ("evidence_checks", &["evidence"]),
    (
        "attachments",
        &["id", "case_number", "content_type", "length", "sha256", "shown_sha256", "received_at"],
    ),
    ("attachment_contents", &["attachment", "part", "encrypted", "content"]),
    ("content_keys", &["subject", "wrapped"]),
    ("incidents", &["number", "state", "category", "declared_at"]),
    ("incident_cases", &["incident", "case_number"]),
    (
        "contacts",
        &[
            "id",
            "recording",
            "caller",
            "called",
            "origin",
            "sip_call_id",
            "direction",
            "language",
            "topic",
            "ivr_path",
            "queue",
            "operator",
            "case_number",
            "offered_at",
            "answered_at",
            "queued_at",
            "connected_at",
            "ended_at",
            "termination",
            "disposition",
            "erased",
        ],
    ),
    ("caller_salts", &["contact", "salt"]),
    (
        "recordings",
        &[
            "id",
            "contact",
            "path",
            "state",
            "started_at",
            "sample_rate",
            "frames",
            "gaps",
            "result",
            "sha256",
        ],
    ),
    ("recording_seconds", &["recording", "leaves"]),
    (
        "hearings",
        &["id", "case_number", "contact", "asked_at", "state", "decided_at", "decided_by", "reason"],
    ),
    (
        "disclosures",
        &[
            "id",
            "case_number",
            "state",
            "purpose",
            "recipient",
            "basis",
            "asked_at",
            "asked_by",
            "decided_at",
            "decided_by",
            "reason",
            "sha256",
            "fetches",
        ],
    ),
    (
        "legal_holds",
        &[
            "id",
            "case_number",
            "contact",
            "reason",
            "reference",
            "placed_at",
            "placed_by",
            "lifted_at",
            "lifted_by",
            "lifted_reason",
        ],
    ),
    (
        "erasures",
        &[
            "id",
            "case_number",
            "contact",
            "what",
            "state",
            "reason",
            "asked_at",
            "asked_by",
            "rule",
            "rule_version",
            "decided_at",
            "decided_by",
            "done_at",
        ],
    ),
    ("findings", &["id", "contact", "recording", "offset_ms", "author", "at", "text"]),
    (
        "audit_engagements",
        &[
            "id",
            "auditor",
            "from_at",
            "until_at",
            "scope",
            "purpose",
            "opened_by",
            "opened_at",
            "closed_by",
            "closed_at",
            "closing",
        ],
    ),
    (
        "audit_samples",
        &[
            "id",
            "engagement",
            "committed_at",
            "entry",
            "calls_from",
            "calls_until",
            "frame",
            "frame_size",
            "frame_sha256",
            "size",
            "strata",
            "source",
            "public_at",
            "drawn_at",
            "checkpoint_size",
            "root",
            "value",
        ],
    ),
    ("audit_items", &["sample", "place", "contact", "stratum", "outcome", "judged_at", "findings"]),
];

const WORDS: &str = "an applicant's: it may have to be erased, so no entry can have it";
const COPY: &str = "follows from what is proven beside it, and is worked out again at each step";
const WAY: &str = "how far the program came with something, or a rule of its own; what came of it is told";
const SCREEN: &str = "only what is shown, beside an original that is proven";
const ACCESS: &str = "who may sign in and how; each use is told, and keys and passwords are in no journal";
const NETWORK: &str = "what a machine outside said; what the city did about it is told";

/// Columns, or whole tables, that nothing proves; `body.` and a path is what lies below it.
const NOT_PROVEN: &[(&str, &str, &str)] = &[
    ("cases", "revision", WAY),
    ("cases", "erased", COPY),
    ("cases", "body.classifier_version", WAY),
    ("cases", "body.description", WORDS),
    ("cases", "body.applicant.name", WORDS),
    ("cases", "body.applicant.identity", WORDS),
    ("cases", "body.place", WORDS),
    ("cases", "body.state.order", "the order's own row is proven, and has the case"),
    ("cases", "body.state", "moments of steps that their entries tell"),
    ("cases", "body.reopened_at", "the moment of a step that its entry tells"),
    ("cases", "body.last_order", COPY),
    ("cases", "body.parts", "results and reasons, which their entries tell"),
    ("cases", "body.joined", WORDS),
    ("cases", "body.incidents", "moments of steps that their entries tell"),
    ("cases", "body.inspections", "what was found; whether it was good is proven by the list of visits"),
    ("cases", "body.deadline", "warnings and what they follow from; the promises themselves are proven"),
    (
        "cases",
        "body.clocks",
        "pauses and requests, which their entries tell; the promises they moved are proven",
    ),
    ("cases", "body.told", "how each was told, which its entry tells; how many were is proven"),
    ("cases", "body.next", COPY),
    ("work_orders", "accept_by", COPY),
    ("work_orders", "resolve_by", COPY),
    ("work_order_parts", "*", COPY),
    ("evidence", "cycle", COPY),
    ("evidence_checks", "body.width", SCREEN),
    ("evidence_checks", "body.height", SCREEN),
    ("evidence_checks", "body.place", WORDS),
    ("evidence_checks", "bits_across", WAY),
    ("evidence_checks", "bits_down", WAY),
    ("evidence_checks", "band_0", WAY),
    ("evidence_checks", "band_1", WAY),
    ("evidence_checks", "band_2", WAY),
    ("evidence_checks", "band_3", WAY),
    ("evidence_views", "*", SCREEN),
    ("content_keys", "master", ACCESS),
    ("content_keys", "made_at", WAY),
    ("content_keys", "destroyed_at", "what it opens is proven; where there is nothing, nothing is lost"),
    ("incident_cases", "attached_at", COPY),
    ("incident_cases", "restored_at", COPY),
    ("incident_cases", "detached_at", COPY),
    ("incident_notices", "*", "whom to tell; who was told is counted in the case"),
    ("contacts", "callback", WORDS),
    ("contacts", "stated_number", WORDS),
    ("contacts", "asked", WAY),
    ("contacts", "asked_offset_ms", WAY),
    ("contacts", "category", COPY),
    ("recordings", "encrypted_at", WAY),
    ("hearings", "link", "comes and goes without an entry; each hearing has one"),
    ("hearings", "until_at", "comes and goes without an entry; each hearing has one"),
    ("disclosures", "made_at", "the moment of a step that its entry tells"),
    ("disclosures", "length", "the digest of the package stands for it"),
    ("disclosures", "until_at", WAY),
    ("erasure_calls", "*", "each call that went along has an entry of its own"),
    ("appointments", "reminded_at", WAY),
    ("plan_texts", "*", "the entry of its publication has its digest"),
    ("plan_versions", "*", "old ones go; the entry of each publication has file, digest, actor and time"),
    ("asking_given_up", "*", WAY),
    ("callbacks", "*", WAY),
    ("case_codes", "*", ACCESS),
    ("case_standings", "*", COPY),
    ("case_steps", "*", COPY),
    ("case_texts", "*", COPY),
    ("feedback", "*", WORDS),
    ("field_phones", "*", ACCESS),
    ("filings", "*", WORDS),
    ("ladder_messages", "*", NETWORK),
    ("masked_calls", "*", COPY),
    ("notes", "*", WORDS),
    ("notification_codes", "*", ACCESS),
    ("notifications", "*", WORDS),
    ("recovery_codes", "*", ACCESS),
    ("refused_calls", "*", WORDS),
    ("second_factors", "*", ACCESS),
    ("sent_requests", "*", WAY),
    ("sessions", "*", ACCESS),
    ("users", "*", ACCESS),
];

/// Paths in a body that are proven.
const PROVEN_PATHS: &[(&str, &str)] = &[
    ("cases", "number"),
    ("cases", "registered_at"),
    ("cases", "category"),
    ("cases", "language"),
    ("cases", "priority"),
    ("cases", "applicant.number"),
    ("cases", "place.territory"),
    ("cases", "place.site.key"),
    ("cases", "contacts"),
    ("cases", "cycle"),
    ("cases", "level"),
    ("cases", "bounces"),
    ("cases", "absorbed"),
    ("cases", "relations"),
    ("cases", "parts.executor"),
    ("cases", "state.state"),
    ("cases", "state.executor"),
    ("cases", "state.code"),
    ("cases", "state.closed_at"),
    ("cases", "incidents.incident"),
    ("cases", "deadline.first"),
    ("cases", "deadline.resolve_by"),
    ("cases", "deadline.accept_by"),
    ("cases", "clocks.citizen.given.first"),
    ("cases", "clocks.citizen.given.resolve_by"),
    ("cases", "clocks.escalations"),
    ("cases", "erased"),
    ("incidents", "number"),
    ("incidents", "state"),
    ("incidents", "declared_at"),
    ("incidents", "category"),
    ("incidents", "cause"),
    ("incidents", "area"),
    ("incidents", "executor"),
    ("incidents", "expected"),
    ("incidents", "updates"),
    ("evidence_checks", "taken_at"),
    ("evidence_checks", "distance_m"),
    ("evidence_checks", "flags"),
    ("evidence_checks", "look_alike"),
];

/// By the longest name that is known; none for what nobody has thought of.
pub(super) fn standing(table: &str, path: &str) -> Option<Standing> {
    let within =
        |known: &str| path == known || path.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
    let proven = PROVEN_PATHS.iter().filter(|(of, known)| *of == table && within(known));
    let proven = proven.map(|(_, known)| (known.len(), Standing::Proven));
    let unproven = NOT_PROVEN.iter().filter_map(|(of, known, why)| {
        let known = known.strip_prefix("body.").filter(|known| *of == table && within(known))?;
        Some((known.len(), Standing::NotProven(why)))
    });
    proven.chain(unproven).max_by_key(|(length, _)| *length).map(|(_, standing)| standing)
}

pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    PROVEN.iter().map(|(table, _)| *table)
}

/// What an entry of `kept_` is found by.
pub(super) fn key(table: &str) -> &'static str {
    match table {
        "journal" => "seq",
        "checkpoints" => "size",
        "register" => "year, office",
        "cases" | "incidents" => "number",
        "case_contacts" => "case_number, contact",
        "case_relations" => "case_number, kind, other",
        "escalations" => "case_number, number",
        "escalation_posts" => "case_number, number, post",
        "inspections" => "case_number, cycle",
        "appointments" => "case_number",
        "evidence_blobs" => "sha256",
        "evidence_checks" => "evidence",
        "attachment_contents" => "attachment, part",
        "content_keys" => "subject",
        "incident_cases" => "incident, case_number",
        "caller_salts" => "contact",
        "recording_seconds" => "recording",
        "audit_items" => "sample, place",
        _ => "id",
    }
}

/// Rows of a table that somebody could gain by changing.
pub(super) fn among(table: &str) -> &'static str {
    // What is left of a destroyed key is a row of zeros: there is nothing that it would open.
    if table == "content_keys" { "WHERE destroyed_at IS NULL" } else { "" }
}

pub(super) fn has_body(table: &str) -> bool {
    matches!(table, "cases" | "incidents" | "evidence_checks")
}

/// Columns that count.
pub(super) fn is_number(table: &str, column: &str) -> bool {
    const COUNTS: [&str; 12] = [
        "seq",
        "number",
        "size",
        "entry",
        "place",
        "frame_size",
        "checkpoint_size",
        "last_seq",
        "frames",
        "year",
        "cycle",
        "fetches",
    ];
    COUNTS.contains(&column) && (table, column) != ("cases", "number")
}

/// JSON pointers of all values that hold no others.
pub(super) fn leaves(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| leaves(value, format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| leaves(value, format!("{at}/{n}"), found));
        }
        _ => found.push(at),
    }
}

/// A pointer as a path: without the places in arrays.
pub(super) fn path_of(pointer: &str) -> String {
    let names = pointer.split('/').skip(1).filter(|name| name.parse::<usize>().is_err());
    names.collect::<Vec<_>>().join(".")
}

#[tokio::test]
async fn each_column_is_proven_or_it_is_said_why_not() {
    let files = crate::store::fixture::Files::new();
    let _store = files.open().await;
    let mut reader = files.intruder().await;
    let sql = "SELECT t.name, c.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c \
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE 'case_words%' \
               AND t.name <> '_sqlx_migrations' ORDER BY 1, 2";
    let columns: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut reader).await.unwrap();
    let is_proven = |table: &str, column: &str| {
        PROVEN.iter().any(|(name, columns)| *name == table && columns.contains(&column))
            || column == "body" && has_body(table)
    };
    let is_named = |table: &str, column: &str| {
        NOT_PROVEN.iter().any(|(name, listed, _)| *name == table && (*listed == "*" || *listed == column))
    };
    for (table, column) in &columns {
        let (is_proven, is_named) = (is_proven(table, column), is_named(table, column));
        assert!(is_proven != is_named, "{table}.{column}: proven {is_proven}, named {is_named}");
    }
    let is_there =
        |table: &str, column: &str| columns.iter().any(|(t, c)| t == table && (column == "*" || c == column));
    let proven =
        PROVEN.iter().flat_map(|(table, columns)| columns.iter().map(move |column| (*table, *column)));
    let named = NOT_PROVEN.iter().map(|(table, column, _)| (*table, *column));
    for (table, column) in proven.chain(named).filter(|(_, column)| !column.starts_with("body.")) {
        assert!(is_there(table, column), "there is no {table}.{column}");
    }
}
