//! Endpoint x role, written out once more, so that the table in `access.rs` cannot change unnoticed; and the
//! description in `openapi.json`, held to the same table.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{new_uuid, user_id};
use crate::people::Role;
use crate::web::access::{self, RULES, Who};
use crate::web::router::PLAIN;

/// o operator, s supervisor, c control, e executor, m mayor's office, r records, a auditor, x admin; `*` whoever is
/// signed in.
const EXPECTED: &str = "
    GET    /api/v1/session                          *
    GET    /api/v1/journal/{seq}/proof              a
    GET    /api/v1/city                             *
    GET    /api/v1/city/preview                     oscx
    GET    /api/v1/addresses                        osc
    GET    /api/v1/calls                            oscmra
    GET    /api/v1/calls/{id}                       oscmra
    GET    /api/v1/calls/{id}/timeline              oscmra
    GET    /api/v1/calls/{id}/recording             osma
    GET    /api/v1/calls/{id}/peaks                 osma
    GET    /api/v1/calls/{id}/findings              ma
    POST   /api/v1/calls/{id}/findings              a
    GET    /api/v1/calls/{id}/ladder                sax
    GET    /api/v1/calls/{id}/ladder.pcap           sax
    POST   /api/v1/calls/{id}/disposition           o
    POST   /api/v1/calls/{id}/case                  o
    POST   /api/v1/calls/{id}/transfer              o
    POST   /api/v1/calls/{id}/hangup                os
    POST   /api/v1/calls/{id}/supervision           s
    DELETE /api/v1/calls/{id}/supervision           s
    GET    /api/v1/callbacks                        osca
    POST   /api/v1/callbacks/{origin}/withdraw      os
    GET    /api/v1/verifications                    osca
    POST   /api/v1/verifications/{number}/ring      c
    POST   /api/v1/verifications/{number}/give-up   c
    GET    /api/v1/refused-calls                    oscx
    POST   /api/v1/refused-calls/{call}/allow       oscx
    GET    /api/v1/incidents                        oscma
    POST   /api/v1/incidents                        sc
    GET    /api/v1/incidents/{number}               oscma
    GET    /api/v1/incidents/{number}/cases         oscma
    POST   /api/v1/incidents/{number}/expect        sc
    POST   /api/v1/incidents/{number}/restore       sc
    POST   /api/v1/incidents/{number}/cancel        sc
    POST   /api/v1/cases/{number}/incident          osc
    POST   /api/v1/cases/{number}/incident-leave    osc
    GET    /api/v1/cases                            oscemra
    GET    /api/v1/cases/{number}                   oscemra
    PATCH  /api/v1/cases/{number}                   os
    GET    /api/v1/cases/{number}/context           osc
    GET    /api/v1/cases/{number}/timeline          oscemra
    POST   /api/v1/cases/{number}/assign            osc
    POST   /api/v1/cases/{number}/accept            e
    POST   /api/v1/cases/{number}/start             e
    POST   /api/v1/cases/{number}/decline           e
    POST   /api/v1/cases/{number}/report            e
    POST   /api/v1/cases/{number}/evidence          e
    GET    /api/v1/cases/{number}/evidence/{id}     oscemra
    GET    /api/v1/cases/{number}/evidence/{id}/{size} oscemra
    POST   /api/v1/cases/{number}/evidence-accept   c
    POST   /api/v1/cases/{number}/evidence-reject   c
    POST   /api/v1/cases/{number}/tell              osc
    POST   /api/v1/cases/{number}/return            c
    POST   /api/v1/cases/{number}/close             osc
    POST   /api/v1/cases/{number}/explain           o
    POST   /api/v1/cases/{number}/forward           osc
    POST   /api/v1/cases/{number}/forward-answer    osc
    POST   /api/v1/cases/{number}/refuse            sc
    POST   /api/v1/cases/{number}/withdraw          osc
    POST   /api/v1/cases/{number}/merge             osc
    POST   /api/v1/cases/{number}/relations         osc
    POST   /api/v1/cases/{number}/repeat            osc
    POST   /api/v1/cases/{number}/reopen            osc
    POST   /api/v1/cases/{number}/inspection        c
    POST   /api/v1/cases/{number}/executor          sc
    GET    /api/v1/inspections                      scma
    POST   /api/v1/cases/{number}/code              os
    GET    /api/v1/receptions                       oscm
    GET    /api/v1/receptions/{id}/appointments     oscm
    POST   /api/v1/cases/{number}/appointment       oscm
    POST   /api/v1/cases/{number}/appointment-held  scm
    POST   /api/v1/cases/{number}/appointment-missed scm
    POST   /api/v1/cases/{number}/instructions      scm
    POST   /api/v1/cases/{number}/disclosures       scmra
    GET    /api/v1/disclosures                      scmrax
    POST   /api/v1/disclosures/{id}/approve         rax
    POST   /api/v1/disclosures/{id}/refuse          rax
    POST   /api/v1/disclosures/{id}/make            rax
    GET    /api/v1/disclosures/{id}/package         scmra
    GET    /api/v1/hearings                         ra
    POST   /api/v1/hearings/{id}/allow              r
    POST   /api/v1/hearings/{id}/refuse             r
    GET    /api/v1/holds                            ra
    POST   /api/v1/holds                            r
    POST   /api/v1/holds/{id}/lift                  r
    GET    /api/v1/erasures                         rax
    POST   /api/v1/erasures                         r
    POST   /api/v1/erasures/{id}/agree              rx
    POST   /api/v1/erasures/{id}/refuse             rx
    GET    /api/v1/retention                        ra
    GET    /api/v1/cases/{number}/keeping           oscmra
    GET    /api/v1/calls/{id}/keeping               oscmra
    POST   /api/v1/cases/{number}/hold              sc
    POST   /api/v1/cases/{number}/resume            sce
    POST   /api/v1/cases/{number}/extend            sc
    POST   /api/v1/cases/{number}/ask               e
    POST   /api/v1/cases/{number}/ask-approve       sc
    POST   /api/v1/cases/{number}/ask-refuse        sc
    GET    /api/v1/escalations                      escma
    POST   /api/v1/escalations/{number}/{escalation}/answer escm
    GET    /api/v1/cases/{number}/filing            oscemra
    GET    /api/v1/cases/{number}/attachments/{id}  oscemra
    GET    /api/v1/work-orders                      escma
    GET    /api/v1/audit/engagements                rax
    POST   /api/v1/audit/engagements                rx
    POST   /api/v1/audit/engagements/{id}/close     rx
    GET    /api/v1/audit/choices                    rx
    GET    /api/v1/audit/engagements/{id}/samples   ra
    POST   /api/v1/audit/engagements/{id}/samples   a
    GET    /api/v1/audit/samples/{id}               ra
    GET    /api/v1/audit/samples/{id}/frame         ra
    POST   /api/v1/audit/samples/{id}/draw          a
    POST   /api/v1/audit/samples/{id}/items/{place} a
    GET    /api/v1/reports/weekly                   scmra
    GET    /api/v1/reports/weekly/list              scmra
    GET    /api/v1/reports/weekly/file              scmra
    POST   /api/v1/reports/weekly/recompute         ma
    GET    /api/v1/reports/today                    oscmax
    GET    /api/v1/work-orders/{id}/call            e
    POST   /api/v1/work-orders/{id}/call            e
    POST   /api/v1/cases/{number}/part-accept       e
    POST   /api/v1/cases/{number}/part-report       e
    POST   /api/v1/cases/{number}/part-decline      e
    POST   /api/v1/cases/{number}/part-give         sc
    GET    /api/v1/operators                        oscmax
    GET    /api/v1/queues                           oscmax
    GET    /api/v1/events                           oscmax
    GET    /api/v1/operators/me/phone               osx
    POST   /api/v1/operators/me/status              o
    POST   /api/v1/operators/{id}/status            s
    PUT    /api/v1/operators/{id}/queues            s
    POST   /api/v1/operators/{id}/messages          s
    POST   /api/v1/operators/messages               s
    POST   /api/v1/operators/me/wrap-up-done        o
    POST   /api/v1/operators/me/wrap-up-more        o
    POST   /api/v1/admin/reload                     x
    POST   /api/v1/admin/drain                      x
    DELETE /api/v1/admin/drain                      x
    GET    /api/v1/admin/service                    x
    GET    /api/v1/admin/trunks                     x
    GET    /api/v1/admin/trunks/{name}/ladder       x
    GET    /api/v1/admin/users                      x
    POST   /api/v1/admin/users                      x
    PATCH  /api/v1/admin/users/{id}                 x
    POST   /api/v1/admin/users/{id}/phone           x
    POST   /api/v1/admin/users/{id}/phone-code      x
    DELETE /api/v1/admin/users/{id}/phone-code      x
    PUT    /api/v1/admin/users/{id}/field-phone     x
    GET    /api/v1/admin/queues                     x
    GET    /api/v1/admin/notifications              x
    POST   /api/v1/admin/notifications/test         x
    GET    /api/v1/admin/dialplan                   x
    POST   /api/v1/admin/dialplan/simulate          x
    GET    /api/v1/admin/prompts                    x
    GET    /api/v1/admin/prompts/dictation          x
    POST   /api/v1/admin/prompts/{language}/{id}/phone      x
    GET    /api/v1/admin/prompts/{language}/{id}/sound      x
    POST   /api/v1/admin/prompts/{language}/{id}/recording  x
    DELETE /api/v1/admin/prompts/{language}/{id}/recording  x
    GET    /api/v1/admin/changes                    x
    GET    /api/v1/admin/versions                   x
    GET    /api/v1/admin/versions/{id}              x
    POST   /api/v1/admin/versions/{id}/restore      x
    GET    /api/v1/second-factor                    *
    POST   /api/v1/second-factor                    *
    POST   /api/v1/second-factor/confirm            *
    DELETE /api/v1/admin/users/{id}/second-factor   x
    GET    /api/v1/sessions                         *
    DELETE /api/v1/sessions                         *
    DELETE /api/v1/sessions/{id}                    *
    GET    /api/v1/admin/users/{id}/sessions        x
    DELETE /api/v1/admin/users/{id}/sessions        x
    DELETE /api/v1/session                          *
