//! Two hundred calls in a row: memory, descriptors and RTP ports are then where they were after the first twenty.
//! The first twenty fill what is kept on purpose: caches, connections, the allocator's reserve.

use std::time::Duration;

use crate::bad_input::resident_kib;
use crate::citizen::Invite;
use crate::server::{KEYS_TO_QUEUE, Server};
use crate::wait;

const WARM_UP: usize = 20;
const CALLS: usize = 200;
/// Freed memory that the allocator keeps for later moves by about this much.
const SLACK_KIB: u64 = 6 * 1024;

/// What a call must give back.
#[derive(Debug)]
struct Level {
    resident_kib: u64,
    descriptors: usize,
    rtp_ports: u64,
    calls: u64,
}

fn level(server: &Server) -> Level {
    let api = server.anonymous();
    wait::until_true("the last call to be over", Duration::from_secs(10), || {
        api.metric("ringback_calls") == 0
    });
    wait::until_true("its ports to be free", Duration::from_secs(10), || {
        api.metric("ringback_rtp_ports") == 0
    });
    let descriptors =
        std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("the process runs").count();
    Level {
        resident_kib: resident_kib(server.pid()),
        descriptors,
        rtp_ports: api.metric("ringback_rtp_ports"),
        calls: api.metric("ringback_calls"),
    }
}

/// A call into the queue that is abandoned there.
fn one_call(server: &Server, number: usize) {
    let mut citizen = Invite { caller: format!("38044{number:07}"), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    wait::until_true("the city to be heard", Duration::from_secs(5), || citizen.rtp.packets_received() > 5);
    citizen.hang_up();
}

#[test]
fn two_hundred_calls_leave_nothing_behind() {
    let server = Server::start();
    for number in 0..WARM_UP {
        one_call(&server, number);
    }
    let early = level(&server);
    for number in WARM_UP..CALLS {
        one_call(&server, number);
    }
    let late = level(&server);
    println!("after {WARM_UP}: {early:?}\nafter {CALLS}: {late:?}");
    assert_eq!((late.rtp_ports, late.calls), (early.rtp_ports, early.calls));
    // One connection of our own more or less.
    assert!(late.descriptors <= early.descriptors + 1, "{early:?} {late:?}");
    assert!(late.resident_kib <= early.resident_kib + SLACK_KIB, "{early:?} {late:?}");
    assert_eq!(server.sign_in("audyt").calls().len(), CALLS);
}
