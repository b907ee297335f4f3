//! Names: which ones Kafka takes, and which known one a wrong one was probably meant to be.

/// The candidate nearest to `word`, if one is near enough to be a slip of the finger: at most a third of the letters
/// wrong, transpositions counted once. Of equally near ones the first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = word.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
        let longest = word.chars().count().max(candidate.chars().count());
        let allowed = (longest / 3).max(1);
        if distance <= allowed && distance < longest && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// Why Kafka would refuse a topic of that name (`org.apache.kafka.common.internals.Topic.validate`).
pub(super) fn topic_name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("empty".to_owned());
    }
    if name == "." || name == ".." {
        return Some("`.` and `..` are not names".to_owned());
    }
    if name.len() > 249 {
        return Some(format!("{} characters, 249 are allowed", name.chars().count()));
    }
    let bad = name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))?;
    Some(format!(
        "{bad:?} is not allowed: only letters, digits, `.`, `_` and `-` are"
    ))
}

/// Why an environment cannot have that name: it becomes a folder and a flag's value.
pub(super) fn environment_name_fault(name: &str) -> Option<String> {
    if name.starts_with('.') || name.starts_with('-') {
        return Some("starts with `.` or `-`".to_owned());
    }
    topic_name_fault(name)
}

/// Two topics of which the broker would refuse the second: metrics replace `.` by `_`, so names that differ only
/// in these collide (`Topic.hasCollision`).
pub(super) fn collide(a: &str, b: &str) -> bool {
    a != b && a.replace('.', "_") == b.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_stranger_is_not() {
        let known = ["partitions", "purpose", "key", "dead-letter", "reorder"];
        assert_eq!(nearest("partitons", known), Some("partitions"));
        assert_eq!(nearest("dead_letter", known), Some("dead-letter"));
        assert_eq!(nearest("Key", known), Some("key"));
        assert_eq!(nearest("kye", known), Some("key"));
        assert_eq!(nearest("reoder", known), Some("reorder"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn kafkas_rules_for_topic_names_hold() {
        for good in ["raw_telemetry.dlq", "a", "A-1", &"x".repeat(249)] {
            assert_eq!(topic_name_fault(good), None, "{good}");
        }
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(topic_name_fault(bad).is_some(), "{bad}");
        }
        assert!(collide("a.b", "a_b"));
        assert!(!collide("a.b", "a.b"));
    }
}
