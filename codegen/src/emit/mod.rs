//! The text of types, expressions and literals. All code that a template lays out is made here.
//!
//! An [`Emitter`] knows the model, where the code will stand and how the runtime is called there. Paths are always written
//! out, `::core::option::Option` and `super::other::Type`, so that no name of a schema can shadow one of Rust's.

pub(crate) mod bound;
pub(crate) mod check;
pub(crate) mod decode;
pub(crate) mod defaults;
pub(crate) mod doc;
pub(crate) mod encode;
pub(crate) mod work;

use crate::model::{Home, Model, ModulePath, Time, Type};

/// Writes code for one module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emitter<'a> {
    pub(crate) model: &'a Model,
    /// The module that the code will stand in.
    pub(crate) module: &'a ModulePath,
    /// The runtime's path: `::fleetops_runtime`.
    pub(crate) runtime: &'a str,
    /// What the run has done so far.
    pub(crate) work: &'a work::Work,
}

/// How an expression reaches a value.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// It is a place of the type itself: `self.x`, or a local variable that holds the value.
    Place(String),
    /// It is a reference to the type.
    Reference(String),
}

impl Access {
    /// The value, for `Copy` types.
    pub(crate) fn value(&self) -> String {
        match self {
            Access::Place(text) => text.clone(),
            Access::Reference(text) => format!("*{text}"),
        }
    }

    /// A reference to the value.
    pub(crate) fn reference(&self) -> String {
        match self {
            Access::Place(text) => format!("&{text}"),
            Access::Reference(text) => text.clone(),
        }
    }

    /// An exclusive reference to the value, which the access must be able to give.
    pub(crate) fn exclusive(&self) -> String {
        match self {
            Access::Place(text) => format!("&mut {text}"),
            Access::Reference(text) => text.clone(),
        }
    }

    /// What a method can be called on.
    pub(crate) fn receiver(&self) -> &str {
        match self {
            Access::Place(text) | Access::Reference(text) => text,
        }
    }
}

/// What matching on an optional gives: the scrutinee, and how `value` is then reached.
pub(crate) fn scrutinee(access: &Access, inner: &Type) -> (String, Access) {
    match access {
        Access::Place(text) if inner.is_copy() => (text.clone(), Access::Place("value".to_owned())),
        _ => (access.reference(), Access::Reference("value".to_owned())),
    }
}

/// A Rust string literal: raw where that reads better and is safe.
pub(crate) fn string_literal(text: &str) -> String {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    if text.contains(['"', '\\']) && text.chars().all(plain) {
        let mut hashes = String::new();
        while text.contains(&format!("\"{hashes}")) {
            hashes.push('#');
        }
        return format!("r{hashes}\"{text}\"{hashes}");
    }
    format!("{text:?}")
}

