//! The columns that a case is searched by, and the rows that follow it: lists of its calls and relations, its escalations
//! and the visits drawn for it. Each is held against the case, whose own word is held against the journal
//! (`case/replay.rs`), or against the entries themselves. It only reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;

use super::{Finding, VerifyReport, contacts};
use crate::case::{Case, CaseNumber};
use crate::digest::Sha256;
use crate::store::row::{self, Fields};
use crate::store::{Store, StoreError, inspections, nearby};
use crate::time::Timestamp;

/// All of them as JSON, in an order that is always the same.
const LISTS: &str = "SELECT \
     (SELECT json_group_array(contact) FROM (SELECT contact FROM case_contacts WHERE case_number = $1 ORDER BY contact)) \
     AS calls, \
     (SELECT json_group_array(json_array(kind, other)) FROM (SELECT kind, other FROM case_relations \
     WHERE case_number = $1 ORDER BY kind, other)) AS relations, \
     (SELECT json_group_array(json_array(number, executor, raised_at, answered_at)) FROM (SELECT * FROM escalations \
     WHERE case_number = $1 ORDER BY number)) AS escalations, \
     (SELECT json_group_array(json_array(number, post)) FROM (SELECT * FROM escalation_posts \
     WHERE case_number = $1 ORDER BY number, post)) AS posts, \
     (SELECT json_group_array(json_array(cycle, entry, drawn_at, inspected_at, passed)) FROM (SELECT * FROM inspections \
     WHERE case_number = $1 ORDER BY cycle)) AS visits";

/// What, in the row, by the case or the journal.
type Difference = (&'static str, String, String);

impl Store {
    /// `entries` are those of the case, with type, time, data, hash, number and contact.
    pub(super) async fn verify_case_rows(
        &self,
        case: &Case,
        entries: &[SqliteRow],
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let row = self.reading(sqlx::query(LISTS).bind(&case.number.0).fetch_one(&self.readers)).await?;
        let fields = Fields::of(&row, "lists of a case");
        let mut lists = vec![
            ("relations", fields.json("relations")?, relations(case)),
            ("escalations", fields.json("escalations")?, escalations(case)),
            ("posts asked", fields.json("posts")?, posts(case)),
            ("visits", fields.json("visits")?, visits(entries)?),
        ];
        let told = Calls::told(entries)?;
        let listed: BTreeSet<String> = fields.json("calls")?;
        let own: BTreeSet<String> = case.contacts.iter().map(ToString::to_string).collect();
        lists.push(("calls", json!(own), json!(told.of_case(&own))));
        let others: Vec<&String> = listed.difference(&own).filter(|call| !told.all.contains(*call)).collect();
        let mut known = own.clone();
        for call in listed.difference(&own) {
            if !others.contains(&call) || self.is_on_case(call, &case.number).await? {
                known.insert(call.clone());
            }
        }
        lists.push(("list of calls", json!(listed), json!(known)));
        for (what, row, journal) in lists.into_iter().filter(|(_, row, told)| row != told) {
            let (row, journal) = (row.to_string(), journal.to_string());
            report.add(Finding::CaseDiffers { number: case.number.clone(), what, row, journal });
        }
        Ok(())
    }

    /// By the call's own row, which is proven by itself.
    async fn is_on_case(&self, call: &str, case: &CaseNumber) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM contacts WHERE id = $1 AND case_number = $2");
        let found = query.bind(call).bind(&case.0).fetch_optional(&self.readers);
        Ok(self.reading(found).await?.is_some())
    }
}

/// The calls that the entries of a case name.
#[derive(Default)]
struct Calls {
    /// Those that it was registered from, linked to or took over.
    joined: BTreeSet<String>,
    all: BTreeSet<String>,
}

impl Calls {
    fn told(entries: &[SqliteRow]) -> Result<Self, StoreError> {
        let mut told = Self::default();
        for entry in entries {
            let fields = Fields::of(entry, "journal entry");
            let (event, data): (String, Value) = (fields.plain("type")?, fields.json("data")?);
            let contact: Option<String> = fields.plain("contact")?;
            if matches!(event.as_str(), "case.registered" | "case.linked") {
                let many = data["contacts"].as_array().into_iter().flatten();
                let named = many.chain([&data["contact"]]).filter_map(Value::as_str).map(str::to_owned);
                told.joined.extend(named);
            }
            told.all.extend(contact);
        }
        told.all.extend(told.joined.iter().cloned());
        Ok(told)
    }

    /// What the list of a case that has `own` has to be: with all that joined it, without what no entry names.
    fn of_case(&self, own: &BTreeSet<String>) -> BTreeSet<String> {
        own.intersection(&self.all).chain(&self.joined).cloned().collect()
    }
}

