//! Everything of the year into a database, fast: indexes and triggers are put aside and come back as they were, many rows
//! go into one statement, and the chain's hashes are worked out as the store does it.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, QueryBuilder, Sqlite};

use ringback::call::contact::Contact;
use ringback::case::Case;
use ringback::case::rules::VerifyRule;
use ringback::case::work_order::WorkOrder;
use ringback::ids::{EntryId, Mint};
use ringback::journal::{Entry, Head};
use ringback::report::{Standing, Step};

use super::life::{Moment, Underway};
use super::sound::Recorded;

/// Rows in one statement; SQLite takes 32,766 values.
const ROWS: usize = 500;
/// Moments in one transaction.
const MOMENTS: usize = 50_000;

/// Rows that wait to be written together.
pub struct Rows {
    connection: SqliteConnection,
    put_aside: Vec<String>,
    mint: Mint,
    head: Head,
    entries: Vec<Entry>,
    contacts: Vec<Contact>,
    orders: Vec<WorkOrder>,
    steps: Vec<Step>,
    standings: Vec<Standing>,
    recorded: Vec<Recorded>,
    moments: usize,
    pub cases: u64,
    pub calls: u64,
}

impl Rows {
    /// Of a database that the store has made and closed.
    pub async fn open(url: &str, seed: u64) -> Self {
        let options: SqliteConnectOptions = url.parse().unwrap();
        let options = options
            .foreign_keys(false)
            .pragma("journal_mode", "OFF")
            .pragma("synchronous", "OFF")
            .pragma("cache_size", "-1000000");
        let mut connection = options.connect().await.unwrap();
        let sql = "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL";
        let put_aside: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
        let sql = "SELECT 'DROP ' || type || ' ' || name FROM sqlite_master \
                   WHERE type IN ('index', 'trigger') AND sql IS NOT NULL";
        let drops: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
        for drop in drops {
            run(&mut connection, &drop).await;
        }
        run(&mut connection, "BEGIN").await;
        let mint = Mint::new(StdRng::seed_from_u64(seed).random());
        Self {
            connection,
            put_aside,
            mint,
            head: Head::default(),
            entries: Vec::new(),
            contacts: Vec::new(),
            orders: Vec::new(),
            steps: Vec::new(),
            standings: Vec::new(),
            recorded: Vec::new(),
            moments: 0,
            cases: 0,
            calls: 0,
        }
    }

    pub fn events(&self) -> u64 {
        self.head.seq
    }

    pub async fn add(&mut self, moment: Moment) {
        for draft in moment.drafts {
            let id = EntryId(self.mint.uuid(draft.at));
            let entry = self.head.append(draft, id);
            self.draw(&entry).await;
            self.entries.push(entry);
        }
        self.recorded.extend(moment.recorded);
        self.calls += u64::from(moment.contact.is_some());
        self.contacts.extend(moment.contact);
        self.steps.extend(moment.steps);
        self.standings.extend(moment.standings);
        if let Some(over) = moment.over {
            self.keep(over).await;
        }
        if self.entries.len() >= ROWS {
            self.flush().await;
        }
        self.moments += 1;
        if self.moments.is_multiple_of(MOMENTS) {
            run(&mut self.connection, "COMMIT").await;
            run(&mut self.connection, "BEGIN").await;
        }
    }

    /// A case as it is in the end, and its work orders.
    pub async fn keep(&mut self, over: Underway) {
        self.cases += 1;
        self.write_case(&over.case).await;
        self.orders.extend(over.orders);
    }

    /// Indexes, triggers, the register's last numbers, and what the planner knows of the tables.
    pub async fn finish(mut self) {
        self.flush().await;
        let sql = "INSERT INTO register (year, office, last_seq) SELECT year, office, MAX(seq) FROM cases GROUP BY year, office";
        run(&mut self.connection, sql).await;
        run(&mut self.connection, "COMMIT").await;
        for sql in self.put_aside.clone() {
            run(&mut self.connection, &sql).await;
        }
        run(&mut self.connection, "PRAGMA journal_mode = WAL").await;
    }

