//! Consumer groups on a cluster: which there are, who is in them, what they have committed, and moving that.
//!
//! rdkafka's `fetch_group_list` speaks the old protocol, which says of a group of the new kind (KIP-848) that it is dead, and
//! the safe crate has no call for another group's offsets. So this is librdkafka's admin interface (`kafka::native`). The
//! calls block; they are given any client of the cluster, whose own group does not matter.
//!
//! Not here: deleting groups and removing members.
//!
//! # Safety
//! As in `kafka::native`.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt;
use std::os::raw::c_char;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

use super::native::{Event, Options, Queue, RequestError, c_string, copied, error_of};

/// A partition: its topic, and its number there.
pub type TopicPartition = (String, i32);

/// What an answer says of one partition.
struct Found {
    at: TopicPartition,
    offset: i64,
    code: RDKafkaErrorCode,
}

/// What a group is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupState {
    /// It has members, and each has its partitions.
    Stable,
    /// It has members, and partitions are being given out.
    Rebalancing,
    /// It has offsets and no members.
    Empty,
    /// It is not there.
    Dead,
    /// The broker said something else, or nothing.
    Unknown,
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stable => "stable",
            Self::Rebalancing => "rebalancing",
            Self::Empty => "empty",
            Self::Dead => "absent",
            Self::Unknown => "unknown",
        })
    }
}

impl From<c::rd_kafka_consumer_group_state_t> for GroupState {
    fn from(state: c::rd_kafka_consumer_group_state_t) -> Self {
        use c::rd_kafka_consumer_group_state_t as State;
        match state {
            State::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE => Self::Stable,
            State::RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY => Self::Empty,
            State::RD_KAFKA_CONSUMER_GROUP_STATE_DEAD => Self::Dead,
            State::RD_KAFKA_CONSUMER_GROUP_STATE_UNKNOWN | State::RD_KAFKA_CONSUMER_GROUP_STATE__CNT => {
                Self::Unknown
            }
            // The two classic ones (preparing, completing) and those of KIP-848 (assigning, reconciling).
            _ => Self::Rebalancing,
        }
    }
}

/// The protocol by which a group gives out partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupProtocol {
    /// Members agree among themselves.
    Classic,
    /// The broker decides (KIP-848).
    Consumer,
}

