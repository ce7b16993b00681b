//! The shipped city plan and what it decides: executors by category, territory and time, norms, evidence.
//! And what a wrong plan is told, with the place of each mistake.

#![allow(clippy::unwrap_used, clippy::panic)]

use uuid::Uuid;

use super::*;
use crate::case::routing::{RoutingError, route};
use crate::case::{Applicant, Case, CaseDraft, CaseNumber, IdentityLevel, Place};
use crate::ids::WorkOrderId;

pub(super) const DEMO: &str = include_str!("../../../city.toml");

pub(super) fn demo() -> CityPlan {
    CityPlan::parse("city.toml", DEMO).unwrap_or_else(|complaints| panic!("{complaints:#?}"))
}

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

pub(super) fn case(category: &str, territory: Option<&str>, registered: &str) -> Case {
    let draft = CaseDraft {
        contact: None,
        category: category.to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
        place: territory.map(|id| Place { territory: Some(id.to_owned()), ..Place::default() }),
        description: String::new(),
        ivr_path: Vec::new(),
    };
    Case::register(draft, CaseNumber::new(2026, "01", 1), at(registered)).0
}

fn executor_of(category: &str, territory: Option<&str>, moment: &str) -> String {
    route(&demo(), &case(category, territory, moment), WorkOrderId(Uuid::nil()), at(moment)).unwrap().executor
}

/// Saturday noon, Saturday night.
const DAY: &str = "2026-11-21T12:00:00+02:00";
const NIGHT: &str = "2026-11-21T23:30:00+02:00";

#[test]
fn the_shipped_plan_is_sound_and_complete() {
    let plan = demo();
    assert_eq!((plan.name(), plan.language()), ("Демомісто", Language::Uk));
    assert_eq!(plan.civil_date(at("2026-12-31T22:30:00Z")), (2027, 1, 1), "on the city's clock");
    assert_eq!((plan.categories().len(), plan.territories().len(), plan.organisations().len()), (16, 5, 13));
    let (verify, reopen) = (plan.verify_rule(), plan.reopen_rule());
    assert_eq!((verify.attempts, verify.on_days, verify.inspect_per_mille), (3, 2, 50));
    assert_eq!((reopen.window_days, reopen.level_up, plan.archive_rule().after_days), (30, 1, 365));
    for topic in
        ["water", "heating", "electricity", "housing", "transport", "waste", "roads", "other", "emergency"]
    {
        assert!(plan.topic_category(topic).is_some_and(|id| plan.category(id).is_some()), "{topic}");
    }
    assert_eq!(plan.topic_category("weather"), None);
    for category in plan.categories() {
        for language in Language::ALL {
            assert!(!category.name_in(language).is_empty());
        }
        for territory in plan.territories() {
            for hour in 0..24 {
                let moment = at(&format!("2026-11-22T{hour:02}:00:00+02:00"));
                let case = case(&category.id, Some(&territory.id), "2026-11-22T00:00:00+02:00");
                assert!(route(&plan, &case, WorkOrderId(Uuid::nil()), moment).is_ok(), "{category:?}");
            }
        }
    }
}

#[test]
fn routing_goes_by_category_then_territory_then_time() {
    for (category, territory, moment, executor) in [
        ("water", Some("center"), DAY, "vodokanal"),
        ("water.burst", None, NIGHT, "vodokanal"),
        ("light", Some("center"), DAY, "misksvitlo"),
        ("light", Some("center"), NIGHT, "duty"),
        ("housing", Some("north"), DAY, "zhek-right-bank"),
        ("housing.roof", Some("riverside"), DAY, "zhek-left-bank"),
        // The villages' office is closed on Saturdays.
        ("housing", Some("villages"), "2026-11-20T12:00:00+02:00", "starosta"),
        ("housing", Some("villages"), DAY, "duty"),
        ("housing", None, DAY, "duty"),
        // The child's own executor goes before the parent's, in any district and at any hour.
        ("housing.lift", Some("north"), DAY, "lift"),
        ("roads.signal", Some("north"), NIGHT, "roads"),
        ("roads", Some("north"), NIGHT, "duty"),
        ("other", Some("north"), "2026-11-20T12:00:00+02:00", "council"),
        ("other", Some("north"), DAY, "duty"),
    ] {
        assert_eq!(executor_of(category, territory, moment), executor, "{category} {territory:?} {moment}");
    }
}

