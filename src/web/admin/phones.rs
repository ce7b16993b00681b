//! `/api/v1/admin/users/{id}/phone` and `/provision/{token}`: setting up an operator's telephone. Settings in words for
//! any phone, and a one-time link, as a QR code, by which Linphone sets itself up (its remote provisioning: an XML of
//! linphonerc). A password is made here, shown once and kept as digests only; the link carries the digest, not the
//! password.

use std::fmt::Write as _;
use std::sync::PoisonError;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{Method, Uri, header};
use axum::response::IntoResponse;
use qrcode::{Color, QrCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::ids::UserId;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::sip::digest_auth::{Algorithm, Ha1};
use crate::store::{SipAccount, User, UserChange};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::gate::Principal;
use super::super::view::UtcTime;
use super::super::{Shared, Web};
use super::provisions::LINK_LIFETIME;
use super::users::error_of;
use super::{InForce, SipEntrance};

/// Digits of an extension: short enough to be dialled by heart.
const EXTENSION_DIGITS: std::ops::RangeInclusive<usize> = 2..=8;
/// Characters of a password that is made here: 80 bits, typed on a telephone in the worst case.
const PASSWORD_CHARS: usize = 20;
/// Longest origin a page may have; a host name has 253 characters.
const MAX_ORIGIN_CHARS: usize = 300;
/// Registrations of a phone last this long, seconds.
const REGISTRATION_SECS: u32 = 600;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PhoneWish {
    /// Where the page was opened, as in `https://desk.city.example`: the link leads there.
    origin: String,
    /// The extension to have from now on; a change needs a new password.
    extension: Option<String>,
    /// Make a new password: a phone that has the old one is let in no more.
    #[serde(default)]
    new_password: bool,
}

/// All a phone needs.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct PhoneSetupView {
    /// User name and authorization user.
    extension: String,
    /// Digest realm, which is also the domain of the address.
    realm: String,
    /// Digest algorithms taken, `MD5` or `SHA-256`.
    digest: Vec<&'static str>,
    /// Where to register; the best first.
    servers: Vec<PhoneServerView>,
    /// The new password; it is not shown again.
    password: Option<String>,
    link: LinkView,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(in crate::web) struct PhoneServerView {
    host: String,
    port: u16,
    /// `tls`, `tcp` or `udp`.
    transport: &'static str,
}

/// The link for Linphone.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct LinkView {
    url: String,
    expires_at: UtcTime,
    /// The same as a QR code: a row of `0` and `1` for each row of modules, without the quiet zone.
    qr: Vec<String>,
}

/// Give an operator a telephone, or the settings of the one they have. Each call makes a new link and voids the old.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/phone", tag = "admin", params(("id" = String, Path)),
    request_body = PhoneWish,
    responses((status = 200, body = PhoneSetupView), (status = 403), (status = 404),
        (status = 409, description = "the extension is taken"), (status = 422)))]
pub(in crate::web) async fn set_up(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
    Json(wish): Json<PhoneWish>,
) -> Result<Answer<PhoneSetupView>, ApiError> {
    let host = host_of(&wish.origin)?;
    let user = web.store().user(id).await?.ok_or(ApiError::NotFound("user"))?;
    let in_force = web.in_force();
    let servers = servers(&in_force.entrance, &host);
    if servers.is_empty() {
        return Err(ApiError::conflict("no_sip_address", "no address for phones is configured in [sip]"));
    }
    let (account, password) = web.account(&user, &wish, &principal, &in_force).await?;
    let now = time::now();
    let token = web.with_mint(crate::ids::Mint::token);
    let url = format!("{}/provision/{token}", wish.origin.trim_end_matches('/'));
    let mut draft = Draft::new(EventType::PhoneOffered, now.utc, principal.actor());
    draft.data = json!({ "user": id });
    web.journal(draft).await?;
    web.provisions.lock().unwrap_or_else(PoisonError::into_inner).offer(&token, id, now.mono);
    let qr = QrCode::new(&url).map_err(|error| ApiError::internal("QR code", &error))?;
    Ok(Answer(PhoneSetupView {
        extension: account.extension,
        realm: in_force.entrance.realm.clone(),
        digest: in_force.entrance.digest.iter().map(|algorithm| algorithm.token()).collect(),
        servers,
        password,
        link: LinkView { url, expires_at: now.utc.plus(LINK_LIFETIME).into(), qr: rows(&qr) },
    }))
}

/// The settings of Linphone behind a one-time link, as it reads them.
#[utoipa::path(get, path = "/provision/{token}", tag = "admin", params(("token" = String, Path)),
    responses((status = 200, content_type = "application/xml"),
        (status = 404, description = "spent, expired or invented")))]
