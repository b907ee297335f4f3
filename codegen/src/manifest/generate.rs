//! `[generate]`: how the code looks. Choices of Rust that a schema says nothing about, for all types, one type or one field.
//!
//! What stands here ends up in code, so it is held against the grammar first: a derive is a path, an attribute is an
//! attribute, a type is a type. The last gate lets no other attribute through than those that are named here.

use fleetops_avro::schema::{Kind, Logical, SchemaSet, TypeId};
use fleetops_avro::{Diagnostic, source::Span};

use super::names::nearest;
use super::read::each;
use super::table::{Report, Table};
use super::{Manifest, Spanned};

/// The logical types that may stay raw, by their names in schemas.
pub(crate) const LOGICAL: &[&str] = &[
    "big-decimal",
    "date",
    "decimal",
    "duration",
    "local-timestamp-micros",
    "local-timestamp-millis",
    "local-timestamp-nanos",
    "time-micros",
    "time-millis",
    "timestamp-micros",
    "timestamp-millis",
    "timestamp-nanos",
    "uuid",
];

/// `[generate]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generate {
    /// `templates`: the folder with templates that replace built-in ones, relative to the manifest.
    pub templates: Option<Spanned<String>>,
    /// `non-exhaustive`: structs and enums get `#[non_exhaustive]`.
    pub non_exhaustive: bool,
    /// `raw`: logical types that stay what they are on the wire, by their names in schemas.
    pub raw: Vec<Spanned<String>>,
    /// `decimal`: the Rust type of decimals, where a field does not say another.
    pub decimal: DecimalType,
    /// `derives`: what every type derives besides.
    pub derives: Vec<Spanned<String>>,
    /// `[generate.types."FULL.NAME"]`
    pub types: Vec<TypeSettings>,
    /// `[generate.fields."FULL.NAME.field"]`
    pub fields: Vec<FieldSettings>,
}

/// The Rust type of `decimal` and `big-decimal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecimalType {
    /// `rust_decimal::Decimal`: 28 digits, no allocation. A decimal of more stays raw.
    #[default]
    RustDecimal,
    /// `bigdecimal::BigDecimal`: any number of digits. The runtime's feature `bigdecimal` has to be on.
    BigDecimal,
}

/// The choices of `decimal`.
const DECIMALS: &[(&str, DecimalType)] = &[
    ("rust_decimal", DecimalType::RustDecimal),
    ("bigdecimal", DecimalType::BigDecimal),
];

fn decimal(table: &Table<'_>, report: &mut Report<'_>) -> Option<Spanned<DecimalType>> {
    table.choice(report, "decimal", "decimal type", DECIMALS)
}

/// `[generate.types."FULL.NAME"]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeSettings {
    /// The full name of a record, enum or fixed.
    pub name: Spanned<String>,
    /// `derives`: what it derives besides.
    pub derives: Vec<Spanned<String>>,
    /// `attributes`: what stands on it besides, without `#[` and `]`.
    pub attributes: Vec<Spanned<String>>,
    /// `non-exhaustive`, where it differs from what holds for all.
    pub non_exhaustive: Option<bool>,
    /// `open`: an enum that keeps a symbol of a newer writer which it does not have.
    pub open: Spanned<bool>,
    /// `type`: a type that implements the runtime's `codec::Newtype` over what would be generated, wherever that is used.
    pub ty: Option<Spanned<String>>,
}

/// `[generate.fields."FULL.NAME.field"]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSettings {
    /// The record's full name, a dot, and the field's.
    pub name: Spanned<String>,
    /// `type`: a type that implements the runtime's `codec::Newtype` over what would be generated.
    pub ty: Option<Spanned<String>>,
    /// `raw`: its logical types stay what they are on the wire.
    pub raw: bool,
    /// `decimal`: the Rust type of its decimals.
    pub decimal: Option<Spanned<DecimalType>>,
    /// `attributes`: what stands on it besides, without `#[` and `]`.
    pub attributes: Vec<Spanned<String>>,
}

impl Generate {
    /// Whether a logical type stays raw everywhere.
    pub(crate) fn is_raw(&self, logical: &str) -> bool {
        self.raw.iter().any(|raw| raw.value == logical)
    }

    pub(crate) fn of_type(&self, full_name: &str) -> Option<&TypeSettings> {
        self.types.iter().find(|t| t.name.value == full_name)
    }

