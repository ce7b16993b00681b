//! An operator asks a colleague while a citizen waits, both with the phone in the page, in two browsers: who hears whom
//! at every step, all three at once, and who goes on when the operator leaves.

use std::time::Duration;

use serde_json::json;

use crate::api::{Api, event};
use crate::audio::{AMONG_OTHERS, FAINTLY, RATE, ToneSequence};
use crate::citizen::{Citizen, Invite};
use crate::desk_page::{Desk, REGISTERED, is_on_the_phone};
use crate::server::{KEYS_TO_QUEUE, Server, Setup};
use crate::transfer::user_id;
use crate::wait;

/// Two browsers and a server share two cores with whatever else runs.
const SOON: Duration = Duration::from_secs(30);
/// Of what is heard while somebody speaks, others beside them.
const HEARD: f64 = 0.6;
/// The same of somebody who does not: other voices have some of their tones where they change.
const UNHEARD: f64 = 0.35;
const LISTEN: usize = RATE + RATE / 2;

/// What an operator sees.
const CALLER_WAITS: &str = ".call.waits";
const CALLER_TALKS: &str = ".call:not(.waits):not(.ringing)";
const COLLEAGUE_TALKS: &str = ".colleague.talking";
const COLLEAGUE_WAITS: &str = ".colleague:not(.talking)";
const THREE: &str = ".three";
const NEWS: &str = ".notice.warn[role=alert]";
const REFUSED: &str = ".notice.warn[role=alert]:has-text(\"cannot be reached\")";
const DONE: &str = ".notice.good[role=alert]";
const ALONE: &str = ".controls:has-text(\"Keypad\")";

/// A citizen who talks with Olena, and Petro beside her; each says their own tones all the time.
struct Line {
    server: Server,
    auditor: Api,
    olena: Desk,
    petro: Desk,
    citizen: Citizen,
    said: ToneSequence,
    asked: ToneSequence,
    answered: ToneSequence,
}

impl Line {
    fn with(caller: &str, seed: u64) -> Self {
        let server = Server::start_with(&Setup { wrap_up_secs: 600, alone: true, ..Setup::default() });
        let auditor = server.sign_in("audyt");
        let said = ToneSequence::citizen(seed, 400_000);
        let asked = ToneSequence::operator(seed, 20_000);
        let answered = ToneSequence::colleague(seed, 20_000);
        let mut olena = Desk::open(&server, "olena", &asked.samples());
        let mut petro = Desk::open(&server, "petro", &answered.samples());
        for (desk, name) in [(&mut olena, "olena"), (&mut petro, "petro")] {
            desk.take_phone();
            is_on_the_phone(&auditor, name, true);
        }
        server.sign_in("olena").set_ready();
        let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
        citizen.rtp.press(KEYS_TO_QUEUE);
        olena.sees(".take");
        olena.press("F9");
        olena.sees(ALONE);
        citizen.rtp.say(&said.samples());
        let mut line = Self { server, auditor, olena, petro, citizen, said, asked, answered };
        line.citizen_hears(true, false);
        line
    }

    /// Olena calls Petro by his name, until his phone rings: a machine that is late with sound takes no calls for a while.
    fn ask(&mut self) {
        wait::until_true("the colleague to be called", SOON, || {
            self.olena.press("F7");
            self.olena.sees("dialog .choice.first");
            self.olena.types("petro");
            self.olena.sees("dialog .choice.first:has-text(\"202\")");
            self.olena.press("Enter");
            wait::until("the phone to ring, or not", SOON, || {
                let rings = self.petro.shows(".take");
                (rings || self.olena.shows(REFUSED)).then_some(rings)
            })
        });
        self.olena.sees(CALLER_WAITS);
    }

    fn ask_and_answer(&mut self) {
        self.ask();
        self.petro.press("F9");
        self.olena.sees(COLLEAGUE_TALKS);
    }

    fn citizen_hears(&mut self, olena: bool, petro: bool) {
        let voices = [(&self.asked, olena, "Olena"), (&self.answered, petro, "Petro")];
        let rtp = &self.citizen.rtp;
        hears("the citizen", &voices, || rtp.listen_anew(), || rtp.heard().map(|heard| heard.samples));
    }

    fn olena_hears(&mut self, citizen: bool, petro: bool) {
        let voices = [(&self.said, citizen, "the citizen"), (&self.answered, petro, "Petro")];
        desk_hears("Olena", &mut self.olena, &voices);
    }

    fn petro_hears(&mut self, citizen: bool, olena: bool) {
        let voices = [(&self.said, citizen, "the citizen"), (&self.asked, olena, "Olena")];
        desk_hears("Petro", &mut self.petro, &voices);
    }

    fn has_status(&self, name: &str, status: &str) {
        let what = format!("{name} to be {status}");
        wait::until_true(&what, SOON, || self.auditor.status_of(name) == status);
    }

    /// Petro is done with the call: it gets its outcome.
    fn write_up(&self) {
        self.server.sign_in("petro").post("/api/v1/operators/me/wrap-up-done", &json!({}));
    }

    fn nobody_complains(&mut self) {
        for desk in [&mut self.olena, &mut self.petro] {
            assert_eq!(desk.tell("complaints"), json!([]));
        }
    }
}

type Voice<'a> = (&'a ToneSequence, bool, &'static str);

