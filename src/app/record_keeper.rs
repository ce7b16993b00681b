//! Takes the switchboard's rows and journal entries to the store, in order and many at a time. A change that fails is
//! tried again until it is written; one that somebody waits for is answered at once, and its call is refused.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::metrics::Meters;
use crate::call::contact::Contact;
use crate::call::effect::Ticket;
use crate::case::{Case, CaseDraft};
use crate::ids::ContactId;
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
/// Changes handed to the store whose outcome is not yet known.
const WINDOW: usize = 256;
/// Pause before a failed change is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Tries before a change is given up, ten minutes with a store that answers at once.
const MAX_TRIES: u32 = 1_200;

/// One change on its way to the store.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Commit { ticket: Option<Ticket>, batch: Batch },
    RegisterCase { contact: ContactId, draft: Box<CaseDraft>, at: Timestamp, media: Option<MediaPosition> },
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
        Self::Commit { ticket, batch: Batch { contacts, recordings, entries } }
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Commit { ticket, .. } => *ticket,
            Self::RegisterCase { .. } => None,
        }
    }
}

/// The way to the keeper's task.
#[derive(Debug)]
pub(super) struct RecordKeeper {
    jobs: mpsc::Sender<Job>,
    task: JoinHandle<()>,
}

impl RecordKeeper {
    pub(super) fn start(store: Store, outcomes: mpsc::Sender<Input>, meters: Arc<Meters>) -> Self {
        let (jobs, queue) = mpsc::channel(MAX_JOBS);
        let task = tokio::spawn(Task { store, outcomes, meters, in_flight: VecDeque::new() }.run(queue));
        Self { jobs, task }
    }

    /// Never waits; gives the job back when the queue is full.
    pub(super) fn submit(&self, job: Job) -> Result<(), Box<Job>> {
        self.jobs.try_send(job).map_err(|error| Box::new(error.into_inner()))
    }

    /// More is waiting than running calls may still add to.
    pub(super) fn is_behind(&self) -> bool {
        self.jobs.max_capacity() - self.jobs.capacity() > BEHIND
    }

    /// Returns when all that was submitted is written.
    pub(super) async fn finish(self) {
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

struct Task {
    store: Store,
    outcomes: mpsc::Sender<Input>,
    meters: Arc<Meters>,
    /// In the order they were handed over; the store answers in the same order.
    in_flight: VecDeque<InFlight>,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut open = true;
        while open || !self.in_flight.is_empty() {
            tokio::select! {
                job = queue.recv(), if open && self.in_flight.len() < WINDOW => match job {
                    Some(job) => self.hand_over(job, 1).await,
                    None => open = false,
                },
                outcome = oldest(&mut self.in_flight) => self.settle(outcome).await,
            }
        }
    }

    async fn hand_over(&mut self, job: Job, tries: u32) {
        let outcome: Outcome = match &job {
            Job::Commit { batch, .. } => match self.store.enqueue(batch.clone()).await {
                Ok(receipt) => Box::pin(async move { receipt.durable().await.map(|()| None) }),
                Err(error) => Box::pin(std::future::ready(Err(error))),
            },
            Job::RegisterCase { draft, at, media, .. } => {
                let actor = Actor::system("switchboard");
                match self.store.enqueue_case((**draft).clone(), *at, actor, *media).await {
                    Ok(receipt) => Box::pin(async move { receipt.durable().await.map(Some) }),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            }
        };
        self.in_flight.push_back(InFlight { job, tries, outcome });
    }

    async fn settle(&mut self, outcome: Result<Option<Case>, StoreError>) {
        let Some(InFlight { job, tries, .. }) = self.in_flight.pop_front() else { return };
        let answer = match (&job, outcome) {
            (Job::Commit { ticket, .. }, Ok(_)) => {
                ticket.map(|ticket| Input::Committed { ticket, durable: true })
            }
            (Job::RegisterCase { contact, .. }, Ok(case)) => {
                case.map(|case| Input::CaseRegistered { contact: *contact, number: case.number })
            }
            (Job::Commit { ticket: Some(ticket), .. }, Err(error)) => {
                tracing::error!(%error, "a call was not made durable");
                Some(Input::Committed { ticket: *ticket, durable: false })
            }
            (_, Err(error)) => return self.try_again(job, tries, &error).await,
        };
        if let Some(input) = answer {
            // Closed only when the switchboard is gone: nobody waits for the answer then.
            self.outcomes.send(input).await.ok();
        }
    }

    async fn try_again(&mut self, mut job: Job, tries: u32, error: &StoreError) {
        let final_answer = matches!(
            error,
            StoreError::Closed
                | StoreError::Exists(_)
                | StoreError::Corrupt { .. }
                | StoreError::Transition(_)
        );
        if tries >= MAX_TRIES || final_answer {
            self.meters.jobs_lost.add(1);
            tracing::error!(%error, "a change is given up");
            return;
        }
        self.meters.jobs_retried.add(1);
        if tries == 1 {
            tracing::warn!(%error, "a change was not written; trying again");
        }
        if let Job::Commit { batch, .. } = &mut job {
            self.drop_overtaken_rows(batch);
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        self.hand_over(job, tries + 1).await;
    }

    /// A row is a whole snapshot: where a later one is already on its way, the older must not come after it.
    fn drop_overtaken_rows(&self, batch: &mut Batch) {
        let later = || {
            self.in_flight.iter().filter_map(|waiting| match &waiting.job {
                Job::Commit { batch, .. } => Some(batch),
                Job::RegisterCase { .. } => None,
            })
        };
        batch
            .contacts
            .retain(|row| !later().any(|batch| batch.contacts.iter().any(|newer| newer.id == row.id)));
        batch
            .recordings
            .retain(|row| !later().any(|batch| batch.recordings.iter().any(|newer| newer.id == row.id)));
    }
}

/// The outcome of the oldest change in flight; never when there is none.
async fn oldest(in_flight: &mut VecDeque<InFlight>) -> Result<Option<Case>, StoreError> {
    match in_flight.front_mut() {
        Some(change) => change.outcome.as_mut().await,
        None => std::future::pending().await,
    }
}
