//! Signing in through an identity provider of our own, small and at times wicked: with each kind of key, and against what an
//! attacker or a confused provider may send back.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode as Status};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::{Method, Response, StatusCode, Url};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

use super::Service;
use super::service::{PASSWORD, user_id};
use crate::digest::Sha256;
use crate::journal::{Draft, EventType};
use crate::notify::Secret;
use crate::people::{Actor, Role};
use crate::store::UserChange;
use crate::time;
use crate::web::{OidcTerms, Passwords};

const CLIENT: &str = "ringback";
const SECRET: &str = "secret of the client: 100 %";
const REDIRECT: &str = "https://city.example/api/v1/session/oidc/callback";

enum Key {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn p256() -> Self {
        let (algorithm, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &chance).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &chance).unwrap())
    }

    fn rsa() -> Self {
        let arguments =
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"];
        let made = Command::new("openssl").args(arguments).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self::Rsa(
            RsaKeyPair::from_pkcs8(&made.stdout).or_else(|_| RsaKeyPair::from_der(&made.stdout)).unwrap(),
        )
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    fn public(&self, kid: &str) -> Value {
        match self {
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encoded(pair.public_key().as_ref()) })
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": x, "y": y })
            }
            Self::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "kid": kid, "n": encoded(&public.n), "e": encoded(&public.e) })
            }
        }
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => pair.sign(text).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
                signature
            }
        }
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with this header and these claims.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text =
        format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    let signature = encoded(&sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// Makes a token of claims.
type Forge<'f> = Box<dyn Fn(&Value) -> String + 'f>;

struct Keeping {
    key: Key,
    kid: String,
    /// By code: the token that is given for it, and the challenge its verifier must fit.
    codes: HashMap<String, (String, String)>,
    fetches: usize,
    names_itself: bool,
}

#[derive(Clone)]
struct Provider {
    address: SocketAddr,
    keeping: Arc<Mutex<Keeping>>,
}

impl Provider {
    async fn start(key: Key) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keeping =
            Keeping { key, kid: "first".to_owned(), codes: HashMap::new(), fetches: 0, names_itself: false };
        let provider =
            Self { address: listener.local_addr().unwrap(), keeping: Arc::new(Mutex::new(keeping)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discover))
            .route("/keys", get(keys))
            .route("/token", post(redeem))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    fn terms(&self) -> OidcTerms {
        OidcTerms {
            issuer: self.issuer(),
            client_id: CLIENT.to_owned(),
            client_secret: Secret(SECRET.to_owned()),
            name: "City ID".to_owned(),
            scopes: vec!["profile".to_owned()],
            user_claim: "preferred_username".to_owned(),
            role_claim: None,
            roles: Default::default(),
            second_factor_amr: vec!["otp".to_owned()],
            second_factor_acr: vec!["gold".to_owned()],
            passwords: Passwords::Everybody,
        }
    }

    /// What a good provider says of the operator to the question `asked`.
    fn claims(&self, asked: &HashMap<String, String>) -> Value {
        let now = time::now().utc.micros() / 1_000_000;
        json!({ "iss": self.issuer(), "aud": CLIENT, "sub": "4711", "exp": now + 300, "iat": now,
                "nonce": asked["nonce"], "preferred_username": "operator" })
    }

    fn signed(&self, claims: &Value) -> String {
        let keeping = self.keeping.lock().unwrap();
        let header = json!({ "alg": keeping.key.algorithm(), "kid": keeping.kid, "typ": "JWT" });
        token(&header, claims, |text| keeping.key.sign(text))
    }

    /// A code for this token.
    fn code(&self, asked: &HashMap<String, String>, token: String) -> String {
        let mut keeping = self.keeping.lock().unwrap();
        let code = format!("code-{}", keeping.codes.len());
        keeping.codes.insert(code.clone(), (token, asked["code_challenge"].clone()));
        code
    }
}

async fn discover(State(provider): State<Provider>) -> Json<Value> {
    let issuer = provider.issuer();
    Json(json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize?tenant=city"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/leave"),
        "authorization_response_iss_parameter_supported": provider.keeping.lock().unwrap().names_itself,
    }))
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let mut keeping = provider.keeping.lock().unwrap();
    keeping.fetches += 1;
    // Providers publish keys for other ends, and of kinds nobody has heard of.
    let strange = json!({ "kty": "LATTICE", "kid": "strange", "q": 3329 });
    let other = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "enc", "use": "enc", "x": encoded(&[9; 32]) });
    Json(json!({ "keys": [strange, other, keeping.key.public(&keeping.kid)] }))
}

