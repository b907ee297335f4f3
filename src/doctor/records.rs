//! Verdicts on the newest records of a topic: keys, partitions, framing, duplicates. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Check, Finding, count};
use super::facts::{Event, Sample, Seen, Wanted};

/// So many places are named.
const NAMED: usize = 3;

/// How many distinct keys the sample has.
pub(crate) fn distinct_keys(sample: &Sample) -> u64 {
    let keys: BTreeSet<&[u8]> = sample.records.iter().filter_map(|r| r.key.as_deref()).collect();
    keys.len() as u64
}

/// All verdicts on a topic's newest records, those that apply to it.
pub(crate) fn records(wanted: &Wanted, sample: Result<&Sample, &str>) -> Vec<Check> {
    let name = wanted.name.as_str();
    let applying: Vec<&'static str> = [
        wanted.key.is_some().then_some("keys"),
        Some("values"),
        wanted.ttl.is_some().then_some("duplicates"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let why = match sample {
        Err(why) => Some(why.to_owned()),
        Ok(sample) if sample.records.is_empty() && sample.cut => {
            Some("no records could be read in time".to_owned())
        }
        Ok(sample) if sample.records.is_empty() => Some("the topic holds no records".to_owned()),
        Ok(_) => None,
    };
    if let Some(why) = why {
        return applying
            .into_iter()
            .map(|what| Check::not_checked(what, name, why.clone()))
            .collect();
    }
    let Ok(sample) = sample else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    if let Some(key) = &wanted.key {
        checks.push(keys(name, key, sample));
    }
    checks.push(values(name, sample));
    checks.extend(duplicates(wanted, sample));
    checks
}

fn newest(sample: &Sample) -> String {
    let n = count(sample.records.len() as u64, "record");
    match (sample.cut, sample.records.len()) {
        (true, _) => format!("the {n} that could be read in time"),
        (false, 1) => "the newest record".to_owned(),
        (false, _) => format!("the newest {n}"),
    }
}

fn place(name: &str, record: &Seen) -> String {
    format!("{name}/{}@{}", record.partition, record.offset)
}

fn places(name: &str, records: &[&Seen]) -> String {
    let named: Vec<String> = records.iter().take(NAMED).map(|r| place(name, r)).collect();
    let more = records.len().saturating_sub(NAMED);
    match more {
        0 => named.join(", "),
        _ => format!("{} and {more} more", named.join(", ")),
    }
}

/// Records without key, and keys in more than one partition.
fn keys(name: &str, field: &str, sample: &Sample) -> Check {
    let keyless: Vec<&Seen> = sample
        .records
        .iter()
        .filter(|r| r.key.as_ref().is_none_or(Vec::is_empty))
        .collect();
    if !keyless.is_empty() {
        let finding = Finding::wrong(
            "records-without-key",
            format!("{} without key", count(keyless.len() as u64, "record")),
            places(name, &keyless),
        )
        .saw(format!(
            "{} of {} have no key; the manifest says that it is `{field}`",
            keyless.len(),
            newest(sample)
        ))
        .saw("records without key go to any partition, so the order of what belongs together is lost, and its repeats are not recognised")
        .next(format!("set the record key to `{field}` in the program that writes them; generated producers do"))
        .next("`fleetops-registry consume` shows the records at these offsets, with the headers that may tell who wrote them");
        return Check::problem("keys", name, finding);
    }
    let mut partitions: BTreeMap<&[u8], BTreeMap<i32, &Seen>> = BTreeMap::new();
    for record in &sample.records {
        if let Some(key) = &record.key {
            partitions
                .entry(key)
                .or_default()
                .entry(record.partition)
                .or_insert(record);
        }
    }
    let total = partitions.len();
    let split: Vec<_> = partitions.into_iter().filter(|(_, at)| at.len() > 1).collect();
    let Some((key, at)) = split.first() else {
        let said = format!("{}, {}", newest(sample), count(total as u64, "key"));
        return Check::ok("keys", name, said);
    };
    let all: Vec<&Seen> = at.values().copied().collect();
    let finding = Finding::wrong(
        "key-in-two-partitions",
        format!("{} in more than one partition", count(split.len() as u64, "key")),
        places(name, &all),
    )
    .saw(format!("the key {} is in {}", shown(key), places(name, &all)))
    .saw(format!("{} of {total} keys in {} are in more than one partition: their order is lost", split.len(), newest(sample)))
    .next("use one partitioner in all producers: Java's is murmur2, librdkafka's own default is not (`partitioner = murmur2_random`)")
    .next("if the topic was grown lately, this ends once the older records have expired");
    Check::problem("keys", name, finding)
}

fn shown(key: &[u8]) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(key).replace('\u{1f}', " / ");
    let short: String = text.chars().take(LONGEST).collect();
    format!("{short:?}{}", if short.len() < text.len() { ".." } else { "" })
}

