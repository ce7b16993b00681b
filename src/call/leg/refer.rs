//! What transfers need of a leg: its dialog by name, requests in it that somebody else judges, and
//! NOTIFY. RFC 3261 12.2, RFC 3515 2.4.4.

use crate::call::leg::{Leg, State};
use crate::call::refusal::Refusal;
use crate::sip::dialog::Dialog;
use crate::sip::message::Request;

impl Leg {
    /// The dialog while there is one.
    pub fn dialog(&self) -> Option<&Dialog> {
        match &self.state {
            State::Answered { dialog, .. } | State::Established { dialog, .. } => Some(dialog),
            _ => None,
        }
    }

    pub fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Answered { dialog, .. } | State::Established { dialog, .. } => Some(dialog),
            _ => None,
        }
    }

    /// Takes the CSeq of a request in the dialog whose answer is up to the call (RFC 3261 12.2.2).
    pub fn receive(&mut self, request: &Request) -> Result<(), Refusal> {
        let dialog = self.dialog_mut().ok_or(Refusal::NoSuchDialog)?;
        dialog.receive(request).map_err(|_| Refusal::OutOfOrder)
    }
}