/// Gives the token for a code once, to the client alone, and only with the verifier (RFC 7636 4.6).
async fn redeem(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> (Status, Json<Value>) {
    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
    if headers["authorization"] != expected {
        return (Status::UNAUTHORIZED, Json(json!({ "error": "invalid_client" })));
    }
    let issued = provider.keeping.lock().unwrap().codes.remove(&form["code"]);
    let challenge = encoded(&Sha256::of(form["code_verifier"].as_bytes()).0);
    match issued {
        Some((token, wanted))
            if wanted == challenge
                && form["redirect_uri"] == REDIRECT
                && form["grant_type"] == "authorization_code" =>
        {
            (Status::OK, Json(json!({ "id_token": token, "access_token": "x", "token_type": "Bearer" })))
        }
        _ => (Status::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))),
    }
}

/// A browser that has begun: what was asked of the provider, and its cookie.
struct Browser {
    asked: HashMap<String, String>,
    cookie: String,
}

async fn begin(service: &Service, query: &str) -> Browser {
    let path = format!("/api/v1/session/oidc{query}");
    let answer = service.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let location = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let set = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(set.contains("; HttpOnly; SameSite=Lax; Path=/api/v1/session/oidc;"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    Browser { asked: location.query_pairs().into_owned().collect(), cookie }
}

async fn come_back(service: &Service, cookie: &str, parameters: &[(&str, &str)]) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let path = format!("/api/v1/session/oidc/callback?{}", query.finish());
    service.request(Method::GET, &path).header("cookie", cookie).send().await.unwrap()
}

fn went_to(answer: &Response) -> &str {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    answer.headers()["location"].to_str().unwrap()
}

/// The session cookie; none where there is no session.
fn session(answer: &Response) -> Option<String> {
    let set = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let set = set.into_iter().find(|cookie| cookie.starts_with("ringback_session="))?;
    assert!(set.contains("; HttpOnly; SameSite=Strict; Path=/; Max-Age="), "{set}");
    Some(set.split(';').next().unwrap().to_owned())
}

async fn with_provider(key: Key) -> (Service, Provider) {
    let (service, provider) = (Service::start().await, Provider::start(key).await);
    let terms = Arc::new(provider.terms());
    service.change_sign_in(|sign_in| sign_in.oidc = Some(terms));
    (service, provider)
}

/// Goes through it all with claims that `change` has changed; where the browser ends, and its session.
async fn sign_in(
    service: &Service,
    provider: &Provider,
    change: impl FnOnce(&mut Value),
) -> (String, Option<String>) {
    let browser = begin(service, "").await;
    let mut claims = provider.claims(&browser.asked);
    change(&mut claims);
    let code = provider.code(&browser.asked, provider.signed(&claims));
    let answer =
        come_back(service, &browser.cookie, &[("code", &code), ("state", &browser.asked["state"])]).await;
    (went_to(&answer).to_owned(), session(&answer))
}

#[tokio::test]
async fn each_kind_of_key_signs_in_and_out() {
    for key in [Key::ed25519(), Key::p256(), Key::rsa()] {
        let (service, provider) = with_provider(key).await;
        let browser = begin(&service, "?to=/desk").await;
        let asked = &browser.asked;
        for (name, value) in [
            ("tenant", "city"),
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("scope", "openid profile"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value, "{name}");
        }
        let code = provider.code(asked, provider.signed(&provider.claims(asked)));
        let answer =
            come_back(&service, &browser.cookie, &[("code", &code), ("state", &asked["state"])]).await;
        assert_eq!(went_to(&answer), "/desk");
        let cookie = session(&answer).unwrap();
        let with = |method: Method| {
            let request = service.request(method, "/api/v1/session").header("cookie", &cookie);
            request.header("x-ringback", "1")
        };
        let shown: Value = with(Method::GET).send().await.unwrap().json().await.unwrap();
        assert_eq!(shown["user"]["name"], "operator");
        // Out of ours, and told where it ends at the provider.
        let left: Value = with(Method::DELETE).send().await.unwrap().json().await.unwrap();
        assert_eq!(left["to"], "/api/v1/session/oidc/end");
        assert_eq!(with(Method::GET).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
        let end = service.request(Method::GET, "/api/v1/session/oidc/end").send().await.unwrap();
        let expected = format!(
            "{}/leave?client_id={CLIENT}&post_logout_redirect_uri=https%3A%2F%2Fcity.example%2Fsignin.html",
            provider.issuer()
        );
        assert_eq!(went_to(&end), expected);
    }
}

#[tokio::test]
async fn a_page_that_is_not_ours_is_not_gone_to() {
    let (service, provider) = with_provider(Key::ed25519()).await;
    for to in ["//evil.example", "https://evil.example", "/desk%0d%0aX:y", "/api/v1/calls"] {
        let browser = begin(&service, &format!("?to={to}")).await;
        let code = provider.code(&browser.asked, provider.signed(&provider.claims(&browser.asked)));
        let state = &browser.asked["state"];
        let answer = come_back(&service, &browser.cookie, &[("code", &code), ("state", state)]).await;
        assert_eq!(went_to(&answer), "/", "{to}");
    }
}

#[tokio::test]
async fn wrong_claims_sign_nobody_in() {
    let (service, provider) = with_provider(Key::ed25519()).await;
    let now = time::now().utc.micros() / 1_000_000;
    let wrong: [(&str, Value, &str); 13] = [
        ("nonce", json!("of another sign-in"), "refused"),
        ("nonce", Value::Null, "refused"),
        ("aud", json!("another program"), "refused"),
        ("aud", json!([CLIENT, "another program"]), "refused"),
        ("azp", json!("another program"), "refused"),
        ("iss", json!("https://id.evil.example"), "refused"),
        ("exp", json!(now - 120), "refused"),
        ("exp", Value::Null, "refused"),
        ("nbf", json!(now + 600), "refused"),
        ("preferred_username", json!("nobody"), "unknown"),
        ("preferred_username", json!(["operator"]), "unknown"),
        ("preferred_username", json!(""), "unknown"),
        ("preferred_username", json!("operator' OR '1'='1"), "unknown"),
    ];
    for (claim, value, why) in wrong {
        let (to, session) = sign_in(&service, &provider, |claims| match value.clone() {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
            value => claims[claim] = value,
        })
        .await;
        assert_eq!((to, session), (format!("/signin.html?sso={why}"), None), "{claim} {value}");
    }
    // And for several programs, one of them us and the one it was given to.
    let (to, session) = sign_in(&service, &provider, |claims| {
        (claims["aud"], claims["azp"]) = (json!([CLIENT, "another program"]), json!(CLIENT));
    })
    .await;
    assert_eq!((to.as_str(), session.is_some()), ("/", true));
}

#[tokio::test]
async fn wrong_signatures_sign_nobody_in() {
    let (service, provider) = with_provider(Key::p256()).await;
    let public = provider.keeping.lock().unwrap().key.public("first");
    let of_public = public["x"].as_str().unwrap().as_bytes().to_vec();
    let shared = |secret: Vec<u8>| {
        move |text: &[u8]| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
            ring::hmac::sign(&key, text).as_ref().to_vec()
        }
    };
    let stranger = Key::p256();
    let forgeries: Vec<(&str, Forge<'_>)> = vec![
        ("none", Box::new(|claims| token(&json!({ "alg": "none" }), claims, |_| Vec::new()))),
        ("None", Box::new(|claims| token(&json!({ "alg": "None", "kid": "first" }), claims, |_| Vec::new()))),
        ("the client's secret", {
            let sign = shared(SECRET.as_bytes().to_vec());
            Box::new(move |claims| token(&json!({ "alg": "HS256", "kid": "first" }), claims, &sign))
        }),
        ("the public key as a secret", {
            let sign = shared(of_public);
            Box::new(move |claims| token(&json!({ "alg": "HS256", "kid": "first" }), claims, &sign))
        }),
        (
            "a stranger's key",
            Box::new(|claims| {
                token(&json!({ "alg": "ES256", "kid": "first" }), claims, |text| stranger.sign(text))
            }),
        ),
        ("a stranger's key in the header", {
            let jwk = stranger.public("own");
            let signer = &stranger;
            Box::new(move |claims| {
                let header = json!({ "alg": "ES256", "kid": "own", "jwk": jwk.clone() });
                token(&header, claims, |text| signer.sign(text))
            })
        }),
        (
            "another algorithm",
            Box::new(|claims| {
                token(&json!({ "alg": "ES384", "kid": "first" }), claims, |text| stranger.sign(text))
            }),
        ),
        ("a key that is not for signing", {
            Box::new(|claims| token(&json!({ "alg": "EdDSA", "kid": "enc" }), claims, |_| vec![0; 64]))
        }),
        ("no token", Box::new(|_| "abc".to_owned())),
        ("a giant", Box::new(|_| "a".repeat(40_000))),
    ];
    for (what, forge) in &forgeries {
        let browser = begin(&service, "").await;
        let code = provider.code(&browser.asked, forge(&provider.claims(&browser.asked)));
        let state = &browser.asked["state"];
        let answer = come_back(&service, &browser.cookie, &[("code", &code), ("state", state)]).await;
        assert_eq!((went_to(&answer), session(&answer)), ("/signin.html?sso=refused", None), "{what}");
    }
    assert!(
        provider.keeping.lock().unwrap().fetches <= 4,
        "strange keys have ours fetched a few times at most"
    );
}

#[tokio::test]
async fn changed_words_sign_nobody_in() {
    let (service, provider) = with_provider(Key::p256()).await;
    let browser = begin(&service, "").await;
    let good = provider.signed(&provider.claims(&browser.asked));
    let mut other = provider.claims(&browser.asked);
    other["preferred_username"] = json!("admin");
    let parts: Vec<&str> = good.split('.').collect();
    let changed = format!("{}.{}.{}", parts[0], encoded(other.to_string().as_bytes()), parts[2]);
    let code = provider.code(&browser.asked, changed);
    let state = &browser.asked["state"];
    let answer = come_back(&service, &browser.cookie, &[("code", &code), ("state", state)]).await;
    assert_eq!((went_to(&answer), session(&answer)), ("/signin.html?sso=refused", None));
}

#[tokio::test]
async fn codes_and_states_of_others_sign_nobody_in() {
    let (service, provider) = with_provider(Key::ed25519()).await;
    let good =
        |browser: &Browser| provider.code(&browser.asked, provider.signed(&provider.claims(&browser.asked)));
    let (expired, refused) = ("/signin.html?sso=expired", "/signin.html?sso=refused");
    let (mine, theirs) = (begin(&service, "").await, begin(&service, "").await);
    let (my_state, their_state) = (&mine.asked["state"], &theirs.asked["state"]);
    // An attacker's answer in the victim's browser, with either state; and no cookie at all.
    let code = good(&theirs);
    for (cookie, state) in [(&mine.cookie, their_state), (&String::new(), my_state)] {
        let answer = come_back(&service, cookie, &[("code", &code), ("state", state)]).await;
        assert_eq!((went_to(&answer), session(&answer)), (expired, None));
    }
    // The code of one sign-in in another: the verifier is not its.
    let (mine, theirs) = (begin(&service, "").await, begin(&service, "").await);
    let code = good(&theirs);
    let parameters = [("code", code.as_str()), ("state", &mine.asked["state"])];
    let answer = come_back(&service, &mine.cookie, &parameters).await;
    assert_eq!((went_to(&answer), session(&answer)), (refused, None));
    // The same answer twice, and its code with another state.
    let mine = begin(&service, "").await;
    let code = good(&mine);
    let parameters = [("code", code.as_str()), ("state", &mine.asked["state"])];
    let answer = come_back(&service, &mine.cookie, &parameters).await;
    assert!(session(&answer).is_some());
    let again = come_back(&service, &mine.cookie, &parameters).await;
    assert_eq!((went_to(&again), session(&again)), (expired, None));
    let next = begin(&service, "").await;
    let answer = come_back(&service, &next.cookie, &[("code", &code), ("state", &next.asked["state"])]).await;
    assert_eq!((went_to(&answer), session(&answer)), (refused, None));
    // Nothing at all, an error, and one that calls itself another (mix-up, RFC 9207).
    for (parameters, to) in [
        (vec![], expired),
        (vec![("state", "{state}"), ("error", "access_denied")], "/signin.html?sso=cancelled"),
        (vec![("state", "{state}"), ("code", "x"), ("iss", "https://id.evil.example")], refused),
        (vec![("state", "{state}"), ("code", "x\r\nX: y")], refused),
    ] {
        let browser = begin(&service, "").await;
        let state = browser.asked["state"].as_str();
        let parameters: Vec<_> = parameters
            .into_iter()
            .map(|(name, value)| (name, if value == "{state}" { state } else { value }))
            .collect();
        let answer = come_back(&service, &browser.cookie, &parameters).await;
        assert_eq!((went_to(&answer), session(&answer)), (to, None), "{parameters:?}");
    }
    let long = "x".repeat(5000);
    let answer = come_back(&service, "", &[("state", &long)]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_provider_that_names_itself_does_so_each_time() {
    let (service, provider) = (Service::start().await, Provider::start(Key::ed25519()).await);
    provider.keeping.lock().unwrap().names_itself = true;
    let terms = Arc::new(provider.terms());
    service.change_sign_in(|sign_in| sign_in.oidc = Some(terms));
    assert_eq!(sign_in(&service, &provider, |_| {}).await.0, "/signin.html?sso=refused");
    let browser = begin(&service, "").await;
    let code = provider.code(&browser.asked, provider.signed(&provider.claims(&browser.asked)));
    let issuer = provider.issuer();
    let parameters = [("code", code.as_str()), ("state", &browser.asked["state"]), ("iss", &issuer)];
    assert!(session(&come_back(&service, &browser.cookie, &parameters).await).is_some());
}

#[tokio::test]
async fn keys_that_the_provider_changes_are_learnt() {
    let (service, provider) = with_provider(Key::ed25519()).await;
    assert!(sign_in(&service, &provider, |_| {}).await.1.is_some());
    {
        let mut keeping = provider.keeping.lock().unwrap();
        (keeping.key, keeping.kid) = (Key::p256(), "second".to_owned());
    }
    assert!(sign_in(&service, &provider, |_| {}).await.1.is_some());
    assert!(sign_in(&service, &provider, |_| {}).await.1.is_some());
    assert_eq!(provider.keeping.lock().unwrap().fetches, 2);
}

#[tokio::test]
async fn roles_and_factors_are_as_configured() {
    let (service, provider) = with_provider(Key::ed25519()).await;
    let configure = |change: &dyn Fn(&mut OidcTerms)| {
        let mut terms = provider.terms();
        change(&mut terms);
        service.change_sign_in(|sign_in| sign_in.oidc = Some(Arc::new(terms)));
    };
    configure(&|terms| {
        terms.role_claim = Some("groups".to_owned());
        terms.roles = [("desk", Role::Operator), ("heads", Role::Supervisor), ("root", Role::Admin)]
            .map(|(text, role)| (text.to_owned(), role))
            .into();
    });
    for (groups, comes_in) in [
        (json!(["staff", "desk"]), true),
        (json!("desk"), true),
        (json!(["heads", "root"]), false),
        (json!([]), false),
        (Value::Null, false),
    ] {
        let (to, session) = sign_in(&service, &provider, |claims| claims["groups"] = groups.clone()).await;
        assert_eq!(session.is_some(), comes_in, "{groups}: {to}");
        assert_eq!(to == "/signin.html?sso=role", !comes_in, "{groups}");
    }
    configure(&|_| {});
    service.change_sign_in(|sign_in| sign_in.second_factor = vec![Role::Operator]);
    for (claim, value, comes_in) in [
        ("amr", json!(["pwd", "otp"]), true),
        ("acr", json!("gold"), true),
        ("amr", json!(["pwd"]), false),
        ("acr", json!("bronze"), false),
    ] {
        let (to, session) = sign_in(&service, &provider, |claims| claims[claim] = value.clone()).await;
        assert_eq!(session.is_some(), comes_in, "{claim} {value}: {to}");
        let Some(cookie) = session else {
            assert_eq!(to, "/signin.html?sso=factor");
            continue;
        };
        let city = service.request(Method::GET, "/api/v1/city").header("cookie", cookie);
        assert_eq!(city.send().await.unwrap().status(), StatusCode::OK, "no other factor is asked for");
    }
    service.change_sign_in(|sign_in| sign_in.second_factor.clear());
    let blocked = UserChange { disabled: Some(true), ..UserChange::default() };
    let entry = Draft::new(EventType::UserChanged, time::now().utc, Actor::system("test"));
    service.store.change_user(user_id(Role::Operator), blocked, entry).await.unwrap();
    assert_eq!(sign_in(&service, &provider, |_| {}).await.0, "/signin.html?sso=unknown");
}

#[tokio::test]
async fn passwords_go_on_where_the_provider_is_away() {
    let service = Service::start().await;
    let ways = async || -> Value {
        service.request(Method::GET, "/api/v1/session/ways").send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(ways().await, json!({ "passwords": "everybody", "oidc": null }));
    let off = service.request(Method::GET, "/api/v1/session/oidc").send().await.unwrap();
    assert_eq!(went_to(&off), "/signin.html?sso=off");
    let provider = Provider::start(Key::ed25519()).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut terms = provider.terms();
    terms.issuer = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    service.change_sign_in(|sign_in| sign_in.oidc = Some(Arc::new(terms.clone())));
    assert_eq!(ways().await, json!({ "passwords": "everybody", "oidc": "City ID" }));
    let away = service.request(Method::GET, "/api/v1/session/oidc").send().await.unwrap();
    assert_eq!(went_to(&away), "/signin.html?sso=away");
    let by_password = async |role: Role| {
        let body = json!({ "user": role.name(), "password": PASSWORD });
        service.request(Method::POST, "/api/v1/session").json(&body).send().await.unwrap()
    };
    assert_eq!(by_password(Role::Operator).await.status(), StatusCode::OK);
    terms.passwords = Passwords::Administrators;
    service.change_sign_in(|sign_in| sign_in.oidc = Some(Arc::new(terms)));
    let refused = by_password(Role::Operator).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.json::<Value>().await.unwrap()["type"], "urn:ringback:problem:passwords_off");
    assert_eq!(by_password(Role::Admin).await.status(), StatusCode::OK);
}
