//! SIP messages of calls, as the switchboard kept them: written whole when a call is complete, read for support.
//! Which are kept, and without which secrets, is `call/ladder.rs`.

use std::net::SocketAddr;

use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;

use crate::call::ladder::{Ladder, LadderMessage, MessageDirection};
use crate::ids::ContactId;
use crate::sip::message::{Flow, Transport};

use super::row::Fields;
use super::{Change, Ledger, ROWS_AT_ONCE, Receipt, Store, StoreError};

impl Store {
    /// Resolves when the ladder has its place in the writer's queue; it replaces one that was saved before.
    pub async fn enqueue_ladder(&self, contact: ContactId, ladder: Ladder) -> Result<Receipt, StoreError> {
        self.writer.enqueue(SaveLadder { contact, ladder }).await
    }

    /// In order; empty when none were kept.
    pub async fn ladder(&self, contact: ContactId) -> Result<Vec<LadderMessage>, StoreError> {
        let sql = "SELECT * FROM ladder_messages WHERE contact = $1 ORDER BY seq";
        let query = sqlx::query(sql).bind(contact.to_string());
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }
}

struct SaveLadder {
    contact: ContactId,
    ladder: Ladder,
}

impl Change for SaveLadder {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let contact = self.contact.to_string();
        sqlx::query("DELETE FROM ladder_messages WHERE contact = $1")
            .bind(&contact)
            .execute(&mut *ledger.connection)
            .await?;
        let messages: Vec<_> = self.ladder.messages().collect();
        for messages in messages.chunks(ROWS_AT_ONCE) {
            let mut insert = QueryBuilder::new(
                "INSERT INTO ladder_messages (contact, seq, at, direction, transport, local, remote, bytes) ",
            );
            insert.push_values(messages, |mut values, message| {
                values
                    .push_bind(&contact)
                    .push_bind(message.seq)
                    .push_bind(message.at.micros())
                    .push_bind(message.direction.name())
                    .push_bind(message.flow.transport.name())
                    .push_bind(message.flow.local.to_string())
                    .push_bind(message.flow.remote.to_string())
                    .push_bind(&message.bytes);
            });
            insert.build().execute(&mut *ledger.connection).await?;
        }
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<LadderMessage, StoreError> {
    let fields = Fields::of(row, "ladder");
    Ok(LadderMessage {
        seq: fields.count("seq")?,
        at: fields.moment("at")?,
        direction: fields.known("direction", |name| match name {
            "received" => Some(MessageDirection::Received),
            "sent" => Some(MessageDirection::Sent),
            _ => None,
        })?,
        flow: Flow {
            transport: fields.known("transport", |name| {
                Transport::ALL.into_iter().find(|transport| transport.name() == name)
            })?,
            local: fields.known("local", |text| text.parse::<SocketAddr>().ok())?,
            remote: fields.known("remote", |text| text.parse::<SocketAddr>().ok())?,
        },
        bytes: fields.plain("bytes")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixture;
    use super::*;
    use crate::time::Timestamp;

    #[tokio::test]
    async fn a_ladder_is_read_as_it_was_saved_and_the_later_one_counts() {
        let (store, _files) = fixture::fresh().await;
        let contact = fixture::contact(1);
        let id = contact.id;
        assert_eq!(store.ladder(id).await.unwrap(), []);
        let flow = Flow {
            transport: Transport::Wss,
            local: "[::1]:443".parse().unwrap(),
            remote: "192.0.2.7:50000".parse().unwrap(),
        };
        let mut ladder = Ladder::default();
        ladder.add(MessageDirection::Received, b"INVITE \xff\0", flow, Timestamp(1_000_001));
        let early = store.enqueue_ladder(id, ladder.clone()).await.unwrap().durable().await;
        assert!(early.is_err(), "a ladder without its contact is not kept");
        store.commit(crate::store::Batch { contacts: vec![contact], ..Default::default() }).await.unwrap();
        store.enqueue_ladder(id, ladder.clone()).await.unwrap().durable().await.unwrap();
        ladder.add(MessageDirection::Sent, b"SIP/2.0 404 Not Found", flow, Timestamp(1_000_002));
        store.enqueue_ladder(id, ladder.clone()).await.unwrap().durable().await.unwrap();
        let saved: Vec<LadderMessage> = ladder.messages().cloned().collect();
        assert_eq!(store.ladder(id).await.unwrap(), saved);
    }
}
