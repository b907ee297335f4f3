//! What may stand before a registry: TLS, a proxy, somebody who asks for a token. All of it is in the test's own process, on
//! loopback, before the embedded registry.

use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::servers::Registry;

/// Somebody whose signature counts, or does not.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name; one whose time is over where it is `expired`.
    fn signs(&self, name: &str, expired: bool) -> (Leaf, ServerCertificate) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        if expired {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let leaf = Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        };
        let for_server = ServerCertificate {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        };
        (leaf, for_server)
    }

    /// A client's certificate.
    pub(crate) fn client(&self) -> Leaf {
        self.signs("client.test", false).0
    }
}

struct ServerCertificate {
    chain: Vec<tokio_rustls::rustls::pki_types::CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// A door with TLS, on a port of its own.
pub(crate) struct Tls<'a> {
    pub(crate) authority: &'a Authority,
    /// The name that its certificate is for.
    pub(crate) name: &'a str,
    pub(crate) expired: bool,
    /// Only clients that this one vouches for come in.
    pub(crate) clients_of: Option<&'a Authority>,
}

impl<'a> Tls<'a> {
    pub(crate) fn of(authority: &'a Authority) -> Self {
        Self {
            authority,
            name: "localhost",
            expired: false,
            clients_of: None,
        }
    }

    /// Its port.
    pub(crate) fn before(self, registry: &Registry) -> u16 {
        let (_, server) = self.authority.signs(self.name, self.expired);
        let builder = ServerConfig::builder();
        let builder = match self.clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder(roots.into()).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder.with_single_cert(server.chain, server.key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let behind = address(registry);
        serve(registry, move |socket| {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            async move {
                let mut inside = match acceptor.accept(socket).into_fallible().await {
                    Ok(inside) => inside,
                    Err((_, mut socket)) => {
                        // What came too much is read: else the refusal would be lost with the connection.
                        let _ = socket.shutdown().await;
                        let mut rest = Vec::new();
                        let _ = socket.read_to_end(&mut rest).await;
                        return;
                    }
                };
                let mut registry = TcpStream::connect(behind).await.unwrap();
                let _ = copy_bidirectional(&mut inside, &mut registry).await;
            }
        })
    }
}

/// What a proxy does with those that come.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Everybody is served, wherever they want to go: to this port.
    Serves(u16),
    /// Those that show this header are served.
    Wants(&'static str, u16),
    /// Nobody is served.
    Refuses,
}

/// A proxy, and what it was asked: the first line of each request.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn new(registry: &Registry, manner: Manner) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let port = serve(registry, move |mut socket| {
            let (manner, kept) = (manner.clone(), Arc::clone(&kept));
            async move {
                let Some(head) = head(&mut socket).await else {
                    return;
                };
                kept.lock()
                    .unwrap()
                    .push(head.lines().next().unwrap_or_default().to_owned());
                let to = match manner {
                    Manner::Serves(port) => Ok(port),
                    Manner::Wants(header, port) if shows(&head, header) => Ok(port),
                    Manner::Wants(..) => Err("407 Proxy Authentication Required"),
                    Manner::Refuses => Err("403 Forbidden"),
                };
                match to {
                    Err(status) => refuse(&mut socket, status).await,
                    Ok(port) => pass(&mut socket, &head, port).await,
                }
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A door at which a header is asked for, as gateways before registries do; its port.
pub(crate) fn guarded(registry: &Registry, header: &'static str) -> u16 {
    let port = port(&address(registry));
    serve(registry, move |mut socket| async move {
        let Some(head) = head(&mut socket).await else {
            return;
        };
        match shows(&head, header) {
            false => refuse(&mut socket, "401 Unauthorized").await,
            true => pass(&mut socket, &head, port).await,
        }
    })
}

/// Passes on what was read and all that follows.
async fn pass(socket: &mut TcpStream, head: &str, port: u16) {
    let mut behind = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    if head.starts_with("CONNECT ") {
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    } else {
        behind.write_all(head.as_bytes()).await.unwrap();
    }
    let _ = copy_bidirectional(socket, &mut behind).await;
}

async fn refuse(socket: &mut TcpStream, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
}

/// A request's lines up to the empty one; what follows it in the same piece stays with them.
async fn head(socket: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut piece = [0; 4096];
    while !text.contains("\r\n\r\n") {
        let read = socket.read(&mut piece).await.ok()?;
        if read == 0 {
            return None;
        }
        text.push_str(std::str::from_utf8(&piece[..read]).ok()?);
    }
    Some(text)
}

fn shows(head: &str, header: &str) -> bool {
    head.lines().any(|line| line.eq_ignore_ascii_case(header))
}

fn address(registry: &Registry) -> String {
    let url = registry.url();
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

fn port(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().parse().unwrap()
}

/// The registry's own port.
pub(crate) fn own_port(registry: &Registry) -> u16 {
    port(&address(registry))
}

/// Takes connections for as long as the registry lives; the port.
fn serve<F, T>(registry: &Registry, each: F) -> u16
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    registry.ask(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(each(socket));
            }
        });
        port
    })
}
