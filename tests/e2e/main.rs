//! End-to-end tests: the real program on real sockets, with peers we did not write (SIPp, baresip) and with phones
//! of our own where a test wants to say exactly what happens when. They listen: known tones go in, and are looked
//! for at the far end and in the recording. Nothing here skips itself; `scripts/install-tools.sh test` brings the
//! peers.

// The tests stand outside the program: they own a clock, and they fail by panicking.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

// How they see, speak and listen.
mod api;
mod audio;
mod baresip;
mod browser;
mod browser_phone;
mod citizen;
mod desk_phone;
mod gateways;
mod harness;
mod hep;
mod load;
mod name_server;
mod node_script;
mod phone;
#[path = "../../src/picture/samples.rs"]
mod photo;
mod provider;
mod rtp_peer;
mod server;
mod sip_wire;
mod sipp;
mod wait;

// What they hold.
mod abandoned;
mod abuse;
mod addresses;
mod assignment;
mod audit_page;
mod bad_input;
mod baresip_calls;
mod browser_call;
mod call_audio;
mod callback;
mod case_path;
mod command_line;
mod configuration;
mod consult_outside;
mod crash;
mod desk_consult;
mod desk_page;
mod devices;
mod dialogs;
mod dictation;
mod disclosure;
mod disk;
mod drain;
mod duty;
mod encrypted;
mod field;
mod framing;
mod incident;
mod ladder;
mod loop_page;
mod notices;
mod open311;
mod operator_phone;
mod outside;
mod parts;
mod pick_up;
mod plateau;
mod probes;
mod proof;
mod proxy;
mod queues;
mod reload;
mod reminders;
mod restart;
mod retention;
mod secure_media;
mod signed_journal;
mod supervision;
mod torture;
mod transfer;
mod transports;
mod trunks;
mod verification;
mod verify;
mod web_call;
