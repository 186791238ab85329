//! What SQLite says in words and in no code: the only place that reads its messages.
//!
//! SQLite has one code, `SQLITE_ERROR`, for most of what can be wrong with a statement. Where the kind matters, the
//! text is all there is (<https://sqlite.org/rescode.html#error>). The tests provoke every message in the SQLite that
//! is linked and in the `sqlite3` program, and list the forms of the versions between.

/// Something that a schema needs and that is not available here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingExtension {
    /// An SQL function.
    Function(String),
    /// A collating sequence.
    Collation(String),
    /// A module for virtual tables.
    Module(String),
    /// A tokenizer of full-text tables.
    Tokenizer(String),
}

impl std::fmt::Display for MissingExtension {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Function(name) => write!(formatter, "the function {name}()"),
            Self::Collation(name) => write!(formatter, "the collation {name}"),
            Self::Module(name) => write!(formatter, "the module {name}"),
            Self::Tokenizer(name) => write!(formatter, "the tokenizer {name}"),
        }
    }
}

impl MissingExtension {
    /// Returns the name of what is missing.
    pub fn name(&self) -> &str {
        match self {
            Self::Function(name)
            | Self::Collation(name)
            | Self::Module(name)
            | Self::Tokenizer(name) => name,
        }
    }

    /// Returns what SQLite misses according to an error.
    pub fn in_error(error: &rusqlite::Error) -> Option<Self> {
        Self::in_text(&words(error))
    }

    fn in_text(text: &str) -> Option<Self> {
        let after =
            |mark: &str| text.rfind(mark).map(|start| text[start + mark.len()..].trim().to_owned());
        if let Some(name) = after("no such function: ") {
            return Some(Self::Function(name));
        }
        // The same, where SQLite looks for it only when it runs: in a CHECK or a generated column.
        if let Some(name) = after("unknown function: ") {
            return Some(Self::Function(name.split('(').next().unwrap_or_default().to_owned()));
        }
        if let Some(name) = after(NO_COLLATION) {
            return Some(Self::Collation(name));
        }
        if let Some(name) = after("no such module: ") {
            return Some(Self::Module(name));
        }
        // The words of FTS5, and those of FTS3 and FTS4.
        after("no such tokenizer: ").or_else(|| after("unknown tokenizer: ")).map(Self::Tokenizer)
    }
}

const NO_COLLATION: &str = "no such collation sequence: ";
const NO_COLUMN: &str = "no such column: ";

/// Returns SQLite's message, without the statement that rusqlite adds.
pub fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// Returns whether an interrupt came while SQLite read the schema, which it reports as an error in the text of the
/// table it was at: `error in table sessions: interrupted` (<https://sqlite.org/c3ref/interrupt.html>).
pub(crate) fn is_interrupted_reading(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(code, Some(text)) = error else { return false };
    let place = match text.rsplit_once(": ") {
        Some((place, "interrupted")) => place.starts_with("error in ") && !place.contains(": "),
        _ => text == "interrupted",
    };
    code.code == rusqlite::ErrorCode::Unknown && place
}

/// Returns whether the header of the file names a schema format that SQLite does not know
/// (<https://sqlite.org/fileformat2.html#schemaformat>).
pub(crate) fn has_unknown_format(error: &rusqlite::Error) -> bool {
    words(error) == "unsupported file format"
}

/// Returns whether a statement needs a collation that is not available.
pub(crate) fn lacks_collation(error: &rusqlite::Error) -> bool {
    words(error).contains(NO_COLLATION)
}

/// Returns whether a foreign key names columns of its parent that are no key.
pub(crate) fn is_foreign_key_mismatch(error: &rusqlite::Error) -> bool {
    words(error).contains("foreign key mismatch")
}

/// Returns whether `foreign_key_check` cannot check a key: it fits no key of its parent, or needs what is not there.
pub(crate) fn is_about_the_key(error: &rusqlite::Error) -> bool {
    is_foreign_key_mismatch(error) || words(error).contains("no such")
}

/// Returns whether a write was refused because a view has no trigger for it, or because a virtual generated column
/// cannot be written: neither is a fault of the schema.
pub(crate) fn needs_no_trigger(error: &rusqlite::Error) -> bool {
    let text = words(error);
    text.contains("because it is a view") || text.contains("cannot INSERT into generated column")
}

/// Returns whether SQLite found no way to answer a query: an INDEXED BY names an index that is of no use, or the collation
/// of the key of a WITHOUT ROWID table is missing.
pub(crate) fn has_no_plan(error: &rusqlite::Error) -> bool {
    words(error).contains("no query solution")
}

/// Returns whether a statement reads a table of SQLite's own that the database does not have.
pub(crate) fn lacks_own_table(error: &rusqlite::Error) -> bool {
    words(error).contains("no such table: sqlite_")
}

/// Returns whether a statement would create an object with a name that SQLite keeps for itself.
pub(crate) fn is_reserved_name(error: &rusqlite::Error) -> bool {
    words(error).contains("reserved for internal use: sqlite_")
}

/// Returns the column that a statement names and no table has.
pub(crate) fn missing_column(message: &str) -> Option<&str> {
    let (_, name) = message.rsplit_once(NO_COLUMN)?;
    // Since 3.41 SQLite adds a guess to a name in double quotes.
    let name = name.split_once("\" - should this be ").map_or(name, |(name, _)| name);
    Some(name.trim_matches('"'))
}

/// Returns whether a message is about an object of the schema: `error in view v: …`, `error in view v after rename: …`.
pub(crate) fn is_about_object(message: &str, kind: &str, name: &str) -> bool {
    let rest = message.strip_prefix(&format!("error in {kind} {name}"));
    rest.is_some_and(|rest| rest.starts_with(':') || rest.starts_with(" after "))
}

/// Returns a message about an object without the object, where the sentence names it already.
pub(crate) fn without_object<'m>(message: &'m str, kind: &str, name: &str) -> &'m str {
    match is_about_object(message, kind, name) {
        true => message.split_once(": ").map_or(message, |(_, rest)| rest),
        false => message,
    }
}

/// Returns whether an integrity check found nothing: it returns this one line then.
pub(crate) fn is_sound(finding: &str) -> bool {
    finding == "ok"
}

/// Returns whether a finding of an integrity check is about rows and rules, and not about damaged pages or indexes.
/// The texts are those of `sqlite3Pragma()`.
pub(crate) fn breaks_a_rule(finding: &str) -> bool {
    const STARTS: [&str; 7] = [
        "NULL value in ",
        "NUMERIC value in ",
        "TEXT value in ",
        "CHECK constraint failed in ",
        "non-unique entry in index ",
        "unable to validate the inverted index",
        "malformed inverted index for FTS",
    ];
    STARTS.iter().any(|start| finding.starts_with(start))
        || (finding.starts_with("non-") && finding.contains(" value in "))
}

#[cfg(test)]
#[path = "sqlite_text_tests.rs"]
mod tests;
