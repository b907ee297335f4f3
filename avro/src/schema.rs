//! The model of a schema: a graph of nodes in one arena, with the place of each.
//!
//! Named types refer to each other and to themselves, so nodes are addressed by [`TypeId`] and a reference to a name
//! *is* the ID of the definition: whoever walks the graph keeps a set of the IDs seen. A [`SchemaSet`] is what
//! several files define together; a [`Schema`] is one root in it. Both are immutable and cheap to clone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::json;
use crate::source::{Place, Source, Span};

/// Address of a node in its [`SchemaSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub(crate) u32);

impl TypeId {
    /// Position in the arena.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The name of a record, enum or fixed: a namespace, possibly none, and a simple name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Without a trailing dot; `None` is the null namespace.
    pub namespace: Option<String>,
    /// Without dots.
    pub name: String,
}

impl Name {
    /// Splits `a.b.C` at the last dot. A name without a dot is in no namespace.
    pub fn parse(full: &str) -> Self {
        match full.rsplit_once('.') {
            Some(("", name)) => Self {
                namespace: None,
                name: name.to_owned(),
            },
            Some((namespace, name)) => Self {
                namespace: Some(namespace.to_owned()),
                name: name.to_owned(),
            },
            None => Self {
                namespace: None,
                name: full.to_owned(),
            },
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A node: what it is, and what its JSON object said besides.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// The logical type, where it is one of the specification's and valid on this node. An unknown or invalid one is
    /// ignored, as the specification asks; its attributes are still in `attributes`.
    pub logical: Option<Logical>,
    /// Attributes that Avro gives no meaning to (and `logicalType` with its parameters), in the order of the text.
    pub attributes: Vec<json::Member>,
    /// The JSON value that defines the node.
    pub place: Place,
}

/// What a node is. Avro 1.12 specification, "Schema Declaration".
#[derive(Clone, Debug)]
pub enum Kind {
    /// No value.
    Null,
    /// One byte, 0 or 1.
    Boolean,
    /// 32 bits, zig-zag.
    Int,
    /// 64 bits, zig-zag.
    Long,
    /// IEEE 754, 32 bits.
    Float,
    /// IEEE 754, 64 bits.
    Double,
    /// Length and bytes.
    Bytes,
    /// Length and UTF-8.
    String,
    /// Blocks of items of the one type.
    Array(TypeId),
    /// Blocks of string keys and values of the one type.
    Map(TypeId),
    /// The index of a branch, then its value; in the order of the text.
    Union(Vec<TypeId>),
    /// Fields in order (also Avro's `error`).
    Record(Record),
    /// The index of a symbol.
    Enum(Enum),
    /// So many bytes.
    Fixed(Fixed),
}

/// A logical type that is valid on the node that carries it. Avro 1.12 specification, "Logical Types".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // the specification's own names
pub enum Logical {
    Decimal { precision: u32, scale: u32 },
    BigDecimal,
    Uuid,
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
    Duration,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Full name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Full names.
    pub aliases: Vec<Name>,
    /// Documentation, as written.
    pub doc: Option<String>,
    /// In order.
    pub fields: Vec<Field>,
    /// Defined as `"type": "error"`.
    pub is_error: bool,
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// Other names that a writer may have used.
    pub aliases: Vec<String>,
    /// Documentation, as written.
    pub doc: Option<String>,
    /// Its type.
    pub ty: TypeId,
    /// Where the type stands (a reference's place is not the definition's).
    pub type_span: Span,
    /// The default, checked against the type. Where a float or double has a string there, which Java takes, it is
    /// the number that it stands for, or one of the strings `NaN`, `Infinity` and `-Infinity`.
    pub default: Option<json::Value>,
    /// Sort order.
    pub order: Order,
    /// Attributes that Avro gives no meaning to, in the order of the text.
    pub attributes: Vec<json::Member>,
    /// The field's JSON object.
    pub span: Span,
}

impl Field {
    /// The attribute of that name.
    pub fn attribute(&self, key: &str) -> Option<&json::Value> {
        self.attributes
            .iter()
            .rev()
            .find(|m| m.key == key)
            .map(|m| &m.value)
    }
}

/// How a field takes part in sorting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Order {
    #[default]
    Ascending,
    Descending,
    Ignore,
}

/// An enum.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Full name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Full names.
    pub aliases: Vec<Name>,
    /// Documentation, as written.
    pub doc: Option<String>,
    /// In order; the index is what is written.
    pub symbols: Vec<String>,
    /// Where each symbol stands.
    pub symbol_spans: Vec<Span>,
    /// What a reader takes for a symbol it does not know.
    pub default: Option<String>,
}

/// A fixed.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Full name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Full names.
    pub aliases: Vec<Name>,
    /// Documentation, as written.
    pub doc: Option<String>,
    /// Bytes.
    pub size: usize,
}

impl Node {
    /// The attribute of that name.
    pub fn attribute(&self, key: &str) -> Option<&json::Value> {
        self.attributes
            .iter()
            .rev()
            .find(|m| m.key == key)
            .map(|m| &m.value)
    }

    /// The name of a record, enum or fixed.
    pub fn name(&self) -> Option<&Name> {
        match &self.kind {
            Kind::Record(r) => Some(&r.name),
            Kind::Enum(e) => Some(&e.name),
            Kind::Fixed(f) => Some(&f.name),
            _ => None,
        }
    }
}

/// What several files define together.
#[derive(Clone, Debug)]
pub struct SchemaSet {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) nodes: Vec<Node>,
    pub(crate) named: BTreeMap<Name, TypeId>,
    pub(crate) files: Vec<(Arc<Source>, TypeId)>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl SchemaSet {
    /// The node of an ID of this set.
    pub fn node(&self, id: TypeId) -> &Node {
        &self.inner.nodes[id.index()]
    }

    /// Every record, enum and fixed by full name, in the order of names.
    pub fn named(&self) -> impl Iterator<Item = (&Name, TypeId)> {
        self.inner.named.iter().map(|(name, id)| (name, *id))
    }

    /// What the parser took but somebody should look at, such as `logical-type-ignored`; in the order of files and lines.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.inner.warnings
    }

    /// The files, in the order they were given, and the type each has at its top.
    pub fn files(&self) -> impl Iterator<Item = (&Arc<Source>, TypeId)> {
        self.inner.files.iter().map(|(source, id)| (source, *id))
    }

    /// The type of that full name (`a.b.C`) as a schema of its own.
    pub fn get(&self, full_name: &str) -> Option<Schema> {
        let id = *self.inner.named.get(&Name::parse(full_name))?;
        Some(self.schema(id))
    }

    /// The schema with that root.
    pub fn schema(&self, root: TypeId) -> Schema {
        Schema {
            set: self.clone(),
            root,
        }
    }
}

/// One schema: a root, and all it refers to.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(crate) set: SchemaSet,
    pub(crate) root: TypeId,
}

impl Schema {
    /// The set it is of.
    pub fn set(&self) -> &SchemaSet {
        &self.set
    }

    /// Its root.
    pub fn root(&self) -> TypeId {
        self.root
    }

    /// The node of an ID of its set.
    pub fn node(&self, id: TypeId) -> &Node {
        self.set.node(id)
    }

    /// The node at its root.
    pub fn root_node(&self) -> &Node {
        self.set.node(self.root)
    }
}
