//! Calendars over clock changes and holidays.
//! Kyiv: +2 in winter, +3 from 2026-03-29 03:00 to 2026-10-25 04:00.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

fn kyiv(week: &str, hours: &str, holidays: &[&str]) -> Calendar {
    let holidays = holidays.iter().map(|date| parse_date(date).unwrap()).collect();
    Calendar::weekly("Europe/Kyiv", week.parse().unwrap(), hours.parse().unwrap(), holidays).unwrap()
}

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn open_from_the_opening_to_just_before_the_closing() {
    let office = kyiv("Mon-Fri", "08:00-17:00", &["2026-01-01"]);
    for (moment, open) in [
        ("2026-11-20T07:59:59+02:00", false),
        ("2026-11-20T08:00:00+02:00", true),
        ("2026-11-20T16:59:59+02:00", true),
        ("2026-11-20T17:00:00+02:00", false),
        ("2026-11-21T12:00:00+02:00", false),
        ("2026-01-01T12:00:00+02:00", false),
        ("2026-07-01T08:00:00+03:00", true),
        ("2026-07-01T17:30:00+03:00", false),
    ] {
        assert_eq!(office.is_open(at(moment)), open, "{moment}");
    }
}

#[test]
fn open_time_counts_within_hours_only() {
    let office = kyiv("Mon-Fri", "08:00-17:00", &["2026-12-25"]);
    for (from, hours, to) in [
        ("2026-11-20T10:00:00+02:00", 2, "2026-11-20T12:00:00+02:00"),
        // Seven hours to the closing, the rest after the weekend.
        ("2026-11-20T10:00:00+02:00", 8, "2026-11-23T09:00:00+02:00"),
        // Exactly the closing belongs to the day that closes.
        ("2026-11-20T10:00:00+02:00", 7, "2026-11-20T17:00:00+02:00"),
        // Before the opening and after the closing the clock stands.
        ("2026-11-20T03:00:00+02:00", 1, "2026-11-20T09:00:00+02:00"),
        ("2026-11-20T22:00:00+02:00", 1, "2026-11-23T09:00:00+02:00"),
        // Thursday evening, a holiday, a weekend.
        ("2026-12-24T16:30:00+02:00", 1, "2026-12-28T08:30:00+02:00"),
    ] {
        assert_eq!(office.open_time_later(at(from), hours * HOUR), Some(at(to)), "{from} + {hours} h");
    }
}

#[test]
fn round_the_clock_ignores_clock_changes() {
    let duty = Calendar::always("Europe/Kyiv").unwrap();
    let evening = at("2026-03-28T23:00:00+02:00");
    assert_eq!(duty.open_time_later(evening, 24 * HOUR), Some(at("2026-03-30T00:00:00+03:00")));
    assert!(duty.is_open(at("2026-03-29T03:30:00+02:00")));
    assert_eq!(duty.next_opening(evening), Some(evening));
}

#[test]
fn the_short_day_of_spring_has_23_hours() {
    let all_week = kyiv("Mon-Sun", "00:00-24:00", &[]);
    let midnight = at("2026-03-29T00:00:00+02:00");
    assert_eq!(all_week.end_of(parse_date("2026-03-29").unwrap()).since(midnight), 23 * HOUR);
    assert_eq!(all_week.open_time_later(midnight, 24 * HOUR), Some(at("2026-03-30T01:00:00+03:00")));
}

#[test]
fn the_long_day_of_autumn_has_25_hours() {
    let all_week = kyiv("Mon-Sun", "00:00-24:00", &[]);
    let midnight = at("2026-10-25T00:00:00+03:00");
    assert_eq!(all_week.end_of(parse_date("2026-10-25").unwrap()).since(midnight), 25 * HOUR);
}

#[test]
fn hours_inside_the_skipped_and_the_repeated_hour() {
    // 03:00-04:00 does not exist on 29 March: read with the winter offset it is 04:00-05:00 summer time.
    let night = kyiv("Sun", "03:30-05:30", &[]);
    assert_eq!(night.next_opening(at("2026-03-29T00:00:00+02:00")), Some(at("2026-03-29T04:30:00+03:00")));
    // 03:00-04:00 happens twice on 25 October: opened at the first 03:30, closed at the second 03:45.
    let repeated = kyiv("Sun", "03:30-03:45", &[]);
    let opens = repeated.next_opening(at("2026-10-25T00:00:00+03:00")).unwrap();
    assert_eq!(opens, at("2026-10-25T03:30:00+03:00"));
    assert_eq!(repeated.end_of(parse_date("2026-10-25").unwrap()), at("2026-10-25T03:45:00+02:00"));
}