pub(in crate::web) async fn provision(
    State(web): State<Shared>,
    method: Method,
    uri: Uri,
    headers: axum::http::HeaderMap,
    Path(token): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    // Whoever only asks about the link must not spend it.
    if method == Method::HEAD {
        return Err(ApiError::MethodNotAllowed);
    }
    let now = time::now();
    let taken = web.provisions.lock().unwrap_or_else(PoisonError::into_inner).take(&token, now.mono);
    let id = taken.ok_or(ApiError::NotFound("link, or it was used already"))?;
    let user = web.store().user(id).await?.filter(|user| !user.disabled);
    let account = user.and_then(|user| user.sip).ok_or(ApiError::NotFound("phone"))?;
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = uri.host().or(named).and_then(|host| host_of(&format!("http://{host}")).ok());
    let in_force = web.in_force();
    let servers = servers(&in_force.entrance, host.as_deref().unwrap_or("localhost"));
    let server = servers.first().ok_or(ApiError::NotFound("address for phones"))?;
    let mut draft = Draft::new(EventType::PhoneProvisioned, now.utc, Actor::system("provisioning"));
    draft.data = json!({ "user": id });
    web.journal(draft).await?;
    let xml = linphone(&account, &in_force.entrance, server);
    Ok(([(header::CONTENT_TYPE, "application/xml; charset=utf-8")], xml))
}

impl Web {
    /// The account the phone is to have, and its password when it is new.
    async fn account(
        &self,
        user: &User,
        wish: &PhoneWish,
        principal: &Principal,
        in_force: &InForce,
    ) -> Result<(SipAccount, Option<String>), ApiError> {
        let old = user.sip.clone();
        let wanted = wish.extension.as_deref().map(str::trim).filter(|extension| !extension.is_empty());
        if let Some(account) = old.clone()
            && wanted.is_none_or(|extension| extension == account.extension)
            && !wish.new_password
        {
            return Ok((account, None));
        }
        let missing = || ApiError::unfit("no_extension", "choose an extension for this phone");
        let extension =
            wanted.or(old.as_ref().map(|account| account.extension.as_str())).ok_or_else(missing)?;
        if old.as_ref().is_none_or(|account| account.extension != extension) {
            self.check_extension(extension, in_force)?;
        }
        let mut password = self.with_mint(crate::ids::Mint::token);
        password.truncate(PASSWORD_CHARS);
        let ha1 = Ha1::new(extension, &in_force.entrance.realm, &password);
        let account = SipAccount { extension: extension.to_owned(), ha1 };
        let change = UserChange { sip: Some(account.clone()), ..UserChange::default() };
        let mut entry = Draft::new(EventType::UserChanged, time::now().utc, principal.actor());
        entry.data = json!({ "user": user.id, "changed": ["phone"] });
        self.store()
            .change_user(user.id, change, entry)
            .await
            .map_err(|error| error_of("extension_taken", error))?;
        Ok((account, Some(password)))
    }

    fn check_extension(&self, extension: &str, in_force: &InForce) -> Result<(), ApiError> {
        let refuse = |why: String| Err(ApiError::Unprocessable(why));
        let digits = extension.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !EXTENSION_DIGITS.contains(&extension.len()) {
            let (least, most) = (EXTENSION_DIGITS.start(), EXTENSION_DIGITS.end());
            return refuse(format!("an extension has {least} to {most} digits"));
        }
        let of_queue =
            in_force.queues.iter().any(|queue| queue.keys.contains(&("extension", json!(extension))));
        if of_queue || extension == self.given.short_number {
            return refuse(format!("{extension} is the number of a queue or of the city"));
        }
        Ok(())
    }
}

/// The host of `http://host:port`; the origin of a page has nothing behind it.
fn host_of(origin: &str) -> Result<String, ApiError> {
    let wrong = || {
        ApiError::Unprocessable("the origin is that of a page, as in https://desk.city.example".to_owned())
    };
    let uri: Uri =
        (origin.len() <= MAX_ORIGIN_CHARS).then(|| origin.parse().ok()).flatten().ok_or_else(wrong)?;
    let is_page = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let bare_authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
    match bare_authority {
        Some(authority) if is_page && is_bare => Ok(authority.host().trim_matches(['[', ']']).to_owned()),
        _ => Err(wrong()),
    }
}

/// Where a phone registers, the safest way first. `host` stands for an address that means all of this machine's.
fn servers(entrance: &SipEntrance, host: &str) -> Vec<PhoneServerView> {
    let ways = [("tls", &entrance.tls), ("tcp", &entrance.tcp), ("udp", &entrance.udp)];
    let servers = ways.into_iter().flat_map(|(transport, addresses)| {
        addresses.iter().map(move |address| PhoneServerView {
            host: match entrance.advertised {
                Some(advertised) => advertised.to_string(),
                None if address.ip().is_unspecified() => host.to_owned(),
                None => address.ip().to_string(),
            },
            port: address.port(),
            transport,
        })
    });
    let mut found: Vec<PhoneServerView> = Vec::new();
    for server in servers {
        if !found.contains(&server) {
            found.push(server);
        }
    }
    found
}