fn protocol(kind: c::rd_kafka_consumer_group_type_t) -> Option<GroupProtocol> {
    use c::rd_kafka_consumer_group_type_t as Kind;
    match kind {
        Kind::RD_KAFKA_CONSUMER_GROUP_TYPE_CLASSIC => Some(GroupProtocol::Classic),
        Kind::RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER => Some(GroupProtocol::Consumer),
        _ => None,
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: GroupState,
    /// How it gives out partitions; `None`: the broker does not say.
    pub protocol: Option<GroupProtocol>,
    /// The members' assignment strategy; empty where there are no members.
    pub assignor: String,
    /// Who is in it.
    pub members: Vec<Member>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The ID that the broker gave it.
    pub id: String,
    /// What it calls itself (`client.id`).
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// Its `group.instance.id`, where it is a static member.
    pub instance: Option<String>,
    /// The partitions that it has.
    pub partitions: Vec<TopicPartition>,
}

/// Asks again while the coordinator of a group is being found or loads, as it does on a cluster that has just started or
/// lost a broker: librdkafka does so for consumers, and not for these requests.
fn patiently<T>(
    timeout: Duration,
    mut ask: impl FnMut() -> Result<T, RequestError>,
) -> Result<T, RequestError> {
    const PAUSE: Duration = Duration::from_millis(250);
    let deadline = Instant::now() + timeout;
    loop {
        match ask() {
            Err(RequestError::Cluster {
                code:
                    RDKafkaErrorCode::NotCoordinator
                    | RDKafkaErrorCode::CoordinatorNotAvailable
                    | RDKafkaErrorCode::CoordinatorLoadInProgress,
                ..
            }) if Instant::now() + PAUSE < deadline => std::thread::sleep(PAUSE),
            answer => return answer,
        }
    }
}

/// The names of all groups, in their order.
///
/// # Errors
/// [`RequestError`]; also where a single broker does not answer, since its groups would be missing.
pub fn list_groups<C: ClientContext>(
    client: &Client<C>,
    timeout: Duration,
) -> Result<Vec<String>, RequestError> {
    patiently(timeout, || list_once(client, timeout))
}

fn list_once<C: ClientContext>(client: &Client<C>, timeout: Duration) -> Result<Vec<String>, RequestError> {
    let of = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
    let options = Options::new(client, of, timeout)?;
    let queue = Queue::new(client)?;
    // SAFETY: all pointers are live for the call, which copies the options.
    unsafe { c::rd_kafka_ListConsumerGroups(client.native_ptr(), options.as_ptr(), queue.as_ptr()) };
    let event = queue.answer(c::RD_KAFKA_EVENT_LISTCONSUMERGROUPS_RESULT, timeout)?;
    // SAFETY: the event is live and of the type asked for; the arrays have `count` live entries that are the event's, and
    // texts are copied before it is destroyed.
    let mut names = unsafe {
        let result = c::rd_kafka_event_ListConsumerGroups_result(event.as_ptr());
        let mut count = 0_usize;
        let errors = c::rd_kafka_ListConsumerGroups_result_errors(result, &raw mut count);
        for &error in array(errors, count) {
            if let Some((code, reason)) = error_of(error) {
                return Err(RequestError::Cluster { code, reason });
            }
        }
        let groups = c::rd_kafka_ListConsumerGroups_result_valid(result, &raw mut count);
        array(groups, count)
            .iter()
            .map(|&group| copied(c::rd_kafka_ConsumerGroupListing_group_id(group)))
            .collect::<Vec<_>>()
    };
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Groups by name, each as it is, in the order of the names given. One that does not exist is [`GroupState::Dead`].
///
/// # Errors
/// [`RequestError`], also where one of them may not be seen.
pub fn describe_groups<C: ClientContext>(
    client: &Client<C>,
    names: &[String],
    timeout: Duration,
) -> Result<Vec<Group>, RequestError> {
    patiently(timeout, || describe_once(client, names, timeout))
}

fn describe_once<C: ClientContext>(
    client: &Client<C>,
    names: &[String],
    timeout: Duration,
) -> Result<Vec<Group>, RequestError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let of = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let options = Options::new(client, of, timeout)?;
    let queue = Queue::new(client)?;
    let texts = names
        .iter()
        .map(|name| c_string(name, || format!("the name of group {name}")))
        .collect::<Result<Vec<CString>, _>>()?;
    let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    // SAFETY: all pointers are live for the call, which copies names and options.
    unsafe {
        c::rd_kafka_DescribeConsumerGroups(
            client.native_ptr(),
            pointers.as_mut_ptr(),
            pointers.len(),
            options.as_ptr(),
            queue.as_ptr(),
        );
    }
    let event = queue.answer(c::RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT, timeout)?;
    // SAFETY: the event is live and of the type asked for; the array has `count` live entries that are the event's.
    let found = unsafe {
        let result = c::rd_kafka_event_DescribeConsumerGroups_result(event.as_ptr());
        let mut count = 0_usize;
        let groups = c::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        array(groups, count)
            .iter()
            .map(|&group| described(group))
            .collect::<Result<Vec<_>, _>>()?
    };
    let mut by_name: BTreeMap<String, Group> = found.into_iter().map(|g| (g.name.clone(), g)).collect();
    Ok(names
        .iter()
        .map(|name| {
            by_name.remove(name).unwrap_or_else(|| Group {
                name: name.clone(),
                state: GroupState::Dead,
                protocol: None,
                assignor: String::new(),
                members: Vec::new(),
            })
        })
        .collect())
}

/// Copies a description.
///
/// # Safety
/// `group` is live for the call.
unsafe fn described(group: *const c::rd_kafka_ConsumerGroupDescription_t) -> Result<Group, RequestError> {
    // SAFETY: the caller's promise; what is got from the description lives as long as it does, and is copied.
    unsafe {
        let name = copied(c::rd_kafka_ConsumerGroupDescription_group_id(group));
        let mut state = GroupState::from(c::rd_kafka_ConsumerGroupDescription_state(group));
        match error_of(c::rd_kafka_ConsumerGroupDescription_error(group)) {
            // Since DescribeGroups v6 a group that is not there is an error; before it was a dead group.
            Some((RDKafkaErrorCode::GroupIdNotFound, _)) => state = GroupState::Dead,
            Some((code, reason)) => {
                let reason = format!("group {name}: {reason}");
                return Err(RequestError::Cluster { code, reason });
            }
            None => {}
        }
        let members = (0..c::rd_kafka_ConsumerGroupDescription_member_count(group)).map(|index| {
            let member = c::rd_kafka_ConsumerGroupDescription_member(group, index);
            let instance = c::rd_kafka_MemberDescription_group_instance_id(member);
            let assignment = c::rd_kafka_MemberDescription_assignment(member);
            let list = match assignment.is_null() {
                true => std::ptr::null(),
                false => c::rd_kafka_MemberAssignment_partitions(assignment),
            };
            let mut partitions: Vec<_> = elements(list).into_iter().map(|found| found.at).collect();
            partitions.sort_unstable();
            Member {
                id: copied(c::rd_kafka_MemberDescription_consumer_id(member)),
                client_id: copied(c::rd_kafka_MemberDescription_client_id(member)),
                host: copied(c::rd_kafka_MemberDescription_host(member)),
                instance: (!instance.is_null()).then(|| copied(instance)),
                partitions,
            }
        });
        let mut members: Vec<Member> = members.collect();
        members.sort_by(|a, b| (&a.client_id, &a.id).cmp(&(&b.client_id, &b.id)));
        Ok(Group {
            protocol: protocol(c::rd_kafka_ConsumerGroupDescription_type(group)),
            assignor: copied(c::rd_kafka_ConsumerGroupDescription_partition_assignor(group)),
            name,
            state,
            members,
        })
    }
}

/// All that a group has committed: the next offset to read, by partition. A group that is not there has committed nothing.
///
/// # Errors
/// [`RequestError`].
pub fn committed<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    timeout: Duration,
) -> Result<BTreeMap<TopicPartition, i64>, RequestError> {
    patiently(timeout, || committed_once(client, group, timeout))
}

