//! The fleet's events, and the servers, clients and planners behind the `fleetops-registry` program.
//!
//! [`events`] and [`topics`] are generated in `build.rs` from `schemas/` and `fleetops-registry.toml`; nothing else in the
//! workspace, the demo aside, knows a field of the fleet by name.

pub mod dead_letters;
pub mod dev;
pub mod dynamic;
pub mod kafka;
pub mod registry;
pub mod rollout;
mod vehicle_id;

include!(concat!(env!("OUT_DIR"), "/generated/mod.rs"));

pub use fleetops::events;
pub use vehicle_id::{ParseVehicleIdError, VehicleId};
