//! The one writer: all changes go through its queue. It takes what is queued into one transaction, batches that follow
//! one another in one go, any other change in a savepoint of its own; a refused one does not take the others with it. It
//! commits once (one fsync), and only then answers them all. A long change has a transaction of its own. Changes are made
//! in the order in which they got their place in the queue. Being the only writer it also owns the end of the journal's
//! chain.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::{Connection, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use crate::ids::Mint;
use crate::journal::Head;

use super::{Batch, StoreError, journal};

/// Changes waiting at most; further callers wait for a place until their deadline. Some seconds of work at the
/// design load (12 calls a second, a few changes each, even with a slow disk).
const QUEUE: usize = 1024;
/// Changes in one transaction at most: bounds how long the first of them waits for its answer.
const GROUP: usize = 256;
/// A caller waits this long for a place in the queue, and then for the commit; the writer itself, and who holds a
/// [`Receipt`] for what it is writing, wait as long as the disk does.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// A change of the database, all or nothing.
pub(super) trait Change: Send + 'static {
    type Answer: Send + 'static;
    /// It writes hundreds of rows: what came before it is not to wait for them, and so it shares no transaction.
    const IS_LONG: bool = false;

    /// Runs inside the shared transaction; whatever it wrote is undone when it fails.
    fn apply(self, ledger: &mut Ledger<'_>) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;

    /// What it writes, where that is a batch that can be written in one with those of others; and its answer then.
    fn joined(&self) -> Option<(&Batch, Self::Answer)> {
        None
    }
}

/// What a change may touch: the rows, and the journal through `append`.
pub(super) struct Ledger<'t> {
    pub connection: &'t mut SqliteConnection,
    pub head: Head,
    pub mint: &'t mut Mint,
    /// Office code of the register.
    pub office: &'t str,
}

/// The place of a change in the writer's queue. Dropping it does not take the change back.
#[derive(Debug)]
pub struct Receipt<T = ()> {
    answer: oneshot::Receiver<Result<T, StoreError>>,
    claim: Claim,
}

impl<T> Receipt<T> {
    /// Waits until the change is durable. While it has its turn to come, 5 seconds at most; once the writer has
    /// taken it, as long as the disk does: the answer is what happened.
    ///
    /// # Errors
    /// Why the change was refused. After a [`StoreError::Timeout`] it is not made and never will be: it may be
    /// asked for again.
    pub async fn durable(self) -> Result<T, StoreError> {
        self.outcome_within(WRITE_DEADLINE).await
    }

    /// `patience` is for its turn only.
    async fn outcome_within(mut self, patience: Duration) -> Result<T, StoreError> {
        match tokio::time::timeout(patience, &mut self.answer).await {
            Ok(answer) => answer,
            Err(_) if self.claim.take() => return Err(StoreError::Timeout),
            Err(_) => self.answer.await,
        }
        .map_err(|_| StoreError::Closed)?
    }

    /// For a caller whose patience ends whatever the writer does: after a `Timeout` the outcome of a change that
    /// was being written is not known.
    async fn answered_within(self, patience: Duration) -> Result<T, StoreError> {
        match tokio::time::timeout(patience, self.answer).await {
            Ok(answer) => answer.map_err(|_| StoreError::Closed)?,
            Err(_) => {
                self.claim.take();
                Err(StoreError::Timeout)
            }
        }
    }
}

/// A change belongs to who takes it first: the writer to make it, or the caller whose patience ended to withdraw it.
#[derive(Clone, Debug, Default)]
struct Claim(Arc<AtomicBool>);

impl Claim {
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// The way to the writer task.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    throughput: Arc<Throughput>,
}

#[derive(Debug, Default)]
pub(super) struct Throughput {
    transactions: AtomicU64,
    changes: AtomicU64,
}

impl Throughput {
    /// Committed so far.
    pub(super) fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }
}

enum Message {
    Make(Box<dyn Request>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// `connections` is a pool of one, which is opened again should it break.
    pub(super) fn start(connections: SqlitePool, mint: Mint, office: String) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let throughput = Arc::new(Throughput::default());
        let task = Task { connections, mint, office, throughput: throughput.clone() };
        tokio::spawn(task.run(messages));
        Self { queue, throughput }
    }