/// Values that are not what the topic is for.
fn values(name: &str, sample: &Sample) -> Check {
    let bad: Vec<(&Seen, &str)> = sample
        .records
        .iter()
        .filter_map(|r| match &r.event {
            Event::Unreadable(why) => Some((r, why.as_str())),
            _ => None,
        })
        .collect();
    if bad.is_empty() {
        let unknown = sample
            .records
            .iter()
            .filter(|r| r.event == Event::Unknown)
            .count();
        if unknown > 0 {
            return Check::not_checked("values", name, "the registry does not say what they are");
        }
        return Check::ok("values", name, format!("{} readable", newest(sample)));
    }
    let records: Vec<&Seen> = bad.iter().map(|(record, _)| *record).collect();
    let mut finding = Finding::wrong(
        "unreadable-values",
        format!("{} not readable", count(bad.len() as u64, "value")),
        places(name, &records),
    );
    let reasons: BTreeSet<&str> = bad.iter().map(|(_, why)| *why).collect();
    finding.saw = reasons.iter().take(NAMED).map(|why| (*why).to_owned()).collect();
    let finding = finding
        .saw(format!("{} of {}", bad.len(), newest(sample)))
        .next("find who writes to the topic without the registry's serializer, or with another registry")
        .next("consumers put such records on the dead-letter topic, or stop where there is none");
    Check::problem("values", name, finding)
}

