//! Who is on duty when the desks are closed: `[[duty]]` of the city plan, telephones by roster and calendar. Ringing
//! them is `call/duty.rs`.

use crate::calendar::Calendar;
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;

/// Telephones of one duty at most: whoever waits has heard enough ringing by then.
pub const MAX_DUTY_PHONES: usize = 8;

/// One line of a roster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duty {
    /// A neighbourhood, or whatever the dialplan calls it.
    pub roster: String,
    /// Only while it is open; always when none.
    pub calendar: Option<Calendar>,
    /// In the order in which they are rung.
    pub phones: Vec<PhoneNumber>,
}

/// All rosters of the city.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Duties(pub(super) Vec<Duty>);

impl Duties {
    pub fn knows(&self, roster: &str) -> bool {
        self.0.iter().any(|duty| duty.roster == roster)
    }

    /// Whom to ring at `at`: the phones of the first line that is open; none when nobody is on duty.
    pub fn on_duty(&self, roster: &str, at: Timestamp) -> &[PhoneNumber] {
        let is_open = |duty: &&Duty| {
            duty.roster == roster && duty.calendar.as_ref().is_none_or(|calendar| calendar.is_open(at))
        };
        self.0.iter().find(is_open).map_or(&[], |duty| &duty.phones)
    }
}
