//! The nearest of some names to one that is not among them.

/// The candidate that `word` is probably a slip of.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            // Length alone tells most of them apart.
            if candidate.len().abs_diff(word.len()) > limit * 4 {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            (distance <= limit).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The nearest type name: by full name, or by simple name in another namespace.
pub(crate) fn nearest_type<'a>(
    written: &str,
    full: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let simple = |name: &'a str| name.rsplit_once('.').map_or(name, |(_, simple)| simple);
    let written_simple = written.rsplit_once('.').map_or(written, |(_, simple)| simple);
    // The right name in the wrong namespace is likelier than a slip.
    known
        .clone()
        .filter(|name| simple(name) == written_simple)
        .min()
        .or_else(|| nearest(written, crate::parse::names::PRIMITIVES))
        .or_else(|| nearest(full, known.clone()))
        .or_else(|| {
            let found = nearest(written_simple, known.clone().map(simple))?;
            known.filter(|name| simple(name) == found).min()
        })
}
