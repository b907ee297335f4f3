//! What the schemas are in Rust: every type with its module, identifiers and shape, and no text of code yet.
//!
//! The schema model is a graph that says what Avro means; this one says what Rust needs to know about it: which reference
//! is boxed, because it closes a cycle or what it refers to is large, which optional is an `Option`, which union is an enum
//! of its own and how it is called, what borrows. [`lower::lower`] makes it from a [`SchemaSet`](fleetops_avro::SchemaSet) in
//! one pass.

pub(crate) mod cycles;
pub(crate) mod depth;
pub(crate) mod dress;
pub(crate) mod endless;
mod holders;
pub(crate) mod lower;
mod room;
pub(crate) mod rules;
pub(crate) mod sizes;
pub(crate) mod top_level;

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::json;
use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::source::Place;
use fleetops_avro::{Diagnostic, SchemaSet};

pub use rules::Rule;

/// A module path below the root of the generated code; empty is the root.
pub(crate) type ModulePath = Vec<String>;

/// Everything that is generated from the schemas.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// By schema node.
    pub(crate) records: BTreeMap<TypeId, Record>,
    /// By schema node.
    pub(crate) enums: BTreeMap<TypeId, Enum>,
    /// By schema node: those that have a type of their own (not the ones that are a UUID or a decimal).
    pub(crate) fixeds: BTreeMap<TypeId, Fixed>,
    /// By schema node: what files have at their top that is no record.
    pub(crate) top_level: BTreeMap<TypeId, TopLevel>,
    /// Unions that are enums, in the order in which they were met.
    pub(crate) unions: Vec<Union>,
    /// Where the unions of a record, or of the top of a file, stand among them.
    union_ranges: BTreeMap<TypeId, std::ops::Range<usize>>,
    /// The sizes of the records, by schema node.
    sizes: BTreeMap<TypeId, sizes::Sizes>,
    /// All names in each module: of types, views, builders, and the modules in it.
    pub(crate) names: BTreeMap<ModulePath, BTreeSet<String>>,
    /// What was left out of the schemas' attributes, and why.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Where a type lives and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// Its module.
    pub(crate) module: ModulePath,
    /// Its identifier.
    pub(crate) ident: String,
    /// The identifier of its borrowed view.
    pub(crate) view: String,
}

/// A record.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) home: Home,
    /// The identifier of its builder.
    pub(crate) builder: String,
    /// The identifier of the struct of what its builder requires.
    pub(crate) required: String,
    /// The full name in the schema.
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) dress: Dress,
    pub(crate) fields: Vec<Field>,
    /// It can contain itself: decoding counts its depth.
    pub(crate) recursive: bool,
    /// Its view borrows something.
    pub(crate) borrows: bool,
    /// It has something to validate.
    pub(crate) checks: bool,
}

/// What a schema says of something that is not to be used any more: a reason, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deprecated(pub(crate) String);

/// What stands on a type besides what is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dress {
    /// Derives, attributes and `#[non_exhaustive]` that the manifest asks for, whole.
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: Option<Deprecated>,
    /// What its own code does and rustc would warn of: it uses something deprecated, or is a record that no value ends.
    pub(crate) allow: BTreeSet<&'static str>,
}

/// A field.
#[derive(Debug)]
pub(crate) struct Field {
    /// As in the schema.
    pub(crate) name: String,
    pub(crate) ident: String,
    pub(crate) doc: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) ty: Type,
    pub(crate) default: Option<json::Value>,
    pub(crate) rules: Vec<Rule>,
    /// Whole attributes that the manifest asks for.
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: Option<Deprecated>,
}

/// An enum.
#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) home: Home,
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    /// Symbol and identifier, in the order of the wire.
    pub(crate) symbols: Vec<(String, String)>,
    /// Position of the default.
    pub(crate) default: Option<usize>,
    /// The identifier of the variant for other symbols, where the enum is open.
    pub(crate) unknown: Option<String>,
    pub(crate) dress: Dress,
}

/// A fixed with a type of its own.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) home: Home,
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    pub(crate) size: usize,
    pub(crate) dress: Dress,
}

