//! Digest authentication against the examples of RFC 2617 and RFC 7616, and the server against clients
//! of every kind.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::sip::message::{Host, sample};

const SEED: [u8; 32] = [5; 32];
const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const REALM: &str = "city.example";

fn start() -> Instant {
    crate::time::now().mono
}

fn register(authorization: Option<&str>) -> Request {
    let mut request = sample::register("201");
    if let Some(value) = authorization {
        request.headers.push("Authorization", value);
    }
    request
}

fn secret_of(user: &str) -> Option<Ha1> {
    (user == "201").then(|| Ha1::new("201", REALM, "correct horse"))
}

/// A phone's answer to `challenge`.
fn answer(challenge: &str, user: &str, password: &str, count: u32) -> String {
    let uri = format!("sip:{REALM}");
    authorization(challenge, user, password, &Method::Register, &uri, count, "0a4f113b").unwrap()
}

fn verify(server: &mut Authenticator, authorization: &str, now: Instant) -> Verdict {
    server.verify(&register(Some(authorization)), PHONE, secret_of, now)
}

fn accepted() -> Verdict {
    Verdict::Accepted { user: "201".to_owned() }
}

fn response_of(value: &str) -> String {
    Fields::parse(value).unwrap().find("response").unwrap().to_owned()
}

#[test]
fn example_of_rfc_2617_3_5() {
    let challenge = r#"Digest realm="testrealm@host.com", qop="auth,auth-int",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
    let get = Method::Other("GET".to_owned());
    let value =
        authorization(challenge, "Mufasa", "Circle Of Life", &get, "/dir/index.html", 1, "0a4f113b").unwrap();
    assert_eq!(response_of(&value), "6629fae49393a05397450978507c4ef1");
    let fields = Fields::parse(&value).unwrap();
    assert_eq!(fields.find("nc"), Some("00000001"));
    assert_eq!(fields.find("opaque"), Some("5ccc069c403ebaf9f0171e9517f40e41"));
}

#[test]
fn examples_of_rfc_7616_3_9_1() {
    let examples = [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ];
    for (algorithm, response) in examples {
        let challenge = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\""
        );
        let get = Method::Other("GET".to_owned());
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let value = authorization(&challenge, "Mufasa", "Circle of Life", &get, "/dir/index.html", 1, cnonce)
            .unwrap();
        assert_eq!(response_of(&value), response, "{algorithm}");
    }
}

#[test]
fn challenge_from_before_rfc_2617_is_answered_without_a_count() {
    let challenge = r#"Digest realm="r", nonce="n""#;
    let value = authorization(challenge, "u", "p", &Method::Register, "sip:x", 1, "c").unwrap();
    let fields = Fields::parse(&value).unwrap();
    assert_eq!((fields.find("qop"), fields.find("nc"), fields.find("cnonce")), (None, None, None));
    assert_eq!(fields.find("response").unwrap().len(), 32);
}

#[test]
fn challenge_in_unknown_terms_is_not_answered() {
    for challenge in [
        r#"Digest realm="r", nonce="n", algorithm=SHA-512-256"#,
        r#"Digest realm="r", nonce="n", algorithm=MD5-sess"#,
        r#"Digest realm="r", nonce="n", qop="auth-int""#,
        r#"Digest realm="r""#,
        r#"Basic realm="r""#,
        "",
    ] {
        let value = authorization(challenge, "u", "p", &Method::Register, "sip:x", 1, "c");
        assert_eq!(value, None, "{challenge}");
    }
}

#[test]
fn both_algorithms_are_offered_strongest_first_and_taken() {
    let now = start();
    for index in 0..2 {
        let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
        let challenges = server.challenge(false, PHONE, now);
        assert!(challenges[0].contains("algorithm=SHA-256") && challenges[1].contains("algorithm=MD5"));
        assert!(!challenges[0].contains("stale"));
        let value = answer(&challenges[index], "201", "correct horse", 1);
        assert_eq!(verify(&mut server, &value, now), accepted());
    }
}

