//! What was published: each text of the dialplan, the city plan and the prompts that came into force, with who and when.
//! Texts lie by their digest, so that one published again takes no room. Reading and checking files is `app/plans.rs`.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::digest::Sha256;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// Versions kept of each file: a change each working day of two months. The text in force is always among them.
pub const MAX_VERSIONS: u32 = 50;

/// How a text came to be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Publication {
    /// The program began with it.
    Started,
    Published,
    /// An earlier version was brought back.
    Restored,
    /// It stood in the file, never in force, when an earlier version was brought back.
    SetAside,
}

impl Publication {
    const ALL: [Self; 4] = [Self::Started, Self::Published, Self::Restored, Self::SetAside];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Published => "published",
            Self::Restored => "restored",
            Self::SetAside => "set_aside",
        }
    }
}

/// A file by its name among the plans (`dialplan`, `city`, `prompts/uk`), and what is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanText {
    pub file: String,
    pub text: String,
}

/// One version, without its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanVersion {
    pub id: i64,
    pub file: String,
    pub sha256: Sha256,
    pub at: Timestamp,
    pub actor: Actor,
    pub how: Publication,
}

impl Store {
    /// Keeps the texts that differ from the last version of their file, and journals `config.changed` with them in the
    /// same transaction. A start that finds everything as it was is not journalled.
    pub async fn publish(
        &self,
        texts: Vec<PlanText>,
        how: Publication,
        actor: Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.make(Publish { texts, how, actor, at }).await
    }