/// A type at the top of a file that is no record, and can be written and read by itself as one can.
#[derive(Debug)]
pub(crate) struct TopLevel {
    pub(crate) home: Home,
    /// The full name in the schema, or that of the file, without its ending, where there is none.
    pub(crate) name: String,
    /// The schema has a name.
    pub(crate) is_named: bool,
    /// `array`
    pub(crate) kind: &'static str,
    /// The file, without the folder.
    pub(crate) file: String,
    pub(crate) doc: Option<String>,
    pub(crate) unit: Option<String>,
    /// What it is, or what it holds.
    pub(crate) ty: Type,
    pub(crate) rules: Vec<Rule>,
    pub(crate) dress: Dress,
}

/// A union that is an enum.
#[derive(Debug)]
pub(crate) struct Union {
    pub(crate) home: Home,
    /// What it is the type of, for its documentation: `fleetops.Event.payload`.
    pub(crate) owner: String,
    pub(crate) dress: Dress,
    /// In the order of the wire.
    pub(crate) branches: Vec<Branch>,
    pub(crate) borrows: bool,
    /// It has something to validate.
    pub(crate) checks: bool,
}

/// A branch of such a union.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) ident: String,
    /// Its name in JSON: the type's name, in full for named types.
    pub(crate) tag: String,
    pub(crate) ty: Type,
}

/// A type as a field, an item or a branch has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Null,
    /// An enum without symbols, or a union without branches.
    Never,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    /// A string that holds a UUID.
    UuidString,
    /// A fixed of 16 that is a UUID.
    UuidFixed,
    Time(Time),
    DecimalBytes {
        precision: u32,
        scale: u32,
        /// As `bigdecimal`'s type, of any number of digits.
        big: bool,
    },
    DecimalFixed {
        precision: u32,
        scale: u32,
        size: usize,
        big: bool,
    },
    /// The logical type of that name.
    BigDecimal {
        big: bool,
    },
    Duration,
    Array(Box<Type>),
    Map(Box<Type>),
    /// Null and one other.
    Optional {
        null_first: bool,
        inner: Box<Type>,
    },
    /// Index into [`Model::unions`].
    Union(usize),
    Record {
        id: TypeId,
        boxed: bool,
    },
    Enum {
        id: TypeId,
        /// It keeps symbols that it does not have, so it holds a text.
        open: bool,
    },
    Fixed(TypeId),
    /// A type of the user's that stands for another: it implements the runtime's `codec::Newtype`.
    Newtype {
        path: String,
        base: Box<Type>,
        /// In a box: it stands for a record that would be.
        boxed: bool,
    },
}

/// The logical types that are chrono types, by the specification's names.
#[allow(clippy::enum_variant_names)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
}

impl Type {
    /// The type behind `Option`, if it is one.
    pub(crate) fn unwrapped(&self) -> &Type {
        match self {
            Type::Optional { inner, .. } => inner,
            other => other,
        }
    }

    /// The type that the wire has, where this one stands for it.
    pub(crate) fn base(&self) -> &Type {
        match self {
            Type::Newtype { base, .. } => base,
            other => other,
        }
    }

    /// A decimal of the crate `bigdecimal`.
    pub(crate) fn is_bigdecimal(&self) -> bool {
        matches!(
            self,
            Type::DecimalBytes { big: true, .. }
                | Type::DecimalFixed { big: true, .. }
                | Type::BigDecimal { big: true }
        )
    }

    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Type::Optional { .. })
    }

    /// Passed by value at no cost, and `Copy` in Rust.
    pub(crate) fn is_copy(&self) -> bool {
        match self {
            Type::Bytes
            | Type::String
            | Type::Array(_)
            | Type::Map(_)
            | Type::Union(_)
            | Type::Record { .. }
            | Type::Enum { open: true, .. }
            | Type::Newtype { .. } => false,
            _ if self.is_bigdecimal() => false,
            Type::Optional { inner, .. } => inner.is_copy(),
            _ => true,
        }
    }
}

impl TopLevel {
    /// What it is called where full names are listed: its name, or its file.
    pub(crate) fn shown(&self) -> &String {
        if self.is_named { &self.name } else { &self.file }
    }

    /// It is a type of its own for this alone: enums and fixed types are there anyway.
    pub(crate) fn is_new(&self) -> bool {
        !matches!(self.ty, Type::Enum { .. } | Type::Fixed(_))
    }