";

fn letter(role: Role) -> char {
    match role {
        Role::Operator => 'o',
        Role::Supervisor => 's',
        Role::Control => 'c',
        Role::Executor => 'e',
        Role::MayorOffice => 'm',
        Role::Records => 'r',
        Role::Auditor => 'a',
        Role::Admin => 'x',
    }
}

fn expected() -> Vec<(&'static str, &'static str, &'static str)> {
    let rows = EXPECTED
        .lines()
        .map(str::split_whitespace)
        .map(|mut words| (words.next(), words.next(), words.next()));
    rows.filter_map(|row| Some((row.0?, row.1?, row.2?))).collect()
}

/// The address with ids that exist nowhere, so that nothing changes and no finer rule applies.
fn address(path: &str) -> String {
    path.replace("{id}", &new_uuid().to_string())
        .replace("{number}", "2026-01-999999")
        .replace("{escalation}", "1")
        .replace("{place}", "1")
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says() {
    let service = Service::start().await;
    for (method, path, roles) in expected() {
        let nobody = service.request(method.parse().unwrap(), &address(path)).send().await.unwrap();
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED, "{method} {path} without a session");
        for role in Role::ALL {
            let request = service.by(role, method.parse().unwrap(), &address(path)).json(&json!({}));
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let allowed = roles == "*" || roles.contains(letter(role));
            let refused = status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !allowed, "{method} {path} as {}: {status}", role.name());
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path} as {}", role.name());
            assert!(!status.is_server_error(), "{method} {path} as {}: {status}", role.name());
        }
    }
}

