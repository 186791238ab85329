//! Writes phase files.

use super::chance::Chance;

/// One step of a phase file.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    op: &'static str,
    keys: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Switch(bool),
    Table(Vec<(String, String)>),
}

impl Step {
    /// Begins a step.
    pub fn new(op: &'static str) -> Self {
        Self { op, keys: Vec::new() }
    }

    /// Adds a string.
    pub fn key(mut self, key: &'static str, value: &str) -> Self {
        self.keys.push((key, Value::Text(as_new_sql(value))));
        self
    }

    /// Adds a switch.
    pub fn switch(mut self, key: &'static str, value: bool) -> Self {
        self.keys.push((key, Value::Switch(value)));
        self
    }

    /// Adds a table of strings.
    pub fn table(mut self, key: &'static str, values: &[(String, String)]) -> Self {
        let values = values.iter().map(|(name, value)| (name.clone(), as_new_sql(value)));
        self.keys.push((key, Value::Table(values.collect())));
        self
    }

    fn write(&self, chance: &mut Chance) -> String {
        let mut lines = format!("[[up]]\nop = {}\n", basic(self.op));
        let mut keys = self.keys.clone();
        chance.shuffle(&mut keys);
        for (key, value) in keys {
            let value = match value {
                Value::Text(text) => string(&text, chance),
                Value::Switch(switch) => switch.to_string(),
                Value::Table(values) => {
                    let pairs: Vec<String> = values
                        .iter()
                        .map(|(name, value)| format!("{} = {}", basic(name), basic(value)))
                        .collect();
                    format!("{{ {} }}", pairs.join(", "))
                }
            };
            lines.push_str(&format!("{key} = {value}\n"));
        }
        lines
    }
}

/// Writes a whole phase file.
pub fn phase_file(steps: &[Step], policy: &str, chance: &mut Chance) -> String {
    let mut file = format!("description = \"a random phase\"\nviews = \"{policy}\"\n\n");
    for step in steps {
        file.push_str(&step.write(chance));
        file.push('\n');
    }
    file
}

/// Old texts of the generator have strings in double quotes, which all begin alike; new SQL may not have any.
fn as_new_sql(text: &str) -> String {
    let mut parts = text.split("\"dqs ");
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (word, rest) = part.split_once('"').expect("the end of a string in double quotes");
        written.push_str(&format!("'dqs {word}'{rest}"));
    }
    written
}

fn string(text: &str, chance: &mut Chance) -> String {
    let literal = !text.contains("'''")
        && !text.ends_with('\'')
        && !text.contains('\r')
        && text.chars().all(|it| !it.is_control() || it == '\n' || it == '\t');
    if literal && chance.percent(40) {
        return format!("'''\n{text}'''");
    }
    basic(text)
}

fn basic(text: &str) -> String {
    let mut written = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            other if other.is_control() => {
                written.push_str(&format!("\\u{:04X}", u32::from(other)));
            }
            other => written.push(other),
        }
    }
    written.push('"');
    written
}
