//! Statements that hold a value against the rules of its schema.
//!
//! Besides the rules of validation attributes there are those of logical types whose Rust type holds more than Avro's:
//! a decimal with too many digits, a leap second.

use super::{Access, Emitter, scrutinee, string_literal};
use crate::idents;
use crate::model::{Record, Rule, Time, Type, Union};

/// Constants that clippy takes a literal for if it is near one of them.
const KNOWN: &[f64] = &[
    std::f64::consts::E,
    std::f64::consts::FRAC_1_PI,
    std::f64::consts::FRAC_1_SQRT_2,
    std::f64::consts::FRAC_2_PI,
    std::f64::consts::FRAC_2_SQRT_PI,
    std::f64::consts::FRAC_PI_2,
    std::f64::consts::FRAC_PI_3,
    std::f64::consts::FRAC_PI_4,
    std::f64::consts::FRAC_PI_6,
    std::f64::consts::FRAC_PI_8,
    std::f64::consts::LN_2,
    std::f64::consts::LN_10,
    std::f64::consts::LOG2_10,
    std::f64::consts::LOG2_E,
    std::f64::consts::LOG10_2,
    std::f64::consts::LOG10_E,
    std::f64::consts::PI,
    std::f64::consts::SQRT_2,
    std::f64::consts::TAU,
    1.618_033_988_749_895,
];

/// Whether clippy would ask for a named constant in place of a literal.
pub(crate) fn is_nearly_a_constant(literal: &str) -> bool {
    literal
        .parse::<f64>()
        .is_ok_and(|value| KNOWN.iter().any(|known| (value.abs() - known).abs() < 0.01))
}

