//! TLS in both directions: who is trusted, certificates that change, handshakes that never end.
//! Certificates are made here, for the test.

use std::path::PathBuf;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, client};

use super::*;

/// A certificate and its key, as files.
struct Papers {
    folder: tempfile::TempDir,
}

impl Papers {
    /// For an address or a name.
    fn of(subject: &str) -> Self {
        let papers = Self { folder: tempfile::tempdir().unwrap() };
        papers.renew(subject);
        papers
    }

    fn renew(&self, subject: &str) {
        let made = rcgen::generate_simple_self_signed([subject.to_owned()]).unwrap();
        std::fs::write(self.certificate(), made.cert.pem()).unwrap();
        std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Ours is this one, and the only one trusted, too.
    fn credentials(&self) -> Credentials {
        let (certificate, key) = (self.certificate(), self.key());
        Credentials::read(Some((&certificate, &key)), Some(&certificate)).unwrap()
    }

    async fn net(&self, limits: Limits) -> (SipNet, mpsc::Receiver<Arrival>) {
        let any = vec!["127.0.0.1:0".parse().unwrap()];
        let credentials = Some(self.credentials());
        start_at(SipListeners { tls: any, credentials, ..SipListeners::default() }, 8, limits).await
    }

    /// A phone that trusts exactly this certificate.
    async fn phone(&self, to: SocketAddr) -> std::io::Result<client::TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.certificate()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(to).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::from(to.ip()), stream).await
    }
}

/// Sends a ping and waits for the pong.
async fn is_alive(phone: &mut client::TlsStream<TcpStream>) -> bool {
    phone.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    timeout(PATIENCE, phone.read_exact(&mut pong)).await.expect("a pong in time").is_ok() && pong == *b"\r\n"
}

#[tokio::test]
async fn a_phone_speaks_over_tls_and_keeps_its_connection_when_the_certificate_changes() {
    let papers = Papers::of("127.0.0.1");
    let (net, mut arrivals) = papers.net(Limits::default()).await;
    let mut phone = papers.phone(net.tls_local().unwrap()).await.unwrap();
    phone.write_all(&options("one")).await.unwrap();
    let (call_id, flow) = message(&mut arrivals).await;
    assert_eq!((call_id.as_str(), flow.transport), ("one", Transport::Tls));
    papers.renew("127.0.0.1");
    let renewed = papers.credentials();
    assert!(papers.phone(net.tls_local().unwrap()).await.is_err(), "not yet in force");
    net.renew(&renewed).unwrap();
    papers.phone(net.tls_local().unwrap()).await.unwrap();
    assert!(is_alive(&mut phone).await);
    net.send(b"answer".to_vec(), flow);
    let mut answer = [0; 6];
    timeout(PATIENCE, phone.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"answer");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up() {
    let limits = Limits { handshake: Duration::from_millis(50), ..Limits::default() };
    let (net, mut arrivals) = Papers::of("127.0.0.1").net(limits).await;
    let mut silent = TcpStream::connect(net.tls_local().unwrap()).await.unwrap();
    assert_eq!(closed(&mut arrivals).await.remote, silent.local_addr().unwrap());
    assert!(hung_up(&mut silent).await);
    let mut plain = TcpStream::connect(net.tls_local().unwrap()).await.unwrap();
    plain.write_all(&options("plain")).await.unwrap();
    closed(&mut arrivals).await;
    let counts = net.counts();
    assert_eq!((counts.handshakes_failed, counts.messages), (2, 0));
}

#[tokio::test]
async fn a_peer_must_prove_the_name_or_the_address_we_reach_it_by() {
    for (subject, name, trusted) in [
        ("127.0.0.1", None, true),
        ("sip.provider.example", None, false),
        ("sip.provider.example", Some("sip.provider.example"), true),
        ("127.0.0.1", Some("sip.provider.example"), false),
    ] {
        let papers = Papers::of(subject);
        let (provider, mut theirs) = papers.net(Limits::default()).await;
        let (net, mut ours) = papers.net(Limits::default()).await;
        let (local, remote) = (net.tls_local().unwrap(), provider.tls_local().unwrap());
        if let Some(name) = name {
            net.expect_name(remote, name).await;
        }
        let flow = Flow { transport: Transport::Tls, local, remote };
        net.send(options("out"), flow);
        if trusted {
            assert_eq!(message(&mut theirs).await.0, "out", "{subject} as {name:?}");
        } else {
            assert_eq!(closed(&mut ours).await, flow, "{subject} as {name:?}");
            assert_eq!(net.counts().handshakes_failed, 1);
        }
    }
}

#[tokio::test]
async fn nobody_unknown_is_trusted() {
    let (papers, others) = (Papers::of("127.0.0.1"), Papers::of("127.0.0.1"));
    let (stranger, _theirs) = others.net(Limits::default()).await;
    let (net, mut ours) = papers.net(Limits::default()).await;
    let flow = Flow {
        transport: Transport::Tls,
        local: net.tls_local().unwrap(),
        remote: stranger.tls_local().unwrap(),
    };
    net.send(options("out"), flow);
    assert_eq!(closed(&mut ours).await, flow);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (papers, others) = (Papers::of("a.example"), Papers::of("b.example"));
    let read = |certificate: PathBuf, key: PathBuf| Credentials::read(Some((&certificate, &key)), None).err();
    assert_eq!(read(papers.certificate(), papers.key()), None);
    let missing = papers.folder.path().join("missing.pem");
    assert!(matches!(
        read(missing.clone(), papers.key()),
        Some(CredentialsError::Certificate { file, why }) if file == missing && why.starts_with("cannot be read")
    ));
    let nothing = papers.folder.path().join("nothing.pem");
    std::fs::write(&nothing, "nothing").unwrap();
    assert!(matches!(read(nothing.clone(), papers.key()), Some(CredentialsError::Certificate { .. })));
    assert!(matches!(read(papers.certificate(), nothing.clone()), Some(CredentialsError::PrivateKey { .. })));
    let foreign = read(papers.certificate(), others.key()).unwrap();
    assert!(matches!(foreign, CredentialsError::PrivateKey { .. }), "{foreign}");
    assert!(foreign.to_string().ends_with("is not the key of the certificate"), "{foreign}");
    assert!(matches!(Credentials::read(None, Some(&nothing)).err(), Some(CredentialsError::Trusted { .. })));
}
