//! Ringback: a telephony contact-centre core for a city's short number.
//!
//! The modules stand in layers and import downwards only; `tests/tidy.rs` holds them to it.
//! Layers L0-L3 are pure: no clock, no socket, no lock, no randomness of their own.

// L0 words
pub mod calendar;
pub mod content_key;
pub mod diagnostic;
pub mod digest;
pub mod histogram;
pub mod ids;
pub mod language;
pub mod one_time_code;
pub mod people;
pub mod phone_code;
pub mod phone_number;
pub mod termination;
pub mod time;

// L1 wire: bytes <-> types (`sip::message` belongs here too)
pub mod address;
pub mod dialplan;
pub mod dtmf;
pub mod hep;
pub mod pcap;
pub mod picture;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod srtp;
pub mod stun;
pub mod wav;

// L2 machines
pub mod acd;
pub mod audit;
pub mod callback;
pub mod case;
pub mod incident;
pub mod ivr;
pub mod media;
pub mod recording;

// L3 composition
pub mod bundle;
pub mod call;
pub mod journal;
pub mod notification;
pub mod report;
pub mod simulation;
pub mod switchboard;
pub mod verification;

// L4 shells
pub mod export;
pub mod files;
pub mod media_plane;
pub mod net;
pub mod notify;
pub mod resolver;
pub mod speech;
pub mod store;
pub mod web;

// L5 assembly
pub mod app;
pub mod cli;
pub mod config;
pub mod softphone;
