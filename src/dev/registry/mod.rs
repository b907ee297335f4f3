//! An in-process schema registry with Confluent's REST API.
//!
//! It is what `demo`, `dev` and tests talk to where there is no registry: a real server on loopback, so that any
//! client can be tried against it, with this project's own compatibility check behind it. It listens on 127.0.0.1
//! only, keeps everything in memory, and asks nobody for a password. What it does not know: contexts, metadata, rule
//! sets, normalisation (`normalize` is ignored), schema types other than Avro.

mod error;
mod http;
mod schema;
mod settings;
mod store;
mod wire;
mod write;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use error::RegistryError;
pub use schema::Reference;
pub use settings::Mode;
pub use store::{
    Deleted, Found, MAX_REFERENCES, MAX_SCHEMA, MAX_SUBJECT, MAX_TOTAL, Store, Submitted, VersionQuery,
};

/// How long [`EmbeddedRegistry::stop`] waits for requests that are under way.
const GRACE: Duration = Duration::from_secs(2);

/// A running registry. Dropping it stops it at once.
#[derive(Debug)]
pub struct EmbeddedRegistry {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl EmbeddedRegistry {
    /// Starts an empty registry on a free port of 127.0.0.1, or on `port` if it is not 0.
    ///
    /// # Errors
    /// What binding the port answers.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let router = http::router(Arc::new(Mutex::new(Store::new())));
        let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        Ok(Self {
            address,
            stop,
            server: tokio::spawn(server.into_future()),
        })
    }

    /// The base URL, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more requests, lets those under way finish for up to two seconds, and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // Clients may keep connections open for as long as they like: past the grace, the drop below closes them.
        let _ = tokio::time::timeout(GRACE, &mut self.server).await;
    }
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}
