//! Open cases around an address, and all cases of one caller: what an operator should know before asking. What is
//! near is decided by who asks; here rows are found by street, house and a square on the map.

use sqlx::{QueryBuilder, Sqlite};

use crate::address::{Point, house_key};
use crate::case::{Case, CaseNumber, Site};
use crate::phone_number::PhoneNumber;

use super::cases::read;
use super::{Store, StoreError};

/// Where to look.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Surroundings {
    /// Keys under which the street may have been kept.
    pub streets: Vec<String>,
    /// Its house first; none for the street alone.
    pub house: Option<String>,
    /// South-western and north-eastern corner.
    pub square: Option<(Point, Point)>,
}

impl Store {
    /// Open cases on the street or in the square, those of the same house first, then the newest; without `except`.
    pub async fn open_cases_around(
        &self,
        around: &Surroundings,
        except: &CaseNumber,
        limit: u32,
    ) -> Result<Vec<Case>, StoreError> {
        let mut found = Vec::new();
        if !around.streets.is_empty() {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT * FROM cases WHERE street IS NOT NULL AND state NOT IN ('closed', 'archived') AND street IN (",
            );
            let mut keys = query.separated(", ");
            for key in &around.streets {
                keys.push_bind(key.clone());
            }
            query.push(") AND number <> ").push_bind(&except.0);
            query.push(" ORDER BY house IS NOT ").push_bind(around.house.as_deref().map(stored_house));
            query.push(", registered_at DESC, number DESC LIMIT ").push_bind(limit);
            found = self.reading(query.build().fetch_all(&self.readers)).await?;
        }
        if let Some((from, to)) = around.square {
            let sql = "SELECT * FROM cases WHERE lat IS NOT NULL AND state NOT IN ('closed', 'archived') AND lat BETWEEN $1 AND $2 \
                       AND lon BETWEEN $3 AND $4 AND number <> $5 ORDER BY registered_at DESC, number DESC LIMIT $6";
            let query = sqlx::query(sql)
                .bind(from.lat_micro)
                .bind(to.lat_micro)
                .bind(from.lon_micro)
                .bind(to.lon_micro)
                .bind(&except.0)
                .bind(limit);
            found.extend(self.reading(query.fetch_all(&self.readers)).await?);
        }
        let mut cases: Vec<Case> = Vec::with_capacity(found.len());
        for row in &found {
            let case = read(row)?;
            if !cases.iter().any(|known| known.number == case.number) {
                cases.push(case);
            }
        }
        Ok(cases)
    }

    /// Cases whose applicant has exactly this number, open ones first, then the newest. None for a withheld number.
    pub async fn cases_of_caller(&self, caller: &PhoneNumber, limit: u32) -> Result<Vec<Case>, StoreError> {
        if caller.is_withheld() {
            return Ok(Vec::new());
        }
        let sql = "SELECT * FROM cases WHERE caller = $1 \
                   ORDER BY state IN ('closed', 'archived'), registered_at DESC, number DESC LIMIT $2";
        let query = sqlx::query(sql).bind(caller.as_str()).bind(limit);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }
}

/// Number and rest of a house in one column.
pub(super) fn stored_house(house: &str) -> String {
    let (number, rest) = house_key(house);
    format!("{number}{rest}")
}

/// What the columns street, house, lat and lon hold of a case.
pub(super) type Located<'c> = (Option<&'c str>, Option<String>, Option<i32>, Option<i32>);

pub(super) fn located(case: &Case) -> Located<'_> {
    let site: Option<&Site> = case.place.as_ref().and_then(|place| place.site.as_ref());
    let Some(site) = site.filter(|site| !site.key.is_empty()) else { return (None, None, None, None) };
    let point = site.point;
    (
        Some(site.key.as_str()),
        site.house.as_deref().map(stored_house),
        point.map(|point| point.lat_micro),
        point.map(|point| point.lon_micro),
    )
}

/// [`Located`], as it is read back.
pub(super) type Stored = (Option<String>, Option<String>, Option<i32>, Option<i32>);