fn relations(case: &Case) -> Value {
    let pairs: BTreeSet<(&str, &str)> =
        case.relations.iter().map(|relation| (relation.kind.name(), relation.other.0.as_str())).collect();
    json!(pairs)
}

fn escalations(case: &Case) -> Value {
    let numbered = (1..).zip(&case.clocks.escalations);
    let rows = numbered.map(|(number, it): (u32, _)| {
        let answered_at = it.answer.as_ref().map(|answer| answer.answered_at.micros());
        json!([number, it.executor, it.raised_at.micros(), answered_at])
    });
    rows.collect()
}

fn posts(case: &Case) -> Value {
    let numbered = (1..).zip(&case.clocks.escalations);
    let asked: BTreeSet<(u32, &String)> =
        numbered.flat_map(|(number, it)| it.to.iter().map(move |post| (number, post))).collect();
    json!(asked)
}

/// What the hashes decided, and what came of it.
fn visits(entries: &[SqliteRow]) -> Result<Value, StoreError> {
    let mut visits: BTreeMap<u64, [Value; 5]> = BTreeMap::new();
    for entry in entries {
        let fields = Fields::of(entry, "journal entry");
        let (event, at, data): (String, i64, Value) =
            (fields.plain("type")?, fields.plain("at")?, fields.json("data")?);
        let Some(cycle) = data["cycle"].as_u64() else { continue };
        let hash: Sha256 = fields.word("hash")?;
        if inspections::share(&event, &data)
            .is_some_and(|share| crate::case::rules::VerifyRule::is_drawn(&hash, share))
        {
            let seq: i64 = fields.plain("seq")?;
            visits.insert(cycle, [json!(cycle), json!(seq), json!(at), Value::Null, Value::Null]);
        }
        if event == "verify.inspected"
            && let Some([.., inspected_at, passed]) =
                visits.get_mut(&cycle).filter(|visit| visit[3].is_null())
        {
            *inspected_at = json!(at);
            *passed = json!(u8::from(data["passed"].as_bool().unwrap_or_default()));
        }
    }
    Ok(json!(visits.into_values().collect::<Vec<_>>()))
}

/// What is searched by against what it was taken from: what, in the row, by the case.
pub(super) fn columns(
    fields: &Fields<'_>,
    case: &Case,
    registered_at: Timestamp,
) -> Result<Vec<Difference>, StoreError> {
    let said = |text: Option<&str>| text.unwrap_or("none").to_owned();
    let number: CaseNumber = fields.word("number")?;
    let (year, office): (i32, String) = (fields.plain("year")?, fields.plain("office")?);
    let place = CaseNumber::new(year, &office, fields.count("place")?);
    let executor: Option<String> = fields.plain("executor")?;
    let caller: Option<String> = fields.plain("caller")?;
    let is_callers = caller.as_deref() == case.applicant.number.as_ref().map(|number| number.as_str());
    let moment = |at: Option<i64>| contacts::in_words(at);
    let told = moment(Some(registered_at.micros()));
    let closed_at = case.state.closing().map(|(_, closed_at)| closed_at);
    let mut pairs = vec![
        ("number", number.0.clone(), case.number.0.clone()),
        ("place in the register", place.0, number.0),
        ("state", fields.plain("state")?, case.state.name().to_owned()),
        ("category", fields.plain("category")?, case.category.clone()),
        ("executor", said(executor.as_deref()), said(case.state.executor())),
        ("registered at", moment(fields.plain("registered_at")?), told.clone()),
        ("registered at", moment(Some(case.registered_at.micros())), told),
        ("level", fields.plain::<i64>("level")?.to_string(), case.level.to_string()),
    ];
    let moments = [
        ("closed at", "closed_at", closed_at),
        ("earliest end", "resolve_by", case.earliest_deadline()),
        ("next step", "due_at", case.due_at()),
    ];
    for (what, column, by_case) in moments {
        pairs.push((what, moment(fields.plain(column)?), moment(row::micros(by_case))));
    }
    let found: nearby::Stored =
        (fields.plain("street")?, fields.plain("house")?, fields.plain("lat")?, fields.plain("lon")?);
    if found != nearby::stored(case) {
        // Where somebody lives stays out of what is printed.
        pairs.push(("place", "another".to_owned(), "its own".to_owned()));
    }
    if !is_callers {
        // Whose number it is, too.
        pairs.push(("caller", "another".to_owned(), "the applicant's".to_owned()));
    }
    pairs.retain(|(_, row, journal)| row != journal);
    Ok(pairs)
}
