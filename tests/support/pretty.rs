//! JSON for people who review: whatever fits on a line is on one line.

use serde_json::Value;

const WIDTH: usize = 100;

/// A value as text, without a final newline.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0, 0);
    text
}

/// Writes a value that starts `column` characters into a line indented by `depth` steps.
fn write(text: &mut String, value: &Value, depth: usize, column: usize) {
    let line = on_one_line(value);
    if column + line.chars().count() <= WIDTH {
        return text.push_str(&line);
    }
    let indent = |text: &mut String, depth: usize| {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                text.push_str(if n == 0 { "" } else { "," });
                indent(text, depth + 1);
                write(text, item, depth + 1, 2 * (depth + 1));
            }
            indent(text, depth);
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (n, (name, field)) in fields.iter().enumerate() {
                text.push_str(if n == 0 { "" } else { "," });
                indent(text, depth + 1);
                let name = format!("{}: ", Value::from(name.as_str()));
                text.push_str(&name);
                write(
                    text,
                    field,
                    depth + 1,
                    2 * (depth + 1) + name.chars().count(),
                );
            }
            indent(text, depth);
            text.push('}');
        }
        _ => text.push_str(&line),
    }
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(on_one_line).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".into(),
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, field)| {
                    format!("{}: {}", Value::from(name.as_str()), on_one_line(field))
                })
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        scalar => scalar.to_string(),
    }
}