#[test]
fn request_without_usable_credentials_is_challenged() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let good = answer(&server.challenge(false, PHONE, now)[0], "201", "correct horse", 1);
    let unusable = [
        String::new(),
        "Basic MjAxOmNvcnJlY3Q=".to_owned(),
        "Digest garbage".to_owned(),
        good.replace(REALM, "elsewhere.example"),
        good.replace("SHA-256", "SHA-256-sess"),
        good.replace("qop=auth", "qop=auth-int"),
        good.replace("qop=auth, ", ""),
        good.replace("nc=00000001", "nc=1"),
        good.replace("username=", "user="),
        format!("{good}, realm=\"{REALM}\""),
    ];
    for value in unusable {
        assert_eq!(verify(&mut server, &value, now), Verdict::Challenge { stale: false }, "{value}");
    }
    let none = server.verify(&register(None), PHONE, secret_of, now);
    assert_eq!(none, Verdict::Challenge { stale: false });
    assert_eq!(verify(&mut server, &good, now), accepted(), "none of it used the nonce up");
}

#[test]
fn credentials_for_another_target_are_not_taken() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let value = answer(&server.challenge(false, PHONE, now)[0], "201", "correct horse", 1);
    let mut other_user = register(Some(&value));
    other_user.uri.user = Some("1580".to_owned());
    let mut other_host = register(Some(&value));
    other_host.uri.host = Host::Name("elsewhere.example".to_owned());
    for request in [other_user, other_host] {
        assert_eq!(server.verify(&request, PHONE, secret_of, now), Verdict::Challenge { stale: false });
    }
    let mut same_place = register(Some(&value));
    same_place.uri.port = Some(5060);
    same_place.uri.params.set("transport", Some("udp".to_owned()));
    assert_eq!(server.verify(&same_place, PHONE, secret_of, now), accepted());
}

#[test]
fn wrong_password_and_unknown_name_get_the_same_answer() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let challenge = server.challenge(false, PHONE, now)[0].clone();
    for (user, password) in [("201", "wrong"), ("202", "correct horse"), ("", "")] {
        let verdict = verify(&mut server, &answer(&challenge, user, password, 1), now);
        assert_eq!(verdict, Verdict::Refused { user: user.to_owned() });
    }
}

#[test]
fn the_secret_of_nobody_is_not_the_key_of_unknown_names() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let challenge = server.challenge(false, PHONE, now)[0].clone();
    let nonce = Fields::parse(&challenge).unwrap().find("nonce").unwrap().to_owned();
    let fresh = Freshness { nonce: &nonce, counted: Some(("00000001", "c", "auth")) };
    let ha1 = hex(&[0; 32]);
    let uri = format!("sip:{REALM}");
    let response = digest_response(Algorithm::Sha256, &ha1, &Method::Register, &uri, fresh);
    let value = format!(
        "Digest username=\"202\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c\""
    );
    assert_eq!(verify(&mut server, &value, now), Verdict::Refused { user: "202".to_owned() });
}

#[test]
fn response_is_bound_to_the_method() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let value = answer(&server.challenge(false, PHONE, now)[0], "201", "correct horse", 1);
    let mut invite = register(Some(&value));
    invite.method = Method::Invite;
    assert_eq!(server.verify(&invite, PHONE, secret_of, now), Verdict::Refused { user: "201".to_owned() });
}

#[test]
fn replay_is_stale_and_the_next_count_is_good() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let challenge = server.challenge(false, PHONE, now)[0].clone();
    let value = answer(&challenge, "201", "correct horse", 1);
    assert_eq!(verify(&mut server, &value, now), accepted());
    assert_eq!(verify(&mut server, &value, now), Verdict::Challenge { stale: true });
    // The tenth use and later ones: the count is hexadecimal.
    for count in 2..=20 {
        let value = answer(&challenge, "201", "correct horse", count);
        assert_eq!(verify(&mut server, &value, now), accepted(), "count {count}");
    }
}

