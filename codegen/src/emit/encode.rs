//! Statements that write a value.

use super::{Access, Emitter, scrutinee};
use crate::model::{Record, Time, Type};

/// The method of `Writer` and `Reader` for a time.
pub(super) fn time_function(time: Time) -> &'static str {
    match time {
        Time::Date => "date",
        Time::TimeMillis => "time_millis",
        Time::TimeMicros => "time_micros",
        Time::TimestampMillis => "timestamp_millis",
        Time::TimestampMicros => "timestamp_micros",
        Time::TimestampNanos => "timestamp_nanos",
        Time::LocalTimestampMillis => "local_timestamp_millis",
        Time::LocalTimestampMicros => "local_timestamp_micros",
        Time::LocalTimestampNanos => "local_timestamp_nanos",
    }
}

/// Fields of a record that are written and read together: a run of doubles has one bounds test.
pub(super) fn runs(record: &Record) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, field) in record.fields.iter().enumerate() {
        match runs.last_mut() {
            Some(run)
                if field.ty == Type::Double
                    && record.fields.get(run.start).is_some_and(|f| f.ty == Type::Double) =>
            {
                run.end = index + 1;
            }
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

/// The statement that calls a method of the writer.
fn put(method: &str, arguments: &str) -> String {
    format!("writer.{method}({arguments});")
}

/// The method of `Writer` and `Reader` for a whole array, where there is one: for numbers.
pub(super) fn array_method(item: &Type) -> Option<&'static str> {
    Some(match item {
        Type::Int => "array_of_int",
        Type::Long => "array_of_long",
        Type::Float => "array_of_float",
        Type::Double => "array_of_double",
        _ => return None,
    })
}

impl Emitter<'_> {
    /// Statements that write all fields of a record.
    pub(crate) fn encode_record(&self, record: &Record) -> Vec<String> {
        let mut statements = Vec::new();
        for run in runs(record) {
            let fields = record.fields.get(run).unwrap_or_default();
            if let [field] = fields {
                let access = Access::Place(format!("self.{}", field.ident));
                let statement = self.encode(&field.ty, &access);
                if !statement.is_empty() {
                    statements.push(statement);
                }
            } else {
                let values: Vec<String> = fields.iter().map(|f| format!("self.{}", f.ident)).collect();
                statements.push(put("doubles", &format!("[{}]", values.join(", "))));
            }
        }
        statements
    }

    /// The statement that writes a value; nothing for null.
    pub(crate) fn encode(&self, ty: &Type, at: &Access) -> String {
        match ty {
            Type::Null => String::new(),
            Type::Boolean => put("boolean", &at.value()),
            Type::Int => put("int", &at.value()),
            Type::Long => put("long", &at.value()),
            Type::Float => put("float", &at.value()),
            Type::Double => put("double", &at.value()),
            Type::Bytes => put("bytes", &at.reference()),
            Type::String => put("string", &at.reference()),
            Type::UuidString => put("uuid_string", &at.reference()),
            Type::UuidFixed => put("uuid_fixed", &at.reference()),
            Type::Time(time) => put(time_function(*time), &at.reference()),
            Type::DecimalBytes { scale, .. } => put("decimal_bytes", &format!("{}, {scale}", at.reference())),
            Type::DecimalFixed { scale, size, .. } => {
                put("decimal_fixed", &format!("{}, {scale}, {size}", at.reference()))
            }
            Type::BigDecimal { .. } => put("big_decimal", &at.reference()),
            Type::Duration => put("duration", &at.reference()),
            Type::Array(item) if array_method(item).is_some() => {
                put(array_method(item).unwrap_or_default(), &at.reference())
            }
            Type::Array(item) => {
                let each = self.encode(item, &Access::Reference("item".to_owned()));
                let body = if each.is_empty() {
                    String::new()
                } else {
                    format!("for item in {} {{ {each} }}", at.reference())
                };
                format!(
                    "{} {body} {}",
                    put("array_start", &format!("{}.len()", at.receiver())),
                    put("array_end", ""),
                )
            }
            Type::Map(value) => {
                let each = self.encode(value, &Access::Reference("value".to_owned()));
                let (entries, key) = if each.is_empty() {
                    (format!("{}.keys()", at.receiver()), "key")
                } else {
                    (at.reference(), "(key, value)")
                };
                format!(
                    "{} for {key} in {entries} {{ {} {each} }} {}",
                    put("map_start", &format!("{}.len()", at.receiver())),
                    put("string", "key"),
                    put("map_end", ""),
                )
            }
            Type::Optional { null_first, inner } => {
                let (scrutinee, value) = scrutinee(at, inner);
                let (none, some) = if *null_first { ("0", "1") } else { ("1", "0") };
                format!(
                    "match {scrutinee} {{ None => {none} Some(value) => {{ {some} {inner} }} }}",
                    none = put("index", none).replace(';', ","),
                    some = put("index", some),
                    inner = self.encode(inner, &value),
                )
            }
            Type::Newtype { base, boxed, .. } => self.encode(base, &self.base(at, *boxed)),
            Type::Enum { open: true, .. } => put("index", &format!("{}.avro_index()", at.receiver())),
            Type::Enum { .. } => put("index", &format!("{} as usize", at.value())),
            Type::Fixed(_) => put("fixed", &format!("&{}.0", at.receiver())),
            Type::Never => format!("{}.put_avro(writer);", at.receiver()),
            Type::Record { .. } | Type::Union(_) => format!("{}.put_avro(writer);", at.receiver()),
        }
    }
}
