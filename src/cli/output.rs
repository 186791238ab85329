//! The one door through which everything leaves the program.
//!
//! Names, rows, SQL, descriptions and paths come from files that others may have written, and a terminal obeys what
//! they contain: escape sequences, carriage returns, marks that reverse the direction of text. Nothing that a
//! terminal would obey passes this door, except the colours of [`Style`] and line ends. Text
//! from outside has no line ends of its own, either: screens put it through [`escaped`].
#![expect(clippy::disallowed_methods, reason = "this is the one place that writes to the streams")]

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::terminal::Style;

/// Why a part of the result did not reach stdout.
#[derive(Debug, Clone)]
pub struct Lost {
    pub kind: ErrorKind,
    /// The failure in the system's words.
    pub why: String,
}

/// The first failure to write to stdout.
static LOST: Mutex<Option<Lost>> = Mutex::new(None);

/// Writes a screen to stdout. A failure is also remembered, for [`lost`].
pub fn result(text: &str, style: Style) -> io::Result<()> {
    to_stdout(&obeyed(text, style))
}

/// Writes a script or another text for programs to stdout: exactly, unless a person reads it on a terminal.
pub fn script(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() {
        return result(text, Style::default());
    }
    to_stdout(text)
}

/// Writes the one JSON document to stdout.
pub fn document(document: &Value) -> io::Result<()> {
    to_stdout(&format!("{}\n", in_json(&format!("{document:#}"))))
}

/// Writes one of several JSON documents to stdout, each on a line of its own.
pub fn document_line(document: &Value) -> io::Result<()> {
    to_stdout(&format!("{}\n", in_json(&document.to_string())))
}

/// Writes a text to stderr; a failure to write it is ignored.
pub fn remark(text: &str, style: Style) {
    to_stderr(&obeyed(text, style));
}

/// Writes an event to stderr, as one line of JSON.
pub fn event(event: &Value) {
    to_stderr(&format!("{}\n", in_json(&event.to_string())));
}

/// Writes a line to stderr in the place of a progress bar that may stand there.
pub fn over_bar(text: &str) {
    let clear = if io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
    to_stderr(&format!("{clear}{}\n", obeyed(text, Style::default())));
}

/// Returns why a part of the result did not reach stdout, if one did not.
pub fn lost() -> Option<Lost> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn to_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    if let Err(error) = &written {
        let lost = Lost { kind: error.kind(), why: error.to_string() };
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(lost);
    }
    written
}

fn to_stderr(text: &str) {
    // There is no other place to say that this failed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Returns text from outside as it may stand within a line: everything that a terminal obeys, line ends included, is
/// written as an escape, such as `\n` and `\u{1b}`.
pub fn escaped(text: impl Display) -> String {
    let text = text.to_string();
    if !text.chars().any(is_obeyed) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 8);
    text.chars().for_each(|character| push(&mut safe, character));
    safe
}

/// Returns text from outside that has lines of its own, each of them escaped and after an indent.
pub fn indented(text: &str, indent: &str) -> String {
    text.lines().map(|line| format!("{indent}{}\n", escaped(line.replace('\t', "    ")))).collect()
}

fn push(safe: &mut String, character: char) {
    if is_obeyed(character) {
        let _ = write!(safe, "{}", character.escape_default());
    } else {
        safe.push(character);
    }
}

/// Returns whether a terminal does something else with a character than show it: C0, DEL and C1 controls, line and
/// paragraph separators, and the marks by which Unicode reorders text
/// (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Escapes what a terminal obeys, except line ends, tabs, and colours where they are in use.
fn obeyed(text: &str, style: Style) -> Cow<'_, str> {
    let plain = |character| matches!(character, '\n' | '\t');
    if !text.chars().any(|character| is_obeyed(character) && !plain(character)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let color = if style.color { color(rest) } else { 0 };
        if color > 0 {
            safe.push_str(&rest[..color]);
        } else if plain(character) {
            safe.push(character);
        } else {
            push(&mut safe, character);
        }
        rest = &rest[color.max(character.len_utf8())..];
    }
    Cow::Owned(safe)
}

/// Returns the length of the colour with which a text begins: one of ours, or of the parser of arguments.
fn color(text: &str) -> usize {
    const USED: [&str; 8] = ["0", "1", "4", "31", "32", "33", "31;1", "33;1"];
    let Some(code) = text.strip_prefix("\x1b[").and_then(|rest| rest.split_once('m')) else {
        return 0;
    };
    if USED.contains(&code.0) { code.0.len() + 3 } else { 0 }
}

/// Escapes in a JSON text what JSON itself leaves as it is. It can only stand in strings, and means the same.
fn in_json(text: &str) -> Cow<'_, str> {
    let kept = |character: char| !is_obeyed(character) || character.is_ascii_whitespace();
    if text.chars().all(kept) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if kept(character) {
            safe.push(character);
        } else {
            // All of these are in the first plane of Unicode: one escape each.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: Style = Style { color: true, unicode: true };

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        let name = "t\x1b[2J\x1b]0;owned\x07\r\n\u{9b}8m\u{202e}\u{2066}\u{200f}\u{7f}ä✓";
        let wanted = "t\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\r\\n\\u{9b}8m\\u{202e}\\u{2066}\\u{200f}\
                      \\u{7f}ä✓";
        assert_eq!(escaped(name), wanted);
        assert_eq!(obeyed(name, COLOR), wanted.replace("\\n", "\n"));
        assert_eq!(escaped("it's a \"name\" \\ ü"), "it's a \"name\" \\ ü");
    }

    #[test]
    fn only_colours_of_ours_pass_and_only_where_they_are_used() {
        assert_eq!(obeyed("\x1b[32m✓\x1b[0m a\n", COLOR), "\x1b[32m✓\x1b[0m a\n");
        assert_eq!(obeyed("\x1b[32m✓\x1b[0m", Style::default()), "\\u{1b}[32m✓\\u{1b}[0m");
        for hidden in ["\x1b[8m", "\x1b[2J", "\x1b[1;1H", "\x1b[", "\x1b]0;x\x07", "\x1bc"] {
            assert!(!obeyed(hidden, COLOR).contains('\x1b'), "{hidden:?}");
        }
    }

    #[test]
    fn a_json_document_means_the_same() {
        let value = serde_json::json!({"a\u{9b}\n": "\x1b[31m\u{202e}\u{7f}\u{feff} ü"});
        let text = format!("{value:#}");
        let safe = in_json(&text);
        assert!(safe.chars().all(|it| !is_obeyed(it) || it == '\n'), "{safe}");
        assert_eq!(serde_json::from_str::<Value>(&safe).unwrap(), value);
    }
}