#[test]
fn the_norm_is_the_closest_one_and_counts_from_the_registration() {
    let plan = demo();
    let norm = |category: &str, priority| {
        plan.norm(category, priority, Clock::Executor, at(DAY)).unwrap().id.clone()
    };
    assert_eq!(norm("water.burst", Priority::Normal), "water-burst");
    assert_eq!(norm("water.sewer", Priority::Urgent), "water");
    assert_eq!(norm("water.sewer", Priority::LifeSafety), "water-life-safety");
    assert_eq!(norm("other", Priority::Normal), "other");
    assert_eq!(norm("other", Priority::LifeSafety), "life-safety");
    let case = case("water.burst", Some("center"), "2026-11-21T12:00:00+02:00");
    let assigned = route(&plan, &case, WorkOrderId(Uuid::nil()), at("2026-11-21T12:10:00+02:00")).unwrap();
    assert_eq!(assigned.deadline.resolve_by, at("2026-11-22T12:00:00+02:00"));
    assert_eq!(assigned.deadline.accept_by, Some(at("2026-11-21T12:25:00+02:00")));
    assert_eq!(assigned.task, "Прорив водопроводу - Центральний район");
    assert_eq!(assigned.executor_name, "КП «Міськводоканал»");
}

#[test]
fn a_new_assignment_keeps_the_first_deadline() {
    let plan = demo();
    let mut case = case("water", Some("center"), DAY);
    let order = WorkOrderId(Uuid::nil());
    let first = route(&plan, &case, order, at(DAY)).unwrap().deadline;
    case.category = "roads".to_owned();
    case.deadline = Some(first.clone());
    let second = route(&plan, &case, order, at(DAY)).unwrap().deadline;
    assert_eq!(second.first, first.first);
    assert_ne!(second.resolve_by, first.resolve_by);
}

#[test]
fn what_the_plan_does_not_know_is_an_error_with_a_reason() {
    let plan = demo();
    let routed = |category, territory| {
        route(&plan, &case(category, territory, DAY), WorkOrderId(Uuid::nil()), at(DAY))
    };
    assert_eq!(routed("ufo", None), Err(RoutingError::UnknownCategory("ufo".to_owned())));
    assert_eq!(routed("water", Some("moon")), Err(RoutingError::UnknownTerritory("moon".to_owned())));
}

#[test]
fn evidence_rules_are_inherited() {
    let plan = demo();
    assert_eq!(plan.evidence_rule("water.burst").unwrap().min_photos, 2);
    assert_eq!(plan.evidence_rule("water.sewer").unwrap().min_photos, 1);
    assert_eq!(plan.evidence_rule("waterways"), None);
    assert_eq!(plan.evidence_rule("other"), None);
}

/// The demo plan with one piece of text replaced, and the complaints it then gets.
pub(super) fn complaints(from: &str, to: &str) -> Vec<String> {
    assert!(DEMO.contains(from), "{from}");
    let text = DEMO.replacen(from, to, 1);
    let complaints = CityPlan::parse("city.toml", &text).map(|_| ()).unwrap_err();
    complaints.iter().map(ToString::to_string).collect()
}

/// `city.toml:line:column: ` of `needle`'s first place in the changed plan.
pub(super) fn place(from: &str, to: &str, needle: &str) -> String {
    let text = DEMO.replacen(from, to, 1);
    let before = &text[..text.find(needle).unwrap()];
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    format!("city.toml:{}:{column}: ", before.matches('\n').count() + 1)
}

#[test]
fn each_mistake_is_told_at_its_place() {
    let long_name = "name = { uk = \"Світлофор\",";
    for (from, to, needle, message) in [
        ("\nalways = true", "\nallways = true", "allways", "unknown key 'allways'; did you mean 'always'?"),
        (
            "[calendar.office]",
            "[calendar.office]\ntz = \"Europe/Kiew\"",
            "\"Europe/Kiew\"",
            "'Europe/Kiew' is no time zone of the IANA database, as in Europe/Kyiv",
        ),
        ("\"2026-03-08\"", "\"2026-02-30\"", "\"2026-02-30\"", "'2026-02-30' is no date, as in 2026-01-01"),
        (
            "water = \"water\"",
            "water = \"watter\"",
            "\"watter\"",
            "there is no category 'watter'; did you mean 'water'?",
        ),
        (
            "executor = \"lift\"",
            "executor = \"lifft\"",
            "\"lifft\"",
            "there is no organisation 'lifft'; did you mean 'lift'?",
        ),
        (
            "[\"center\", \"north\"]",
            "[\"center\", \"nort\"]",
            "\"nort\"",
            "there is no territory 'nort'; did you mean 'north'?",
        ),
        (
            "resolve = \"7wd\"",
            "resolve = \"7 days\"",
            "\"7 days\"",
            "'7 days' is no term, as in PT15M, PT24H, 14wd, 30d or 1mo; at most 1500 of a unit",
        ),
        ("attempts = 3", "attempts = -1", "-1\n", "'attempts' must be a number from 1 to 20"),
        (
            long_name,
            "name = { xx = \"Світлофор\",",
            "xx = ",
            "unknown language 'xx': one of uk, en, lt, pl, ru, he",
        ),
        ("[verify]", "[verifi]", "verifi]", "unknown key 'verifi'; did you mean 'verify'?"),
    ] {
        let told = complaints(from, to);
        let expected = format!("{}{message}", place(from, to, needle));
        assert!(told.contains(&expected), "{expected} not in {told:#?}");
    }
    // What is no TOML at all is told where the reader stumbled.
    assert!(complaints("[topics]", "[topics")[0].starts_with(&place(
        "[topics]",
        "[topics",
        "\nwater = \"water\""
    )));
}

