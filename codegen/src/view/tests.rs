//! The documented view model.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::{SchemaGenerator, generate::SchemaSettings};

use super::*;
use crate::{generate, package, topics};

/// The JSON Schema of the view model is made of the views themselves: `UPDATE_EXPECT=1` writes it anew.
#[test]
fn the_documented_view_model_is_the_one_there_is() {
    let mut schemas = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let templates = BTreeMap::from([
        ("builder", schemas.subschema_for::<RecordView>()),
        ("cargo", schemas.subschema_for::<package::PackageView>()),
        ("enum", schemas.subschema_for::<EnumView>()),
        (
            "environments",
            schemas.subschema_for::<topics::EnvironmentsView>(),
        ),
        ("fixed", schemas.subschema_for::<FixedView>()),
        ("module", schemas.subschema_for::<generate::ModuleView>()),
        ("readme", schemas.subschema_for::<package::ReadmeView>()),
        ("record", schemas.subschema_for::<RecordView>()),
        ("top_level", schemas.subschema_for::<TopLevelView>()),
        ("topic", schemas.subschema_for::<topics::TopicView>()),
        ("union", schemas.subschema_for::<UnionView>()),
        ("unnamed", schemas.subschema_for::<TopLevelView>()),
        ("view", schemas.subschema_for::<RecordView>()),
    ]);
    let names: Vec<&str> = (crate::templates().iter().filter(|t| !t.is_slot))
        .map(|t| t.name)
        .collect();
    assert_eq!(templates.keys().copied().collect::<Vec<_>>(), names);
    let schema = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The view model of fleetops-codegen's templates",
        "description": "What each template is given, by its name. A slot is given what the template is that it stands in.",
        "type": "object",
        "properties": templates,
        "$defs": schemas.definitions(),
    });
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/view-model.schema.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "run with UPDATE_EXPECT=1"
    );
}
