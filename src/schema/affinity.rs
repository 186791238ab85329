//! How the declared type of a column is read (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).

/// Which class a column prefers for the values that it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Stores every value as it is.
    Blob,
    /// Stores numbers as text.
    Text,
    /// Stores numbers as integers where nothing is lost, and text that is a number as one.
    Numeric,
    /// As [`Affinity::Numeric`]; only CAST tells them apart.
    Integer,
    /// As [`Affinity::Numeric`], and integers as reals.
    Real,
}

impl Affinity {
    /// Reads a declared type.
    pub fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if has(&["INT"]) {
            Self::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if declared.is_empty() || has(&["BLOB"]) {
            Self::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}