    async fn write_case(&mut self, case: &Case) {
        let site = case.place.as_ref().and_then(|place| place.site.as_ref());
        let point = site.and_then(|site| site.point);
        let (year, sequence) = (case.number.0[..4].parse::<i64>().unwrap(), case.number.sequence().unwrap());
        let sql = "INSERT INTO cases (number, year, office, seq, revision, state, category, executor, caller, \
                   registered_at, resolve_by, body, street, house, lat, lon, closed_at, level, due_at) \
                   VALUES ($1, $2, '01', $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
        sqlx::query(sql)
            .bind(case.number.0.clone())
            .bind(year)
            .bind(i64::try_from(sequence).unwrap())
            .bind(case.state.name())
            .bind(case.category.clone())
            .bind(case.state.executor().map(str::to_owned))
            .bind(case.applicant.number.as_ref().map(|number| number.as_str().to_owned()))
            .bind(case.registered_at.micros())
            .bind(case.deadline.as_ref().map(|deadline| deadline.resolve_by.micros()))
            .bind(serde_json::to_string(case).unwrap())
            .bind(site.map(|site| site.key.clone()))
            .bind(site.and_then(|site| site.house.clone()))
            .bind(point.map(|point| point.lat_micro))
            .bind(point.map(|point| point.lon_micro))
            .bind(case.state.closing().map(|(_, at)| at.micros()))
            .bind(i64::from(case.level))
            .bind(case.due_at().map(|at| at.micros()))
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    /// A closed case that an inspector visits, as the store draws them.
    async fn draw(&mut self, entry: &Entry) {
        let share = entry.data["inspect_per_mille"].as_u64().filter(|_| entry.event == "case.closed");
        let share = share.and_then(|share| u16::try_from(share).ok()).unwrap_or(0);
        if !VerifyRule::is_drawn(&entry.hash, share) {
            return;
        }
        let sql = "INSERT INTO inspections (case_number, cycle, entry, drawn_at) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql)
            .bind(entry.case.as_ref().map(|case| case.0.clone()))
            .bind(entry.data["cycle"].as_i64())
            .bind(i64::try_from(entry.seq).unwrap())
            .bind(entry.at.micros())
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    async fn write_recordings(&mut self) {
        for recorded in std::mem::take(&mut self.recorded) {
            let sql = "INSERT INTO recordings (id, contact, path, state, started_at, sample_rate, frames, gaps, result, \
                       sha256) VALUES ($1, $2, $3, 'sealed', $4, 8000, $5, '[]', 'ok', $6)";
            sqlx::query(sql)
                .bind(recorded.id.to_string())
                .bind(recorded.contact)
                .bind(recorded.path)
                .bind(recorded.started_at.micros())
                .bind(i64::try_from(recorded.frames).unwrap())
                .bind(recorded.sha256.to_string())
                .execute(&mut self.connection)
                .await
                .unwrap();
            let sql = "INSERT INTO recording_seconds (recording, leaves) VALUES ($1, $2)";
            let leaves = sqlx::query(sql).bind(recorded.id.to_string()).bind(recorded.leaves);
            leaves.execute(&mut self.connection).await.unwrap();
        }
    }

    async fn flush(&mut self) {
        self.write_recordings().await;
        self.write_entries().await;
        self.write_contacts().await;
        self.write_orders().await;
        self.write_steps().await;
        self.write_standings().await;
    }

    async fn write_entries(&mut self) {
        for entries in std::mem::take(&mut self.entries).chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO journal (seq, id, type, v, at, actor, contact, case_number, reason, data, prev, hash) ",
            );
            insert.push_values(entries, |mut values, entry| {
                values
                    .push_bind(i64::try_from(entry.seq).unwrap())
                    .push_bind(entry.id.to_string())
                    .push_bind(entry.event.clone())
                    .push_bind(i64::from(entry.v))
                    .push_bind(entry.at.micros())
                    .push_bind(serde_json::to_string(&entry.actor).unwrap())
                    .push_bind(entry.contact.map(|id| id.to_string()))
                    .push_bind(entry.case.as_ref().map(|case| case.0.clone()))
                    .push_bind(entry.reason.clone())
                    .push_bind(entry.data.to_string())
                    .push_bind(entry.prev.to_string())
                    .push_bind(entry.hash.to_string());
            });
            insert.build().execute(&mut self.connection).await.unwrap();
        }
    }