fn committed_once<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    timeout: Duration,
) -> Result<BTreeMap<TopicPartition, i64>, RequestError> {
    let of = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let options = Options::new(client, of, timeout)?;
    let queue = Queue::new(client)?;
    let name = c_string(group, || format!("the name of group {group}"))?;
    // SAFETY: the name lives for the call, which copies it; no list means all partitions.
    let raw = unsafe { c::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), std::ptr::null()) };
    let request = Asked(NonNull::new(raw).ok_or_else(|| RequestError::no_object("the request"))?);
    let mut pointer = request.0.as_ptr();
    // SAFETY: all pointers are live for the call, which copies request and options.
    unsafe {
        c::rd_kafka_ListConsumerGroupOffsets(
            client.native_ptr(),
            &raw mut pointer,
            1,
            options.as_ptr(),
            queue.as_ptr(),
        );
    }
    let event = queue.answer(c::RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT, timeout)?;
    let mut count = 0_usize;
    // SAFETY: the event is live and of the type asked for; the array is its.
    let groups = unsafe {
        let result = c::rd_kafka_event_ListConsumerGroupOffsets_result(event.as_ptr());
        c::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count)
    };
    let mut offsets = BTreeMap::new();
    // SAFETY: as above, for `count` entries.
    for Found { at, offset, code } in unsafe { group_results(&event, groups, count) }? {
        match code {
            RDKafkaErrorCode::NoError if offset >= 0 => {
                offsets.insert(at, offset);
            }
            RDKafkaErrorCode::NoError => {}
            code => {
                let reason = format!("group {group}, topic {}, partition {}", at.0, at.1);
                return Err(RequestError::Cluster { code, reason });
            }
        }
    }
    Ok(offsets)
}

/// Sets what a group has committed. Answers the partitions that the brokers refused, and why. Brokers refuse all of them
/// while the group has members ([`RDKafkaErrorCode::UnknownMemberId`]). Metadata of earlier commits goes.
///
/// # Errors
/// [`RequestError`]: it is not known what was set.
pub fn set_committed<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    offsets: &BTreeMap<TopicPartition, i64>,
    timeout: Duration,
) -> Result<BTreeMap<TopicPartition, RDKafkaErrorCode>, RequestError> {
    if offsets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let of = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS;
    let options = Options::new(client, of, timeout)?;
    let queue = Queue::new(client)?;
    let name = c_string(group, || format!("the name of group {group}"))?;
    let list = List::new(offsets)?;
    // SAFETY: name and list live for the call, which copies them.
    let raw = unsafe { c::rd_kafka_AlterConsumerGroupOffsets_new(name.as_ptr(), list.0.as_ptr()) };
    let request = Altered(NonNull::new(raw).ok_or_else(|| RequestError::no_object("the request"))?);
    let mut pointer = request.0.as_ptr();
    // SAFETY: all pointers are live for the call, which copies request and options.
    unsafe {
        c::rd_kafka_AlterConsumerGroupOffsets(
            client.native_ptr(),
            &raw mut pointer,
            1,
            options.as_ptr(),
            queue.as_ptr(),
        );
    }
    let event = queue.answer(c::RD_KAFKA_EVENT_ALTERCONSUMERGROUPOFFSETS_RESULT, timeout)?;
    let mut count = 0_usize;
    // SAFETY: the event is live and of the type asked for; the array is its.
    let groups = unsafe {
        let result = c::rd_kafka_event_AlterConsumerGroupOffsets_result(event.as_ptr());
        c::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &raw mut count)
    };
    // SAFETY: as above, for `count` entries.
    let results = unsafe { group_results(&event, groups, count) }?;
    Ok(results
        .into_iter()
        .filter(|found| found.code != RDKafkaErrorCode::NoError)
        .map(|found| (found.at, found.code))
        .collect())
}