#[test]
fn old_nonce_is_stale_for_every_password() {
    let now = start();
    let later = now + NONCE_LIFETIME + Duration::from_secs(1);
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let challenge = server.challenge(false, PHONE, now)[0].clone();
    let right = answer(&challenge, "201", "correct horse", 1);
    let wrong = answer(&challenge, "201", "wrong", 1);
    assert_eq!(verify(&mut server, &right, later), Verdict::Challenge { stale: true });
    assert_eq!(verify(&mut server, &wrong, later), Verdict::Challenge { stale: true }, "no free guesses");
    let fresh = server.challenge(true, PHONE, later)[1].clone();
    assert!(fresh.ends_with(", stale=true"));
    assert_eq!(verify(&mut server, &answer(&fresh, "201", "correct horse", 1), later), accepted());
}

#[test]
fn nonce_of_another_run_is_stale() {
    let now = start();
    let before =
        Authenticator::new(REALM, Algorithm::ALL.to_vec(), [6; 32]).challenge(false, PHONE, now)[0].clone();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let value = answer(&before, "201", "correct horse", 1);
    assert_eq!(verify(&mut server, &value, now), Verdict::Challenge { stale: true });
}

#[test]
fn nonce_of_another_address_is_stale_for_every_password() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let challenge = server.challenge(false, IpAddr::from([192, 0, 2, 2]), now)[0].clone();
    for password in ["correct horse", "wrong"] {
        let value = answer(&challenge, "201", password, 1);
        assert_eq!(verify(&mut server, &value, now), Verdict::Challenge { stale: true });
    }
}

#[test]
fn credentials_of_several_realms_may_come_together() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let good = answer(&server.challenge(false, PHONE, now)[1], "201", "correct horse", 1);
    let mut request = register(Some(&good.replace(REALM, "elsewhere.example")));
    request.headers.push("Authorization", good.as_str());
    assert_eq!(server.verify(&request, PHONE, secret_of, now), accepted());
    let mut flooded = register(None);
    for _ in 0..MAX_CREDENTIALS {
        flooded.headers.push("Authorization", "Digest realm=\"x\"");
    }
    flooded
        .headers
        .push("Authorization", answer(&server.challenge(false, PHONE, now)[0], "201", "correct horse", 1));
    assert_eq!(server.verify(&flooded, PHONE, secret_of, now), Verdict::Challenge { stale: false });
}

#[test]
fn challenges_that_nobody_answers_cost_no_memory() {
    let now = start();
    let mut server = Authenticator::new(REALM, Algorithm::ALL.to_vec(), SEED);
    let first = server.challenge(false, PHONE, now)[0].clone();
    for _ in 0..2 * MAX_NONCES {
        server.challenge(false, PHONE, now);
    }
    let value = answer(&first, "201", "correct horse", 1);
    assert_eq!(verify(&mut server, &value, now), accepted(), "a flood does not push others out");
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    assert_eq!(format!("{:?}", Ha1::new("201", REALM, "correct horse")), "Ha1(redacted)");
}

#[test]
fn only_what_is_offered_is_asked_for_and_taken() {
    let now = start();
    let mut strict = Authenticator::new(REALM, vec![Algorithm::Sha256], SEED);
    let challenges = strict.challenge(false, PHONE, now);
    assert_eq!(challenges.len(), 1);
    assert!(challenges[0].contains("algorithm=SHA-256"));
    let weaker = answer(&challenges[0].replace("SHA-256", "MD5"), "201", "correct horse", 1);
    assert_eq!(verify(&mut strict, &weaker, now), Verdict::Challenge { stale: false });
    let asked_for = answer(&challenges[0], "201", "correct horse", 1);
    assert_eq!(verify(&mut strict, &asked_for, now), accepted());
}
