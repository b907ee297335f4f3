//! The embedded registry, for commands that talk to one.

use fleetops_registry::dev::registry::EmbeddedRegistry;
use fleetops_registry::registry::Client;
use tokio::runtime::Runtime;

use crate::harness::{Project, Run};

/// A registry that ends with the test.
pub(crate) struct Registry {
    runtime: Runtime,
    registry: EmbeddedRegistry,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let registry = runtime.block_on(EmbeddedRegistry::start(0)).unwrap();
        Self { runtime, registry }
    }

    pub(crate) fn url(&self) -> String {
        self.registry.url().to_owned()
    }

    /// Runs the program with this registry.
    pub(crate) fn run(&self, project: &Project, arguments: &[&str]) -> Run {
        let url = self.url();
        let mut all = arguments.to_vec();
        all.extend(["--registry", &url]);
        project.run(&all)
    }

    /// Registers a schema behind everybody's back.
    pub(crate) fn register(&self, subject: &str, schema: &str) -> u32 {
        let client = self.client();
        self.runtime
            .block_on(client.register(subject, schema, &[]))
            .unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url()).unwrap()
    }

    pub(crate) fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }
}