    pub(crate) fn of_field(&self, record: &str, field: &str) -> Option<&FieldSettings> {
        self.fields
            .iter()
            .find(|f| f.name.value.rsplit_once('.') == Some((record, field)))
    }
}

pub(super) fn read(root: &Table<'_>, report: &mut Report<'_>) -> Generate {
    let Some(table) = root.table(report, "generate") else {
        return Generate::default();
    };
    table.only(
        report,
        &[
            "templates",
            "non-exhaustive",
            "raw",
            "decimal",
            "derives",
            "types",
            "fields",
        ],
    );
    let raw = table.strings(report, "raw").unwrap_or_default();
    for name in &raw {
        if LOGICAL.contains(&name.as_str()) {
            continue;
        }
        let message = format!("`{name}` is no logical type of Avro");
        let diagnostic = report.error("unknown-value", name.span, message, "no logical type");
        diagnostic.notes.push(format!("one of: {}", LOGICAL.join(", ")));
        diagnostic.help = nearest(name, LOGICAL.iter().copied()).map(|n| format!("did you mean `{n}`?"));
    }
    Generate {
        templates: table.text(report, "templates"),
        non_exhaustive: table.flag(report, "non-exhaustive").unwrap_or(false),
        raw,
        decimal: decimal(&table, report).map(|d| d.value).unwrap_or_default(),
        derives: rust(&table, report, "derives", Grammar::Path),
        types: each(&table, report, "types", type_settings),
        fields: each(&table, report, "fields", field_settings),
    }
}

fn type_settings(table: &Table<'_>, name: Spanned<String>, report: &mut Report<'_>) -> Option<TypeSettings> {
    table.only(
        report,
        &["derives", "attributes", "non-exhaustive", "open", "type"],
    );
    let ty = table.text(report, "type");
    let good = ty.as_ref().is_none_or(|ty| Grammar::Type.holds(report, ty));
    Some(TypeSettings {
        open: Spanned {
            span: (table.keys().iter().find(|key| key.value == "open")).map_or(name.span, |key| key.span),
            value: table.flag(report, "open").unwrap_or(false),
        },
        ty: ty.filter(|_| good),
        name,
        derives: rust(table, report, "derives", Grammar::Path),
        attributes: rust(table, report, "attributes", Grammar::Attribute),
        non_exhaustive: table.flag(report, "non-exhaustive"),
    })
}

fn field_settings(
    table: &Table<'_>,
    name: Spanned<String>,
    report: &mut Report<'_>,
) -> Option<FieldSettings> {
    table.only(report, &["type", "raw", "decimal", "attributes"]);
    let ty = table.text(report, "type");
    let good = ty.as_ref().is_none_or(|ty| Grammar::Type.holds(report, ty));
    Some(FieldSettings {
        name,
        ty: ty.filter(|_| good),
        raw: table.flag(report, "raw").unwrap_or(false),
        decimal: decimal(table, report),
        attributes: rust(table, report, "attributes", Grammar::Attribute),
    })
}

/// What a text must be in Rust.
#[derive(Clone, Copy)]
enum Grammar {
    Path,
    Attribute,
    Type,
}

impl Grammar {
    fn holds(self, report: &mut Report<'_>, text: &Spanned<String>) -> bool {
        let (what, example, parsed) = match self {
            Self::Path => (
                "the path of a derive macro",
                "\"Hash\", or \"::crate_name::Derive\"",
                syn::parse_str::<syn::Path>(text).map(drop),
            ),
            Self::Attribute => (
                "an attribute",
                "what stands between `#[` and `]`, such as \"serde(skip)\"",
                syn::parse_str::<syn::Meta>(text).map(drop),
            ),
            Self::Type => (
                "a type",
                "its path, such as \"crate::VehicleId\"",
                syn::parse_str::<syn::Type>(text).map(drop),
            ),
        };
        let Err(error) = parsed else { return true };
        let message = format!("`{text}` is not {what}");
        report
            .error("rust-syntax", text.span, message, error.to_string())
            .help = Some(format!("write {example}"));
        false
    }
}

fn rust(table: &Table<'_>, report: &mut Report<'_>, key: &str, grammar: Grammar) -> Vec<Spanned<String>> {
    let mut texts = table.strings(report, key).unwrap_or_default();
    texts.retain(|text| grammar.holds(report, text));
    texts
}

