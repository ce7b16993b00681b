//! Which queues an operator serves, as a supervisor changes it while calls run. Everything else about people is
//! `users.rs`. That a queue exists is the configuration's to say, not the store's.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::SqliteConnection;

use crate::ids::UserId;
use crate::journal::Draft;
use crate::people::Role;

use super::writer::{Change, Ledger};
use super::{MAX_UNPAGED, Store, StoreError, User, users};

/// What an operator is to serve from now on.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub operator: UserId,
    pub queues: Vec<String>,
    /// Levels by skill; none leaves them as they are.
    pub skills: Option<BTreeMap<String, u8>>,
}

/// What an assignment has changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assigned {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub skills_changed: bool,
}

impl Assigned {
    /// The operator served all this before.
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && !self.skills_changed
    }
}

impl Store {
    /// Saves the assignment; `entry` gets what was changed, and is left out when nothing was.
    ///
    /// # Errors
    /// `NotFound` for who is no operator, `QueueDeserted` when nobody else who may sign in serves a queue taken away.
    pub async fn assign(&self, assignment: Assignment, entry: Draft) -> Result<Assigned, StoreError> {
        self.writer.make(Assign { assignment, entry }).await
    }
}

struct Assign {
    assignment: Assignment,
    entry: Draft,
}

impl Change for Assign {
    type Answer = Assigned;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Assigned, StoreError> {
        let Self { assignment: Assignment { operator, queues, skills }, mut entry } = self;
        let connection = &mut *ledger.connection;
        let mut user = users::by_id(connection, operator)
            .await?
            .filter(|user| user.role == Role::Operator && !user.disabled)
            .ok_or(StoreError::NotFound("operator"))?;
        let without = |all: &[String], some: &[String]| -> Vec<String> {
            all.iter().filter(|queue| !some.contains(queue)).cloned().collect()
        };
        let assigned = Assigned {
            added: without(&queues, &user.queues),
            removed: without(&user.queues, &queues),
            skills_changed: skills.as_ref().is_some_and(|skills| *skills != user.skills),
        };
        if assigned.is_nothing() {
            return Ok(assigned);
        }
        let others = other_operators(connection, operator).await?;
        let deserted =
            assigned.removed.iter().find(|queue| !others.iter().any(|other| other.queues.contains(queue)));
        if let Some(queue) = deserted {
            return Err(StoreError::QueueDeserted(queue.clone()));
        }
        user.queues = queues;
        user.skills = skills.unwrap_or(user.skills);
        users::save(connection, &user).await?;
        entry.data = json!({
            "operator": operator, "queues": user.queues, "added": assigned.added, "removed": assigned.removed,
            "skills_changed": assigned.skills_changed,
        });
        ledger.append_all(vec![entry]).await?;
        Ok(assigned)
    }
}

/// Those who may sign in and have a telephone.
async fn other_operators(connection: &mut SqliteConnection, than: UserId) -> Result<Vec<User>, StoreError> {
    let sql = "SELECT * FROM users WHERE role = $1 AND disabled = 0 AND sip_extension IS NOT NULL AND id <> $2 LIMIT $3";
    let query = sqlx::query(sql).bind(Role::Operator.name()).bind(than.to_string()).bind(MAX_UNPAGED);
    query.fetch_all(connection).await?.iter().map(users::read).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::journal::EventType;
    use crate::people::Actor;
    use crate::sip::digest_auth::Ha1;
    use crate::store::SipAccount;
    use crate::store::fixture::{at, fresh, user};

    fn operator(n: u32, queues: &[&str]) -> User {
        let ha1 = Ha1 { md5: [0xA5; 16], sha256: [0; 32] };
        User {
            queues: queues.iter().map(ToString::to_string).collect(),
            sip: Some(SipAccount { extension: format!("20{n}"), ha1 }),
            ..user(n, Role::Operator)
        }
    }

    fn serve(operator: &User, queues: &[&str]) -> Assignment {
        let queues = queues.iter().map(ToString::to_string).collect();
        Assignment { operator: operator.id, queues, skills: None }
    }

    fn entry() -> Draft {
        let mut entry = Draft::new(EventType::OperatorAssigned, at(1), Actor::system("test"));
        entry.reason = Some("surge".to_owned());
        entry
    }

    #[tokio::test]
    async fn what_changes_is_saved_and_journalled_and_what_does_not_is_not() {
        let (store, _files) = fresh().await;
        let (olena, petro) = (operator(1, &["city"]), operator(2, &["city", "water"]));
        for person in [&olena, &petro] {
            store.create_user(person).await.unwrap();
        }
        let assigned = store.assign(serve(&olena, &["water"]), entry()).await.unwrap();
        assert_eq!((assigned.added, assigned.removed), (vec!["water".to_owned()], vec!["city".to_owned()]));
        assert_eq!(store.user(olena.id).await.unwrap().unwrap().queues, ["water"]);
        let again = store.assign(serve(&olena, &["water"]), entry()).await.unwrap();
        assert!(again.is_nothing());
        let skills = Some(BTreeMap::from([("gas".to_owned(), 3)]));
        let skilled = Assignment { skills: skills.clone(), ..serve(&olena, &["water"]) };
        assert!(store.assign(skilled, entry()).await.unwrap().skills_changed);
        assert_eq!(Some(store.user(olena.id).await.unwrap().unwrap().skills), skills);
        let entries = store.entries_after(0, 10).await.unwrap();
        assert_eq!(entries.len(), 2, "{entries:?}");
        assert_eq!(entries[0].event, "operator.assigned");
    }

    #[tokio::test]
    async fn a_queue_keeps_somebody_who_can_sign_in() {
        let (store, _files) = fresh().await;
        let (olena, petro) = (operator(1, &["city", "water"]), operator(2, &["water"]));
        let blocked = User { disabled: true, ..operator(3, &["city"]) };
        let without_phone = User { sip: None, ..operator(4, &["city"]) };
        let manager = User { role: Role::Supervisor, ..operator(5, &["city"]) };
        for person in [&olena, &petro, &blocked, &without_phone, &manager] {
            store.create_user(person).await.unwrap();
        }
        let refused = store.assign(serve(&olena, &["water"]), entry()).await;
        assert!(matches!(&refused, Err(StoreError::QueueDeserted(queue)) if queue == "city"), "{refused:?}");
        assert_eq!(store.user(olena.id).await.unwrap().unwrap().queues, olena.queues);
        store.assign(serve(&petro, &["city"]), entry()).await.unwrap();
        let refused = store.assign(serve(&olena, &["city"]), entry()).await;
        assert!(
            matches!(refused, Err(StoreError::QueueDeserted(_))),
            "water has nobody else now: {refused:?}"
        );
        for nobody in [&blocked, &manager] {
            let refused = store.assign(serve(nobody, &["city"]), entry()).await;
            assert!(matches!(refused, Err(StoreError::NotFound("operator"))), "{refused:?}");
        }
    }
}
