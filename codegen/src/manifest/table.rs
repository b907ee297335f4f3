//! Typed access to TOML tables that reports what is wrong and goes on.
//!
//! Every getter gives `None` where the value is absent or wrong; a wrong one has then been reported. So a reader asks
//! for all it knows, and builds what it can.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use fleetops_avro::Diagnostic;
use fleetops_avro::source::{Place, Source, Span};
use toml_edit::{Item, Key, TableLike};

use super::template::Template;
use super::{FieldPath, Segment, Setting, Spanned, nearest, parse_duration};

/// What was found so far, and where.
pub(super) struct Report<'a> {
    source: &'a Arc<Source>,
    pub(super) found: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub(super) fn new(source: &'a Arc<Source>) -> Self {
        Self {
            source,
            found: Vec::new(),
        }
    }

    pub(super) fn place(&self, span: Span) -> Place {
        Place::new(self.source, span)
    }

    /// Reports an error, and gives it back for notes and help.
    pub(super) fn error(
        &mut self,
        rule: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Diagnostic {
        let diagnostic = Diagnostic::error(rule, self.place(span), message, label);
        let at = self.found.len();
        self.found.push(diagnostic);
        &mut self.found[at]
    }

    /// Where a range of a string's characters stands, or the whole string where escapes make that unknowable.
    pub(super) fn inside(&self, text: &Spanned<String>, range: std::ops::Range<usize>) -> Span {
        let raw = self.source.slice(text.span);
        let plain = raw.get(1..raw.len().saturating_sub(1)) == Some(text.value.as_str());
        if !plain {
            return text.span;
        }
        let from = text.span.start + 1;
        Span::new(from + range.start as u32, from + range.end as u32)
    }
}

/// A span of TOML as ours.
pub(super) fn span(range: Option<std::ops::Range<usize>>) -> Option<Span> {
    range.map(|r| Span::new(r.start as u32, r.end as u32))
}

/// What TOML calls a value, with an article.
fn kind(item: &Item) -> &'static str {
    match item.type_name() {
        "string" => "a string",
        "integer" => "an integer",
        "float" => "a float",
        "boolean" => "a boolean",
        "datetime" => "a date",
        "array" => "an array",
        "array of tables" => "an array of tables",
        _ => "a table",
    }
}

/// A table, and what messages call it.
pub(super) struct Table<'a> {
    table: &'a dyn TableLike,
    /// Such as `topics.raw_telemetry`; empty for the whole manifest.
    pub(super) title: String,
    /// The header, or the whole of an inline table.
    pub(super) span: Span,
    /// Known keys that an unknown one was probably meant to be: these are not missing as well.
    meant: RefCell<Vec<String>>,
}

impl<'a> Table<'a> {
    pub(super) fn root(table: &'a toml_edit::Table) -> Self {
        Self {
            table,
            title: String::new(),
            span: Span::default(),
            meant: RefCell::default(),
        }
    }

    /// The key's full name, as messages have it.
    pub(super) fn path(&self, key: &str) -> String {
        match self.title.as_str() {
            "" => key.to_owned(),
            title => format!("{title}.{key}"),
        }
    }

    /// Name and place of every key, in the order of the text.
    pub(super) fn keys(&self) -> Vec<Spanned<String>> {
        let mut keys: Vec<_> = self
            .table
            .iter()
            .filter_map(|(name, _)| self.name(name))
            .collect();
        keys.sort_by_key(|k| k.span);
        keys
    }

    fn entry(&self, key: &str) -> Option<(&'a Key, &'a Item)> {
        self.table.get_key_value(key).filter(|(_, item)| !item.is_none())
    }

    fn name(&self, key: &str) -> Option<Spanned<String>> {
        let (key, item) = self.entry(key)?;
        let place = span(key.span())
            .or_else(|| span(item.span()))
            .unwrap_or(self.span);
        Some(Spanned::new(key.get().to_owned(), place))
    }

