//! The published checkpoint and tiles, and the proof of one entry: who gets them, and what is answered where there is
//! nothing to give.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::Service;
use crate::digest::Sha256;
use crate::files::TileFolder;
use crate::journal::tree::{Edge, includes, leaf_hash};
use crate::journal::{Draft, EventType, Note, SignerKey};
use crate::people::Actor;
use crate::people::Role::{Admin, Auditor};
use crate::time;

/// Journals something and signs all there is; the note.
async fn sign(service: &Service) -> Note {
    let now = time::now().utc;
    let drafts = (0..5).map(|_| Draft::new(EventType::LogVerified, now, Actor::system("test"))).collect();
    service.store.journal(drafts).await.unwrap();
    let size = service.store.counts().await.unwrap().journal_seq;
    let tiles = TileFolder::new(service.folder.path().join("log"));
    let mut edge = Edge::default();
    for hash in service.store.entry_hashes(0, size).await.unwrap() {
        edge.push(leaf_hash(&hash), &mut |tile, hashes| tiles.write(tile, hashes).unwrap());
    }
    edge.partial().for_each(|(tile, hashes)| tiles.write(tile, hashes).unwrap());
    let note = SignerKey::new("city.example/1580", [7; 32]).unwrap().sign(size, edge.root());
    service.store.keep_checkpoint(note.clone(), Actor::system("test"), now).await.unwrap();
    note
}

#[tokio::test]
async fn checkpoint_and_tiles_are_for_everybody() {
    let service = Service::start().await;
    let public = |path: String| service.request(Method::GET, &path).send();
    assert_eq!(public("/log/checkpoint".to_owned()).await.unwrap().status(), StatusCode::NOT_FOUND);
    let note = sign(&service).await;
    let answer = public("/log/checkpoint".to_owned()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.text().await.unwrap(), note.text());
    let size = note.checkpoint.size;
    let tile = public(format!("/log/tile/0/000.p/{size}")).await.unwrap();
    assert_eq!(
        (tile.status(), &tile.headers()["content-type"]),
        (StatusCode::OK, &"application/octet-stream".parse().unwrap())
    );
    assert_eq!(tile.bytes().await.unwrap().len() as u64, 32 * size);
    for path in
        ["/log/tile/0/001", "/log/tile/9/000", "/log/tile/0/x000/000", "/log/tile/0/..%2f..%2fconfig.toml"]
    {
        assert_eq!(public(path.to_owned()).await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn one_address_asks_so_often_and_is_counted() {
    let service = Service::start().await;
    sign(&service).await;
    let asked = async |from: &str| {
        let request = service.request(Method::GET, "/log/checkpoint").header("x-forwarded-for", from);
        request.send().await.unwrap().status()
    };
    let mut refused = 0;
    for _ in 0..3000 {
        if asked("203.0.113.1").await == StatusCode::TOO_MANY_REQUESTS {
            refused += 1;
            break;
        }
    }
    assert_eq!(refused, 1, "a thousand at once, and no more than fifty a second");
    assert_eq!(asked("203.0.113.2").await, StatusCode::OK, "another address pays for itself");
    let missing = service.request(Method::GET, "/log/tile/0/001").header("x-forwarded-for", "203.0.113.3");
    assert_eq!(missing.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let text = service.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for row in ["{answer=\"refused\"} 1", "{answer=\"missing\"} 1", "{answer=\"tile\"} 0"] {
        assert!(text.contains(&format!("ringback_log_requests_total{row}\n")), "{row}: {text}");
    }
}

#[tokio::test]
async fn an_auditor_gets_the_proof_of_an_entry() {
    let service = Service::start().await;
    let note = sign(&service).await;
    let (size, root) = (note.checkpoint.size, note.checkpoint.root);
    for seq in 1..=size {
        let answer = service.get(Auditor, &format!("/api/v1/journal/{seq}/proof")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let shown: Value = answer.json().await.unwrap();
        let digest = |text: &Value| Sha256::from_hex(text.as_str().unwrap()).unwrap();
        let proof: Vec<Sha256> = shown["proof"].as_array().unwrap().iter().map(digest).collect();
        let leaf = leaf_hash(&digest(&shown["entry"]["hash"]));
        assert_eq!((digest(&shown["leaf_hash"]), &shown["checkpoint"]), (leaf, &note.text().into()));
        assert!(includes(&root, size, seq - 1, &leaf, &proof), "{shown}");
    }
    let status =
        async |role, seq: u64| service.get(role, &format!("/api/v1/journal/{seq}/proof")).await.status();
    // The entry that tells of the checkpoint is in the next.
    assert_eq!(status(Auditor, size + 1).await, StatusCode::CONFLICT);
    assert_eq!(status(Auditor, size + 100).await, StatusCode::NOT_FOUND);
    assert_eq!(status(Auditor, 0).await, StatusCode::NOT_FOUND);
    assert_eq!(status(Admin, 1).await, StatusCode::FORBIDDEN);
    std::fs::remove_dir_all(service.folder.path().join("log")).unwrap();
    assert_eq!(status(Auditor, 1).await, StatusCode::SERVICE_UNAVAILABLE);
}
