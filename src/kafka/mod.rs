//! Topics on a Kafka cluster: what is there, what the manifest wants, and what must be done about it.
//!
//! The plan is pure; [`Admin`] is the one door to a cluster, with one implementation for real clusters and one for
//! the embedded broker, which has no admin protocol.

mod admin;
mod plan;

pub use admin::{Admin, AdminError, ClusterAdmin};
pub(crate) use admin::{list, topics_of};
pub use plan::{ExistingTopic, Step, TopicPlan, WantedTopic, plan, wanted};
