//! Topics and consumer groups on a Kafka cluster: what is there, what is wanted, and what must be done about it.
//!
//! The plan is pure; [`Admin`] is the one door to a cluster, with one implementation for real clusters and one for
//! the embedded broker, which has no admin protocol and so takes no part in settings and growth.

mod admin;
mod apply;
pub mod groups;
mod incremental;
mod native;
mod plan;
mod reasons;
pub mod reset;

pub use admin::{Admin, AdminError, ClusterAdmin};
pub(crate) use admin::{list, topics_of};
pub use apply::{carry_out, validate};
pub use incremental::{Change, TopicChanges};
pub use native::RequestError;
pub use plan::{
    Action, ExistingTopic, Problem, TopicPlan, TopicSettings, TopicStep, WantedTopic, compare, plan, wanted,
};
