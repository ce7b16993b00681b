//! Several phones of one operator in transfers and consultations: the next one rings when the first cannot be reached,
//! and one takes a call that rings at another (directed pick-up by Replaces, RFC 3891).

use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::desk_phone::DeskPhone;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};
use crate::transfer::{SOON, say, talking};

fn alone() -> Server {
    Server::start_with(&Setup { alone: true, ..Setup::default() })
}

#[test]
fn a_colleagues_next_phone_rings_when_the_first_is_gone() {
    let server = alone();
    // The latest registration is rung first.
    let mut mobile = DeskPhone::register(server.sip, "202");
    let mut desk = DeskPhone::register(server.sip, "202");
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000611");
    // Asked.
    let dialled = olena.dial("202", "");
    let invite = desk.is_called();
    desk.refuse(&invite, 410);
    let asked = mobile.answer();
    let consultation = olena.outcome(dialled).expect("the other phone picks up");
    olena.hang_up(consultation);
    mobile.is_hung_up_on(&asked);
    // Passed on to.
    assert_eq!(olena.refer(&mut talk, "202", "Referred-By: <sip:201@ringback>\r\n").status(), Some(202));
    let invite = desk.is_called();
    desk.refuse(&invite, 410);
    let invite = mobile.is_called();
    assert_eq!(invite.header("Referred-By"), Some("<sip:201@ringback>"));
    let passed_on = mobile.pick_up(&invite);
    assert_eq!(olena.told(&talk).last(), Some(&200));
    olena.is_hung_up_on(&talk);
    say(&citizen.rtp, &passed_on.rtp, ToneSequence::citizen(81, 1000));
    citizen.hang_up();
    mobile.is_hung_up_on(&passed_on);
}

#[test]
fn who_declines_on_one_phone_declines() {
    let server = alone();
    let mut mobile = DeskPhone::register(server.sip, "202");
    let mut desk = DeskPhone::register(server.sip, "202");
    let mut olena = DeskPhone::register(server.sip, "201");
    let dialled = olena.dial("202", "");
    let invite = desk.is_called();
    desk.refuse(&invite, 486);
    assert_eq!(olena.outcome(dialled).err(), Some(486));
    // The next call begins at the first phone again. Had the other one been rung before, it would answer that call now.
    let dialled = olena.dial("202", "");
    let invite = desk.is_called();
    desk.refuse(&invite, 410);
    let talk = mobile.answer();
    let consultation = olena.outcome(dialled).expect("the other phone picks up");
    olena.hang_up(consultation);
    mobile.is_hung_up_on(&talk);
}

#[test]
fn a_call_that_rings_is_picked_up_at_another_phone() {
    let server = alone();
    let mut desk = DeskPhone::register(server.sip, "201");
    let mut pocket = DeskPhone::unregistered(server.sip, "201");
    let mut petro = DeskPhone::register(server.sip, "202");
    server.sign_in("olena").set_ready();
    let mut citizen = Invite { caller: "380440000612".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let invite = desk.is_called();
    let ringing = format!("Replaces: {}\r\n", desk.let_ring(&invite));
    let dialled = petro.dial("201", &ringing);
    assert_eq!(petro.outcome(dialled).err(), Some(403), "it rings for Olena");
    let early_only = ringing.replace("\r\n", ";early-only\r\n");
    let dialled = pocket.dial("201", &early_only);
    desk.is_cancelled(&invite);
    let mut talk = pocket.outcome(dialled).expect("she picks it up");
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(82, 1000));
    say(&talk.rtp, &citizen.rtp, ToneSequence::operator(83, 1000));
    // What no longer rings is not picked up any more.
    let dialled = pocket.dial("201", &early_only);
    assert_eq!(pocket.outcome(dialled).err(), Some(481));

    // A colleague who is rung for a transfer, and one who is asked.
    let mut pocket_of_petro = DeskPhone::unregistered(server.sip, "202");
    let asking = pocket.dial("202", "");
    let invite = petro.is_called();
    let ringing = format!("Replaces: {}\r\n", petro.let_ring(&invite));
    let dialled = pocket_of_petro.dial("202", &ringing);
    petro.is_cancelled(&invite);
    let asked = pocket_of_petro.outcome(dialled).expect("he picks it up");
    let consultation = pocket.outcome(asking).expect("the colleague picks up");
    pocket.hang_up(consultation);
    pocket_of_petro.is_hung_up_on(&asked);
    assert_eq!(pocket.refer(&mut talk, "202", "").status(), Some(202));
    let invite = petro.is_called();
    let ringing = format!("Replaces: {}\r\n", petro.let_ring(&invite));
    let dialled = pocket_of_petro.dial("202", &ringing);
    petro.is_cancelled(&invite);
    let passed_on = pocket_of_petro.outcome(dialled).expect("he picks it up");
    assert_eq!(pocket.told(&talk).last(), Some(&200));
    say(&citizen.rtp, &passed_on.rtp, ToneSequence::citizen(84, 1000));
    pocket_of_petro.hang_up(passed_on);
    citizen.is_hung_up_on(SOON);
}
