//! What the four transaction machines have in common, and the one type that is any of them. What only some
//! of them can do (respond, cancel...) is asked of the variant.

use std::collections::VecDeque;
use std::time::Instant;

use super::Output;
use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::non_invite_client::NonInviteClient;
use super::non_invite_server::NonInviteServer;

pub(super) trait Machine {
    /// Runs every timer due at `now`.
    fn handle_timeout(&mut self, now: Instant, out: &mut VecDeque<Output>);
    /// Ends the transaction: its flow is gone.
    fn handle_transport_failed(&mut self, out: &mut VecDeque<Output>);
    fn poll_timeout(&self) -> Option<Instant>;
    fn is_terminated(&self) -> bool;
}

#[derive(Debug)]
pub(super) enum Transaction {
    InviteClient(InviteClient),
    NonInviteClient(NonInviteClient),
    InviteServer(InviteServer),
    NonInviteServer(NonInviteServer),
}

impl Transaction {
    fn machine(&self) -> &dyn Machine {
        match self {
            Self::InviteClient(machine) => machine,
            Self::NonInviteClient(machine) => machine,
            Self::InviteServer(machine) => machine,
            Self::NonInviteServer(machine) => machine,
        }
    }

    fn machine_mut(&mut self) -> &mut dyn Machine {
        match self {
            Self::InviteClient(machine) => machine,
            Self::NonInviteClient(machine) => machine,
            Self::InviteServer(machine) => machine,
            Self::NonInviteServer(machine) => machine,
        }
    }
}

impl Machine for Transaction {
    fn handle_timeout(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        self.machine_mut().handle_timeout(now, out);
    }

    fn handle_transport_failed(&mut self, out: &mut VecDeque<Output>) {
        self.machine_mut().handle_transport_failed(out);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.machine().poll_timeout()
    }

    fn is_terminated(&self) -> bool {
        self.machine().is_terminated()
    }
}