/// Types and fields that are named are there.
pub(super) fn check(manifest: &Manifest, schemas: &SchemaSet) -> Vec<Diagnostic> {
    let generate = &manifest.generate;
    let names: Vec<String> = schemas.named().map(|(name, _)| name.to_string()).collect();
    let (mut found, mut choices) = (Vec::new(), Vec::new());
    let mut unknown = |rule: &'static str, span: Span, message: String, near: Option<String>| {
        let label = if rule == "unknown-type" {
            "no such type"
        } else {
            "no such field"
        };
        let mut diagnostic = Diagnostic::error(rule, manifest.place(span), message, label);
        diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
        found.push(diagnostic);
    };
    for ty in &generate.types {
        if let Some(schema) = schemas.get(&ty.name) {
            choices.extend(choice(manifest, ty, &schema.root_node().kind));
        }
        if !names.contains(&ty.name.value) {
            let near = nearest(&ty.name, names.iter().map(String::as_str)).map(str::to_owned);
            unknown(
                "unknown-type",
                ty.name.span,
                format!("no schema defines {}", ty.name),
                near,
            );
        }
    }
    for field in &generate.fields {
        let (record, name) = field.name.rsplit_once('.').unwrap_or(("", &field.name));
        let schema = schemas.get(record);
        let kind = schema.as_ref().map(|s| &s.root_node().kind);
        let Some(Kind::Record(declared)) = kind else {
            let near = nearest(record, names.iter().map(String::as_str)).map(|n| format!("{n}.{name}"));
            unknown(
                "unknown-type",
                field.name.span,
                format!("no schema defines a record {record:?}"),
                near,
            );
            continue;
        };
        if let Some(chosen) = &field.decimal
            && let Some(declared) = declared.fields.iter().find(|f| f.name == name)
        {
            choices.extend(decimal_choice(manifest, schemas, field, chosen.span, declared.ty));
        }
        if !declared.fields.iter().any(|f| f.name == name) {
            let fields = declared.fields.iter().map(|f| f.name.as_str());
            let near = nearest(name, fields).map(|n| format!("{record}.{n}"));
            unknown(
                "unknown-field",
                field.name.span,
                format!("{record} has no field `{name}`"),
                near,
            );
        }
    }
    found.append(&mut choices);
    found
}

/// A decimal type for a field that has no decimals, or keeps them raw.
fn decimal_choice(
    manifest: &Manifest,
    schemas: &SchemaSet,
    field: &FieldSettings,
    span: Span,
    ty: TypeId,
) -> Option<Diagnostic> {
    let place = manifest.place(span);
    if field.raw {
        let message = format!("{} keeps its decimals raw, so they have no type", field.name);
        let diagnostic = Diagnostic::error("type-choice", place, message, "with `raw = true`");
        return Some(diagnostic.help("remove `decimal`, or `raw`"));
    }
    let mut pending = vec![ty];
    while let Some(id) = pending.pop() {
        let node = schemas.node(id);
        match (&node.kind, node.logical) {
            (_, Some(Logical::Decimal { .. } | Logical::BigDecimal)) => return None,
            (Kind::Array(inner) | Kind::Map(inner), _) => pending.push(*inner),
            (Kind::Union(branches), _) => pending.extend(branches),
            _ => {}
        }
    }
    let message = format!("{} has no decimals, so they have no type", field.name);
    let diagnostic = Diagnostic::error(
        "type-choice",
        place,
        message,
        "for the logical types decimal and big-decimal",
    );
    Some(diagnostic.help("remove `decimal`, or give the field that logical type in its schema"))
}

/// What is said of a type that its kind cannot have.
fn choice(manifest: &Manifest, ty: &TypeSettings, kind: &Kind) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut refuse = |span: Span, message: String, label: &str, help: &str| {
        let place = manifest.place(span);
        found.push(Diagnostic::error("type-choice", place, message, label).help(help));
    };
    if ty.open.value {
        match kind {
            Kind::Enum(e) if e.default.is_some() => {}
            Kind::Enum(_) => refuse(
                ty.open.span,
                format!("{} has no default, so it cannot be open", ty.name),
                "nothing could be written for a symbol that it does not have",
                "give the enum a `default` in its schema: that is what readers without a symbol take for it",
            ),
            _ => refuse(
                ty.open.span,
                format!("{} is no enum, so it cannot be open", ty.name),
                "only enums have symbols",
                "remove `open`",
            ),
        }
    }
    found
}