    /// The value, and the place to report it at.
    fn value(&self, key: &str) -> Option<(&'a Item, Span)> {
        let (name, item) = self.entry(key)?;
        let place = span(item.span())
            .or_else(|| span(name.span()))
            .unwrap_or(self.span);
        Some((item, place))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Reports keys that are not among `known`.
    pub(super) fn only(&self, report: &mut Report<'_>, known: &[&str]) {
        for key in self.keys() {
            if known.contains(&key.as_str()) {
                continue;
            }
            let owner = match self.title.as_str() {
                "" => "the manifest".to_owned(),
                title => format!("`{title}`"),
            };
            let message = format!("{owner} has no key `{}`", key.value);
            let near = nearest(&key.value, known.iter().copied());
            let diagnostic = report.error("unknown-key", key.span, message, "unknown key");
            match near {
                Some(near) => {
                    diagnostic.help = Some(format!("did you mean `{near}`?"));
                    self.meant.borrow_mut().push(near.to_owned());
                }
                None => diagnostic.notes.push(format!("known keys: {}", known.join(", "))),
            }
        }
    }

    fn wrong(&self, report: &mut Report<'_>, key: &str, item: &Item, place: Span, wanted: &str) {
        let message = format!("`{}` must be {wanted}", self.path(key));
        let quoted = item.as_str().filter(|text| text.parse::<i64>().is_ok());
        let help = match (wanted, quoted) {
            ("an integer", Some(number)) => Some(format!("take the quotes off: {number}")),
            ("a string", _) if item.is_integer() || item.is_bool() || item.is_float() => {
                let text = report.place(place).source.slice(place).to_owned();
                Some(format!("put it in quotes: \"{text}\""))
            }
            _ => None,
        };
        report
            .error("wrong-type", place, message, format!("this is {}", kind(item)))
            .help = help;
    }

    /// Reports that a key is missing. To be asked after [`Table::only`].
    pub(super) fn missing(&self, report: &mut Report<'_>, key: &str, example: &str) {
        if self.has(key) || self.meant.borrow().iter().any(|meant| meant == key) {
            return; // it is there, and wrong: that has been said
        }
        let message = format!("`{}` is missing", self.path(key));
        report
            .error("missing-key", self.span, message, format!("needs `{key}`"))
            .help = Some(format!("add `{key} = {example}`"));
    }

    /// The table under a key.
    pub(super) fn table(&self, report: &mut Report<'_>, key: &str) -> Option<Table<'a>> {
        let (item, place) = self.value(key)?;
        let Some(table) = item.as_table_like() else {
            self.wrong(report, key, item, place, "a table");
            return None;
        };
        Some(Table {
            table,
            title: self.path(key),
            span: place,
            meant: RefCell::default(),
        })
    }

    /// The tables of an array of them: `[[key]]`, or tables in braces.
    pub(super) fn tables(&self, report: &mut Report<'_>, key: &str) -> Vec<Table<'a>> {
        let Some((item, place)) = self.value(key) else {
            return Vec::new();
        };
        let entry = |table: &'a dyn TableLike, range| Table {
            table,
            title: self.path(key),
            span: span(range).unwrap_or(place),
            meant: RefCell::default(),
        };
        let of_array = |array: &'a toml_edit::Array| -> Option<Vec<Table<'a>>> {
            let each = array.iter().map(|value| {
                let table = value.as_inline_table()?;
                Some(entry(table, value.span()))
            });
            each.collect()
        };
        let tables = match item {
            Item::ArrayOfTables(tables) => Some(tables.iter().map(|t| entry(t, t.span())).collect()),
            Item::Value(toml_edit::Value::Array(array)) => of_array(array),
            _ => None,
        };
        tables.unwrap_or_else(|| {
            let wanted = format!("an array of tables: [[{}]]", self.path(key));
            self.wrong(report, key, item, place, &wanted);
            Vec::new()
        })
    }

    /// A day: `2027-01-31`, with quotes or without, as `YYYY-MM-DD`.
    pub(super) fn date(&self, report: &mut Report<'_>, key: &str) -> Option<Spanned<String>> {
        let (item, place) = self.value(key)?;
        let read = match item.as_str() {
            Some(text) => text.parse::<toml_edit::Datetime>().ok(),
            None => item.as_datetime().copied(),
        };
        match read {
            Some(toml_edit::Datetime {
                date: Some(date),
                time: None,
                offset: None,
            }) => Some(Spanned::new(date.to_string(), place)),
            _ => {
                self.wrong(report, key, item, place, "a day, YYYY-MM-DD");
                None
            }
        }
    }

    pub(super) fn string(&self, report: &mut Report<'_>, key: &str) -> Option<Spanned<String>> {
        let (item, place) = self.value(key)?;
        match item.as_str() {
            Some(text) => Some(Spanned::new(text.to_owned(), place)),
            None => {
                self.wrong(report, key, item, place, "a string");
                None
            }
        }
    }

    /// A string that is not blank.
    pub(super) fn text(&self, report: &mut Report<'_>, key: &str) -> Option<Spanned<String>> {
        let text = self.string(report, key)?;
        if text.trim().is_empty() {
            report.error(
                "empty-value",
                text.span,
                format!("`{}` is empty", self.path(key)),
                "empty",
            );
            return None;
        }
        Some(text)
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(
        &self,
        report: &mut Report<'_>,
        key: &str,
        least: u32,
        most: u32,
    ) -> Option<Spanned<u32>> {
        let (item, place) = self.value(key)?;
        let Some(number) = item.as_integer() else {
            self.wrong(report, key, item, place, "an integer");
            return None;
        };
        match u32::try_from(number).ok().filter(|n| (least..=most).contains(n)) {
            Some(number) => Some(Spanned::new(number, place)),
            None => {
                let message = format!("`{}` must be from {least} to {most}", self.path(key));
                let label = if number < i64::from(least) {
                    "too small"
                } else {
                    "too large"
                };
                report.error("number-range", place, message, label);
                None
            }
        }
    }

    /// A number that fits Kafka's replication factor.
    pub(super) fn replication_factor(&self, report: &mut Report<'_>) -> Option<Spanned<u16>> {
        let number = self.number(report, "replication-factor", 1, i16::MAX as u32)?;
        Some(Spanned::new(number.value as u16, number.span))
    }

    /// True or false.
    pub(super) fn flag(&self, report: &mut Report<'_>, key: &str) -> Option<bool> {
        let (item, place) = self.value(key)?;
        let flag = item.as_bool();
        if flag.is_none() {
            self.wrong(report, key, item, place, "true or false");
        }
        flag
    }

    /// One of several names.
    pub(super) fn choice<T: Copy>(
        &self,
        report: &mut Report<'_>,
        key: &str,
        what: &str,
        choices: &[(&str, T)],
    ) -> Option<Spanned<T>> {
        let text = self.string(report, key)?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text.value) {
            return Some(Spanned::new(*value, text.span));
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let near = nearest(&text.value, names.iter().copied()).map(|n| format!("did you mean `{n}`?"));
        let message = format!("`{}` is no {what}", text.value);
        let diagnostic = report.error("unknown-value", text.span, message, format!("no {what}"));
        diagnostic.notes.push(format!("one of: {}", names.join(", ")));
        diagnostic.help = near;
        None
    }

    /// A duration longer than nothing.
    pub(super) fn duration(&self, report: &mut Report<'_>, key: &str) -> Option<Spanned<Duration>> {
        let (item, place) = self.value(key)?;
        let Some(text) = item.as_str() else {
            self.wrong(report, key, item, place, "a duration such as \"60s\"");
            return None;
        };
        let read = parse_duration(text).and_then(|d| match d.is_zero() {
            true => Err("must be longer than nothing".to_owned()),
            false => Ok(d),
        });
        match read {
            Ok(duration) => Some(Spanned::new(duration, place)),
            Err(why) => {
                let message = format!(
                    "`{}` must be a duration such as \"300ms\" or \"60s\"",
                    self.path(key)
                );
                report.error("bad-duration", place, message, why).help =
                    Some("write a whole number and one of the units ms, s, m, h, d".to_owned());
                None
            }
        }
    }

    /// Strings, none of them blank or twice, and at least one.
    pub(super) fn strings(&self, report: &mut Report<'_>, key: &str) -> Option<Vec<Spanned<String>>> {
        let (item, place) = self.value(key)?;
        let Some(array) = item.as_array() else {
            self.wrong(report, key, item, place, "an array of strings");
            return None;
        };
        let before = report.found.len();
        let mut strings: Vec<Spanned<String>> = Vec::new();
        for value in array {
            let at = span(value.span()).unwrap_or(place);
            let Some(text) = value.as_str() else {
                let message = format!("`{}` must be an array of strings", self.path(key));
                report.error(
                    "wrong-type",
                    at,
                    message,
                    format!("this is {}", kind(&Item::Value(value.clone()))),
                );
                continue;
            };
            if text.trim().is_empty() {
                report.error(
                    "empty-value",
                    at,
                    format!("`{}` holds an empty string", self.path(key)),
                    "empty",
                );
                continue;
            }
            if let Some(first) = strings.iter().find(|s| s.value == text) {
                let (message, first) = (format!("`{text}` is twice in `{}`", self.path(key)), first.span);
                let first = report.place(first);
                let diagnostic = report.error("duplicate-entry", at, message, "again");
                diagnostic.related.push(fleetops_avro::Label {
                    place: first,
                    text: "first here".to_owned(),
                });
                diagnostic.help = Some("remove one".to_owned());
                continue;
            }
            strings.push(Spanned::new(text.to_owned(), at));
        }
        if array.is_empty() {
            report.error(
                "empty-value",
                place,
                format!("`{}` is empty", self.path(key)),
                "needs at least one",
            );
        }
        (report.found.len() == before).then_some(strings)
    }

    /// A path to a field.
    pub(super) fn field(&self, report: &mut Report<'_>, key: &str) -> Option<FieldPath> {
        let text = self.string(report, key)?;
        field_path(report, &text, &self.path(key))
    }

    /// Paths to fields.
    pub(super) fn fields(&self, report: &mut Report<'_>, key: &str) -> Option<Vec<FieldPath>> {
        let texts = self.strings(report, key)?;
        let paths: Vec<_> = texts
            .iter()
            .filter_map(|t| field_path(report, t, &self.path(key)))
            .collect();
        (paths.len() == texts.len()).then_some(paths)
    }

    /// A text with variables, or `{ file = ".." }`.
    pub(super) fn setting(&self, report: &mut Report<'_>, key: &str) -> Option<Spanned<Setting>> {
        let (item, place) = self.value(key)?;
        if item.is_table_like() {
            let table = self.table(report, key)?;
            if !table.has("file") && !table.keys().is_empty() {
                // `kafka = { security.protocol = ".." }`: TOML reads a dot as a table in a table
                self.dotted(report, key, place);
                return None;
            }
            table.only(report, &["file"]);
            table.missing(report, "file", "\"PATH\"");
            let path = table.text(report, "file")?;
            let template = template(report, &path)?;
            return Some(Spanned::new(Setting::File(template), place));
        }
        if !item.is_str() {
            self.wrong(report, key, item, place, "a string, or { file = \"PATH\" }");
            return None;
        }
        let text = self.text(report, key)?;
        let template = template(report, &text)?;
        Some(Spanned::new(Setting::Text(template), place))
    }

    /// Reports a name with dots that was not quoted.
    pub(super) fn dotted(&self, report: &mut Report<'_>, key: &str, place: Span) {
        let message = format!("`{}` must be a string", self.path(key));
        report.error("wrong-type", place, message, "this is a table").help = Some(
            "a setting's name has dots in it: put it in quotes, such as \"cleanup.policy\" = \"delete\""
                .to_owned(),
        );
    }

    /// Whether the value of a key is a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.value(key).is_some_and(|(item, _)| item.is_table_like())
    }
}

fn template(report: &mut Report<'_>, text: &Spanned<String>) -> Option<Template> {
    let parsed = Template::parse(&text.value, |range| report.inside(text, range));
    match parsed {
        Ok(template) => Some(template),
        Err(faults) => {
            for (place, why) in faults {
                report
                    .error("variable-syntax", place, "this is no variable", why)
                    .help = Some("write ${NAME}".to_owned());
            }
            None
        }
    }
}

fn field_path(report: &mut Report<'_>, text: &Spanned<String>, owner: &str) -> Option<FieldPath> {
    let mut segments = Vec::new();
    let mut at = 0;
    for name in text.value.split('.') {
        let end = at + name.len();
        let place = report.inside(text, at..end);
        // A name that Avro could not have (specification, "Names") can be told without a schema.
        let good = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !good {
            let message = format!("`{owner}` must be a path of field names such as \"metadata.session_id\"");
            let label = match name {
                "" => "an empty name".to_owned(),
                name => format!("{name:?} cannot be a field's name"),
            };
            report.error("field-path", place, message, label);
            return None;
        }
        segments.push(Segment {
            name: name.to_owned(),
            span: place,
        });
        at = end + 1;
    }
    Some(FieldPath {
        segments,
        span: text.span,
    })
}