#[test]
fn every_mistake_is_told_in_the_order_of_the_file() {
    let text = DEMO.replacen("group = \"utilities\"", "grupp = \"utilities\"", 1).replacen(
        "executor = \"vodokanal\"",
        "executor = \"wodokanal\"",
        1,
    );
    let told = CityPlan::parse("city.toml", &text).map(|_| ()).unwrap_err();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told.is_sorted_by_key(|complaint| (complaint.line, complaint.column)));
    assert!(told.iter().any(|complaint| complaint.message == "'group' is missing"));
}

#[test]
fn holes_in_the_plan_are_found_before_a_citizen_falls_into_one() {
    let night = "[[area]]\ncategories = [\"*\"]\nexecutor = \"duty\"\n";
    let told = complaints(night, "");
    assert!(
        told.iter().any(|text| text
            .contains("nobody is responsible round the clock for category 'other' in: center, north")),
        "{told:#?}"
    );
    let told = complaints("category = \"*\"\naccept = \"PT8H\"", "category = \"water\"\naccept = \"PT8H\"");
    assert!(
        told.iter().any(|text| text.contains("no norm of normal priority applies to category 'other'")),
        "{told:#?}"
    );
    let told = complaints("id = \"north\"", "id = \"center\"");
    assert!(told.iter().any(|text| text.contains("the territory 'center' is there twice")), "{told:#?}");
    let told = complaints("lt = \"Šviesoforas\", ", "");
    assert!(
        told.iter().any(|text| text.contains("category 'roads.signal' has no name in 'lt'")),
        "{told:#?}"
    );
}

#[test]
fn single_days_norms_and_ladders_are_checked_where_they_stand() {
    let office = "transferred = [{ off = \"2026-12-31\", work = \"2026-12-19\" }]";
    let appeal = "clock = \"citizen\"\nresolve";
    for (from, to, needle, message) in [
        (
            office,
            &office.replace("12-31", "12-25"),
            "\"2026-12-25\", work",
            "no work is done on 2026-12-25 anyway",
        ),
        (
            office,
            &office.replace("12-19", "12-18"),
            "\"2026-12-18\" }",
            "2026-12-18 is a working day already",
        ),
        (
            "\"2026-12-24\" = \"08",
            &"\"2026-12-26\" = \"08".to_owned(),
            "\"2026-12-26\"",
            "no work is done on 2026-12-26: it has no hours",
        ),
        (
            appeal,
            &appeal.replace("citizen", "burgher"),
            "\"burgher\"",
            "'burgher' is no clock: one of citizen, executor",
        ),
        (
            "to = [\"deputy_mayor.line\"]",
            &"to = [\"deputy_mayor.lion\"]".to_owned(),
            "\"deputy_mayor.lion\"",
            "there is no post 'deputy_mayor.lion'; did you mean 'deputy_mayor.line'?",
        ),
        (
            "answer = \"4h\"",
            &"answer = \"soon\"".to_owned(),
            "\"soon\"",
            "'soon' is no time to wait, as in 4h, 1wd or 3d",
        ),
    ] {
        let told = complaints(from, to);
        let expected = format!("{}{message}", place(from, to, needle));
        assert!(told.contains(&expected), "{expected} not in {told:#?}");
    }
    for (from, to, message) in [
        ("at = \"0\"", "at = \"+1wd\"", "the first level is asked with the missed deadline: at = \"0\""),
        ("level = 2", "level = 3", "the levels go up one by one: 2 is next"),
        (
            "to = [\"mayor.control\", \"mayor_office\"]",
            "to = [\"executor.head\"]",
            "the last level asks the executor's own posts only: nobody above them",
        ),
        (
            "total_days = 60",
            "total_days = 20",
            "all pauses together may not be shorter than one: total_days, longest_days",
        ),
    ] {
        let told = complaints(from, to);
        assert!(told.iter().any(|complaint| complaint.ends_with(message)), "{message} not in {told:#?}");
    }
}

