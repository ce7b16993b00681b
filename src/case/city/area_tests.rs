//! Routing: the most specific rule wins and says why; every matter at every hour has somebody; rules that are equally
//! specific, and names that are nobody's, are told at their place.
#![allow(clippy::unwrap_used, clippy::panic)]

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::tests::{DEMO, at, case, complaints, place};
use super::*;
use crate::case::routing::{Because, RoutingError, reroute, route};
use crate::case::{Case, LastOrder, Place, Site};
use crate::ids::WorkOrderId;

const DAY: &str = "2026-11-20T12:00:00+02:00";

/// The demonstration plan with one more rule at the end.
fn with(area: &str) -> String {
    format!("{DEMO}\n[[area]]\n{area}\n")
}

fn parsed(text: &str) -> CityPlan {
    CityPlan::parse("city.toml", text).unwrap_or_else(|told| panic!("{told:#?}"))
}

fn kept_by(holder: &str, category: &str, territory: &str, moment: &str) -> Case {
    let mut case = case(category, Some(territory), moment);
    let site = Site { holder: Some(holder.to_owned()), ..Site::default() };
    case.place = Some(Place { site: Some(site), ..case.place.unwrap() });
    case
}

fn routed(plan: &CityPlan, case: &Case, moment: &str) -> crate::case::routing::Assignment {
    route(plan, case, WorkOrderId(Uuid::nil()), at(moment)).unwrap()
}

#[test]
fn who_keeps_the_house_goes_before_the_district_and_the_hours() {
    let own = "categories = [\"housing\"]\nholders = [\"lift\", \"teplomerezha\"]\nexecutor = \"lift\"\n\
               co_executors = [\"roads\", \"oblenergo\"]";
    let plan = parsed(&with(own));
    let decided = routed(&plan, &kept_by("teplomerezha", "housing", "north", DAY), DAY);
    assert_eq!((decided.executor.as_str(), decided.co_executors.len()), ("lift", 2));
    let because = decided.because.unwrap();
    let expected = Because {
        category: "housing".to_owned(),
        holder: Some("teplomerezha".to_owned()),
        ..Because::default()
    };
    assert_eq!(because, expected);
    assert_eq!(because.in_words(&plan), "Житло x КП «Тепломережа»");
    let other = routed(&plan, &kept_by("zhek-right-bank", "housing", "north", DAY), DAY);
    assert_eq!(other.executor, "zhek-right-bank");
    let because = other.because.unwrap();
    assert_eq!(because.in_words(&plan), "Житло x Північний район x crews");
    // The child's own rule names the matter more closely than the parent's names the house.
    assert_eq!(routed(&plan, &kept_by("lift", "housing.lift", "north", DAY), DAY).executor, "lift");
    let nobody_helps = routed(&plan, &case("water", Some("north"), DAY), DAY);
    assert_eq!(nobody_helps.co_executors, Vec::<String>::new());
}

#[test]
fn a_reopened_case_goes_to_who_had_it_with_who_helped() {
    let own = "categories = [\"water.burst\"]\nterritories = [\"north\"]\nexecutor = \"vodokanal\"\n\
               co_executors = [\"roads\"]";
    let plan = parsed(&with(own));
    let mut case = case("water.burst", Some("north"), DAY);
    let mut had = |executor: &str| {
        let order = WorkOrderId(Uuid::nil());
        case.last_order =
            Some(LastOrder { order, executor: executor.to_owned(), by_hand: executor == "duty" });
        reroute(&plan, &case, order, at(DAY)).unwrap()
    };
    assert_eq!(
        (had("vodokanal").co_executors, had("vodokanal").because.is_some()),
        (vec!["roads".to_owned()], true)
    );
    let by_hand = had("duty");
    assert_eq!((by_hand.executor.as_str(), by_hand.because), ("duty", None));
}

