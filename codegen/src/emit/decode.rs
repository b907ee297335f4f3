//! Expressions that read a value.

use super::encode::{array_method, runs, time_function};
use super::{Access, Emitter};
use crate::idents;
use crate::model::{Record, Type};

/// Records of so many values are read where they stand: the reader then stays in registers, and no value is moved from
/// place to place. Larger ones are calls.
const INLINED: usize = 40;

/// The body of a record's decoder.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RecordDecoder {
    /// What the parameter is called: `reader`, unless a field is.
    pub(crate) reader: String,
    /// What the parameter is called that says whether the fields are the whole input: `whole`, unless a field is.
    pub(crate) whole: String,
    /// `let` statements that read the fields in their order.
    pub(crate) statements: Vec<String>,
    /// The fields, as the struct is made of them: `ident`, or `ident: ()` of one that takes no bytes.
    pub(crate) fields: Vec<String>,
    /// Statements that read the fields in place of others, where those have memory to use again.
    pub(crate) into: Vec<String>,
    /// The attribute of the functions.
    pub(crate) inline: &'static str,
}

impl Emitter<'_> {
    /// The decoder of a record or of its view.
    pub(crate) fn decode_record(&self, record: &Record, view: bool) -> RecordDecoder {
        let taken = |name: &str| record.fields.iter().any(|f| idents::bare(&f.ident) == name);
        let free = |name: &str| {
            let mut name = name.to_owned();
            while taken(&name) {
                name.insert(0, '_');
            }
            name
        };
        let reader = free("reader");
        let runs = runs(record);
        let mut statements = Vec::new();
        let mut fields = Vec::new();
        for run in &runs {
            match record.fields.get(run.clone()).unwrap_or_default() {
                // A variable of `()` is nothing that anybody would write.
                [field] if field.ty == Type::Null => fields.push(format!("{}: ()", field.ident)),
                [field] => {
                    let expression = self.decode(&field.ty, view, &reader);
                    statements.push(format!("let {} = {expression};", field.ident));
                    fields.push(field.ident.clone());
                }
                members => {
                    let names: Vec<String> = members.iter().map(|f| f.ident.clone()).collect();
                    statements.push(format!("let [{}] = {reader}.doubles()?;", names.join(", ")));
                    fields.extend(names);
                }
            }
        }
        let leaves: usize = record.fields.iter().map(|f| self.model.leaves(&f.ty)).sum();
        let into = if view {
            Vec::new()
        } else {
            self.decode_record_into(record)
        };
        RecordDecoder {
            reader,
            whole: free("whole"),
            statements,
            fields,
            into,
            inline: if !record.recursive && leaves <= INLINED {
                "#[inline(always)]"
            } else {
                "#[inline]"
            },
        }
    }

    /// Statements that read a record's fields in place of others; none where all its values are of fixed size. It must be
    /// the records of which [`keeps`](Self::keeps) says that they have it.
    fn decode_record_into(&self, record: &Record) -> Vec<String> {
        let grows = |ty: &Type| self.fixed_bound(ty).is_none();
        if !record.recursive && !record.fields.iter().any(|field| grows(&field.ty)) {
            return Vec::new();
        }
        let each = |run: std::ops::Range<usize>| match record.fields.get(run).unwrap_or_default() {
            [field] => self.decode_into(&field.ty, &Access::Place(format!("self.{}", field.ident))),
            fields => {
                let places: Vec<String> = fields.iter().map(|f| format!("self.{}", f.ident)).collect();
                format!("[{}] = reader.doubles()?;", places.join(", "))
            }
        };
        runs(record).into_iter().map(each).collect()
    }

    /// Whether a value of the type has memory that the next one can use. A union or a map has some, but is made anew. A
    /// boxed record has its box.
    fn keeps(&self, ty: &Type) -> bool {
        match ty {
            Type::Bytes | Type::String | Type::Array(_) | Type::Record { boxed: true, .. } => true,
            Type::Optional { inner, .. } => self.keeps(inner),
            Type::Record { .. } => self.fixed_bound(ty).is_none(),
            _ => false,
        }
    }

    /// The statement that reads a value in place of another, where that has memory to use again.
    pub(crate) fn decode_value_into(&self, ty: &Type, at: &Access) -> Option<String> {
        self.keeps(ty).then(|| self.decode_into(ty, at))
    }

    /// The statement that reads a value in place of another.
    fn decode_into(&self, ty: &Type, at: &Access) -> String {
        let (place, receiver) = (at.value(), at.receiver());
        match ty {
            Type::String => format!("reader.string_into({})?;", at.exclusive()),
            Type::Bytes => format!("reader.bytes_into({})?;", at.exclusive()),
            Type::Array(item) if array_method(item).is_some() => {
                let method = array_method(item).unwrap_or_default();
                format!("reader.{method}_into({})?;", at.exclusive())
            }
            Type::Array(item) if self.keeps(item) => format!(
                "let mut blocks = reader.array({least})?; let mut count = 0; \
                 while blocks.next(reader)? {{ \
                 match {receiver}.get_mut(count) {{ Some(item) => {next} None => {receiver}.push({new}), }} \
                 count += 1; }} {receiver}.truncate(count);",
                least = self.minimum(item),
                next = arm(&self.decode_into(item, &Access::Reference("item".to_owned()))),
                new = self.decode(item, false, "reader"),
            ),
            Type::Array(item) => format!(
                "let mut blocks = reader.array({least})?; blocks.clear({place}); \
                 while blocks.next(reader)? {{ {receiver}.push({each}); }}",
                least = self.minimum(item),
                place = at.exclusive(),
                each = self.decode(item, false, "reader"),
            ),
            Type::Optional { null_first, inner } if self.keeps(inner) => {
                let null = if *null_first { "0" } else { "1" };
                format!(
                    "match (reader.branch(2)?, {scrutinee}) {{ ({null}, place) => *place = None, \
                     (_, Some(value)) => {next} (_, place) => *place = Some({new}), }}",
                    scrutinee = at.exclusive(),
                    next = arm(&self.decode_into(inner, &Access::Reference("value".to_owned()))),
                    new = self.decode(inner, false, "reader"),
                )
            }
            // Of a value whose size is fixed nothing is kept but the box, so it has no such function.
            Type::Record { boxed: true, .. } if self.fixed_bound(ty).is_some() => {
                format!("*{place} = {}::decode_avro(reader)?;", self.named(ty, false))
            }
            Type::Record { .. } if self.keeps(ty) => format!("{receiver}.decode_into(reader)?;"),
            _ => format!("{place} = {};", self.decode(ty, false, "reader")),
        }
    }

    /// The expression that reads a value; of a view, where it borrows.
    pub(crate) fn decode(&self, ty: &Type, view: bool, reader: &str) -> String {
        match ty {
            Type::Null => "()".to_owned(),
            Type::Never => format!("{}({reader})?", self.codec("Never::decode_avro")),
            Type::Boolean => format!("{reader}.boolean()?"),
            Type::Int => format!("{reader}.int()?"),
            Type::Long => format!("{reader}.long()?"),
            Type::Float => format!("{reader}.float()?"),
            Type::Double => format!("{reader}.double()?"),
            Type::Bytes if view => format!("{reader}.bytes()?"),
            Type::Bytes => format!("{reader}.bytes()?.to_vec()"),
            Type::String if view => format!("{reader}.str()?"),
            Type::String => format!("{reader}.string()?"),
            Type::Newtype { base, boxed, .. } => {
                let base = self.decode(base, false, reader);
                let newtype = format!("{}({base}, {reader})?", self.codec("newtype"));
                if *boxed {
                    format!("::std::boxed::Box::new({newtype})")
                } else {
                    newtype
                }
            }
            Type::UuidString => format!("{reader}.uuid_string()?"),
            Type::UuidFixed => format!("{reader}.uuid_fixed()?"),
            Type::Time(time) => format!("{reader}.{}()?", time_function(*time)),
            Type::DecimalBytes { scale, .. } => format!("{reader}.decimal_bytes({scale})?"),
            Type::DecimalFixed { scale, size, .. } => {
                format!("{reader}.decimal_fixed::<{size}, _>({scale})?")
            }
            Type::BigDecimal { .. } => format!("{reader}.big_decimal()?"),
            Type::Duration => format!("{reader}.duration()?"),
            Type::Array(item) if array_method(item).is_some() => {
                format!("{reader}.{}()?", array_method(item).unwrap_or_default())
            }
            Type::Array(item) => format!(
                "{{ let mut blocks = {reader}.array({least})?; \
                 let mut items = blocks.new_vec(); \
                 while blocks.next({reader})? {{ items.push({each}); }} items }}",
                least = self.minimum(item),
                each = self.decode(item, view, reader),
            ),
            Type::Map(value) => {
                let key = format!("{reader}.{}()?", if view { "str" } else { "string" });
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
            Type::Record { .. } | Type::Union(_) | Type::Enum { .. } => {
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

/// A statement as an arm of a match, without the braces that one expression does not need.
fn arm(statement: &str) -> String {
    match statement.strip_suffix(';') {
        Some(expression) if !expression.contains(';') => format!("{expression},"),
        _ => format!("{{ {statement} }}"),
    }
}