pub(in crate::web) fn rows(qr: &QrCode) -> Vec<String> {
    let modules = qr.to_colors();
    let row =
        |row: &[Color]| row.iter().map(|module| if *module == Color::Dark { '1' } else { '0' }).collect();
    modules.chunks(qr.width()).map(row).collect()
}

/// Linphone's configuration, in the XML that its remote provisioning takes. The digest takes the place of a password.
fn linphone(account: &SipAccount, entrance: &SipEntrance, server: &PhoneServerView) -> String {
    let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
    let md5 = entrance.digest.contains(&Algorithm::Md5);
    let algorithm = if md5 { Algorithm::Md5 } else { Algorithm::Sha256 };
    let ha1: &[u8] = if md5 { &account.ha1.md5 } else { &account.ha1.sha256 };
    let ha1 = ha1.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let extension = &account.extension;
    let sections = [
        ("sip", vec![("default_proxy", "0".to_owned())]),
        (
            "proxy_0",
            vec![
                ("reg_identity", format!("sip:{extension}@{host}")),
                ("reg_proxy", format!("<sip:{host}:{};transport={}>", server.port, server.transport)),
                ("reg_expires", REGISTRATION_SECS.to_string()),
                ("reg_sendregister", "1".to_owned()),
                ("publish", "0".to_owned()),
                ("realm", entrance.realm.clone()),
            ],
        ),
        (
            "auth_info_0",
            vec![
                ("username", extension.clone()),
                ("ha1", ha1),
                ("realm", entrance.realm.clone()),
                ("domain", host.clone()),
                ("algorithm", algorithm.token().to_owned()),
            ],
        ),
    ];
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config xmlns=\"http://www.linphone.org/xsds/lpconfig.xsd\">\n",
    );
    for (name, entries) in sections {
        // Writing to a String cannot fail.
        let _ = writeln!(xml, "  <section name=\"{name}\">");
        for (key, value) in entries {
            let _ = writeln!(xml, "    <entry name=\"{key}\" overwrite=\"true\">{}</entry>", escaped(&value));
        }
        xml.push_str("  </section>\n");
    }
    xml.push_str("</config>\n");
    xml
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn entrance(advertised: Option<&str>) -> SipEntrance {
        SipEntrance {
            realm: "city & co".to_owned(),
            digest: vec![Algorithm::Sha256, Algorithm::Md5],
            advertised: advertised.map(|address| address.parse().unwrap()),
            udp: vec!["0.0.0.0:5060".parse().unwrap(), "[::]:5060".parse().unwrap()],
            tcp: vec!["192.0.2.7:5060".parse().unwrap()],
            tls: Vec::new(),
        }
    }

    #[test]
    fn a_phone_is_told_an_address_it_can_reach() {
        let told = |advertised| {
            let servers = servers(&entrance(advertised), "desk.city.example");
            servers
                .iter()
                .map(|one| format!("{} {}:{}", one.transport, one.host, one.port))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(None), ["tcp 192.0.2.7:5060", "udp desk.city.example:5060"]);
        assert_eq!(told(Some("203.0.113.9")), ["tcp 203.0.113.9:5060", "udp 203.0.113.9:5060"]);
    }

    #[test]
    fn an_origin_is_a_bare_page_address() {
        assert_eq!(host_of("https://desk.city.example:8443").unwrap(), "desk.city.example");
        assert_eq!(host_of("http://[::1]:8080").unwrap(), "::1");
        for wrong in ["", "desk", "ftp://a", "https://a/b", "https://a?b", "https://u:p@a", "javascript:x"] {
            assert!(host_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn linphone_is_given_a_digest_and_no_password() {
        let account = SipAccount { extension: "201".to_owned(), ha1: Ha1::new("201", "city & co", "secret") };
        let server = PhoneServerView { host: "2001:db8::1".to_owned(), port: 5060, transport: "tcp" };
        let xml = linphone(&account, &entrance(None), &server);
        let ha1: String = account.ha1.md5.iter().map(|byte| format!("{byte:02x}")).collect();
        for wanted in [
            "<entry name=\"reg_proxy\" overwrite=\"true\">&lt;sip:[2001:db8::1]:5060;transport=tcp&gt;</entry>",
            "<entry name=\"reg_identity\" overwrite=\"true\">sip:201@[2001:db8::1]</entry>",
            "<entry name=\"realm\" overwrite=\"true\">city &amp; co</entry>",
            &format!("<entry name=\"ha1\" overwrite=\"true\">{ha1}</entry>"),
            "<entry name=\"algorithm\" overwrite=\"true\">MD5</entry>",
        ] {
            assert!(xml.contains(wanted), "{wanted} in {xml}");
        }
        assert!(!xml.contains("secret"));
    }
}
