//! The settings in a comment: `key=value` words, as in `-- phase: version=7 parents=0006`.

use toml_edit::{Array, Item, Table, value};

use super::super::keys::{Form, Key};

/// One `key=value` word, or a word without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) key: Option<String>,
    pub(super) value: String,
    /// Whether the value stands in double quotes.
    pub(super) quoted: bool,
}

/// Cuts a text into words; a value in double quotes may hold spaces, and `\"` and `\\` in it stand for `"` and `\`.
pub(super) fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let key_end = rest.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
        let key = key_end.filter(|end| *end > 0 && rest[*end..].starts_with('='));
        let (key, from) = match key {
            Some(end) => (Some(rest[..end].to_owned()), &rest[end + 1..]),
            None => (None, rest),
        };
        let (value, quoted, after) = match from.strip_prefix('"') {
            Some(inner) if key.is_some() => {
                let (value, after) = in_quotes(inner)?;
                (value, true, after)
            }
            Some(_) | None => {
                let end = from.find(char::is_whitespace).unwrap_or(from.len());
                (from[..end].to_owned(), false, &from[end..])
            }
        };
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            return Err(format!("a space is missing behind {}", value.escape_debug()));
        }
        words.push(Word { key, value, quoted });
        rest = after.trim_start();
    }
    Ok(words)
}

/// Reads up to the closing quote; returns the value and the text behind it.
fn in_quotes(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Ok((value, &text[place + 1..])),
            '\\' => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => {
                    value.push('\\');
                    value.push(other);
                }
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("a double quote is never closed".to_owned())
}

/// Makes the table of a line of settings, as a phase file in TOML would have it.
pub(in super::super) fn settings_table(text: &str, keys: &[Key]) -> Result<Table, String> {
    let mut table = Table::new();
    for word in words(text)? {
        let Some(key) = word.key else {
            let shown = word.value.escape_debug();
            return Err(format!("settings are written key=value, not `{shown}`"));
        };
        if table.contains_key(&key) {
            return Err(format!("`{key}` is set twice"));
        }
        let form = keys.iter().find(|it| it.name == key).map(|it| it.form);
        table.insert(&key, item(form, &word.value, word.quoted));
    }
    Ok(table)
}

fn item(form: Option<Form>, text: &str, quoted: bool) -> Item {
    match form {
        Some(Form::Ids | Form::Labels) => {
            let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
            let names = inner.split(',').map(str::trim).filter(|it| !it.is_empty());
            value(names.collect::<Array>())
        }
        // A reason may hold commas.
        Some(Form::Reasons) => {
            value(text.split(';').map(str::trim).filter(|it| !it.is_empty()).collect::<Array>())
        }
        Some(Form::Version) => number(text),
        Some(Form::Expected) if !quoted => number(text),
        Some(_) | None => value(text),
    }
}

fn number(text: &str) -> Item {
    if let Ok(integer) = text.parse::<i64>() {
        return value(integer);
    }
    match text.parse::<f64>() {
        Ok(real) if text.contains(|it: char| it.is_ascii_digit()) => value(real),
        Ok(_) | Err(_) => value(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::keys::PHASE_KEYS;
    use super::*;

    #[test]
    fn settings_are_read_as_toml_would_have_them() {
        let text = r#"version=7 parents=0006,b description="Add \"notes\" = 1" labels=[] allow="a-b: c, d; e: f""#;
        let table = settings_table(text, PHASE_KEYS).unwrap();
        assert_eq!(table["version"].as_integer(), Some(7));
        assert_eq!(table["parents"].as_array().map(Array::len), Some(2));
        assert_eq!(table["labels"].as_array().map(Array::len), Some(0));
        assert_eq!(table["allow"].as_array().map(Array::len), Some(2));
        assert_eq!(table["description"].as_str(), Some("Add \"notes\" = 1"));
    }

    #[test]
    fn what_is_no_setting_is_named() {
        for (text, wanted) in [
            ("Add notes", "settings are written key=value, not `Add`"),
            ("title=\"open", "a double quote is never closed"),
            ("title=\"a\"b", "a space is missing behind a"),
            ("title=a title=b", "`title` is set twice"),
        ] {
            assert_eq!(settings_table(text, PHASE_KEYS).unwrap_err(), wanted);
        }
    }
}
