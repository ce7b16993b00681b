//! What an operator does to a case while talking about it is a part of that call: the entry names the contact, and the
//! moment in its recording, so that who reads it can hear why.

use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::journal::MediaPosition;
use crate::recording::RecordingState;
use crate::store::User;
use crate::switchboard::snapshot::CallPhase;
use crate::time::Timestamp;

use super::super::Web;
use super::super::error::ApiError;

impl Web {
    /// The call in which `user` talks about the case at `at`, and where in its recording; none when there is no such call.
    pub(in crate::web) async fn said_in(
        &self,
        number: &CaseNumber,
        user: &User,
        at: Timestamp,
    ) -> Result<Option<(ContactId, Option<MediaPosition>)>, ApiError> {
        let snapshot = self.snapshot();
        let mut talks = snapshot.calls.iter().filter(|call| {
            call.operator == Some(user.id) && call.phase == CallPhase::Talking && call.placed_by.is_none()
        });
        let Some(call) = talks.find(|call| call.case.as_ref() == Some(number)) else { return Ok(None) };
        let recordings = self.store().recordings_of(call.id).await?;
        let running = recordings.iter().find(|recording| recording.state == RecordingState::Capturing);
        let position = running.map(|recording| MediaPosition {
            recording: recording.id,
            offset_ms: u64::try_from(at.since(recording.started_at).as_millis()).unwrap_or(u64::MAX),
        });
        Ok(Some((call.id, position)))
    }
}