    /// It is a struct around its type: an enum, a fixed and a union have one of their own already.
    pub(crate) fn wraps(&self) -> bool {
        !matches!(self.ty, Type::Enum { .. } | Type::Fixed(_) | Type::Union(_))
    }
}

impl Field {
    /// A builder must be given it.
    pub(crate) fn is_required(&self) -> bool {
        self.default.is_none() && !self.ty.is_optional() && self.ty != Type::Null
    }
}

impl Model {
    /// The unions of a record or of the top of a file, with their indices. They were met one by one, so they stand together.
    pub(crate) fn unions_of(&self, record: TypeId) -> impl Iterator<Item = (usize, &Union)> {
        let range = self.union_ranges.get(&record).cloned().unwrap_or_default();
        let unions = self.unions.get(range.clone()).unwrap_or_default();
        range.zip(unions)
    }

    /// The full names of the open enums that a type holds.
    pub(crate) fn open_enums(&self, set: &SchemaSet, id: TypeId) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        if self.enums.values().all(|e| e.unknown.is_none()) {
            return found;
        }
        let (mut seen, mut pending) = (BTreeSet::new(), vec![id]);
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            match &set.node(id).kind {
                Kind::Array(inner) | Kind::Map(inner) => pending.push(*inner),
                Kind::Union(branches) => pending.extend(branches),
                Kind::Record(record) => pending.extend(record.fields.iter().map(|f| f.ty)),
                Kind::Enum(_) => {
                    let open = self.enums.get(&id).filter(|e| e.unknown.is_some());
                    found.extend(open.map(|e| e.name.as_str()));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a field or a branch has a decimal of the crate `bigdecimal`.
    pub(crate) fn has_bigdecimal(&self) -> bool {
        fn holds(ty: &Type) -> bool {
            match ty {
                Type::Array(inner)
                | Type::Map(inner)
                | Type::Optional { inner, .. }
                | Type::Newtype { base: inner, .. } => holds(inner),
                other => other.is_bigdecimal(),
            }
        }
        let fields = self.records.values().flat_map(|r| &r.fields).map(|f| &f.ty);
        let branches = self.unions.iter().flat_map(|u| &u.branches).map(|b| &b.ty);
        let top_level = self.top_level.values().map(|top| &top.ty);
        fields.chain(branches).chain(top_level).any(holds)
    }

    /// Whether the view of this type differs from the type: it borrows strings or bytes.
    pub(crate) fn borrows(&self, ty: &Type) -> bool {
        match ty {
            Type::Bytes | Type::String | Type::Map(_) => true,
            Type::Array(inner) | Type::Optional { inner, .. } => self.borrows(inner),
            Type::Union(index) => self.unions.get(*index).is_some_and(|u| u.borrows),
            Type::Record { id, .. } => self.records.get(id).is_some_and(|r| r.borrows),
            _ => false,
        }
    }

    /// Whether a value of this type has something to validate: rules inside, or a Rust type that holds more than Avro's.
    pub(crate) fn checks(&self, ty: &Type) -> bool {
        match ty {
            Type::DecimalBytes { .. }
            | Type::DecimalFixed { .. }
            | Type::BigDecimal { big: true }
            | Type::Enum { open: true, .. } => true,
            Type::Time(time) => matches!(
                time,
                Time::TimeMillis | Time::TimeMicros | Time::TimestampNanos | Time::LocalTimestampNanos
            ),
            Type::Array(inner)
            | Type::Map(inner)
            | Type::Optional { inner, .. }
            | Type::Newtype { base: inner, .. } => self.checks(inner),
            Type::Union(index) => self.unions.get(*index).is_some_and(|u| u.checks),
            Type::Record { id, .. } => self.records.get(id).is_some_and(|r| r.checks),
            _ => false,
        }
    }
}

/// A place to blame in an error of generation.
pub(crate) fn place(source: &Place, span: fleetops_avro::Span) -> Place {
    Place::new(&source.source, span)
}

/// What a type is called in messages and in JSON.
pub(crate) fn kind_word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "boolean",
        Kind::Int => "int",
        Kind::Long => "long",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Bytes => "bytes",
        Kind::String => "string",
        Kind::Array(_) => "array",
        Kind::Map(_) => "map",
        Kind::Union(_) => "union",
        Kind::Record(_) => "record",
        Kind::Enum(_) => "enum",
        Kind::Fixed(_) => "fixed",
    }
}
