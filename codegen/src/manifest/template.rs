//! Text with `${VAR}` in it.

use std::fmt;

use fleetops_avro::source::Span;

/// A text whose variables are not yet expanded. Prints as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself.
    Text(String),
    /// `${NAME}`
    Variable {
        /// The name.
        name: String,
        /// Where `${NAME}` stands in the manifest.
        span: Span,
    },
}

impl Template {
    /// Splits a text. A variable is `${` name `}`; a name is letters, digits and `_`, and starts with no digit. A `$`
    /// that no `{` follows stands for itself.
    ///
    /// `place` gives the span of a range of `text` in the manifest.
    ///
    /// # Errors
    /// What is wrong, and where, for every `${` that starts no variable.
    pub(super) fn parse(
        text: &str,
        place: impl Fn(std::ops::Range<usize>) -> Span,
    ) -> Result<Self, Vec<(Span, String)>> {
        let mut parts = Vec::new();
        let mut faults = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let at = text.len() - from.len();
            let Some(end) = from.find('}') else {
                faults.push((place(at..text.len()), "`${` is not closed by `}`".to_owned()));
                rest = "";
                break;
            };
            let name = from.get(2..end).unwrap_or_default();
            let span = place(at..at + end + 1);
            if is_variable_name(name) {
                parts.push(Part::Variable {
                    name: name.to_owned(),
                    span,
                });
            } else {
                let why = "a variable's name is letters, digits and `_`, and starts with no digit";
                faults.push((span, why.to_owned()));
            }
            rest = from.get(end + 1..).unwrap_or_default();
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if faults.is_empty() {
            Ok(Self { parts })
        } else {
            Err(faults)
        }
    }

    /// A text without variables: a `${` in it stays.
    pub fn literal(text: impl Into<String>) -> Self {
        Self {
            parts: vec![Part::Text(text.into())],
        }
    }

    /// The pieces, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether there is a variable in it.
    pub fn has_variables(&self) -> bool {
        self.parts.iter().any(|p| matches!(p, Part::Variable { .. }))
    }

    /// Puts values in. What a value holds is not looked at again: a `${` in it stays.
    ///
    /// # Errors
    /// Name and place of every variable that `lookup` does not know.
    pub(super) fn expand(
        &self,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, Vec<(String, Span)>> {
        let mut text = String::new();
        let mut unset = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(t) => text.push_str(t),
                Part::Variable { name, span } => match lookup(name) {
                    Some(value) => text.push_str(&value),
                    None => unset.push((name.clone(), *span)),
                },
            }
        }
        if unset.is_empty() { Ok(text) } else { Err(unset) }
    }
}

fn is_variable_name(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Variable { name, .. } => write!(f, "${{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Template, Vec<(Span, String)>> {
        Template::parse(text, |r| Span::new(r.start as u32, r.end as u32))
    }

    #[test]
    fn variables_are_found_and_the_text_prints_back() {
        for text in ["", "plain", "${A}", "x${A}y${B_2}z", "$5 and $ and }", "${A}${A}"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let template = parse("http://${HOST}:${PORT}/").unwrap();
        let lookup = |name: &str| (name == "HOST").then(|| "${PORT}".to_owned());
        let unset = template.expand(&lookup).unwrap_err();
        assert_eq!(unset, [("PORT".to_owned(), Span::new(15, 22))]);
        let all = |name: &str| Some(format!("<{name}>${{X}}"));
        assert_eq!(template.expand(&all).unwrap(), "http://<HOST>${X}:<PORT>${X}/");
    }

    #[test]
    fn what_only_looks_like_a_variable_is_refused() {
        for (text, range) in [
            ("a${", 1..3),
            ("a${}b", 1..4),
            ("${1A}", 0..5),
            ("${A:-x}", 0..7),
            ("${A B}", 0..6),
        ] {
            let faults = parse(text).unwrap_err();
            assert_eq!(faults.len(), 1, "{text}");
            assert_eq!(faults[0].0.range(), range, "{text}");
        }
        assert_eq!(parse("${} ${-} ${").unwrap_err().len(), 3);
    }
}