fn desk_hears(who: &str, desk: &mut Desk, voices: &[Voice<'_>]) {
    let desk = std::cell::RefCell::new(desk);
    let listen_anew = || {
        desk.borrow_mut().tell("listenAnew");
    };
    hears(who, voices, listen_anew, || Some(desk.borrow_mut().heard()));
}

/// Waits until `who` hears exactly these voices at the same time.
fn hears(who: &str, voices: &[Voice<'_>], listen_anew: impl Fn(), heard: impl Fn() -> Option<Vec<i16>>) {
    let deadline = std::time::Instant::now() + SOON;
    loop {
        listen_anew();
        let heard =
            wait::until("something to be heard", SOON, || heard().filter(|heard| heard.len() > LISTEN));
        let share = |(voice, speaks, name): &Voice<'_>| {
            (*name, voice.presence_among(&heard, if *speaks { FAINTLY } else { AMONG_OTHERS }))
        };
        let found: Vec<_> = voices.iter().map(share).collect();
        let fits = |speaks: bool, share: f64| if speaks { share > HEARD } else { share < UNHEARD };
        let right = voices.iter().zip(&found).all(|((_, speaks, _), (_, share))| fits(*speaks, *share));
        if right {
            return;
        }
        let wanted: Vec<_> = voices.iter().map(|(_, speaks, _)| *speaks).collect();
        assert!(std::time::Instant::now() < deadline, "{who} hears {found:?}, should be {wanted:?}");
    }
}

/// There is a second in which all of them sound together.
fn sound_together(channel: &[i16], voices: &[&ToneSequence]) -> bool {
    channel
        .chunks_exact(RATE)
        .any(|second| voices.iter().all(|voice| voice.presence_among(second, FAINTLY) > HEARD))
}

#[test]
fn three_talk_and_the_operator_leaves_two() {
    let mut line = Line::with("380440000711", 81);
    line.ask_and_answer();
    line.olena_hears(false, true);
    line.petro_hears(false, true);
    line.citizen_hears(false, false);
    // To and fro: nobody hears what is meant for the other.
    line.olena.press("F6");
    line.olena.sees(COLLEAGUE_WAITS);
    line.olena.sees(CALLER_TALKS);
    line.citizen_hears(true, false);
    line.petro_hears(false, false);

    line.olena.press("F7");
    line.olena.sees(THREE);
    line.citizen_hears(true, true);
    line.olena_hears(true, true);
    line.petro_hears(true, true);
    // Muted, she is silent; the two others go on hearing each other through her.
    line.olena.press("F3");
    line.citizen_hears(false, true);
    line.petro_hears(true, false);
    line.olena.press("F3");
    // Her socket breaks: all three talk on.
    line.olena.tell("cutSocket");
    line.olena.sees(".phone .tag.warn");
    line.citizen_hears(true, true);
    line.olena.sees(REGISTERED);
    line.petro_hears(true, true);

    line.olena.press("F10");
    line.olena.sees(DONE);
    line.has_status("olena", "wrap_up");
    line.has_status("petro", "talking");
    line.citizen_hears(false, true);
    line.petro_hears(true, false);
    line.petro.sees(".call .caller:has-text(\"380\")");
    line.petro.press("F8");
    line.citizen.is_hung_up_on(SOON);

    line.write_up();
    let call = line.auditor.finished_call("380440000711");
    assert_eq!(call["operator"], user_id(&line.auditor, "petro"), "{call}");
    let recording = line.auditor.recording(&call);
    assert!(sound_together(&recording.right, &[&line.asked, &line.answered]), "both operators, recorded");
    assert!(sound_together(&recording.left, &[&line.said]), "the citizen, recorded");
    let timeline = line.auditor.timeline(&call);
    let transferred = event(&timeline, "contact.transferred").expect("it is told");
    assert_eq!(transferred["data"]["kind"], "attended", "{transferred}");
    let asked = line.auditor.finished_call("201");
    assert_eq!(asked["termination"], "transferred", "{asked}");
    line.nobody_complains();
}

#[test]
fn whatever_becomes_of_the_colleague_the_citizen_has_somebody() {
    let mut line = Line::with("380440000712", 82);
    // Declined.
    line.ask();
    line.petro.press("F8");
    line.olena.sees(NEWS);
    line.olena.sees(ALONE);
    line.citizen_hears(true, false);
    // Given up while it rings.
    line.ask();
    line.olena.press("F8");
    line.olena.sees(ALONE);
    line.petro.sees(".column:not(:has(.take))");
    // Hung up by the colleague.
    line.ask_and_answer();
    line.petro.press("F8");
    line.olena.sees(NEWS);
    line.olena.sees(ALONE);
    line.citizen_hears(true, false);
    // Let go while the line is lost: done when it is back, and nobody is left on hold.
    line.ask_and_answer();
    line.olena.tell("cutSocket");
    line.olena.press("F8");
    line.olena.sees(REGISTERED);
    line.olena.sees(ALONE);
    line.citizen_hears(true, false);
    line.olena_hears(true, false);
    line.has_status("petro", "not_ready");
    // Handed over without a word of three.
    line.ask_and_answer();
    line.olena.press("F10");
    line.olena.sees(DONE);
    line.has_status("olena", "wrap_up");
    line.citizen_hears(false, true);
    line.petro_hears(true, false);
    line.citizen.hang_up();
    line.has_status("petro", "wrap_up");
    line.write_up();
    let call = line.auditor.finished_call("380440000712");
    assert_eq!(call["operator"], user_id(&line.auditor, "petro"), "{call}");
    line.nobody_complains();
}
