//! The validation rules of schemas as generated code has them, for programs that hold values against a schema at run time.

use std::collections::BTreeMap;

use fleetops_avro::schema::TypeId;
use fleetops_avro::{Diagnostic, SchemaSet};

pub use crate::model::Rule;
use crate::model::lower;

/// The rules of every field of every record, by the record and then in the order of its fields: the ones that the
/// generated `validate` checks.
///
/// # Errors
/// Rules that can never hold or do not fit their field, and types of which there is no value, with their places.
pub fn rules(schemas: &SchemaSet) -> Result<BTreeMap<TypeId, Vec<Vec<Rule>>>, Vec<Diagnostic>> {
    let model = lower::lower(schemas, &crate::manifest::Generate::default())?;
    let of_record = |record: crate::model::Record| record.fields.into_iter().map(|f| f.rules).collect();
    Ok(model
        .records
        .into_iter()
        .map(|(id, record)| (id, of_record(record)))
        .collect())
}