/// A Rust byte string literal.
pub(crate) fn bytes_literal(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

impl Emitter<'_> {
    /// The path of an item of generated code from this module.
    pub(crate) fn path(&self, module: &[String], ident: &str) -> String {
        let common = self.module.iter().zip(module).take_while(|(a, b)| a == b).count();
        let mut path = "super::".repeat(self.module.len() - common);
        for segment in module.iter().skip(common) {
            path.push_str(segment);
            path.push_str("::");
        }
        path.push_str(ident);
        path
    }

    /// The path of an item of the runtime's codec.
    pub(crate) fn codec(&self, item: &str) -> String {
        format!("{}::codec::{item}", self.runtime)
    }

    fn home(&self, ty: &Type) -> Option<&Home> {
        match ty {
            Type::Record { id, .. } => self.model.records.get(id).map(|r| &r.home),
            Type::Enum { id, .. } => self.model.enums.get(id).map(|e| &e.home),
            Type::Fixed(id) => self.model.fixeds.get(id).map(|f| &f.home),
            Type::Union(index) => self.model.unions.get(*index).map(|u| &u.home),
            _ => None,
        }
    }

    /// The path of a named type, without the box, or of its view.
    pub(crate) fn named(&self, ty: &Type, view: bool) -> String {
        match self.home(ty) {
            Some(home) if view && self.model.borrows(ty) => self.path(&home.module, &home.view),
            Some(home) => self.path(&home.module, &home.ident),
            None => String::new(),
        }
    }

    /// The type as a field has it; of a view, where it borrows from `'a`.
    pub(crate) fn ty(&self, ty: &Type, view: bool) -> String {
        let rt = self.runtime;
        match ty {
            Type::Null => "()".to_owned(),
            Type::Never => self.codec("Never"),
            Type::Boolean => "bool".to_owned(),
            Type::Int => "i32".to_owned(),
            Type::Long => "i64".to_owned(),
            Type::Float => "f32".to_owned(),
            Type::Double => "f64".to_owned(),
            Type::Bytes if view => "&'a [u8]".to_owned(),
            Type::Bytes => "::std::vec::Vec<u8>".to_owned(),
            Type::String if view => "&'a str".to_owned(),
            Type::String => "::std::string::String".to_owned(),
            Type::UuidString | Type::UuidFixed => format!("{rt}::uuid::Uuid"),
            Type::Time(time) => match time {
                Time::Date => format!("{rt}::chrono::NaiveDate"),
                Time::TimeMillis | Time::TimeMicros => format!("{rt}::chrono::NaiveTime"),
                Time::TimestampMillis | Time::TimestampMicros | Time::TimestampNanos => {
                    format!("{rt}::chrono::DateTime<{rt}::chrono::Utc>")
                }
                Time::LocalTimestampMillis | Time::LocalTimestampMicros | Time::LocalTimestampNanos => {
                    format!("{rt}::chrono::NaiveDateTime")
                }
            },
            _ if ty.is_bigdecimal() => format!("{rt}::bigdecimal::BigDecimal"),
            Type::DecimalBytes { .. } | Type::DecimalFixed { .. } | Type::BigDecimal { .. } => {
                format!("{rt}::rust_decimal::Decimal")
            }
            Type::Duration => self.codec("AvroDuration"),
            Type::Array(item) => format!("::std::vec::Vec<{}>", self.ty(item, view)),
            Type::Map(value) => {
                let key = if view { "&'a str" } else { "::std::string::String" };
                format!("::std::collections::BTreeMap<{key}, {}>", self.ty(value, view))
            }
            Type::Optional { inner, .. } => format!("::core::option::Option<{}>", self.ty(inner, view)),
            Type::Record { boxed, .. } => {
                let mut path = self.named(ty, view);
                if view && self.model.borrows(ty) {
                    path.push_str("<'a>");
                }
                if *boxed {
                    format!("::std::boxed::Box<{path}>")
                } else {
                    path
                }
            }
            Type::Union(_) if view && self.model.borrows(ty) => format!("{}<'a>", self.named(ty, view)),
            Type::Enum { .. } | Type::Fixed(_) | Type::Union(_) => self.named(ty, view),
            Type::Newtype {
                path, boxed: true, ..
            } => format!("::std::boxed::Box<{path}>"),
            Type::Newtype { path, .. } => path.clone(),
        }
    }

    /// How the value is reached that a newtype stands for.
    pub(crate) fn base(&self, at: &Access, boxed: bool) -> Access {
        let newtype = match at {
            Access::Place(text) if boxed => format!("&*{text}"),
            Access::Reference(text) if boxed => format!("&**{text}"),
            _ => at.reference(),
        };
        Access::Reference(format!("{}({newtype})", self.codec("Newtype::base")))
    }

    /// The module of serde helpers that a field of this type needs, if any.
    pub(crate) fn serde_with(&self, ty: &Type) -> Option<String> {
        match ty {
            Type::Bytes => Some(self.codec("human::bytes")),
            Type::Float | Type::Double => Some(self.codec("human::number")),
            _ if ty.is_bigdecimal() => Some(self.codec("human::decimal")),
            Type::Array(inner) | Type::Map(inner) | Type::Optional { inner, .. } => self.serde_with(inner),
            _ => None,
        }
    }
}
