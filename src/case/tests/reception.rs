//! Receptions: slots by days, hours and holidays; booking, moving, holding, missing, and what of it the case may do.
//! That a slot is taken once is tested where it is kept, in `store/appointments.rs`.

use std::time::Duration;

use super::*;
use crate::calendar::Calendar;
use crate::case::city::CityPlan;
use crate::case::reception::{Booking, Reception, Slot};

/// 2026-11-23, a Monday, at nine in Kyiv.
const MONDAY: i64 = 1_795_417_200_000_000;

fn plan() -> CityPlan {
    let text = include_str!("../../../city.toml");
    CityPlan::parse("city.toml", text).unwrap_or_else(|complaints| panic!("{complaints:#?}"))
}

fn mayor(plan: &CityPlan) -> Reception {
    plan.reception("mayor").unwrap().clone()
}

fn hours_later(hours: i64) -> Timestamp {
    Timestamp::from_micros(MONDAY + hours * 3_600_000_000)
}

fn secretary() -> Actor {
    person(Role::MayorOffice, None)
}

fn applicant() -> Actor {
    Actor { kind: crate::people::ActorKind::Applicant, ..Actor::system("page") }
}

fn booking(from: i64) -> Booking {
    let slot = Slot { starts_at: minute(from), ends_at: minute(from + 15) };
    Booking { reception: "mayor".to_owned(), post: "mayor.reception".to_owned(), slot }
}

fn registered() -> Case {
    Case::register(draft(), CaseNumber("2026-01-000001".to_owned()), minute(0)).0
}

fn booked() -> Case {
    registered().book(&booking(60), &applicant(), minute(1)).unwrap().0
}

#[test]
fn slots_lie_in_the_officials_hours_and_never_on_a_holiday() {
    let mayor = mayor(&plan());
    let slots = mayor.slots(hours_later(0), mayor.notice);
    // Wednesdays from nine to twelve in quarters of an hour.
    assert_eq!(slots[0].starts_at, hours_later(48));
    assert_eq!(slots.iter().filter(|slot| slot.starts_at < hours_later(72)).count(), 12);
    assert_eq!(slots[11].ends_at, hours_later(51));
    assert!(slots.iter().all(|slot| slot.starts_at < hours_later(24 * 31)), "a month ahead and no further");
    // Friday 25 December is a holiday, Wednesday 26 August 2026 is not; the 24th in Kyiv ends early.
    let august = Timestamp::from_micros(MONDAY - 92 * 86_400_000_000);
    assert!(mayor.slots(august, Duration::ZERO).len() >= 12 * 4);
    let on_independence_day = |slot: &Slot| plan().civil_date(slot.starts_at) == (2026, 8, 24);
    let monday = Reception { id: "utilities".to_owned(), ..plan().reception("utilities").unwrap().clone() };
    assert!(!monday.slots(august, Duration::ZERO).iter().any(on_independence_day), "a holiday");
    // Twelve hours before it is too late for the page, not for the desk.
    let late = hours_later(47);
    assert!(mayor.booking(hours_later(48), late, mayor.notice).is_err());
    assert!(mayor.booking(hours_later(48), late, Duration::ZERO).is_ok());
    assert!(mayor.booking(Timestamp(hours_later(48).micros() + 1), late, Duration::ZERO).is_err());
}

#[test]
fn a_reminder_waits_for_the_day_or_goes_out_before_the_night() {
    let mayor = Reception { remind: Duration::from_secs(13 * 3_600), ..mayor(&plan()) };
    let weekly = |week: &str, hours: &str| {
        let (week, hours) = (week.parse().unwrap(), hours.parse().unwrap());
        Calendar::weekly("Europe/Kyiv", week, hours, Default::default()).unwrap()
    };
    let slot = |starts_at| Slot { starts_at, ends_at: starts_at };
    let at = |starts: i64, hours: &Calendar| mayor.remind_at(slot(hours_later(starts)), Some(hours));
    let usual = weekly("Mon-Sun", "09:00-20:00");
    assert_eq!(mayor.remind_at(slot(hours_later(48)), None), hours_later(35), "at any hour");
    // Wednesday at 12:00: 23:00 is night, the morning is early enough. At 9:00 it is not: before eight in the evening.
    assert_eq!(at(51, &usual), hours_later(48));
    assert_eq!(at(48, &usual), hours_later(34), "an hour before the evening");
    assert_eq!(at(50, &usual), hours_later(48), "two hours are enough");
    // Monday at 9:00: nobody is disturbed on Sunday, so on Friday.
    assert_eq!(at(0, &weekly("Mon-Fri", "09:00-20:00")), hours_later(-62));
    // Nobody may be disturbed for longer than anybody remembers: as if there were no hours.
    let rarely = weekly("Mon", "09:00-10:00");
    let none = Reception { remind: Duration::ZERO, ..mayor.clone() };
    assert_eq!(none.remind_at(slot(hours_later(48)), Some(&rarely)), hours_later(0));
    assert_eq!(at(24 * 6, &rarely), hours_later(0));
}

