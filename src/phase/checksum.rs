//! The checksum of a phase, which makes "edited after it was applied" visible.
//!
//! Only the text is normalised, so that an editor or a checkout that changes line ends does not
//! count as an edit: LF line ends, no byte order mark, no spaces at line ends, no line ends at the
//! end. Whatever else differs is an edit.

/// The byte order mark, as UTF-8 text shows it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Computes the checksum of a phase file and of the SQL files it names, in the order of their
/// steps.
///
/// Without SQL files this is `blake3:` and the BLAKE3 hash of the text as [`normalised`]. Each SQL
/// file adds a NUL, which neither kind of file may hold, and its own normalised text.
pub fn checksum(phase_text: &str, sql_texts: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(normalised(phase_text).as_bytes());
    for text in sql_texts {
        hasher.update(b"\0");
        hasher.update(normalised(text).as_bytes());
    }
    format!("blake3:{}", hasher.finalize().to_hex())
}

/// Returns the text with LF line ends and without a byte order mark, spaces at line ends, and line
/// ends at the end.
pub fn normalised(text: &str) -> String {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut lines: Vec<&str> =
        text.split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.join("\n")
}

/// Returns the text as it is read: without a byte order mark and with LF line ends, so that a step
/// means the same SQL whichever line ends a checkout has.
pub(super) fn as_read(text: &str) -> String {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "id = \"a\"\n\n[[up]]\nop = \"sql\"\n";

    #[test]
    fn line_ends_mark_and_trailing_space_do_not_count() {
        let expected = checksum(TEXT, &[]);
        for same in [
            TEXT.replace('\n', "\r\n"),
            format!("\u{feff}{TEXT}"),
            TEXT.replace("[[up]]", "[[up]] \t"),
            TEXT.trim_end().to_owned(),
            format!("{TEXT}\n\r\n  \n"),
        ] {
            assert_eq!(checksum(&same, &[]), expected, "{same:?}");
        }
    }

    #[test]
    fn everything_else_counts() {
        let expected = checksum(TEXT, &[]);
        for other in [
            TEXT.replace("\"a\"", "\"A\""),
            TEXT.replace("id =", "id  ="),
            TEXT.replace("\n\n", "\n"),
            format!("\n{TEXT}"),
            format!("{TEXT}# a word\n"),
        ] {
            assert_ne!(checksum(&other, &[]), expected, "{other:?}");
        }
    }

    #[test]
    fn the_sql_files_count_each_on_its_own() {
        let files = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            checksum(TEXT, &texts)
        };
        assert_eq!(files(&["SELECT 1;\n"]), files(&["\u{feff}SELECT 1; \r\n"]));
        assert_ne!(files(&["SELECT 1;"]), files(&["SELECT 2;"]));
        assert_ne!(files(&["SELECT 1;"]), files(&[]));
        assert_ne!(files(&["a", "b"]), files(&["b", "a"]));
        assert_ne!(files(&["a\nb"]), files(&["a", "b"]));
    }

    #[test]
    fn it_is_blake3_of_the_normalised_text() {
        let plain = blake3::hash(TEXT.trim_end().as_bytes()).to_hex();
        assert_eq!(checksum(TEXT, &[]), format!("blake3:{plain}"));
    }
}