/// The partitions in the results of one request about one group.
///
/// # Safety
/// `groups` is null or an array of `count` live results that belong to the event.
unsafe fn group_results(
    _event: &Event,
    groups: *const *const c::rd_kafka_group_result_t,
    count: usize,
) -> Result<Vec<Found>, RequestError> {
    let mut all = Vec::new();
    // SAFETY: the caller's promise; what is got from a result lives as long as the event.
    unsafe {
        for &group in array(groups, count) {
            if let Some((code, reason)) = error_of(c::rd_kafka_group_result_error(group)) {
                return Err(RequestError::Cluster { code, reason });
            }
            all.extend(elements(c::rd_kafka_group_result_partitions(group)));
        }
    }
    Ok(all)
}

/// An array of librdkafka's.
///
/// # Safety
/// `first` is null or the first of `count` entries that live for `'a`.
unsafe fn array<'a, T>(first: *const T, count: usize) -> &'a [T] {
    match first.is_null() || count == 0 {
        true => &[],
        // SAFETY: the caller's promise.
        false => unsafe { std::slice::from_raw_parts(first, count) },
    }
}

/// Copies partitions, each with its offset and error. Metadata is left where it is: it need not be text.
///
/// # Safety
/// `list` is null or a list that lives for the call.
unsafe fn elements(list: *const c::rd_kafka_topic_partition_list_t) -> Vec<Found> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; the list has `cnt` elements, whose names are NUL-terminated.
    unsafe {
        array(
            (*list).elems.cast_const(),
            usize::try_from((*list).cnt).unwrap_or(0),
        )
        .iter()
        .map(|element| Found {
            at: (copied(element.topic), element.partition),
            offset: element.offset,
            code: element.err.into(),
        })
        .collect()
    }
}

/// Owns a `rd_kafka_ListConsumerGroupOffsets_t`.
struct Asked(NonNull<c::rd_kafka_ListConsumerGroupOffsets_t>);

impl Drop for Asked {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { c::rd_kafka_ListConsumerGroupOffsets_destroy(self.0.as_ptr()) }
    }
}

/// Owns a `rd_kafka_AlterConsumerGroupOffsets_t`.
struct Altered(NonNull<c::rd_kafka_AlterConsumerGroupOffsets_t>);

impl Drop for Altered {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { c::rd_kafka_AlterConsumerGroupOffsets_destroy(self.0.as_ptr()) }
    }
}

/// Owns a `rd_kafka_topic_partition_list_t`.
struct List(NonNull<c::rd_kafka_topic_partition_list_t>);

impl List {
    fn new(of: &BTreeMap<TopicPartition, i64>) -> Result<Self, RequestError> {
        // SAFETY: no pointer goes in; the list grows by itself.
        let raw = unsafe { c::rd_kafka_topic_partition_list_new(0) };
        let list = Self(NonNull::new(raw).ok_or_else(|| RequestError::no_object("a list"))?);
        for ((topic, partition), offset) in of {
            let name = c_string(topic, || format!("the name of topic {topic}"))?;
            // SAFETY: the list is live, the name lives for the call and is copied; the element is the list's and not
            // kept beyond this line.
            unsafe {
                let element =
                    c::rd_kafka_topic_partition_list_add(list.0.as_ptr(), name.as_ptr(), *partition);
                if let Some(element) = element.as_mut() {
                    element.offset = *offset;
                }
            }
        }
        Ok(list)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { c::rd_kafka_topic_partition_list_destroy(self.0.as_ptr()) }
    }
}
