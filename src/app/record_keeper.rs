//! Takes the switchboard's rows and journal entries to the store, in order and many at a time. A change that fails is
//! tried again until it is written, together with others that failed and beside those that come after; one that
//! somebody waits for is answered at once, and its call is refused.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::metrics::Meters;
use super::vital::Vital;
use crate::call::contact::Contact;
use crate::call::effect::Ticket;
use crate::call::ladder::Ladder;
use crate::case::{Case, CaseDraft};
use crate::ids::{ContactId, IncidentNumber};
use crate::journal::{Draft, MediaPosition};
use crate::people::Actor;
use crate::recording::Recording;
use crate::store::{Batch, Store, StoreError};
use crate::switchboard::Input;
use crate::time::Timestamp;

/// Changes waiting for the store: minutes of the design load with the database away.
const MAX_JOBS: usize = 32_768;
/// Above this many waiting no new call is taken, so that those that run can still write all they will.
const BEHIND: usize = MAX_JOBS / 2;
/// Changes handed to the store whose outcome is not yet known, and those that failed and wait for their next try.
const WINDOW: usize = 256;
/// Pause before failed changes are tried again, all together.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Tries before a change is given up, ten minutes with a store that answers at once.
const MAX_TRIES: u32 = 1_200;
/// At the stop the store gets this long for all that is left; then a supervisor would rather see the program end.
const FINISH_DEADLINE: Duration = Duration::from_secs(20);

/// One change on its way to the store.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Commit {
        ticket: Option<Ticket>,
        batch: Batch,
    },
    RegisterCase {
        contact: ContactId,
        draft: Box<CaseDraft>,
        at: Timestamp,
        media: Option<MediaPosition>,
    },
    AttachCaller {
        contact: ContactId,
        incident: IncidentNumber,
        draft: Box<CaseDraft>,
        at: Timestamp,
        media: Option<MediaPosition>,
    },
    SaveLadder {
        contact: ContactId,
        ladder: Box<Ladder>,
    },
}

impl Job {
    pub(super) fn commit(
        ticket: Option<Ticket>,
        contact: Option<Box<Contact>>,
        recording: Option<Box<Recording>>,
        entries: Vec<Draft>,
    ) -> Self {
        let contacts = contact.into_iter().map(|contact| *contact).collect();
        let recordings = recording.into_iter().map(|recording| *recording).collect();
        Self::Commit { ticket, batch: Batch { contacts, recordings, entries, ..Batch::default() } }
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Commit { ticket, .. } => *ticket,
            Self::RegisterCase { .. } | Self::AttachCaller { .. } | Self::SaveLadder { .. } => None,
        }
    }

    /// Whose call it is about.
    pub(super) fn contact(&self) -> Option<ContactId> {
        match self {
            Self::Commit { batch, .. } => {
                let row = batch.contacts.first().map(|contact| contact.id);
                row.or_else(|| batch.recordings.first().map(|recording| recording.contact))
                    .or_else(|| batch.entries.iter().find_map(|entry| entry.contact))
            }
            Self::RegisterCase { contact, .. }
            | Self::AttachCaller { contact, .. }
            | Self::SaveLadder { contact, .. } => Some(*contact),
        }
    }
}

/// The way to the keeper's task.
#[derive(Debug)]
pub(super) struct RecordKeeper {
    jobs: mpsc::Sender<Job>,
    /// Takes how long the store still has.
    ending: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
    meters: Arc<Meters>,
}

impl RecordKeeper {
    pub(super) fn start(
        store: Store,
        outcomes: mpsc::Sender<Input>,
        meters: Arc<Meters>,
        vital: Vital,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(MAX_JOBS);
        let (ending, ended) = oneshot::channel();
        let task = Task {
            store,
            outcomes,
            meters: meters.clone(),
            in_flight: VecDeque::new(),
            failed: VecDeque::new(),
            retry_at: None,
            _vital: vital,
        };
        let task = tokio::spawn(task.run(queue, ended));
        Self { jobs, ending, task, meters }
    }

    /// Never waits; gives the job back when the queue is full.
    pub(super) fn submit(&self, job: Job) -> Result<(), Box<Job>> {
        self.meters.jobs_waiting.add(1);
        self.jobs.try_send(job).map_err(|error| {
            self.meters.jobs_waiting.sub(1);
            Box::new(error.into_inner())
        })
    }

