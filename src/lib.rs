//! The fleet's events, and the servers, clients and planners behind the `fleetops-registry` program.

pub mod dev;
pub mod kafka;
pub mod registry;
