//! The input of `produce`: JSON lines, or an object container file, told apart by its first bytes. Read and parsed on a
//! thread of its own, so that parsing and sending go on side by side.

use std::fmt;
use std::io::BufRead;

use fleetops_avro::container::Reader;
use fleetops_avro::value::Value;
use fleetops_registry::dynamic::DynamicTopic;
use tokio::sync::mpsc;

use crate::cli::lines::Lines;

/// What the thread that reads hands on.
pub(super) enum Item {
    Event(At, Value),
    /// There is no event at that place.
    Bad(At, String),
    /// The input cannot be read on.
    Broken(At, String),
}

/// A place in the input. As text it follows the input's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum At {
    /// Before its first event.
    #[default]
    Start,
    /// A line from 1, and a column in bytes from 1 where it is known.
    Line(u64, Option<usize>),
    /// A value of a container file, from 1.
    Value(u64),
}

impl At {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Start => 0,
            Self::Line(number, _) | Self::Value(number) => number,
        }
    }

    /// What the input consists of.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Start | Self::Line(..) => "line",
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => Ok(()),
            Self::Line(line, None) => write!(f, ":{line}"),
            Self::Line(line, Some(column)) => write!(f, ":{line}:{column}"),
            Self::Value(number) => write!(f, ", value {number}"),
        }
    }
}

/// Reads and parses until there is nothing more, or nobody takes it. Lines and values up to `after` are passed over.
pub(super) fn read(mut lines: Lines, topic: &DynamicTopic, after: u64, items: &mpsc::Sender<Item>) {
    match lines.is_container() {
        Ok(true) => read_container(lines.into_input(), topic, after, items),
        Ok(false) => read_lines(lines, topic, after, items),
        Err(error) => {
            // Whoever does not take it has no use for it.
            let _ = items.blocking_send(Item::Broken(At::Start, error.to_string()));
        }
    }
}

fn read_lines(mut lines: Lines, topic: &DynamicTopic, after: u64, items: &mpsc::Sender<Item>) {
    let mut text = Vec::new();
    loop {
        let item = match lines.next(&mut text) {
            Ok(None) => return,
            Ok(Some(number)) if number <= after => continue,
            Ok(Some(number)) => match topic.from_json(&text) {
                Ok(event) => Item::Event(At::Line(number, None), event),
                Err(error) => Item::Bad(At::Line(number, error.column), error.to_string()),
            },
            Err((number, error)) => Item::Broken(At::Line(number, None), error.to_string()),
        };
        let last = matches!(item, Item::Broken(..));
        if items.blocking_send(item).is_err() || last {
            return;
        }
    }
}

/// The file's values, resolved to the topic's schema.
fn read_container(input: impl BufRead, topic: &DynamicTopic, after: u64, items: &mpsc::Sender<Item>) {
    let opened = Reader::new(input)
        .map_err(|error| error.to_string())
        .and_then(|mut values| {
            values
                .read_as(topic.avro_schema())
                .map_err(|error| format!("its schema cannot be read as the topic's: {error}"))?;
            Ok(values)
        });
    let values = match opened {
        Ok(values) => values,
        Err(why) => {
            let _ = items.blocking_send(Item::Broken(At::Start, why));
            return;
        }
    };
    for (number, value) in (1..).zip(values) {
        let at = At::Value(number);
        let item = match value {
            Ok(_) if number <= after => continue,
            Ok(value) => match topic.accept(value) {
                Ok(event) => Item::Event(at, event),
                Err(error) => {
                    let field = error.path().unwrap_or_default();
                    let field = field.trim_start_matches('/').replace('/', ".");
                    let named = if field.is_empty() {
                        field
                    } else {
                        format!("field {field}: ")
                    };
                    Item::Bad(at, format!("{named}{}", error.kind()))
                }
            },
            Err(error) => Item::Broken(at, error.to_string()),
        };
        let last = matches!(item, Item::Broken(..));
        if items.blocking_send(item).is_err() || last {
            return;
        }
    }
}
