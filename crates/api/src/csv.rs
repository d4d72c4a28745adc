//! Comma-separated values (RFC 4180), and those of Asterisk's `Master.csv`.

use serde_json::Value;

/// A line of values; what has to be quoted is.
pub(crate) fn line<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let mut line = String::new();
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        let value = value.as_ref();
        if value.contains([',', '"', '\r', '\n']) {
            quote(&mut line, value);
        } else {
            line.push_str(value);
        }
    }
    line.push_str("\r\n");
    line
}

/// The fields of an object in this order.
pub(crate) fn row(columns: &[&str], object: &Value) -> String {
    line(columns.iter().map(|column| cell(&object[*column])))
}

/// In quotes, those within doubled.
pub(crate) fn quote(line: &mut String, value: &str) {
    line.push('"');
    line.push_str(&value.replace('"', "\"\""));
    line.push('"');
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_to_be_quoted_is() {
        assert_eq!(line(["a", "b c", ""]), "a,b c,\r\n");
        assert_eq!(line(["a,b", "say \"no\"", "x\ny"]), "\"a,b\",\"say \"\"no\"\"\",\"x\ny\"\r\n");
        let object = json!({ "b": 1.5, "a": "x,y", "c": null, "d": 7 });
        assert_eq!(row(&["a", "b", "c", "d", "e"], &object), "\"x,y\",1.5,,7,\r\n");
    }
}
