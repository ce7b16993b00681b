//! Column by column, what an erasure does to the database: the one place where that is decided. Every column of text or
//! bytes stands here, with what becomes of it and why; a test holds this against the schema, so that a new column cannot
//! come without a decision. What stays is what statistics, proofs and the city's own account of itself need.

use crate::case::retention::Content::{self, Photos, Recordings, Words};

/// Whose rows a table has, as the condition that finds those of one owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// Of the case `$1`.
    Case(&'static str),
    /// Of the call `$1`.
    Call(&'static str),
    /// Of the city, its staff, or the program.
    City,
}

/// What becomes of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Stays,
    /// Set to this SQL value, as often as one likes.
    Blanked(Content, &'static str),
    /// Its row goes.
    RowGoes(Content),
    /// Taken out by the case's own transition (`case/erasing.rs`).
    ByCase,
    /// Pictures lie under their digest for all who sent the same: taken out when nobody's is left.
    Picture,
}

use Fate::{Blanked, ByCase, Picture, RowGoes, Stays};

pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) whose: Whose,
    pub(super) columns: &'static [(&'static str, Fate)],
}

const OF_CASE: Whose = Whose::Case("case_number = $1");
const OF_CALL: Whose = Whose::Call("contact = $1");

const fn table(name: &'static str, whose: Whose, columns: &'static [(&'static str, Fate)]) -> Table {
    Table { name, whose, columns }
}

/// All of these stay.
macro_rules! stay {
    ($($column:literal),* $(,)?) => { &[$(($column, Stays)),*] };
}

pub(super) const TABLES: &[Table] = &[
    // Told for ever: numbers in it are digests (`numbers.rs`), words are never in it but those of the city's staff.
    table(
        "journal",
        Whose::City,
        stay!["id", "type", "actor", "contact", "case_number", "recording", "reason", "data", "prev", "hash"],
    ),
    table("checkpoints", Whose::City, stay!["root", "note"]),
    table("_sqlx_migrations", Whose::City, stay!["description", "checksum"]),
    // The city's people, not its citizens.
    table(
        "users",
        Whose::City,
        stay![
            "id",
            "name",
            "role",
            "password_hash",
            "organisation",
            "languages",
            "queues",
            "sip_extension",
            "ha1_md5",
            "ha1_sha256",
            "skills",
            "posts",
            "clearances",
        ],
    ),
    table("sessions", Whose::City, stay!["token_sha256", "user_id", "id", "source", "browser"]),
    table("second_factors", Whose::City, stay!["user_id", "master", "secret"]),
    table("recovery_codes", Whose::City, stay!["user_id", "code_sha256"]),
    table("sent_requests", Whose::City, stay!["user_id", "key", "asked", "outcome"]),
    table("field_phones", Whose::City, stay!["user_id", "phone", "code_name", "code_hash"]),
    table("plan_texts", Whose::City, stay!["sha256", "text"]),
    table("plan_versions", Whose::City, stay!["file", "sha256", "actor", "how"]),
    table("register", Whose::City, stay!["office"]),
    // The case: number, category, states and times stay, its place as far as it is public.
    table(
        "cases",
        Whose::Case("number = $1"),
        &[
            ("number", Stays),
            ("office", Stays),
            ("state", Stays),
            ("category", Stays),
            ("executor", Stays),
            ("caller", ByCase),
            ("body", ByCase),
            ("street", ByCase),
            ("house", ByCase),
        ],
    ),
    // The index of the words follows the rows by its triggers.
    table("case_texts", OF_CASE, stay!["case_number"]),
    table("case_contacts", OF_CASE, stay!["case_number", "contact"]),
    table("case_relations", OF_CASE, stay!["case_number", "kind", "other"]),
    table(
        "case_steps",
        OF_CASE,
        stay!["case_number", "step", "executor", "category", "territory", "language", "code"],
    ),
    table("case_standings", OF_CASE, stay!["case_number", "executor", "category", "territory"]),
    table("inspections", OF_CASE, stay!["case_number"]),
    table("escalations", OF_CASE, stay!["case_number", "executor"]),
    table("escalation_posts", OF_CASE, stay!["case_number", "post"]),
    table("asking_given_up", OF_CASE, stay!["case_number"]),
    table("incidents", Whose::City, stay!["state", "category", "body"]),
    table("incident_cases", OF_CASE, stay!["case_number"]),
    table("incident_notices", OF_CASE, stay!["case_number", "whom", "language", "state"]),
    table("appointments", OF_CASE, stay!["case_number", "reception", "state"]),
    // The city's orders and their results: categories, organisations, reasons; the journal has the same.
    table(
        "work_orders",
        OF_CASE,
        stay!["id", "case_number", "executor", "state", "task", "result", "declined_reason", "because"],
    ),
    table("work_order_parts", Whose::City, stay!["order_id", "executor"]),
    // Pictures: digests and what was found of them stay, the place where they were taken does not.
    table("evidence", Whose::City, stay!["id", "work_order", "role", "content_type", "sha256"]),
    table(
        "evidence_checks",
        Whose::Case(
            "evidence IN (SELECT e.id FROM evidence e JOIN work_orders o ON o.id = e.work_order WHERE o.case_number = $1)",
        ),
        &[("evidence", Stays), ("body", Blanked(Photos, "json_remove(body, '$.place')"))],
    ),
    table("evidence_blobs", Whose::City, &[("sha256", Stays), ("content", Picture)]),
    table("evidence_views", Whose::City, &[("sha256", Stays), ("size", Stays), ("content", Picture)]),
    table("attachments", OF_CASE, stay!["id", "case_number", "content_type", "sha256", "shown_sha256"]),
    table(
        "attachment_contents",
        Whose::Case("attachment IN (SELECT id FROM attachments WHERE case_number = $1)"),
        &[("attachment", RowGoes(Photos)), ("part", RowGoes(Photos)), ("content", RowGoes(Photos))],
    ),
    // A destroyed key stays as a row of zeros (`content_keys.rs`): none is made again.
    table("content_keys", Whose::City, stay!["subject", "master", "wrapped"]),
    // What applicants wrote, and how they are reached.
    table(
        "filings",
        OF_CASE,
        &[
            ("case_number", Stays),
            ("source", Stays),
            ("mail", Blanked(Words, "NULL")),
            ("media_url", Blanked(Words, "NULL")),
            ("answers", Blanked(Words, "'[]'")),
        ],
    ),
    table(
        "notes",
        OF_CASE,
        &[("id", Stays), ("case_number", Stays), ("source", Stays), ("text", Blanked(Words, "''"))],
    ),
    table("feedback", OF_CASE, &[("case_number", Stays), ("text", Blanked(Words, "''"))]),
    table(
        "notifications",
        OF_CASE,
        &[
            ("id", Stays),
            ("case_number", Stays),
            ("occasion", Stays),
            ("channel", Stays),
            ("recipient", Blanked(Words, "''")),
            ("language", Stays),
            ("subject", Blanked(Words, "NULL")),
            ("text", Blanked(Words, "NULL")),
            ("state", Stays),
            // A gateway may repeat the address it did not like.
            ("failure", Blanked(Words, "NULL")),
            ("gateway_id", Stays),
        ],
    ),
    // Codes that open the page of the case.
    table(
        "case_codes",
        OF_CASE,
        &[("case_number", RowGoes(Words)), ("salt", RowGoes(Words)), ("sha256", RowGoes(Words))],
    ),
    table(
        "notification_codes",
        OF_CASE,
        &[
            ("notification", RowGoes(Words)),
            ("case_number", RowGoes(Words)),
            ("salt", RowGoes(Words)),
            ("sha256", RowGoes(Words)),
        ],
    ),
    // Who decided about a hearing, and why not, is the records office's word; the link to the sound goes.
    table(
        "hearings",
        OF_CASE,
        &[
            ("id", Stays),
            ("case_number", Stays),
            ("contact", Stays),
            ("state", Stays),
            ("decided_by", Stays),
            ("reason", Stays),
            ("link", Blanked(Words, "NULL")),
        ],
    ),
    // The calls. A short number is the city's own or an extension.
    table(
        "contacts",
        Whose::Call("id = $1"),
        &[
            ("id", Stays),
            ("caller", Blanked(Words, "''")),
            ("called", Blanked(Words, "CASE WHEN length(called) > 6 THEN '' ELSE called END")),
            ("origin", Stays),
            ("sip_call_id", Stays),
            ("language", Stays),
            ("topic", Stays),
            ("ivr_path", Stays),
            ("queue", Stays),
            ("operator", Stays),
            ("case_number", Stays),
            ("recording", Stays),
            ("termination", Stays),
            ("disposition", Stays),
            ("callback", Blanked(Words, "NULL")),
            ("stated_number", Blanked(Words, "NULL")),
            ("direction", Stays),
            ("asked", Stays),
            ("category", Stays),
        ],
    ),
    table("caller_salts", OF_CALL, &[("contact", RowGoes(Words)), ("salt", RowGoes(Words))]),
    table(
        "ladder_messages",
        OF_CALL,
        &[
            ("contact", RowGoes(Words)),
            ("direction", RowGoes(Words)),
            ("transport", RowGoes(Words)),
            ("local", RowGoes(Words)),
            ("remote", RowGoes(Words)),
            ("bytes", RowGoes(Words)),
        ],
    ),
    table(
        "callbacks",
        Whose::Call("origin = $1"),
        &[
            ("origin", Stays),
            ("number", Blanked(Words, "''")),
            ("queue", Stays),
            ("language", Stays),
            ("topic", Stays),
            ("case_number", Stays),
            ("why", Stays),
            ("state", Stays),
        ],
    ),
    // "No more calls" holds as long as the city knows the number from another case.
    table(
        "refused_calls",
        Whose::Call(
            "contact = $1 AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.caller = refused_calls.number)",
        ),
        &[("number", RowGoes(Words)), ("contact", RowGoes(Words))],
    ),
    table("masked_calls", Whose::City, stay!["contact", "order_id", "case_number", "user_id"]),
    table(
        "recordings",
        OF_CALL,
        &[
            ("id", Stays),
            ("contact", Stays),
            ("path", Stays),
            // The file goes before.
            ("state", Blanked(Recordings, "'erased'")),
            ("gaps", Stays),
            ("result", Stays),
            ("sha256", Stays),
        ],
    ),
    table("recording_seconds", Whose::City, stay!["recording", "leaves"]),
    // What an auditor wrote about a call may quote it; that there was a finding, and its digest, stays.
    table(
        "findings",
        OF_CALL,
        &[
            ("id", Stays),
            ("contact", Stays),
            ("recording", Stays),
            ("author", Stays),
            ("text", Blanked(Words, "''")),
        ],
    ),
    // The records office's own account.
    table(
        "legal_holds",
        Whose::City,
        stay![
            "id",
            "case_number",
            "contact",
            "reason",
            "reference",
            "placed_by",
            "lifted_by",
            "lifted_reason"
        ],
    ),
    table(
        "erasures",
        Whose::City,
        stay!["id", "case_number", "contact", "what", "state", "reason", "asked_by", "rule", "decided_by"],
    ),
    table("erasure_calls", Whose::City, stay!["erasure", "contact"]),
    // Audits: what was drawn, and what an auditor thought of each call, in words of a list.
    table(
        "audit_engagements",
        Whose::City,
        stay!["id", "auditor", "scope", "purpose", "opened_by", "closed_by", "closing"],
    ),
    table(
        "audit_samples",
        Whose::City,
        stay!["id", "engagement", "frame", "frame_sha256", "strata", "source", "root", "value"],
    ),
    table("audit_items", Whose::City, stay!["sample", "contact", "stratum", "outcome", "findings"]),
    // Who was given the case, why and by which law; its packages go with the erasure (`app/eraser.rs`).
    table(
        "disclosures",
        Whose::City,
        stay![
            "id",
            "case_number",
            "state",
            "purpose",
            "recipient",
            "basis",
            "asked_by",
            "decided_by",
            "reason",
            "sha256",
        ],
    ),
];

/// Owner, as a statement binds it: a register number or the id of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner<'o> {
    Case(&'o str),
    Call(&'o str),
}

impl Owner<'_> {
    pub(super) const fn id(&self) -> &str {
        match self {
            Self::Case(id) | Self::Call(id) => id,
        }
    }

    const fn condition(&self, table: &Table) -> Option<&'static str> {
        match (self, table.whose) {
            (Self::Case(_), Whose::Case(condition)) | (Self::Call(_), Whose::Call(condition)) => {
                Some(condition)
            }
            _ => None,
        }
    }
}

/// The statements that take `content` of an owner's rows out; `$1` is the owner.
pub(super) fn taking_out(owner: Owner<'_>, content: Content) -> Vec<String> {
    let statement = |table: &Table| {
        let condition = owner.condition(table)?;
        if table.columns.iter().any(|(_, fate)| *fate == RowGoes(content)) {
            return Some(format!("DELETE FROM {} WHERE {condition}", table.name));
        }
        let blanked = blanked(table, content);
        let set: Vec<String> = blanked.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        (!set.is_empty()).then(|| format!("UPDATE {} SET {} WHERE {condition}", table.name, set.join(", ")))
    };
    TABLES.iter().filter_map(statement).collect()
}

/// Table, and the query that counts what is left of `content` in an owner's rows.
pub(super) fn left_of(owner: Owner<'_>, content: Content) -> Vec<(&'static str, String)> {
    let query = |table: &Table| {
        let condition = owner.condition(table)?;
        let count = format!("SELECT count(*) FROM {} WHERE {condition}", table.name);
        if table.columns.iter().any(|(_, fate)| *fate == RowGoes(content)) {
            return Some((table.name, count));
        }
        let is_left: Vec<String> = blanked(table, content)
            .iter()
            .map(|(column, value)| format!("{column} IS NOT ({value})"))
            .collect();
        (!is_left.is_empty()).then(|| (table.name, format!("{count} AND ({})", is_left.join(" OR "))))
    };
    TABLES.iter().filter_map(query).collect()
}

fn blanked(table: &Table, content: Content) -> Vec<(&'static str, &'static str)> {
    let of = |(column, fate): &(&'static str, Fate)| match fate {
        Blanked(of, value) if *of == content => Some((*column, *value)),
        _ => None,
    };
    table.columns.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use sqlx::Row;

    use super::*;
    use crate::store::fixture::Files;

    /// Fails for a column that somebody added without saying what an erasure does to it.
    #[tokio::test]
    async fn every_column_of_text_or_bytes_has_a_decision() {
        let files = Files::new();
        let _store = files.open().await;
        let mut connection = files.intruder().await;
        let sql = "SELECT m.name AS \"table\", c.name AS \"column\" FROM sqlite_master m, pragma_table_info(m.name) c \
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'case_words%' \
                   AND upper(c.type) IN ('TEXT', 'BLOB', '')";
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        let schema: BTreeSet<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let decided: BTreeSet<(String, String)> = TABLES
            .iter()
            .flat_map(|table| {
                table.columns.iter().map(|(column, _)| (table.name.to_owned(), (*column).to_owned()))
            })
            .collect();
        let undecided: Vec<_> = schema.difference(&decided).collect();
        assert!(undecided.is_empty(), "say in content.rs what an erasure does to {undecided:?}");
        let gone: Vec<_> = decided.difference(&schema).collect();
        assert!(gone.is_empty(), "these columns are not there: {gone:?}");
    }

    #[tokio::test]
    async fn every_statement_is_understood() {
        let files = Files::new();
        let _store = files.open().await;
        let mut connection = files.intruder().await;
        for owner in [Owner::Case("x"), Owner::Call("x")] {
            for content in Content::ALL {
                for sql in taking_out(owner, content) {
                    sqlx::query(sqlx::AssertSqlSafe(sql)).bind("x").execute(&mut connection).await.unwrap();
                }
                for (_, sql) in left_of(owner, content) {
                    let left = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql)).bind("x");
                    assert_eq!(left.fetch_one(&mut connection).await.unwrap(), 0);
                }
            }
        }
    }
}