    /// Of all files, the newest first.
    pub async fn plan_versions(&self) -> Result<Vec<PlanVersion>, StoreError> {
        let sql = "SELECT id, file, sha256, at, actor, how FROM plan_versions ORDER BY id DESC LIMIT $1";
        let query = sqlx::query(sql).bind(super::MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// One version and its text.
    pub async fn plan_version(&self, id: i64) -> Result<Option<(PlanVersion, String)>, StoreError> {
        let sql = "SELECT id, file, plan_versions.sha256 AS sha256, at, actor, how, text FROM plan_versions \
                   JOIN plan_texts ON plan_texts.sha256 = plan_versions.sha256 WHERE id = $1";
        let Some(row) = self.reading(sqlx::query(sql).bind(id).fetch_optional(&self.readers)).await? else {
            return Ok(None);
        };
        Ok(Some((read(&row)?, Fields::of(&row, "version").plain("text")?)))
    }
}

struct Publish {
    texts: Vec<PlanText>,
    how: Publication,
    actor: Actor,
    at: Timestamp,
}

impl Change for Publish {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { texts, how, actor, at } = self;
        let mut changed = Vec::new();
        for PlanText { file, text } in texts {
            let sha256 = Sha256::of(text.as_bytes());
            let connection = &mut *ledger.connection;
            if is_kept(connection, &file, sha256, how).await? {
                continue;
            }
            sqlx::query("INSERT INTO plan_texts (sha256, text) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(sha256.to_string())
                .bind(&text)
                .execute(&mut *connection)
                .await?;
            let sql = "INSERT INTO plan_versions (file, sha256, at, actor, how) VALUES ($1, $2, $3, $4, $5)";
            sqlx::query(sql)
                .bind(&file)
                .bind(sha256.to_string())
                .bind(at.micros())
                .bind(row::json(&actor)?)
                .bind(how.name())
                .execute(&mut *connection)
                .await?;
            prune(connection, &file).await?;
            changed.push(serde_json::json!({ "file": file, "sha256": sha256 }));
        }
        if how == Publication::SetAside || how == Publication::Started && changed.is_empty() {
            return Ok(());
        }
        let mut draft = Draft::new(EventType::ConfigChanged, at, actor);
        draft.data = serde_json::json!({ "how": how.name(), "files": changed });
        ledger.append_all(vec![draft]).await
    }
}

/// Whether this text needs no version of its own: it came into force last; or, only to be set aside, is there already.
async fn is_kept(
    connection: &mut SqliteConnection,
    file: &str,
    sha256: Sha256,
    how: Publication,
) -> sqlx::Result<bool> {
    let sql = match how {
        Publication::SetAside => "SELECT sha256 FROM plan_versions WHERE file = $1 AND sha256 = $2 LIMIT 1",
        _ => {
            "SELECT sha256 FROM plan_versions WHERE file = $1 AND how <> 'set_aside' ORDER BY id DESC LIMIT 1"
        }
    };
    let query = sqlx::query_scalar(sql).bind(file);
    let query = if how == Publication::SetAside { query.bind(sha256.to_string()) } else { query };
    let found: Option<String> = query.fetch_optional(connection).await?;
    Ok(found == Some(sha256.to_string()))
}

/// Drops the oldest versions of a file, and texts that no version has any more.
async fn prune(connection: &mut SqliteConnection, file: &str) -> sqlx::Result<()> {
    let sql = "DELETE FROM plan_versions WHERE file = $1 AND id NOT IN \
               (SELECT id FROM plan_versions WHERE file = $1 ORDER BY id DESC LIMIT $2)";
    let dropped = sqlx::query(sql).bind(file).bind(MAX_VERSIONS).execute(&mut *connection).await?;
    if dropped.rows_affected() > 0 {
        let sql = "DELETE FROM plan_texts WHERE sha256 NOT IN (SELECT sha256 FROM plan_versions)";
        sqlx::query(sql).execute(connection).await?;
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<PlanVersion, StoreError> {
    let fields = Fields::of(row, "version");
    Ok(PlanVersion {
        id: fields.plain("id")?,
        file: fields.plain("file")?,
        sha256: fields.word("sha256")?,
        at: fields.moment("at")?,
        actor: fields.json("actor")?,
        how: fields.known("how", |name| Publication::ALL.into_iter().find(|how| how.name() == name))?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::fixture::{at, fresh};

    fn text(file: &str, text: &str) -> PlanText {
        PlanText { file: file.to_owned(), text: text.to_owned() }
    }

    async fn publish(store: &Store, texts: Vec<PlanText>, how: Publication) {
        store.publish(texts, how, Actor::system("test"), at(1)).await.unwrap();
    }

    async fn journalled(store: &Store) -> Vec<serde_json::Value> {
        let entries = store.entries_after(0, 1000).await.unwrap();
        entries.into_iter().filter(|entry| entry.event == "config.changed").map(|entry| entry.data).collect()
    }

    #[tokio::test]
    async fn a_text_is_a_version_when_it_differs_from_the_last() {
        let (store, _files) = fresh().await;
        publish(&store, vec![text("dialplan", "a"), text("city", "x")], Publication::Started).await;
        publish(&store, vec![text("dialplan", "a"), text("city", "x")], Publication::Started).await;
        publish(&store, vec![text("dialplan", "b"), text("city", "x")], Publication::Published).await;
        publish(&store, vec![text("dialplan", "a")], Publication::Restored).await;
        let versions = store.plan_versions().await.unwrap();
        let told: Vec<_> =
            versions.iter().map(|version| (version.file.as_str(), version.how.name())).collect();
        let expected = [
            ("dialplan", "restored"),
            ("dialplan", "published"),
            ("city", "started"),
            ("dialplan", "started"),
        ];
        assert_eq!(told, expected);
        let (version, kept) = store.plan_version(versions[1].id).await.unwrap().unwrap();
        assert_eq!((version.sha256, kept.as_str()), (Sha256::of(b"b"), "b"));
        assert_eq!(store.plan_version(4711).await.unwrap(), None);
        let entries = journalled(&store).await;
        let how: Vec<_> = entries.iter().map(|data| data["how"].as_str().unwrap()).collect();
        assert_eq!(how, ["started", "published", "restored"], "a start without a change is no entry");
        assert_eq!(
            entries[1]["files"],
            serde_json::json!([{ "file": "dialplan", "sha256": Sha256::of(b"b") }])
        );
    }

    #[tokio::test]
    async fn versions_are_bounded_and_their_texts_go_with_them() {
        let (store, _files) = fresh().await;
        publish(&store, vec![text("city", "kept")], Publication::Started).await;
        for n in 0..MAX_VERSIONS + 5 {
            publish(&store, vec![text("dialplan", &n.to_string())], Publication::Published).await;
        }
        let versions = store.plan_versions().await.unwrap();
        let dialplans = versions.iter().filter(|version| version.file == "dialplan").count();
        assert_eq!((dialplans, versions.len()), (MAX_VERSIONS as usize, MAX_VERSIONS as usize + 1));
        let oldest = &versions[MAX_VERSIONS as usize - 1];
        assert_eq!(store.plan_version(oldest.id).await.unwrap().unwrap().1, "5");
        let texts: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM plan_texts").fetch_one(&store.readers).await.unwrap();
        assert_eq!(texts, i64::from(MAX_VERSIONS) + 1);
    }

    #[tokio::test]
    async fn what_is_set_aside_is_kept_and_not_journalled() {
        let (store, _files) = fresh().await;
        let half = || vec![text("dialplan", "half done")];
        publish(&store, half(), Publication::SetAside).await;
        publish(&store, half(), Publication::SetAside).await;
        assert_eq!(store.plan_versions().await.unwrap().len(), 1);
        assert!(journalled(&store).await.is_empty());
        publish(&store, half(), Publication::Published).await;
        assert_eq!(store.plan_versions().await.unwrap().len(), 2, "now it is in force");
    }
}