pub(super) fn stored(case: &Case) -> Stored {
    let (street, house, lat, lon) = located(case);
    (street.map(str::to_owned), house, lat, lon)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::case::transition::Classification;
    use crate::case::{CaseState, ClosingCode, Place};
    use crate::ids::UserId;
    use crate::people::{Actor, Role};
    use crate::store::fixture::{at, contact, fresh, registered};

    fn site(key: &str, house: &str, lat: f64) -> Site {
        Site {
            key: key.to_owned(),
            street: key.to_owned(),
            house: Some(house.to_owned()),
            in_register: true,
            point: Point::from_degrees(lat, 30.0),
            ..Site::default()
        }
    }

    async fn place(store: &Store, n: u32, site: Site) -> CaseNumber {
        let number = registered(store, n).await.number;
        let operator = Actor::person(Role::Operator, UserId(uuid::Uuid::from_u128(1)), None);
        let by = operator.clone();
        let changed = store.change_case(&number, &operator, at(60), move |case, _| {
            let place = Place { address: "whole".to_owned(), territory: None, site: Some(site.clone()) };
            case.classify(Classification { place: Some(place), ..Classification::default() }, &by, at(60))
        });
        changed.await.unwrap();
        number
    }

    #[tokio::test]
    async fn the_same_house_goes_first_then_the_street_then_what_is_near() {
        let (store, _files) = fresh().await;
        let own = place(&store, 1, site("sadova#1", "12-А", 50.0)).await;
        let street = place(&store, 2, site("sadova#1", "99", 50.5)).await;
        let house = place(&store, 3, site("old name#1", "12а", 50.5)).await;
        let near = place(&store, 4, site("lisova#1", "3", 50.001)).await;
        let _far = place(&store, 5, site("lisova#1", "70", 50.4)).await;
        let closed = place(&store, 6, site("sadova#1", "12а", 50.0)).await;
        let system = Actor::system("test");
        let closing = store.change_case(&closed, &system, at(70), |mut case, _| {
            case.state = CaseState::Closed { code: ClosingCode::Explained, closed_at: at(70) };
            Ok((case, Vec::new()))
        });
        closing.await.unwrap();
        let around = Surroundings {
            streets: vec!["sadova#1".to_owned(), "old name#1".to_owned()],
            house: Some("12 a".to_owned()),
            square: Some(Point::from_degrees(50.0, 30.0).unwrap().around(300.0)),
        };
        let found = store.open_cases_around(&around, &own, 10).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|case| case.number).collect();
        assert_eq!(found, [house, street, near]);
        assert_eq!(store.open_cases_around(&around, &own, 1).await.unwrap().len(), 2, "one of each");
        let nowhere = Surroundings::default();
        assert_eq!(store.open_cases_around(&nowhere, &own, 10).await.unwrap(), []);
    }

    #[tokio::test]
    async fn addresses_in_their_parts_leave_the_journal_whole_and_name_no_place() {
        let (store, _files) = fresh().await;
        let number = place(&store, 1, site("sadova#1", "12", 50.0)).await;
        let report = store.verify(&mut |_| {}, None).await.unwrap();
        assert!(report.is_good(), "{:?}", report.findings);
        let entries = store.case_timeline(&number).await.unwrap();
        let classified = entries.iter().find(|entry| entry.event == "case.classified").unwrap();
        assert_eq!(classified.data["in_register"], true);
        assert!(!serde_json::to_string(&classified.data).unwrap().contains("sadova"));
    }

    #[tokio::test]
    async fn a_caller_is_known_by_the_whole_number_only() {
        let (store, _files) = fresh().await;
        let case = registered(&store, 1).await;
        let own = contact(1).caller;
        assert_eq!(store.cases_of_caller(&own, 5).await.unwrap(), [case]);
        for other in ["+3805000000", "0000001", "", "anonymous", "%"] {
            let other = PhoneNumber::from_user_part(other);
            assert_eq!(store.cases_of_caller(&other, 5).await.unwrap(), []);
        }
    }
}
