//! Expressions that read a value.

use super::Emitter;
use super::encode::{runs, time_function};
use crate::idents;
use crate::model::{Record, Type};

/// The body of a record's decoder.
#[derive(Debug, serde::Serialize)]
pub(crate) struct RecordDecoder {
    /// What the parameter is called: `reader`, unless a field is.
    pub(crate) reader: String,
    /// `let` statements for the fields that are read in runs, and those before them.
    pub(crate) statements: Vec<String>,
    /// `ident: expression`, or `ident` where a statement read it.
    pub(crate) fields: Vec<String>,
}

impl Emitter<'_> {
    /// The decoder of a record or of its view.
    pub(crate) fn decode_record(&self, record: &Record, view: bool) -> RecordDecoder {
        let taken = |name: &str| record.fields.iter().any(|f| idents::bare(&f.ident) == name);
        let mut reader = "reader".to_owned();
        while taken(&reader) {
            reader.insert(0, '_');
        }
        let runs = runs(record);
        let mut statements = Vec::new();
        let mut fields = Vec::new();
        // Fields after the last run can be read where the struct is built; those before it must come first.
        let last_run = runs.iter().rposition(|run| run.len() > 1);
        for (position, run) in runs.iter().enumerate() {
            let members = record.fields.get(run.clone()).unwrap_or_default();
            if let [field] = members {
                let expression = self.decode(&field.ty, view, &reader);
                if last_run.is_some_and(|last| position < last) {
                    statements.push(format!("let {} = {expression};", field.ident));
                    fields.push(field.ident.clone());
                } else {
                    fields.push(format!("{}: {expression}", field.ident));
                }
            } else {
                let names: Vec<String> = members.iter().map(|f| f.ident.clone()).collect();
                statements.push(format!("let [{}] = {reader}.doubles()?;", names.join(", ")));
                fields.extend(names);
            }
        }
        let used =
            |code: &String| code.contains(&format!("{reader}.")) || code.contains(&format!("({reader})"));
        if !record.recursive && !statements.iter().chain(&fields).any(used) {
            reader.insert(0, '_');
        }
        RecordDecoder {
            reader,
            statements,
            fields,
        }
    }

    /// The expression that reads a value; of a view, where it borrows.
    pub(crate) fn decode(&self, ty: &Type, view: bool, reader: &str) -> String {
        match ty {
            Type::Null => "()".to_owned(),
            Type::Boolean => format!("{reader}.boolean()?"),
            Type::Int => format!("{reader}.int()?"),
            Type::Long => format!("{reader}.long()?"),
            Type::Float => format!("{reader}.float()?"),
            Type::Double => format!("{reader}.double()?"),
            Type::Bytes if view => format!("{reader}.bytes()?"),
            Type::Bytes => format!("{reader}.bytes()?.to_vec()"),
            Type::String if view => format!("{reader}.string()?"),
            Type::String => format!("::std::string::String::from({reader}.string()?)"),
            Type::UuidString => format!("{reader}.uuid_string()?"),
            Type::UuidFixed => format!("{reader}.uuid_fixed()?"),
            Type::Time(time) => format!("{reader}.{}()?", time_function(*time)),
            Type::DecimalBytes { scale, .. } => format!("{reader}.decimal_bytes({scale})?"),
            Type::DecimalFixed { scale, size, .. } => format!("{reader}.decimal_fixed::<{size}>({scale})?"),
            Type::BigDecimal => format!("{reader}.big_decimal()?"),
            Type::Duration => format!("{reader}.duration()?"),
            Type::Array(item) => format!(
                "{{ let mut blocks = {reader}.array({least})?; \
                 let mut items = ::std::vec::Vec::with_capacity(blocks.capacity::<{ty}>()); \
                 while blocks.next({reader})? {{ items.push({each}); }} items }}",
                least = self.minimum(item),
                ty = self.ty(item, view).replace("'a", "'_"),
                each = self.decode(item, view, reader),
            ),
            Type::Map(value) => {
                let key = if view {
                    format!("{reader}.string()?")
                } else {
                    format!("::std::string::String::from({reader}.string()?)")
                };
                format!(
                    "{{ let mut blocks = {reader}.map({least})?; \
                     let mut entries = ::std::collections::BTreeMap::new(); \
                     while blocks.next({reader})? {{ let key = {key}; entries.insert(key, {each}); }} entries }}",
                    least = self.minimum(value),
                    each = self.decode(value, view, reader),
                )
            }
            Type::Optional { null_first, inner } => {
                let inner = self.decode(inner, view, reader);
                let (zero, one) = if *null_first {
                    ("None".to_owned(), format!("Some({inner})"))
                } else {
                    (format!("Some({inner})"), "None".to_owned())
                };
                format!("match {reader}.branch(2)? {{ 0 => {zero}, _ => {one} }}")
            }
            Type::Fixed(_) => format!("{}(*{reader}.fixed()?)", self.named(ty, view)),
            Type::Record { boxed: true, .. } => format!(
                "::std::boxed::Box::new({}::decode_avro({reader})?)",
                self.named(ty, view)
            ),
            Type::Record { .. } | Type::Union(_) | Type::Enum(_) => {
                format!("{}::decode_avro({reader})?", self.named(ty, view))
            }
        }
    }

    /// The expression that turns a view's value into an owned one.
    pub(crate) fn owned_value(&self, ty: &Type, value: &str) -> String {
        if !self.model.borrows(ty) {
            return value.to_owned();
        }
        match ty {
            Type::Bytes => format!("{value}.to_vec()"),
            Type::String => format!("::std::string::String::from({value})"),
            Type::Array(item) if **item == Type::String => {
                format!("{value}.into_iter().map(::std::string::String::from).collect()")
            }
            Type::Array(item) => format!(
                "{value}.into_iter().map(|item| {}).collect()",
                self.owned_value(item, "item")
            ),
            Type::Map(inner) => format!(
                "{value}.into_iter().map(|(key, value)| (::std::string::String::from(key), {})).collect()",
                self.owned_value(inner, "value")
            ),
            Type::Optional { inner, .. } => {
                let body = self.owned_value(inner, "value");
                match &**inner {
                    Type::String => format!("{value}.map(::std::string::String::from)"),
                    Type::Bytes => format!("{value}.map(<[u8]>::to_vec)"),
                    _ => format!("{value}.map(|value| {body})"),
                }
            }
            Type::Record { boxed: true, .. } => format!("::std::boxed::Box::new({value}.into_owned())"),
            _ => format!("{value}.into_owned()"),
        }
    }
}
