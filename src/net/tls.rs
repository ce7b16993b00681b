//! TLS for SIP (RFC 3261 26.2, RFC 5922): our certificate, whom we trust, and the handshakes of both directions.
//! New credentials come into force with the next handshake; connections that stand do not notice. Which connections
//! there are is `connections`.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Where systems keep the certificates they trust; the first file that is there counts.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// A PEM file larger than this holds no certificates of ours, bytes: the roots of the whole web are 230 kB.
const MAX_PEM_BYTES: u64 = 4 << 20;

/// Which file cannot be used, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("{}: {why}", file.display())]
    Certificate { file: PathBuf, why: String },
    #[error("{}: {why}", file.display())]
    PrivateKey { file: PathBuf, why: String },
    #[error("{}: {why}", file.display())]
    Trusted { file: PathBuf, why: String },
}

/// The administrator's files, read and checked.
#[derive(Clone, Debug)]
pub struct Credentials {
    identity: Option<Arc<CertifiedKey>>,
    trusted: Trusted,
}

#[derive(Clone, Debug)]
enum Trusted {
    System,
    These(Arc<RootCertStore>),
}

impl Credentials {
    /// Reads PEM files: `identity` is our certificate chain (leaf first) and its private key, `trusted` the
    /// certificates that may vouch for peers we connect to; without it those of the system.
    pub fn read(identity: Option<(&Path, &Path)>, trusted: Option<&Path>) -> Result<Self, CredentialsError> {
        let identity = identity.map(|(certificate, key)| read_identity(certificate, key)).transpose()?;
        let trusted = match trusted {
            Some(file) => Trusted::These(Arc::new(read_trusted(file)?)),
            None => Trusted::System,
        };
        Ok(Self { identity: identity.map(Arc::new), trusted })
    }
}

fn read_identity(certificate: &Path, private_key: &Path) -> Result<CertifiedKey, CredentialsError> {
    let of_certificate = |why: String| CredentialsError::Certificate { file: certificate.to_owned(), why };
    let of_key = |why: String| CredentialsError::PrivateKey { file: private_key.to_owned(), why };
    let chain = read_certificates(certificate).map_err(of_certificate)?;
    let pem = read_pem(private_key).map_err(of_key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| of_key("holds no private key in PEM form".to_owned()))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => of_key("is not the key of the certificate".to_owned()),
        rustls::Error::InvalidCertificate(_) => of_certificate(error.to_string()),
        error => of_key(error.to_string()),
    })
}

fn read_trusted(file: &Path) -> Result<RootCertStore, CredentialsError> {
    let failed = |why: String| CredentialsError::Trusted { file: file.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file).map_err(failed)? {
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    Ok(roots)
}

/// At least one certificate, or why there is none.
fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read_pem(file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("holds no certificate in PEM form".to_owned()),
        Err(_) => Err("is broken: a PEM section does not end or holds no base64".to_owned()),
    }
}

fn read_pem(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("cannot be read: {error}");
    let length = std::fs::metadata(file).map_err(cannot)?.len();
    if length > MAX_PEM_BYTES {
        return Err(format!("is {length} bytes long; at most {MAX_PEM_BYTES} are read"));
    }
    std::fs::read(file).map_err(cannot)
}

/// What the machine trusts; certificates that cannot be read are left out, as every program does.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = SYSTEM_ROOTS.iter().find_map(|file| read_certificates(Path::new(file)).ok());
    roots.add_parsable_certificates(found.unwrap_or_default());
    roots
}

/// Both directions, made of one set of credentials.
struct Parties {
    /// None without a certificate: then nobody can connect to us.
    acceptor: Option<TlsAcceptor>,
    connector: TlsConnector,
}

impl Parties {
    fn of(credentials: &Credentials) -> Result<Self, rustls::Error> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let roots = match &credentials.trusted {
            Trusted::System => Arc::new(system_roots()),
            Trusted::These(roots) => roots.clone(),
        };
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let Some(identity) = &credentials.identity else {
            let client = client.with_no_client_auth();
            return Ok(Self { acceptor: None, connector: TlsConnector::from(Arc::new(client)) });
        };
        let ours = Arc::new(rustls::sign::SingleCertAndKey::from(identity.clone()));
        // Providers that know us by our certificate ask for it; others do not see it.
        let client = client.with_client_cert_resolver(ours.clone());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(ours);
        Ok(Self {
            acceptor: Some(TlsAcceptor::from(Arc::new(server))),
            connector: TlsConnector::from(Arc::new(client)),
        })
    }
}

/// The handshakes; clones see new credentials, too.
#[derive(Clone)]
pub(super) struct Tls(watch::Receiver<Arc<Parties>>);

/// The other end of [`Tls`], for new credentials.
#[derive(Clone)]
pub(super) struct TlsRenewal(watch::Sender<Arc<Parties>>);

impl Tls {
    pub fn new(credentials: &Credentials) -> io::Result<(Self, TlsRenewal)> {
        let (sender, receiver) =
            watch::channel(Arc::new(Parties::of(credentials).map_err(io::Error::other)?));
        Ok((Self(receiver), TlsRenewal(sender)))
    }

    fn parties(&self) -> Arc<Parties> {
        self.0.borrow().clone()
    }

    /// The server's side of a handshake.
    pub async fn accept(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> io::Result<server::TlsStream<TcpStream>> {
        let parties = self.parties();
        let acceptor = parties.acceptor.as_ref().ok_or_else(|| io::Error::other("we have no certificate"))?;
        timeout(limit, acceptor.accept(stream)).await.map_err(io::Error::from)?
    }

    /// The client's side: the peer must prove to be `name`, or failing that to own the address we reached it at
    /// (RFC 5922 7.2).
    pub async fn connect(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
        name: Option<String>,
        limit: Duration,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let name = match name {
            Some(name) => ServerName::try_from(name).map_err(io::Error::other)?,
            None => ServerName::from(remote.ip().to_canonical()),
        };
        let handshake = self.parties().connector.connect(name, stream);
        timeout(limit, handshake).await.map_err(io::Error::from)?
    }
}

impl TlsRenewal {
    pub fn renew(&self, credentials: &Credentials) -> io::Result<()> {
        self.0.send_replace(Arc::new(Parties::of(credentials).map_err(io::Error::other)?));
        Ok(())
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl std::fmt::Debug for TlsRenewal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsRenewal")
    }
}
