//! The printed box: the short number, a link into each page that works once, SIP accounts, and a QR code.
//! Makes the links' tokens and puts them into the store, which lets each be used once; what a page does
//! with its link is `web/`'s business.

use std::fmt::Write as _;
use std::time::Duration;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::accounts::{Accounts, COLLEAGUE, NEWCOMER};
use super::place::Place;
use crate::app::Service;
use crate::ids::Mint;
use crate::time::now;

/// The links work this long, once each.
const LINK_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Columns of a usual terminal, less the frame.
const WIDTH: usize = 100 - 4;

/// Makes the links and returns the whole text.
pub(super) async fn print(place: &Place, accounts: &Accounts, service: &Service) -> anyhow::Result<String> {
    let mut mint = Mint::new(rand::random());
    let mut links = Vec::new();
    for person in &accounts.people {
        if person.user.name == COLLEAGUE {
            continue;
        }
        let token = mint.token();
        let expires = now().utc.plus(LINK_LIFETIME);
        service.store.create_session(&token, person.user.id, expires, true).await?;
        links.push((person, format!("http://{}/signin?token={token}&to={}", service.http, person.page)));
    }
    let mut lines = vec![
        format!("Ringback · the city's short number is {}", place.config.number.short),
        String::new(),
        format!(
            "Call it from any softphone on this machine:  sip:{}@{}",
            place.config.number.short, place.sip
        ),
        "or from another terminal, here, and listen to heard.wav afterwards:".to_owned(),
        format!(
            "    {} call sip:{}@{} --digits w9s,1,w9s,1 --record heard.wav",
            program(),
            place.config.number.short,
            place.sip
        ),
        String::new(),
    ];
    if let Some(newcomer) = accounts.find(NEWCOMER) {
        let extension = newcomer.user.sip.as_ref().map_or("", |sip| &sip.extension);
        lines.push(
            "Be the operator: register a softphone, dial *71 to be ready, and somebody is already waiting."
                .to_owned(),
        );
        lines.push(format!(
            "    user {extension}   password {}   server {}   (UDP or TCP)",
            newcomer.password.0, place.sip
        ));
        lines.push(String::new());
    }
    lines.push("Pages; each link signs you in once, the passwords always:".to_owned());
    for (person, link) in &links {
        let user = &person.user;
        lines.push(format!("  {:<9} {}", person.page, link));
        lines.push(format!("            user {}   password {}", user.name, person.password.0));
    }
    lines.push(String::new());
    lines.push(format!("Recordings and database: {}", place.folder.display()));
    lines.push("Ctrl-C ends it.".to_owned());
    let mut text = boxed(&lines);
    if let Some((_, link)) = links.iter().find(|(person, _)| person.page == "/work") {
        writeln!(
            text,
            "The executor's page, for a telephone's camera (this machine's address only):\n{}",
            qr(link)?
        )?;
    }
    Ok(text)
}

/// The program as it was started, so that the printed command works where it is pasted.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "ringback".to_owned())
}

fn boxed(lines: &[String]) -> String {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(WIDTH);
    let mut text = format!("╭{}╮\n", "─".repeat(width + 2));
    for line in lines {
        let padding = " ".repeat(width - line.chars().count());
        // Writing to a String cannot fail.
        writeln!(text, "│ {line}{padding} │").ok();
    }
    text + &format!("╰{}╯", "─".repeat(width + 2)) + "\n"
}

fn qr(link: &str) -> anyhow::Result<String> {
    let code = QrCode::new(link)?;
    Ok(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}