#[test]
fn every_matter_at_every_hour_has_somebody_or_is_a_named_hole() {
    let plan = parsed(&with(
        "categories = [\"housing\"]\nholders = [\"lift\"]\ncalendar = \"office\"\nexecutor = \"lift\"",
    ));
    let mut rng = StdRng::seed_from_u64(1580);
    let begin = at("2026-01-01T00:00:00+02:00");
    for _ in 0..20_000 {
        let pick = |rng: &mut StdRng, count: usize| rng.random_range(0..count);
        let category = &plan.categories()[pick(&mut rng, plan.categories().len())].id;
        let territory = plan.territories().get(pick(&mut rng, plan.territories().len() + 1));
        let holder = plan.organisations().get(pick(&mut rng, plan.organisations().len() + 1));
        let minutes = rng.random_range(0..2 * 366 * 24 * 60_i64);
        let moment = Timestamp::from_micros(begin.micros() + minutes * 60_000_000);
        let matter = Matter {
            category,
            territory: territory.map(|one| one.id.as_str()),
            holder: holder.map(|one| one.id.as_str()),
        };
        let area = plan.responsible(matter, moment).unwrap_or_else(|| panic!("{matter:?} {moment}"));
        assert!(plan.organisation(&area.executor).is_some());
        // What it says is true of the matter, and nothing it does not name is said.
        let because = area.because(matter);
        assert!(because.category == "*" || category.starts_with(&because.category), "{because:?}");
        assert!(because.territory.as_deref().is_none_or(|id| Some(id) == matter.territory), "{because:?}");
        assert!(because.holder.as_deref().is_none_or(|id| Some(id) == matter.holder), "{because:?}");
        let open = because.hours.as_ref().is_none_or(|name| plan.calendar(name).unwrap().is_open(moment));
        assert!(open, "{because:?} {moment}");
    }
    // A plan with a hole says which; the same matter then is nobody's, by name.
    let night = "[[area]]\ncategories = [\"*\"]\nexecutor = \"duty\"\n";
    let told = complaints(night, "");
    assert!(told.iter().any(|text| text.contains("nobody is responsible round the clock")), "{told:#?}");
    let nobody =
        RoutingError::NobodyResponsible { category: "other".to_owned(), territory: "north".to_owned() };
    assert!(nobody.to_string().contains("'other' in 'north'"));
}

#[test]
fn two_rules_that_are_equally_specific_are_a_mistake_where_the_second_stands() {
    let told = |area: &str| -> Vec<String> {
        let complaints = CityPlan::parse("city.toml", &with(area)).map(|_| ()).unwrap_err();
        complaints.iter().map(ToString::to_string).collect()
    };
    let rival = told("categories = [\"water\"]\nexecutor = \"duty\"");
    assert_eq!(rival.len(), 1, "{rival:#?}");
    let line = with("").lines().count() - 1 + 2;
    assert!(rival[0].starts_with(&format!("city.toml:{line}:")), "{rival:#?}");
    assert!(rival[0].contains("as specific as the area of 'vodokanal' (the 1st of the file)"), "{rival:#?}");
    // Hours that meet, districts that meet.
    assert_eq!(told("categories = [\"waste\"]\nexecutor = \"duty\"\ncalendar = \"office\"").len(), 1);
    let north =
        "categories = [\"housing\"]\nterritories = [\"north\"]\nexecutor = \"duty\"\ncalendar = \"crews\"";
    assert_eq!(told(north).len(), 1);
    for fine in [
        "categories = [\"water\"]\nterritories = [\"north\"]\nexecutor = \"duty\"",
        "categories = [\"water\"]\nholders = [\"lift\"]\nexecutor = \"duty\"",
        "categories = [\"water\"]\nexecutor = \"duty\"\ncalendar = \"office\"",
        "categories = [\"water.pressure\", \"electricity.wire\"]\nterritories = [\"villages\"]\nexecutor = \"duty\"",
    ] {
        let outcome = CityPlan::parse("city.toml", &with(fine)).map(|_| ());
        let complaints = outcome.err().unwrap_or_default();
        assert!(
            complaints.iter().all(|told| !told.message.contains("as specific")),
            "{fine}: {complaints:#?}"
        );
    }
}

#[test]
fn names_that_are_nobodys_are_told_at_their_place() {
    let executor = "executor = \"teplomerezha\"";
    for (more, needle, message) in [
        ("holders = [\"lifft\"]", "\"lifft\"", "there is no organisation 'lifft'; did you mean 'lift'?"),
        ("co_executors = [\"rods\"]", "\"rods\"", "there is no organisation 'rods'; did you mean 'roads'?"),
        (
            "co_executors = [\"teplomerezha\"]",
            "\"teplomerezha\"]",
            "'teplomerezha' has a part in this area already",
        ),
        (
            "co_executors = [\"roads\", \"lift\", \"duty\", \"council\", \"transport\", \"starosta\"]",
            "\"starosta\"]",
            "at most 5 organisations help with one order",
        ),
    ] {
        let to = format!("{executor}\n{more}");
        let told = complaints(executor, &to);
        let expected = format!("{}{message}", place(executor, &to, needle));
        assert!(told.contains(&expected), "{expected} not in {told:#?}");
    }
}
