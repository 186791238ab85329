//! The words for the formats of phase files.

use std::ffi::OsString;

/// The words of `--phases-format`: those of [`phaseshift::phase::FolderFormat`], and `auto`.
pub const FORMATS: [&str; 12] = [
    "auto",
    "phaseshift",
    "goose",
    "dbmate",
    "migrate",
    "sqlx",
    "diesel",
    "refinery",
    "rusqlite_migration",
    "prisma",
    "drizzle",
    "plain",
];

/// Writes `--format goose` as `--phases-format goose`, so that commands with a `--format` of their own output keep it:
/// the word tells which is asked for.
pub fn with_phases_format(arguments: Vec<OsString>) -> Vec<OsString> {
    let is_format = |word: &str| FORMATS.contains(&word);
    let mut written: Vec<OsString> = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or_default();
        if text == "--" {
            written.push(argument);
            written.extend(arguments);
            break;
        }
        let next = arguments.peek().and_then(|it| it.to_str()).unwrap_or_default();
        if text == "--format" && is_format(next) {
            written.push("--phases-format".into());
        } else if let Some(word) = text.strip_prefix("--format=").filter(|it| is_format(it)) {
            written.push(format!("--phases-format={word}").into());
        } else {
            written.push(argument);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_formats_are_those_of_the_engine() {
        let words = phaseshift::phase::FolderFormat::ALL.map(phaseshift::phase::FolderFormat::word);
        assert_eq!(FORMATS[0], "auto");
        assert_eq!(FORMATS[1..], words);
    }

    #[test]
    fn the_word_tells_which_format_is_asked_for() {
        let read = |line: &str| {
            let written = with_phases_format(line.split(' ').map(OsString::from).collect());
            written.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(read("p check --format goose"), "p check --phases-format goose");
        assert_eq!(read("p --format=auto check"), "p --phases-format=auto check");
        assert_eq!(read("p lint --format github"), "p lint --format github");
        assert_eq!(read("p show -- --format goose"), "p show -- --format goose");
    }
}