    /// More is waiting than running calls may still add to.
    pub(super) fn is_behind(&self) -> bool {
        self.jobs.max_capacity() - self.jobs.capacity() > BEHIND
    }

    /// Returns when all that was submitted is written, or given up after [`FINISH_DEADLINE`].
    pub(super) async fn finish(self) {
        self.finish_within(FINISH_DEADLINE).await;
    }

    async fn finish_within(self, patience: Duration) {
        // Refused when the task is dead, which is told below.
        self.ending.send(patience).ok();
        drop(self.jobs);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the record keeper died");
        }
    }
}

type Outcome = Pin<Box<dyn Future<Output = Result<Option<Case>, StoreError>> + Send>>;

struct InFlight {
    job: Job,
    tries: u32,
    outcome: Outcome,
}

/// A change that waits for its next try.
struct Failed {
    job: Job,
    tries: u32,
}

struct Task {
    store: Store,
    outcomes: mpsc::Sender<Input>,
    meters: Arc<Meters>,
    /// In the order they were handed over; the store answers in the same order.
    in_flight: VecDeque<InFlight>,
    /// In the order they failed.
    failed: VecDeque<Failed>,
    /// When those that failed are tried again.
    retry_at: Option<Instant>,
    _vital: Vital,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>, ended: oneshot::Receiver<Duration>) {
        let mut too_late = std::pin::pin!(end_of_patience(ended));
        let mut open = true;
        while open || !self.in_flight.is_empty() || !self.failed.is_empty() {
            let has_room = self.in_flight.len() + self.failed.len() < WINDOW;
            tokio::select! {
                job = queue.recv(), if open && has_room => match job {
                    Some(job) => self.hand_over(job).await,
                    None => open = false,
                },
                outcome = oldest(&mut self.in_flight) => self.settle(outcome).await,
                () = moment(self.retry_at) => self.retry().await,
                () = &mut too_late => return self.give_up_all(queue),
            }
        }
    }

    /// A new change. Its rows are newer than those of all that failed before.
    async fn hand_over(&mut self, job: Job) {
        if let Job::Commit { batch, .. } = &job {
            for failed in &mut self.failed {
                drop_overtaken_rows(&mut failed.job, std::iter::once(batch));
            }
        }
        let outcome = match enqueue(&self.store, &job).await {
            Ok(outcome) => outcome,
            Err(error) => Box::pin(std::future::ready(Err(error))),
        };
        self.in_flight.push_back(InFlight { job, tries: 1, outcome });
    }

    async fn settle(&mut self, outcome: Result<Option<Case>, StoreError>) {
        let Some(InFlight { job, tries, .. }) = self.in_flight.pop_front() else { return };
        let answer = match (&job, outcome) {
            (Job::Commit { ticket, .. }, Ok(_)) => {
                ticket.map(|ticket| Input::Committed { ticket, durable: true })
            }
            (Job::RegisterCase { contact, .. } | Job::AttachCaller { contact, .. }, Ok(case)) => {
                case.map(|case| Input::CaseRegistered { contact: *contact, number: case.number })
            }
            (Job::SaveLadder { .. }, Ok(_)) => None,
            (Job::Commit { ticket: Some(ticket), .. }, Err(error)) => {
                let contact = job.contact().map(tracing::field::display);
                tracing::error!(call.id = contact, %error, "a call was not made durable");
                Some(Input::Committed { ticket: *ticket, durable: false })
            }
            (_, Err(error)) => return self.put_back(job, tries, &error),
        };
        self.meters.jobs_waiting.sub(1);
        if let Some(input) = answer {
            // Closed only when the switchboard is gone: nobody waits for the answer then.
            self.outcomes.send(input).await.ok();
        }
    }

    /// For the next round of tries, when there is to be one.
    fn put_back(&mut self, mut job: Job, tries: u32, error: &StoreError) {
        let final_answer = matches!(
            error,
            StoreError::Closed
                | StoreError::Exists(_)
                | StoreError::Corrupt { .. }
                | StoreError::Transition(_)
        );
        let contact = job.contact().map(tracing::field::display);
        if tries >= MAX_TRIES || final_answer {
            self.meters.jobs_waiting.sub(1);
            self.meters.jobs_lost.add(1);
            tracing::error!(call.id = contact, %error, "a change is given up");
            return;
        }
        self.meters.jobs_retried.add(1);
        if tries == 1 {
            tracing::warn!(call.id = contact, %error, "a change was not written; trying again");
        }
        let later = self.in_flight.iter().filter_map(|waiting| match &waiting.job {
            Job::Commit { batch, .. } => Some(batch),
            Job::RegisterCase { .. } | Job::AttachCaller { .. } | Job::SaveLadder { .. } => None,
        });
        drop_overtaken_rows(&mut job, later);
        self.failed.push_back(Failed { job, tries });
        self.retry_at.get_or_insert_with(|| crate::time::now().mono + RETRY_PAUSE);
    }

    /// One round: all that failed, once more.
    async fn retry(&mut self) {
        self.retry_at = None;
        while let Some(Failed { job, tries }) = self.failed.pop_front() {
            match enqueue(&self.store, &job).await {
                Ok(outcome) => self.in_flight.push_back(InFlight { job, tries: tries + 1, outcome }),
                Err(error) => {
                    // No place in the writer's queue: none for the others either, until the next round.
                    self.put_back(job, tries + 1, &error);
                    break;
                }
            }
        }
        if !self.failed.is_empty() {
            self.retry_at.get_or_insert_with(|| crate::time::now().mono + RETRY_PAUSE);
        }
    }

    /// The store had its time. What it holds it may still write while it closes; nobody waits for that.
    fn give_up_all(self, mut queue: mpsc::Receiver<Job>) {
        let held = self.in_flight.into_iter().map(|change| change.job);
        let failed = self.failed.into_iter().map(|change| change.job);
        let queued = std::iter::from_fn(|| queue.try_recv().ok());
        let (mut changes, mut contacts) = (0, BTreeSet::new());
        for job in held.chain(failed).chain(queued) {
            changes += 1;
            contacts.extend(job.contact());
        }
        self.meters.jobs_waiting.sub(changes);
        self.meters.jobs_lost.add(changes);
        tracing::error!(changes, calls = contacts.len(), "the store did not take what was left: given up");
        for contact in contacts {
            tracing::error!(call.id = %contact, "changes of this call are given up");
        }
    }
}