#[test]
fn the_table_has_no_row_that_is_not_expected() {
    let guarded = RULES.iter().filter(|rule| rule.who != Who::Public);
    let guarded: BTreeSet<_> = guarded.map(|rule| (rule.method, rule.path)).collect();
    let expected: BTreeSet<_> = expected().iter().map(|row| (row.0, row.1)).collect();
    assert_eq!(guarded, expected);
    let public = RULES.iter().filter(|rule| rule.who == Who::Public).map(|rule| rule.path);
    let public: BTreeSet<_> = public.collect();
    let known = [
        "/livez",
        "/readyz",
        "/metrics",
        "/api/openapi.json",
        "/log/checkpoint",
        "/log/tile/{level}/{*index}",
        "/sip",
        "/signin",
        "/provision/{token}",
        "/api/v1/session",
        "/api/v1/session/ways",
        "/api/v1/session/oidc",
        "/api/v1/session/oidc/callback",
        "/api/v1/session/oidc/end",
        "/api/v1/web-calls",
        "/api/v1/web-calls/{user}",
        "/api/v1/citizen/form",
        "/api/v1/citizen/incidents",
        "/api/v1/citizen/addresses",
        "/api/v1/citizen/requests",
        "/api/v1/citizen/status",
        "/api/v1/citizen/picture",
        "/api/v1/citizen/photos",
        "/api/v1/sms-reports/{secret}",
        "/api/v1/citizen/code",
        "/api/v1/citizen/verdict",
        "/api/v1/citizen/reopen",
        "/api/v1/citizen/withdraw",
        "/api/v1/citizen/rating",
        "/api/v1/citizen/notes",
        "/api/v1/citizen/work-picture",
        "/api/v1/citizen/receptions",
        "/api/v1/citizen/appointments",
        "/api/v1/citizen/appointment-move",
        "/api/v1/citizen/appointment-cancel",
        "/api/v1/citizen/recording",
        "/api/v1/citizen/recording-link",
        "/api/v1/citizen/recordings/{token}",
        "/open311/discovery.xml",
        "/open311/discovery.json",
        "/open311/v2/services.xml",
        "/open311/v2/services.json",
        "/open311/v2/services/{file}",
        "/open311/v2/requests.xml",
        "/open311/v2/requests.json",
        "/open311/v2/requests/{file}",
        "/open311/v2/servicerequestupdates.xml",
        "/open311/v2/servicerequestupdates.json",
        "/open311/v2/tokens/{file}",
        "/open311/v2/media/{file}",
    ];
    assert_eq!(public, BTreeSet::from(known));
}