/// The same event twice within the time that dedup remembers.
fn duplicates(wanted: &Wanted, sample: &Sample) -> Option<Check> {
    let ttl = wanted.ttl?;
    let name = wanted.name.as_str();
    let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    let mut by_key: BTreeMap<&[u8], Vec<&Seen>> = BTreeMap::new();
    for record in &sample.records {
        if let Event::Key(key) = &record.event {
            by_key.entry(key).or_default().push(record);
        }
    }
    if by_key.is_empty() {
        return Some(Check::not_checked(
            "duplicates",
            name,
            "no record has a dedup key that can be read",
        ));
    }
    // One repeat is one record too many: pairs of neighbours in time, not all pairs.
    let mut repeats: Vec<(&[u8], &Seen, &Seen)> = Vec::new();
    for (key, mut records) in by_key {
        records.sort_by_key(|r| (r.timestamp_ms, r.partition, r.offset));
        for pair in records.windows(2) {
            let [first, second] = pair else { continue };
            let apart = second
                .timestamp_ms
                .zip(first.timestamp_ms)
                .map(|(b, a)| b.saturating_sub(a));
            if apart.is_none_or(|ms| ms <= ttl_ms) {
                repeats.push((key, first, second));
            }
        }
    }
    let Some((key, first, second)) = repeats.first() else {
        return Some(Check::ok(
            "duplicates",
            name,
            format!("none in {}", newest(sample)),
        ));
    };
    let across = repeats
        .iter()
        .filter(|(_, a, b)| a.partition != b.partition)
        .count();
    let seconds: Vec<&Seen> = repeats.iter().map(|(_, _, second)| *second).collect();
    let mut finding = Finding::wrong(
        "duplicates-passing",
        format!(
            "{} within {} s",
            count(repeats.len() as u64, "repeat"),
            ttl.as_secs_f32()
        ),
        places(name, &seconds),
    )
    .saw(format!(
        "{} of {} repeat the dedup key ({}) of another within the TTL of {} s",
        repeats.len(),
        newest(sample),
        wanted.dedup,
        ttl.as_secs_f32()
    ))
    .saw(format!(
        "for example {} at {} and at {}",
        shown(key),
        place(name, first),
        place(name, second)
    ));
    if across > 0 {
        finding = finding
            .saw(format!(
                "{across} of them in another partition than the first: a consumer's dedup does not see those"
            ))
            .next("key both records alike: dedup works within a partition");
    }
    if across < repeats.len() {
        finding = finding.saw(
            "consumers with dedup drop those in the same partition; every other reader counts them twice",
        );
    }
    finding = finding
        .next("find the producer that sends twice: one without dedup, two instances of a service, or a replay within the TTL")
        .next(format!("check that `{}` is set once per event and kept when it is sent again", wanted.dedup));
    Some(Check::problem("duplicates", name, finding))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::check::Verdict;
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            name: "raw".to_owned(),
            partitions: 2,
            replication_factor: 1,
            config: BTreeMap::new(),
            ttl: Some(Duration::from_secs(60)),
            dedup: "vehicle_id, event_id".to_owned(),
            key: Some("vehicle_id".to_owned()),
            letters_of: Vec::new(),
        }
    }

    fn record(partition: i32, offset: i64, key: &str, event: &str) -> Seen {
        Seen {
            partition,
            offset,
            timestamp_ms: Some(1_000_000 + offset * 1000),
            key: (!key.is_empty()).then(|| key.as_bytes().to_vec()),
            event: Event::Key(event.as_bytes().to_vec()),
        }
    }

    fn codes(records: Vec<Seen>) -> Vec<(&'static str, Option<&'static str>)> {
        let sample = Sample { records, cut: false };
        super::records(&wanted(), Ok(&sample))
            .iter()
            .map(|check| {
                if let Some(finding) = check.finding() {
                    assert!(!finding.saw.is_empty() && !finding.next.is_empty() && !finding.place.is_empty());
                }
                (check.what, check.finding().map(|f| f.code))
            })
            .collect()
    }

    #[test]
    fn records_in_order_are_fine() {
        let records = vec![
            record(0, 1, "v1", "a"),
            record(0, 2, "v1", "b"),
            record(1, 1, "v2", "a2"),
        ];
        assert_eq!(
            codes(records),
            [("keys", None), ("values", None), ("duplicates", None)]
        );
    }

    #[test]
    fn records_without_key_are_counted_and_placed() {
        let records = vec![
            record(0, 1, "", "a"),
            record(1, 7, "", "b"),
            record(0, 2, "v1", "c"),
        ];
        let sample = Sample { records, cut: false };
        let checks = super::records(&wanted(), Ok(&sample));
        let finding = checks[0].finding().unwrap();
        assert_eq!(finding.code, "records-without-key");
        assert_eq!(finding.summary, "2 records without key");
        assert_eq!(finding.place, "raw/0@1, raw/1@7");
        let keyless = Wanted {
            key: None,
            ..wanted()
        };
        assert!(
            super::records(&keyless, Ok(&sample))
                .iter()
                .all(|c| c.what != "keys")
        );
    }

    #[test]
    fn a_key_in_two_partitions_is_a_problem() {
        let records = vec![
            record(0, 1, "v1", "a"),
            record(1, 7, "v1", "b"),
            record(0, 2, "v2", "c"),
        ];
        assert_eq!(codes(records)[0], ("keys", Some("key-in-two-partitions")));
    }

    #[test]
    fn repeats_within_the_ttl_are_duplicates_and_later_ones_are_not() {
        let near = vec![record(0, 1, "v1", "a"), record(0, 61, "v1", "a")];
        assert_eq!(codes(near)[2], ("duplicates", Some("duplicates-passing")));
        let far = vec![record(0, 1, "v1", "a"), record(0, 62, "v1", "a")];
        assert_eq!(codes(far)[2], ("duplicates", None));
        // The second and third are near each other, the first is not.
        let chain = vec![
            record(0, 1, "v1", "a"),
            record(0, 90, "v1", "a"),
            record(0, 91, "v1", "a"),
        ];
        let sample = Sample {
            records: chain,
            cut: false,
        };
        let checks = super::records(&wanted(), Ok(&sample));
        let finding = checks[2].finding().unwrap();
        assert_eq!(
            (finding.summary.as_str(), finding.place.as_str()),
            ("1 repeat within 60 s", "raw/0@91")
        );
    }

    #[test]
    fn repeats_in_another_partition_are_told_apart() {
        let sample = Sample {
            records: vec![record(0, 1, "v1", "a"), record(1, 2, "v2", "a")],
            cut: false,
        };
        let checks = super::records(&wanted(), Ok(&sample));
        let finding = checks[2].finding().unwrap();
        assert!(
            finding.saw.iter().any(|s| s.contains("another partition")),
            "{finding:?}"
        );
        assert!(finding.next[0].contains("within a partition"), "{finding:?}");
    }

    #[test]
    fn values_of_others_are_told_with_the_reason() {
        let mut bad = record(0, 9, "v1", "x");
        bad.event = Event::Unreadable("no framing".to_owned());
        assert_eq!(
            codes(vec![record(0, 1, "v1", "a"), bad])[1],
            ("values", Some("unreadable-values"))
        );
        let mut unknown = record(0, 9, "v1", "x");
        unknown.event = Event::Unknown;
        let sample = Sample {
            records: vec![unknown],
            cut: false,
        };
        let checks = super::records(&wanted(), Ok(&sample));
        assert!(
            checks[1..]
                .iter()
                .all(|c| matches!(c.verdict, Verdict::NotChecked(_))),
            "{checks:?}"
        );
    }

    #[test]
    fn nothing_to_look_at_is_said_for_each_check() {
        let empty = super::records(&wanted(), Ok(&Sample::default()));
        assert_eq!(empty.len(), 3);
        assert!(
            empty
                .iter()
                .all(|c| c.verdict == Verdict::NotChecked("the topic holds no records".to_owned()))
        );
        let failed = super::records(&wanted(), Err("no connection"));
        assert!(
            failed
                .iter()
                .all(|c| c.verdict == Verdict::NotChecked("no connection".to_owned()))
        );
    }
}