impl Emitter<'_> {
    /// Statements that check all fields of a record; `path` and `errors` are in scope.
    pub(crate) fn check_record(&self, record: &Record) -> Vec<String> {
        let mut statements = Vec::new();
        for field in &record.fields {
            if field.rules.is_empty() && !self.model.checks(&field.ty) {
                continue;
            }
            let path = format!("path.field({:?})", field.name);
            let at = Access::Place(format!("self.{}", field.ident));
            let prefix = idents::shouting(idents::bare(&field.ident));
            statements.extend(self.patterns(&prefix, &field.rules));
            statements.push(self.check(&field.ty, &field.rules, &at, &path, &prefix));
        }
        statements
    }

    /// Statements that check one value; `path` and `errors` are in scope, and `path` is where it stands.
    pub(crate) fn check_value(&self, ty: &Type, rules: &[Rule], at: &Access) -> Vec<String> {
        if rules.is_empty() && !self.model.checks(ty) {
            return Vec::new();
        }
        let mut statements = self.patterns("VALUE", rules);
        statements.push(self.check(ty, rules, at, "path", "VALUE"));
        statements
    }

    /// Statements that check a branch, reached as `value`.
    pub(crate) fn check_branches(&self, union: &Union) -> Vec<Option<String>> {
        union
            .branches
            .iter()
            .map(|branch| {
                let at = Access::Reference("value".to_owned());
                self.model
                    .checks(&branch.ty)
                    .then(|| self.check(&branch.ty, &[], &at, "path", ""))
            })
            .collect()
    }

    /// Whether rules have a literal that clippy would take for a known constant.
    pub(crate) fn has_nearly_constants<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> bool {
        rules.into_iter().any(|rule| match rule {
            Rule::Minimum(v) | Rule::Maximum(v) | Rule::ExclusiveMinimum(v) | Rule::ExclusiveMaximum(v) => {
                is_nearly_a_constant(v)
            }
            _ => false,
        })
    }

    /// Declarations of the expressions of patterns.
    fn patterns(&self, prefix: &str, rules: &[Rule]) -> Vec<String> {
        let mut out = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            if let Rule::Pattern(text) = rule {
                out.push(format!(
                    "static {}: {pattern} = {pattern}::new({});",
                    pattern_name(prefix, index),
                    string_literal(text),
                    pattern = self.codec("Pattern"),
                ));
            }
        }
        out
    }

    /// The statements for one value. `path` is an expression that makes its path.
    fn check(&self, ty: &Type, rules: &[Rule], at: &Access, path: &str, prefix: &str) -> String {
        let nested = match ty {
            Type::Newtype { base, boxed, .. } => {
                let value = Access::Reference("value".to_owned());
                let body = self.check(base, rules, &value, path, prefix);
                return format!("{{ let value = {}; {body} }}", self.base(at, *boxed).reference());
            }
            Type::Optional { inner, .. } => {
                let (scrutinee, value) = scrutinee(at, inner);
                let body = self.check(inner, rules, &value, path, prefix);
                return format!("if let Some(value) = {scrutinee} {{ {body} }}");
            }
            Type::Array(item) if self.model.checks(item) => {
                let each = Access::Reference("item".to_owned());
                format!(
                    "for (index, item) in {}.iter().enumerate() {{ {} let path = &path.index(index); {} }}",
                    at.receiver(),
                    bind(path),
                    self.check(item, &[], &each, "path", ""),
                )
            }
            Type::Map(value) if self.model.checks(value) => {
                let each = Access::Reference("value".to_owned());
                format!(
                    "for (key, value) in {} {{ {} let path = &path.key(key); {} }}",
                    at.reference(),
                    bind(path),
                    self.check(value, &[], &each, "path", ""),
                )
            }
            Type::Record { .. } | Type::Union(_) | Type::Enum { open: true, .. } if self.model.checks(ty) => {
                format!("{}.validate_at({}, errors);", at.receiver(), borrow(path))
            }
            Type::DecimalBytes { precision, scale, .. } | Type::DecimalFixed { precision, scale, .. } => self
                .call(
                    "decimal",
                    path,
                    &format!("{}, {precision}, {scale}", at.reference()),
                ),
            Type::BigDecimal { big: true } => self.call("big_decimal", path, &at.reference()),
            Type::Time(Time::TimeMillis | Time::TimeMicros) => {
                self.call("time_of_day", path, &at.reference())
            }
            Type::Time(Time::TimestampNanos) => self.call("timestamp_nanos", path, &at.reference()),
            Type::Time(Time::LocalTimestampNanos) => {
                self.call("local_timestamp_nanos", path, &at.reference())
            }
            _ => String::new(),
        };
        let mut statements: Vec<String> = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| self.rule(ty, rule, at, path, &pattern_name(prefix, index)))
            .collect();
        statements.push(nested);
        statements.join(" ")
    }

    fn call(&self, rule: &str, path: &str, arguments: &str) -> String {
        format!(
            "{}(errors, {}, {arguments});",
            self.codec(&format!("check::{rule}")),
            borrow(path)
        )
    }

    fn rule(&self, ty: &Type, rule: &Rule, at: &Access, path: &str, pattern: &str) -> String {
        let limit =
            |name: &str, literal: &str| self.call(name, path, &format!("{}, &{literal}", at.reference()));
        let sized = |name: &str, size: &u64| {
            let value = match ty {
                Type::String | Type::Bytes => at.reference(),
                _ => format!("{}.len()", at.receiver()),
            };
            self.call(name, path, &format!("{value}, {size}"))
        };
        match rule {
            Rule::Minimum(literal) => limit("minimum", literal),
            Rule::Maximum(literal) => limit("maximum", literal),
            Rule::ExclusiveMinimum(literal) => limit("exclusive_minimum", literal),
            Rule::ExclusiveMaximum(literal) => limit("exclusive_maximum", literal),
            Rule::Pattern(_) => {
                format!("{pattern}.check(errors, {}, {});", borrow(path), at.reference())
            }
            Rule::MinLength(size) if *ty == Type::Bytes => sized("min_bytes", size),
            Rule::MaxLength(size) if *ty == Type::Bytes => sized("max_bytes", size),
            Rule::MinLength(size) => sized("min_length", size),
            Rule::MaxLength(size) => sized("max_length", size),
            Rule::MinItems(size) => sized("min_items", size),
            Rule::MaxItems(size) => sized("max_items", size),
            Rule::MinProperties(size) => sized("min_properties", size),
            Rule::MaxProperties(size) => sized("max_properties", size),
        }
    }
}

fn pattern_name(prefix: &str, index: usize) -> String {
    match index {
        0 => format!("{prefix}_PATTERN"),
        _ => format!("{prefix}_PATTERN_{}", index + 1),
    }
}

/// The statement that makes the path a reference called `path`.
fn bind(path: &str) -> String {
    if path == "path" {
        String::new()
    } else {
        format!("let path = &{path};")
    }
}

/// A reference to the path: `path` is one already.
fn borrow(path: &str) -> String {
    if path == "path" {
        "path".to_owned()
    } else {
        format!("&{path}")
    }
}