/// Resolves when the change has its place in the writer's queue.
async fn enqueue(store: &Store, job: &Job) -> Result<Outcome, StoreError> {
    Ok(match job {
        Job::Commit { batch, .. } => {
            let receipt = store.enqueue(batch.clone()).await?;
            Box::pin(async move { receipt.durable().await.map(|()| None) })
        }
        Job::RegisterCase { draft, at, media, .. } => {
            let actor = Actor::system("switchboard");
            let receipt = store.enqueue_case((**draft).clone(), *at, actor, *media).await?;
            Box::pin(async move { receipt.durable().await.map(Some) })
        }
        Job::AttachCaller { incident, draft, at, media, .. } => {
            let receipt = store.enqueue_attachment(*incident, (**draft).clone(), *at, *media).await?;
            Box::pin(async move { receipt.durable().await.map(Some) })
        }
        Job::SaveLadder { contact, ladder } => {
            let receipt = store.enqueue_ladder(*contact, (**ladder).clone()).await?;
            Box::pin(async move { receipt.durable().await.map(|()| None) })
        }
    })
}

/// A row is a whole snapshot: where a later one is already on its way, the older must not come after it.
fn drop_overtaken_rows<'b>(job: &mut Job, later: impl Iterator<Item = &'b Batch> + Clone) {
    let Job::Commit { batch, .. } = job else { return };
    batch
        .contacts
        .retain(|row| !later.clone().any(|batch| batch.contacts.iter().any(|newer| newer.id == row.id)));
    batch
        .recordings
        .retain(|row| !later.clone().any(|batch| batch.recordings.iter().any(|newer| newer.id == row.id)));
    batch.callbacks.retain(|row| {
        !later.clone().any(|batch| batch.callbacks.iter().any(|newer| newer.origin == row.origin))
    });
}

/// Some time after the end was announced; an owner that is gone without a word announces it too.
async fn end_of_patience(ended: oneshot::Receiver<Duration>) {
    let patience = ended.await.unwrap_or(FINISH_DEADLINE);
    tokio::time::sleep(patience).await;
}

/// Never when there is none.
async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(tokio::time::Instant::from_std(at)).await,
        None => std::future::pending().await,
    }
}

/// The outcome of the oldest change in flight; never when there is none.
async fn oldest(in_flight: &mut VecDeque<InFlight>) -> Result<Option<Case>, StoreError> {
    match in_flight.front_mut() {
        Some(change) => change.outcome.as_mut().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
