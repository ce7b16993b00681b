//! Whom a leg believes and where it sends, and what becomes of packets that are not used.
//! The rules themselves are `source.rs`.

use super::*;

#[test]
fn sound_goes_to_where_it_comes_from_and_strangers_are_refused() {
    let mut a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[&a]);
    bench.tick();
    assert_eq!(bench.tape.rtp.last().unwrap().1, a.address, "before anything came: as signalled");
    let signalled = a.session();
    a.address = address(40_000);
    for _ in 0..source::LEARNING_PACKETS {
        assert_eq!(bench.tape.rtp.last().unwrap().1, signalled.remote_rtp);
        bench.say(&mut a);
        bench.tick();
    }
    assert_eq!(bench.tape.rtp.last().unwrap().1, address(40_000));
    let stranger = Phone { address: address(50_000), ..Phone::new(A, Codec::Pcma, 440.0) };
    for number in 0..10 {
        bench.rtp(&stranger, &stranger.packet(number));
    }
    bench.tick();
    assert_eq!(bench.tape.rtp.last().unwrap().1, address(40_000));
    bench.order(Command::Connect { leg: A, session: signalled });
    for number in 20..20 + u32::from(source::LEARNING_PACKETS) {
        bench.rtp(&stranger, &stranger.packet(number));
    }
    bench.tick();
    assert_eq!(bench.tape.rtp.last().unwrap().1, address(50_000), "learnt anew after a connect");
    assert_eq!(bench.tape.count(&Event::AudioStarted { leg: A }), 2);
    bench.order(Command::Close { leg: A });
    let Some(Event::Closed { stats, .. }) = bench.tape.events.last() else { panic!("not closed") };
    let drops = [DropReason::ThirdAddress, DropReason::Unproven].map(|reason| stats.drops.of(reason));
    assert_eq!((stats.packets_received, drops, stats.drops.total()), (2, [10, 6], 16));
}

#[test]
fn a_silent_phone_behind_nat_is_sent_to_where_it_was_until_it_moves() {
    let mut a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[&a]);
    let signalled = a.session();
    a.address = address(40_000);
    (0..source::LEARNING_PACKETS).for_each(|_| bench.say(&mut a));
    // It mutes itself, or its session is refreshed while it listens.
    bench.order(Command::Connect { leg: A, session: signalled.clone() });
    bench.tick();
    assert_eq!(bench.tape.rtp.last().unwrap().1, address(40_000));
    let remote_rtp = address(41_000);
    bench.order(Command::Connect { leg: A, session: AudioSession { remote_rtp, ..signalled } });
    bench.tick();
    assert_eq!(bench.tape.rtp.last().unwrap().1, remote_rtp);
}

#[test]
fn a_hold_by_no_address_is_no_move_and_nothing_is_sent_there() {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5002));
    for known in [true, false] {
        let mut a = Phone::new(A, Codec::Pcma, 440.0);
        let session = a.session();
        let hold = AudioSession {
            remote_rtp: nowhere,
            remote_rtcp: nowhere,
            direction: Direction::RecvOnly,
            ..session.clone()
        };
        let mut bench = Bench::new(&[&a]);
        a.address = address(40_000);
        if known {
            (0..source::LEARNING_PACKETS).for_each(|_| bench.say(&mut a));
        }
        bench.order(Command::Connect { leg: A, session: hold });
        bench.ticks(300);
        let reports: Vec<SocketAddr> = bench.tape.rtcp.iter().map(|(_, to, _)| *to).collect();
        assert_eq!(reports, if known { vec![address(40_001)] } else { vec![] });
        assert!(bench.tape.rtp.is_empty());
        bench.order(Command::Connect { leg: A, session });
        bench.tick();
        assert_eq!(bench.tape.rtp.last().unwrap().1, address(if known { 40_000 } else { 5002 }));
    }
}