    async fn write_contacts(&mut self) {
        let contacts = std::mem::take(&mut self.contacts);
        for contacts in contacts.chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO contacts (id, caller, called, origin, sip_call_id, language, ivr_path, queue, operator, \
                 case_number, recording, offered_at, answered_at, queued_at, connected_at, ended_at, termination, \
                 disposition) ",
            );
            let word = |value: serde_json::Value| value.as_str().map(str::to_owned);
            insert.push_values(contacts, |mut values, contact| {
                let micros = |at: Option<ringback::time::Timestamp>| at.map(|at| at.micros());
                values
                    .push_bind(contact.id.to_string())
                    .push_bind(contact.caller.as_str().to_owned())
                    .push_bind(contact.called.as_str().to_owned())
                    .push_bind(contact.origin.clone())
                    .push_bind(contact.sip_call_id.clone())
                    .push_bind(contact.language.map(|language| language.code()))
                    .push_bind(serde_json::to_string(&contact.ivr_path).unwrap())
                    .push_bind(contact.queue.clone())
                    .push_bind(contact.operator.map(|user| user.to_string()))
                    .push_bind(contact.case.as_ref().map(|case| case.0.clone()))
                    .push_bind(contact.recording.map(|recording| recording.to_string()))
                    .push_bind(contact.offered_at.micros())
                    .push_bind(micros(contact.answered_at))
                    .push_bind(micros(contact.queued_at))
                    .push_bind(micros(contact.connected_at))
                    .push_bind(micros(contact.ended_at))
                    .push_bind(contact.termination.and_then(|it| word(serde_json::to_value(it).unwrap())))
                    .push_bind(contact.disposition.and_then(|it| word(serde_json::to_value(it).unwrap())));
            });
            insert.build().execute(&mut self.connection).await.unwrap();
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO case_contacts (case_number, contact) ");
            let linked: Vec<_> = contacts.iter().filter_map(|it| Some((it.case.clone()?, it.id))).collect();
            if linked.is_empty() {
                continue;
            }
            insert.push_values(linked, |mut values, (case, contact)| {
                values.push_bind(case.0).push_bind(contact.to_string());
            });
            insert.build().execute(&mut self.connection).await.unwrap();
        }
    }

    async fn write_orders(&mut self) {
        for order in std::mem::take(&mut self.orders) {
            let state = serde_json::to_value(order.state).unwrap();
            let sql = "INSERT INTO work_orders (id, case_number, executor, state, task, issued_at, accept_by, \
                       resolve_by, result, declined_reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
            sqlx::query(sql)
                .bind(order.id.to_string())
                .bind(order.case.0)
                .bind(order.executor)
                .bind(state.as_str().unwrap().to_owned())
                .bind(order.task)
                .bind(order.issued_at.micros())
                .bind(order.accept_by.map(|at| at.micros()))
                .bind(order.resolve_by.micros())
                .bind(order.result)
                .bind(order.declined_reason)
                .execute(&mut self.connection)
                .await
                .unwrap();
        }
    }

    async fn write_steps(&mut self) {
        for steps in std::mem::take(&mut self.steps).chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO case_steps (case_number, at, step, executor, category, territory, language, code, heard, \
                 begun_at, reported_at, resolve_by) ",
            );
            insert.push_values(steps, |mut values, step| {
                values
                    .push_bind(step.case.0.clone())
                    .push_bind(step.at.micros())
                    .push_bind(step.kind.name())
                    .push_bind(step.executor.clone())
                    .push_bind(step.category.clone())
                    .push_bind(step.territory.clone())
                    .push_bind(step.language.code())
                    .push_bind(step.code.clone())
                    .push_bind(i64::from(step.heard))
                    .push_bind(step.begun_at.micros())
                    .push_bind(step.reported_at.map(|at| at.micros()))
                    .push_bind(step.resolve_by.map(|at| at.micros()));
            });
            insert.build().execute(&mut self.connection).await.unwrap();
        }
    }

    async fn write_standings(&mut self) {
        for standings in std::mem::take(&mut self.standings).chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT OR REPLACE INTO case_standings (case_number, since, registered_at, is_open, executor, category, \
                 territory, resolve_by, promised_by) ",
            );
            insert.push_values(standings, |mut values, standing| {
                values
                    .push_bind(standing.case.0.clone())
                    .push_bind(standing.since.micros())
                    .push_bind(standing.registered_at.micros())
                    .push_bind(i64::from(standing.is_open))
                    .push_bind(standing.executor.clone())
                    .push_bind(standing.category.clone())
                    .push_bind(standing.territory.clone())
                    .push_bind(standing.resolve_by.map(|at| at.micros()))
                    .push_bind(standing.promised_by.map(|at| at.micros()));
            });
            insert.build().execute(&mut self.connection).await.unwrap();
        }
    }
}

async fn run(connection: &mut SqliteConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}