#[test]
fn a_reception_ends_with_what_was_said_or_with_nobody() {
    let waiting = booked();
    let next = waiting.next.clone().unwrap();
    assert_eq!((next.owner.as_str(), next.by), ("mayor.reception", minute(75)));
    let slot = booking(60).slot;
    let early = waiting.clone().hold_reception(slot, "Полагодимо", &secretary(), minute(59));
    assert_eq!(early.unwrap_err(), InvalidTransition::Invariant("the reception has not begun yet"));
    assert!(waiting.clone().hold_reception(slot, " ", &secretary(), minute(60)).is_err());
    assert!(waiting.clone().hold_reception(slot, "Так", &operator(), minute(60)).is_err(), "was not there");
    let (held, events) =
        waiting.clone().hold_reception(slot, "Полагодимо", &secretary(), minute(70)).unwrap();
    let names: Vec<_> = events.iter().map(|event| event.name).collect();
    assert_eq!(names, ["appt.held", "case.explained", "reply.sent", "case.closed"]);
    assert_eq!(held.state.closing(), Some((ClosingCode::Explained, minute(70))));
    assert!(held.told[0].delivered && held.next.is_none());

    let (missed, events) = waiting.miss_reception(slot, &secretary(), minute(90)).unwrap();
    assert_eq!(events[0].name, "appt.no_show");
    assert_eq!(missed.state.closing(), Some((ClosingCode::Withdrawn, minute(90))));
}

#[test]
fn it_is_moved_while_it_is_at_the_desk_and_never_into_the_past() {
    let (moved, events) =
        booked().move_reception(booking(60).slot, &booking(90), &applicant(), minute(2)).unwrap();
    assert_eq!(events[0].data["from"], json_of(minute(60)));
    assert_eq!(moved.next.unwrap().by, minute(105));
    assert!(booked().move_reception(booking(60).slot, &booking(90), &applicant(), minute(91)).is_err());
    assert!(registered().book(&booking(60), &applicant(), minute(61)).is_err());
    assert!(registered().book(&booking(60), &executor(), minute(1)).is_err());
    let closed = booked().withdraw("не прийду", None, &applicant(), minute(5)).unwrap().0;
    assert!(matches!(
        closed.book(&booking(60), &applicant(), minute(6)),
        Err(InvalidTransition::WrongState { .. })
    ));
}

fn json_of(at: Timestamp) -> serde_json::Value {
    serde_json::json!(at)
}

#[test]
fn what_its_entries_say_adds_up_to_the_case() {
    let (case, mut events) = Case::register(draft(), CaseNumber("2026-01-000001".to_owned()), minute(0));
    let (case, more) = case.book(&booking(60), &applicant(), minute(1)).unwrap();
    events.extend(more);
    let (case, more) = case.hold_reception(booking(60).slot, "Полагодимо", &secretary(), minute(61)).unwrap();
    events.extend(more);
    let (case, more) = case.instruct(&CaseNumber("2026-01-000002".to_owned()), &secretary()).unwrap();
    events.extend(more);
    let mut replayed = replay::Replayed::default();
    for event in &events {
        replayed.apply(event.name, &event.data);
        assert!(crate::journal::EventType::from_name(event.name).is_some(), "{}", event.name);
    }
    assert_eq!(replayed.difference(&case), None);
}