#[test]
fn every_dropped_packet_has_its_reason() {
    let a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[]);
    bench.order(Command::Open { leg: A, seed: 1, towards: PHONE_IP, beside: None });
    bench.rtp(&a, &a.packet(0));
    bench.order(Command::Connect { leg: A, session: a.session() });
    for number in 0..10 {
        bench.rtp(&a, &a.packet(number));
        bench.tick();
    }
    let stranger = Phone { address: address(50_000), ..Phone::new(A, Codec::Pcma, 440.0) };
    bench.rtp(&stranger, &stranger.packet(10));
    bench.rtp(&a, &a.packet(11)[..8]);
    bench.rtp(&a, &a.wrap(96, 65_011, 1760, &[1, 0]));
    bench.rtp(&a, &a.wrap(77, 65_011, 1760, &[0; 160]));
    bench.rtp(&a, &a.wrap(8, 65_011, 1760, &[0; 1200]));
    bench.rtp(&a, &a.packet(1));
    bench.rtp(&a, &a.packet(11));
    bench.rtp(&a, &a.packet(11));
    bench.rtp(&a, &a.packet(4000));
    bench.rtp(&a, &a.wrap(8, 65_012, 900_000, &[0; 160]));
    bench.exchange.handle_rtcp(A, a.address, &[0x80, 201, 0, 9], bench.now, &mut bench.tape);
    bench.order(Command::Close { leg: A });
    let Some(Event::Closed { stats, .. }) = bench.tape.events.last() else { panic!("not closed") };
    let counted: Vec<(DropReason, u64)> = stats.drops.iter().filter(|(_, count)| *count > 0).collect();
    let expected = [
        (DropReason::Unconnected, 1),
        (DropReason::Malformed, 3),
        (DropReason::PayloadType, 1),
        (DropReason::ThirdAddress, 1),
        (DropReason::Unproven, 1),
        (DropReason::Late, 1),
        (DropReason::Duplicate, 1),
        (DropReason::Misplaced, 1),
        (DropReason::Undecodable, 1),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn a_type_that_we_send_is_also_heard_where_it_means_nothing_else() {
    let a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[]);
    bench.order(Command::Open { leg: A, seed: 1, towards: PHONE_IP, beside: None });
    bench.order(Command::Connect { leg: A, session: AudioSession { send_payload_type: 98, ..a.session() } });
    bench.rtp(&a, &a.wrap(98, 1, 160, &[0xd5; 160]));
    bench.rtp(&a, &a.wrap(99, 2, 320, &[0xd5; 160]));
    bench.order(Command::Close { leg: A });
    assert_eq!(bench.tape.count(&Event::AudioStarted { leg: A }), 1);
    let Some(Event::Closed { stats, .. }) = bench.tape.events.last() else { panic!("not closed") };
    assert_eq!((stats.drops.of(DropReason::PayloadType), stats.drops.total()), (1, 1));
}

#[test]
fn garbage_from_the_peers_host_does_not_say_where_its_reports_come_from() {
    let a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[&a]);
    let mut hear = |port, compound: &[u8]| {
        bench.exchange.handle_rtcp(A, address(port), compound, bench.now, &mut bench.tape);
    };
    let report = [0x80, 201, 0, 1, 0, 0, 3, 233];
    hear(7000, &report[..7]);
    hear(a.address.port() + 1, &report);
    hear(7000, &report);
    bench.order(Command::Close { leg: A });
    let Some(Event::Closed { stats, .. }) = bench.tape.events.last() else { panic!("not closed") };
    let drops = [DropReason::Malformed, DropReason::ThirdAddress].map(|reason| stats.drops.of(reason));
    assert_eq!((drops, stats.drops.total()), ([1, 1], 2));
}

#[test]
fn no_datagram_breaks_a_leg() {
    let seed = 11;
    let mut rng = StdRng::seed_from_u64(seed);
    let a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[&a]);
    bench.record();
    for _ in 0..3000 {
        let mut packet = a.packet(rng.random_range(0..100));
        packet.truncate(rng.random_range(0..=packet.len()));
        for _ in 0..rng.random_range(0..4) {
            if !packet.is_empty() {
                let at = rng.random_range(0..packet.len().min(16));
                packet[at] = rng.random();
            }
        }
        bench.rtp(&a, &packet);
        bench.exchange.handle_rtcp(A, a.address, &packet, bench.now, &mut bench.tape);
        if rng.random_range(0..4) == 0 {
            bench.tick();
        }
    }
    assert_eq!(bench.tape.left.len(), bench.tape.right.len(), "seed {seed}");
}
