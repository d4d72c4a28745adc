//! JSON Schema, as far as the API's words need it.

use serde_json::{Map, Value, json};

/// A schema.
pub(crate) type Schema = Value;

/// A text that is not empty.
pub(crate) fn text() -> Schema {
    json!({ "type": "string", "minLength": 1 })
}

/// Any text.
pub(crate) fn any_text() -> Schema {
    json!({ "type": "string" })
}

/// A text of this form.
pub(crate) fn pattern(form: &str) -> Schema {
    json!({ "type": "string", "pattern": form })
}

/// A moment (RFC 3339).
pub(crate) fn time() -> Schema {
    json!({ "type": "string", "format": "date-time" })
}

/// True or false.
pub(crate) fn flag() -> Schema {
    json!({ "type": "boolean" })
}

/// A whole number, zero or more.
pub(crate) fn count() -> Schema {
    json!({ "type": "integer", "minimum": 0 })
}

/// A whole number.
pub(crate) fn whole(least: u64, most: u64) -> Schema {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

/// Seconds of something that has been.
pub(crate) fn length() -> Schema {
    json!({ "type": "number", "minimum": 0 })
}

/// Seconds that somebody asks for.
pub(crate) fn seconds(range: core::ops::RangeInclusive<f64>) -> Schema {
    json!({ "type": "number", "minimum": range.start(), "maximum": range.end() })
}

/// One of a few words.
pub(crate) fn one_of(words: &[&str]) -> Schema {
    json!({ "type": "string", "enum": words })
}

/// An object of texts.
pub(crate) fn texts() -> Schema {
    by_name(&json!({ "type": "string" }))
}

/// An object whose fields are free, each with such a value.
pub(crate) fn by_name(of: &Schema) -> Schema {
    json!({ "type": "object", "additionalProperties": of })
}

/// A list.
pub(crate) fn list(of: &Schema) -> Schema {
    json!({ "type": "array", "items": of })
}

/// That, or null.
pub(crate) fn or_null(schema: &Schema) -> Schema {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// A schema that has a name in the document.
pub(crate) fn named(name: &str) -> Schema {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// With words about it.
pub(crate) fn about(mut schema: Schema, what: &str) -> Schema {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), what.into());
    }
    schema
}

fn properties(fields: Vec<(&str, Schema)>) -> Map<String, Value> {
    fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// An object that is shown: each of its fields is always there, and later there may be more.
pub(crate) fn shown(fields: Vec<(&str, Schema)>) -> Schema {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": names, "properties": properties(fields) })
}

/// An object that is taken: these fields and no others; null is as if it was not there.
pub(crate) fn taken(fields: Vec<(&str, Schema)>) -> Schema {
    let fields = fields.into_iter().map(|(name, schema)| (name, or_null(&schema))).collect();
    json!({
        "type": "object",
        "properties": properties(fields),
        "additionalProperties": false,
    })
}

/// The same with these fields needed.
pub(crate) fn needing(needed: &[&str], mut schema: Schema) -> Schema {
    for name in needed {
        let of = schema["properties"][*name]["anyOf"][0].take();
        schema["properties"][*name] = of;
    }
    schema["required"] = json!(needed);
    schema
}

/// The same with one of these, and no two of them, needed.
pub(crate) fn needing_one(of: &[&str], mut schema: Schema) -> Schema {
    let one = |name: &&str| json!({ "required": [name] });
    schema["oneOf"] = of.iter().map(one).collect();
    schema
}

/// The same with at least one of its fields needed.
pub(crate) fn needing_any(mut schema: Schema) -> Schema {
    schema["minProperties"] = json!(1);
    schema
}