#[test]
fn versions_of_a_norm_follow_one_another_and_the_one_at_the_registration_counts() {
    let text = "resolve = \"14wd\"\nextend_total = \"30wd\"\ncalendar = \"office\"";
    let older = |valid_to: &str, valid_from: &str| {
        let later = format!(
            "\n\n[[norm]]\nid = \"roads\"\ncategory = \"roads\"\nresolve = \"10wd\"\n\
                             calendar = \"office\"\n{valid_from}"
        );
        format!("{text}\n{valid_to}{later}")
    };
    let changed = DEMO.replacen(text, &older("valid_to = \"2026-11-21\"", "valid_from = \"2026-11-22\""), 1);
    let plan = CityPlan::parse("city.toml", &changed).unwrap_or_else(|told| panic!("{told:#?}"));
    let term =
        |moment: &str| plan.norm("roads", Priority::Normal, Clock::Executor, at(moment)).unwrap().resolve;
    assert_eq!(term("2026-11-21T23:59:59+02:00"), "14wd".parse().unwrap());
    assert_eq!(term("2026-11-22T00:00:00+02:00"), "10wd".parse().unwrap());
    let overlap = "two versions of the norm 'roads' are in force on the same day: valid_from, valid_to";
    for (valid_to, valid_from, message) in [
        ("valid_to = \"2026-11-22\"", "valid_from = \"2026-11-22\"", overlap),
        ("", "", overlap),
        ("", "valid_from = \"2026-11-22\"", overlap),
        (
            "valid_to = \"2026-11-20\"",
            "valid_from = \"2026-11-22\"",
            "no version of the norm 'roads' is in force from 2026-11-21 to 2026-11-21",
        ),
    ] {
        let told = complaints(text, &older(valid_to, valid_from));
        assert!(told.iter().any(|complaint| complaint.ends_with(message)), "{message} not in {told:#?}");
    }
    // The last promise of a kind may not end with nothing after it.
    let told = complaints("act = \"", "valid_to = \"2027-12-31\"\nact = \"");
    let message = "from 2028-01-01 on no norm of the citizen's clock applies to category 'roads'";
    assert!(told.iter().any(|complaint| complaint.ends_with(message)), "{told:#?}");
}

#[test]
fn a_wrong_zone_of_the_city_is_told_once() {
    assert_eq!(complaints("tz = \"Europe/Kyiv\"", "tz = \"Kyiv\"").len(), 1);
    let told = complaints("tz = \"Europe/Kyiv\"", "");
    assert_eq!(told, [format!("{}'tz' is missing", place("tz = \"Europe/Kyiv\"", "", "[city]"))]);
}

#[test]
fn an_empty_plan_is_refused_and_nonsense_never_panics() {
    assert!(CityPlan::parse("city.toml", "").is_err());
    for text in [
        "city = 3",
        "[[city]]",
        "area = [1]",
        "[calendar]\nx = 1",
        "norm = \"*\"",
        "[evidence]\n\"*\" = {}",
        "\u{0}",
    ] {
        assert!(CityPlan::parse("city.toml", text).is_err(), "{text}");
    }
}

#[test]
fn what_photos_are_held_against_is_the_citys_choice_within_limits() {
    use crate::case::proof::ProofRule;
    assert_eq!(demo().proof_rule(), &ProofRule::default(), "the shipped plan says what is so without it");
    let plan = |far: &str| CityPlan::parse("city.toml", &DEMO.replace("far_metres = 200", far));
    for metres in [10, 100_000] {
        let rule = *plan(&format!("far_metres = {metres}")).unwrap().proof_rule();
        assert_eq!(rule.far_metres, metres);
    }
    for (wrong, words) in [
        ("far_metres = 9", "'far_metres' must be a number from 10 to 100000"),
        ("far_metres = 100001", "'far_metres' must be a number from 10 to 100000"),
        ("far_meters = 200", "did you mean 'far_metres'?"),
    ] {
        let complaints = plan(wrong).unwrap_err();
        assert!(complaints.iter().any(|complaint| complaint.message.contains(words)), "{complaints:?}");
    }
    let bits = DEMO.replace("alike_bits = 6", "alike_bits = 8");
    let complaints = CityPlan::parse("city.toml", &bits).unwrap_err();
    assert!(complaints[0].message.contains("from 0 to 7"), "{complaints:?}");
}