    /// Durable when it answers `Ok`; answers within its deadline, even while the disk does not.
    pub(super) async fn make<C: Change>(&self, change: C) -> Result<C::Answer, StoreError> {
        self.enqueue(change).await?.answered_within(WRITE_DEADLINE).await
    }

    /// Resolves when the change has its place in the queue; those who wait for one are served in turn.
    /// On `Timeout` it got none and will not be made.
    pub(super) async fn enqueue<C: Change>(&self, change: C) -> Result<Receipt<C::Answer>, StoreError> {
        let (caller, answer) = oneshot::channel();
        let claim = Claim::default();
        let request = Box::new(Pending { change: Some(change), outcome: None, caller, claim: claim.clone() });
        let queued = tokio::time::timeout(WRITE_DEADLINE, self.queue.send(Message::Make(request))).await;
        queued.map_err(|_| StoreError::Timeout)?.map_err(|_| StoreError::Closed)?;
        Ok(Receipt { answer, claim })
    }

    /// Returns when all that was queued before is durable and the connection is closed.
    pub(super) async fn close(&self) {
        let (closer, closed) = oneshot::channel();
        if self.queue.send(Message::Close(closer)).await.is_ok() {
            // An error means that another call of `close` came first and the task is gone.
            closed.await.ok();
        }
    }

    /// Transactions committed and the changes they carried.
    pub(super) fn throughput(&self) -> (u64, u64) {
        (self.throughput.transactions(), self.throughput.changes.load(Ordering::Relaxed))
    }

    /// What is committed, for as long as somebody may still write.
    pub(super) fn watch(&self) -> Weak<Throughput> {
        Arc::downgrade(&self.throughput)
    }
}

struct Task {
    connections: SqlitePool,
    mint: Mint,
    office: String,
    throughput: Arc<Throughput>,
}

impl Task {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut closers = Vec::new();
        let mut received = Vec::with_capacity(GROUP);
        while messages.recv_many(&mut received, GROUP).await > 0 {
            let mut group = Vec::with_capacity(received.len());
            for message in received.drain(..) {
                match message {
                    Message::Make(request) => group.push(request),
                    Message::Close(closer) => {
                        messages.close();
                        closers.push(closer);
                    }
                }
            }
            while !group.is_empty() {
                let later = group.split_off(shared_by(&group));
                // A change that has still to wait for its turn may be withdrawn until then.
                group.retain(|request| request.claim());
                if !group.is_empty() {
                    self.commit_group(group).await;
                }
                group = later;
            }
        }
        self.connections.close().await;
        for closer in closers {
            closer.send(()).ok();
        }
    }

    async fn commit_group(&mut self, mut group: Vec<Box<dyn Request>>) {
        let committed = self.apply_group(&mut group).await;
        match &committed {
            Ok(()) => {
                self.throughput.transactions.fetch_add(1, Ordering::Relaxed);
                self.throughput.changes.fetch_add(group.len() as u64, Ordering::Relaxed);
            }
            Err(error) => tracing::error!(%error, changes = group.len(), "transaction failed"),
        }
        for request in group {
            request.answer(committed.as_ref().err());
        }
    }

    async fn apply_group(&mut self, group: &mut [Box<dyn Request>]) -> sqlx::Result<()> {
        // IMMEDIATE: nobody else writes between the head that is read here and the entries that build on it.
        let mut transaction = self.connections.begin_with("BEGIN IMMEDIATE").await?;
        let mut head = journal::head(&mut transaction).await?;
        if let [request] = group {
            // Nothing else is in the transaction that a refusal could take with it.
            let mut ledger =
                Ledger { connection: &mut transaction, head, mint: &mut self.mint, office: &self.office };
            let keeps = request.apply(&mut ledger).await;
            return if keeps { transaction.commit().await } else { transaction.rollback().await };
        }
        let mut rest = group;
        while !rest.is_empty() {
            let batches = rest.iter().take_while(|request| request.batch().is_some()).count();
            let (requests, later) = rest.split_at_mut(batches.max(1));
            rest = later;
            if requests.len() > 1 && self.apply_together(&mut transaction, &mut head, requests).await? {
                continue;
            }
            for request in requests {
                let mut savepoint = transaction.begin().await?;
                let mut ledger =
                    Ledger { connection: &mut savepoint, head, mint: &mut self.mint, office: &self.office };
                if request.apply(&mut ledger).await {
                    head = ledger.head;
                    savepoint.commit().await?;
                } else {
                    savepoint.rollback().await?;
                }
            }
        }
        transaction.commit().await
    }

    /// Writes the batches of all requests in one: a few statements instead of a few for each. False, and nothing
    /// written, when one of them is refused: they are to be made one by one.
    async fn apply_together(
        &mut self,
        transaction: &mut SqliteConnection,
        head: &mut Head,
        requests: &mut [Box<dyn Request>],
    ) -> sqlx::Result<bool> {
        let batch = Batch::of_all(requests.iter().filter_map(|request| request.batch()));
        let mut savepoint = transaction.begin().await?;
        let mut ledger =
            Ledger { connection: &mut savepoint, head: *head, mint: &mut self.mint, office: &self.office };
        if batch.apply(&mut ledger).await.is_err() {
            savepoint.rollback().await?;
            return Ok(false);
        }
        *head = ledger.head;
        savepoint.commit().await?;
        requests.iter_mut().for_each(|request| request.settle());
        Ok(true)
    }
}