#[test]
fn every_route_is_described_and_every_description_has_a_rule() {
    let openapi = serde_json::to_value(crate::web::openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in openapi["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| key.parse::<Method>().is_ok()) {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let ruled: BTreeSet<_> =
        RULES.iter().map(|rule| (rule.method.to_owned(), rule.path.to_owned())).collect();
    let plain: BTreeSet<_> = PLAIN.iter().map(|(path, _)| ("GET".to_owned(), (*path).to_owned())).collect();
    assert!(described.is_disjoint(&plain));
    assert_eq!(&described | &plain, ruled);
}

#[test]
fn every_schema_that_is_referred_to_exists() {
    let openapi = serde_json::to_value(crate::web::openapi()).unwrap();
    let mut wanted = BTreeSet::new();
    references(&openapi, &mut wanted);
    assert!(!wanted.is_empty());
    for reference in wanted {
        let pointer = reference.trim_start_matches('#');
        assert!(openapi.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "$ref" => drop(found.insert(text.clone())),
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn hearing_follows_role_call_and_reason() {
    let id = crate::ids::ContactId(new_uuid());
    let mut contact = super::service::contact(id, crate::time::now().utc);
    contact.operator = Some(user_id(Role::Operator));
    let user = |role, id| crate::store::User {
        id: user_id(id),
        name: String::new(),
        role,
        password_hash: String::new(),
        organisation: None,
        languages: Vec::new(),
        queues: Vec::new(),
        skills: Default::default(),
        posts: Vec::new(),
        clearances: Vec::new(),
        second_factor: false,
        sip: None,
        disabled: false,
    };
    let hears = |role, reason| access::hearing(&user(role, role), &contact, reason).is_ok();
    for role in Role::ALL {
        let with_reason =
            matches!(role, Role::Operator | Role::Supervisor | Role::MayorOffice | Role::Auditor);
        assert_eq!(hears(role, Some("complaint")), with_reason, "{role:?}");
        assert_eq!(hears(role, None), role == Role::Auditor, "{role:?}");
        assert_eq!(hears(role, Some("  ")), role == Role::Auditor, "{role:?}");
    }
    let another = user(Role::Operator, Role::Supervisor);
    assert_eq!(access::hearing(&another, &contact, Some("curious")), Err(access::NotHeard::NotOwnCall));
}

#[tokio::test]
async fn a_refused_role_is_on_the_journal() {
    let service = Service::start().await;
    let id = new_uuid();
    let refused = service.get(Role::Executor, &format!("/api/v1/calls/{id}/recording?reason=x")).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let entries = service.journalled("access.denied").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].contact.unwrap().0, id);
    assert_eq!(entries[0].actor.id, user_id(Role::Executor).to_string());
}