#[test]
fn working_days_skip_weekends_and_holidays() {
    let office = kyiv("Mon-Fri", "08:00-17:00", &["2026-12-25", "2027-01-01"]);
    let registered = at("2026-12-22T23:30:00+02:00");
    for (count, end) in [
        (0, "2026-12-22T17:00:00+02:00"),
        (1, "2026-12-23T17:00:00+02:00"),
        (2, "2026-12-24T17:00:00+02:00"),
        (3, "2026-12-28T17:00:00+02:00"),
        (7, "2027-01-04T17:00:00+02:00"),
    ] {
        assert_eq!(office.working_days_later(registered, count), Some(at(end)), "{count}");
    }
}

#[test]
fn the_day_of_registration_is_the_local_day() {
    let office = kyiv("Mon-Fri", "08:00-17:00", &[]);
    // 23:30 UTC on Sunday is already Monday in Kyiv.
    assert_eq!(office.date_of(at("2026-11-22T23:30:00Z")), parse_date("2026-11-23").unwrap());
    assert_eq!(
        office.working_days_later(at("2026-11-22T23:30:00Z"), 1),
        Some(at("2026-11-24T17:00:00+02:00"))
    );
}

#[test]
fn months_end_on_the_last_day_where_the_day_is_absent() {
    let office = kyiv("Mon-Fri", "08:00-17:00", &[]);
    let date = |text| Some(parse_date(text).unwrap());
    assert_eq!(office.months_later(at("2026-01-31T12:00:00Z"), 1), date("2026-02-28"));
    assert_eq!(office.months_later(at("2028-01-31T12:00:00Z"), 1), date("2028-02-29"));
    assert_eq!(office.days_later(at("2026-12-31T12:00:00Z"), 1), date("2027-01-01"));
    // 28 February 2026 is a Saturday.
    assert_eq!(office.working_day_from(parse_date("2026-02-28").unwrap()), date("2026-03-02"));
}

#[test]
fn a_calendar_that_never_opens_ends_its_search() {
    let mut days = Vec::new();
    let first = parse_date("2026-01-01").unwrap();
    for date in first.iter_days().take(MAX_DAYS_AHEAD as usize + 400) {
        days.push(date);
    }
    let never = Calendar::weekly(
        "Europe/Kyiv",
        "Mon-Sun".parse().unwrap(),
        "08:00-17:00".parse().unwrap(),
        days.into_iter().collect(),
    )
    .unwrap();
    let from = at("2026-06-01T10:00:00Z");
    assert_eq!(never.next_opening(from), None);
    assert_eq!(never.open_time_later(from, HOUR), None);
    assert_eq!(never.working_days_later(from, 1), None);
}

#[test]
fn weeks_may_run_over_sunday_and_nonsense_is_refused() {
    let week: Week = "Sun-Thu".parse().unwrap();
    assert!(week.contains(Weekday::Sun) && week.contains(Weekday::Thu) && !week.contains(Weekday::Fri));
    let list: Week = "Sat, Mon".parse().unwrap();
    assert!(list.contains(Weekday::Sat) && list.contains(Weekday::Mon) && !list.contains(Weekday::Sun));
    for text in ["", "Monday-Fri", "Mon-", "Mon-Fry", "1-5"] {
        assert!(text.parse::<Week>().is_err(), "{text}");
    }
    for text in ["", "08:00", "17:00-08:00", "08:00-08:00", "08:00-25:00", "8-17"] {
        assert!(text.parse::<DayHours>().is_err(), "{text}");
    }
    assert!(Calendar::always("Europe/Atlantis").is_err());
    assert!(parse_date("2026-02-29").is_err());
}

#[test]
fn single_days_are_off_worked_or_short() {
    let day = |text| parse_date(text).unwrap();
    let office = kyiv("Mon-Fri", "08:00-17:00", &["2026-12-25"])
        .with_single_day(day("2026-12-31"), SingleDay::Off)
        .with_single_day(day("2026-12-19"), SingleDay::Working)
        .with_single_day(day("2026-12-24"), SingleDay::Hours("08:00-16:00".parse().unwrap()));
    for (date, works) in
        [("2026-12-31", false), ("2026-12-19", true), ("2026-12-24", true), ("2026-12-26", false)]
    {
        assert_eq!(office.is_working_day(day(date)), works, "{date}");
    }
    assert_eq!(office.end_of(day("2026-12-24")), at("2026-12-24T16:00:00+02:00"));
    let (from, to) = (at("2026-12-18T12:00:00+02:00"), at("2026-12-28T12:00:00+02:00"));
    // 5 h on Friday, the worked Saturday, three days and a short one, nothing at Christmas, 4 h on Monday.
    assert_eq!(office.open_time_between(from, to), (5 + 9 + 3 * 9 + 8 + 4) * HOUR);
    assert_eq!(office.open_time_later(from, office.open_time_between(from, to)), Some(to));
    assert_eq!(office.open_time_between(to, from), Duration::ZERO);
}