/// How many of the first share a transaction.
fn shared_by(group: &[Box<dyn Request>]) -> usize {
    group.iter().take_while(|request| !request.is_long()).count().max(1)
}

/// A change of any kind with its way back.
trait Request: Send {
    /// False when its caller gave up.
    fn claim(&self) -> bool;

    /// It shares no transaction.
    fn is_long(&self) -> bool;

    /// What it writes, where that can be written in one with what others write.
    fn batch(&self) -> Option<&Batch>;

    /// Its batch was written.
    fn settle(&mut self);

    /// True when what it wrote is to be kept.
    fn apply<'a>(&'a mut self, ledger: &'a mut Ledger<'_>)
    -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

    fn answer(self: Box<Self>, failure: Option<&sqlx::Error>);
}

struct Pending<C: Change> {
    change: Option<C>,
    outcome: Option<Result<C::Answer, StoreError>>,
    caller: oneshot::Sender<Result<C::Answer, StoreError>>,
    claim: Claim,
}

impl<C: Change> Request for Pending<C> {
    fn claim(&self) -> bool {
        self.claim.take()
    }

    fn is_long(&self) -> bool {
        C::IS_LONG
    }

    fn apply<'a>(
        &'a mut self,
        ledger: &'a mut Ledger<'_>,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move {
            let Some(change) = self.change.take() else { return false };
            let outcome = change.apply(ledger).await;
            let keep = outcome.is_ok();
            self.outcome = Some(outcome);
            keep
        })
    }

    fn batch(&self) -> Option<&Batch> {
        self.change.as_ref()?.joined().map(|(batch, _)| batch)
    }

    fn settle(&mut self) {
        self.outcome =
            self.change.take().and_then(|change| change.joined().map(|(_, answer)| answer)).map(Ok);
    }

    fn answer(self: Box<Self>, failure: Option<&sqlx::Error>) {
        let answer = match (self.outcome, failure) {
            (Some(Err(refused)), _) => Err(refused),
            (_, Some(error)) => Err(shared(error)),
            (Some(made), None) => made,
            (None, None) => Err(StoreError::Closed),
        };
        // The caller may have given up meanwhile.
        self.caller.send(answer).ok();
    }
}

/// The failure of a transaction, for each of its callers.
fn shared(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::Timeout,
        sqlx::Error::PoolClosed => StoreError::Closed,
        sqlx::Error::Database(cause) if is_busy(cause.code().as_deref()) => StoreError::Timeout,
        other => StoreError::Database(sqlx::Error::Protocol(other.to_string())),
    }
}

/// SQLITE_BUSY, with or without its extended code in the upper bytes.
fn is_busy(code: Option<&str>) -> bool {
    const SQLITE_BUSY: u32 = 5;
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

#[cfg(test)]
mod tests;
