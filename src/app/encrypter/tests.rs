//! Rounds over calls with real sound files: what is over is encrypted once, what cannot be keeps nobody waiting, what was
//! erased is left alone.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use super::*;
use crate::app::fixture;
use crate::content_key::{KeyRing, MasterKey};
use crate::files::{ContentFile, RecordingFolder, RecordingWriter};
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::recording::RecordingState;
use crate::store::Batch;
use crate::wav::RecordingHeader;

/// A call number `n` with a sealed second of sound in `folder`.
async fn call(store: &Store, folder: &Path, n: u32) -> Recording {
    let contact = fixture::contact(n);
    let mut recording = fixture::recording(n);
    let header = RecordingHeader {
        started_at: recording.started_at,
        sample_rate: 8000,
        description: "test".to_owned(),
        reference: contact.id.to_string(),
    };
    let made = &mut RecordingFolder::new(folder);
    let mut writer = RecordingWriter::create(made, recording.id, &recording.path, header).unwrap();
    writer.append(&[n as u8; 32_000]).unwrap();
    let sealed = writer.seal();
    (recording.state, recording.result) = (RecordingState::Sealed, Some(sealed.result));
    (recording.frames, recording.sha256, recording.proof) = (sealed.frames, sealed.sha256, sealed.proof);
    let batch = Batch { contacts: vec![contact], recordings: vec![recording.clone()], ..Batch::default() };
    store.commit(batch).await.unwrap();
    recording
}

struct Scene {
    encrypter: Encrypter,
    folder: tempfile::TempDir,
    _stop: watch::Sender<Stop>,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
        let store = fixture::store().await.with_keys(Some(keys));
        let (stop, stopping) = watch::channel(Stop::Running);
        let meters = Arc::new(Meters::default());
        let encrypter = Encrypter { store, folder: folder.path().to_owned(), meters, stopping };
        Self { encrypter, folder, _stop: stop }
    }

    async fn round(&mut self) -> Round {
        self.encrypter.round(0).await.unwrap()
    }

    fn is_plain(&self, recording: &Recording) -> bool {
        self.folder.path().join(&recording.path).exists()
    }

    async fn open(&self, recording: &Recording) -> std::io::Result<ContentFile> {
        let key = self.encrypter.store.content_key(&Subject::Call(recording.contact)).await.unwrap();
        ContentFile::open(&self.folder.path().join(&recording.path), recording.id.0, key.as_ref())
    }
}

#[tokio::test]
async fn what_is_sealed_is_encrypted_once_each_call_under_its_own_key() {
    let mut scene = Scene::new().await;
    let store = scene.encrypter.store.clone();
    let (one, two) = (call(&store, scene.folder.path(), 1).await, call(&store, scene.folder.path(), 2).await);
    assert_eq!(scene.round().await, Round { encrypted: 2, ..Round::default() });
    assert!(!scene.is_plain(&one) && !scene.is_plain(&two));
    assert_eq!(scene.round().await, Round::default());
    assert_eq!(scene.open(&one).await.unwrap().length().unwrap(), 32_000 + 684);
    let keys = [&one, &two].map(|recording| Subject::Call(recording.contact));
    let [a, b] = [store.content_key(&keys[0]).await.unwrap(), store.content_key(&keys[1]).await.unwrap()];
    assert!(a.is_some() && a != b);
}

#[tokio::test]
async fn what_cannot_be_encrypted_keeps_nobody_else_waiting() {
    let mut scene = Scene::new().await;
    let store = scene.encrypter.store.clone();
    let lost = call(&store, scene.folder.path(), 1).await;
    std::fs::remove_file(scene.folder.path().join(&lost.path)).unwrap();
    let heard = call(&store, scene.folder.path(), 2).await;
    let listener = scene.open(&heard).await.unwrap();
    let good = call(&store, scene.folder.path(), 3).await;
    assert_eq!(scene.round().await, Round { encrypted: 1, in_use: 1, failed: 1 });
    assert!(scene.is_plain(&heard) && !scene.is_plain(&good));
    drop(listener);
    assert_eq!(scene.round().await, Round { encrypted: 1, in_use: 0, failed: 1 });
    assert!(!scene.is_plain(&heard));
}

#[tokio::test]
async fn a_call_whose_key_was_destroyed_gets_no_other() {
    let mut scene = Scene::new().await;
    let store = scene.encrypter.store.clone();
    let erased = call(&store, scene.folder.path(), 1).await;
    let of = Subject::Call(erased.contact);
    let entry = Draft::new(EventType::AccessViewed, erased.started_at, Actor::system("test"));
    store.destroy_content_key(of.clone(), entry).await.unwrap();
    assert_eq!(scene.round().await, Round::default());
    assert!(scene.is_plain(&erased), "the file is for who erases");
    assert!(matches!(store.content_key(&of).await, Err(StoreError::Erased)));
}
