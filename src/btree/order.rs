//! How SQLite orders values (<https://sqlite.org/datatype3.html#comparisons>), for the collations that
//! are its own.

use std::cmp::Ordering;

use super::record::Value;

/// A collation of SQLite's own (<https://sqlite.org/datatype3.html#collating_sequences>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collation {
    /// By bytes.
    Binary,
    /// By bytes, with A to Z as a to z. For UTF-8.
    NoCase,
    /// By bytes, without spaces at the end. For UTF-8.
    RTrim,
}

impl Collation {
    /// Finds a collation by its name.
    pub fn named(name: &str) -> Option<Self> {
        [("BINARY", Self::Binary), ("NOCASE", Self::NoCase), ("RTRIM", Self::RTrim)]
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, collation)| collation)
    }

    fn compare(self, left: &[u8], right: &[u8]) -> Ordering {
        match self {
            Self::Binary => left.cmp(right),
            Self::RTrim => trimmed(left).cmp(trimmed(right)),
            Self::NoCase => no_case(left, right),
        }
    }
}

fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &text[..end]
}

/// As `nocaseCollatingFunc`: bytes count up to the first zero byte, then the lengths.
fn no_case(left: &[u8], right: &[u8]) -> Ordering {
    for (one, two) in left.iter().zip(right) {
        let (one, two) = (one.to_ascii_lowercase(), two.to_ascii_lowercase());
        if one != two {
            return one.cmp(&two);
        }
        if one == 0 {
            break;
        }
    }
    left.len().cmp(&right.len())
}

/// Compares two values: NULL, numbers, text, blobs.
pub(super) fn compare(left: Value<'_>, right: Value<'_>, collation: Collation) -> Ordering {
    match (left, right) {
        (Value::Integer(one), Value::Integer(two)) => one.cmp(&two),
        (Value::Real(one), Value::Real(two)) => one.partial_cmp(&two).unwrap_or(Ordering::Equal),
        (Value::Integer(one), Value::Real(two)) => mixed(one, two),
        (Value::Real(one), Value::Integer(two)) => mixed(two, one).reverse(),
        (Value::Text(one), Value::Text(two)) => collation.compare(one, two),
        (Value::Blob(one), Value::Blob(two)) => one.cmp(two),
        (one, two) => rank(one).cmp(&rank(two)),
    }
}

fn rank(value: Value<'_>) -> u8 {
    match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    }
}

/// Compares an integer with a real, exactly.
#[expect(clippy::cast_possible_truncation, reason = "the real is within the integers' range")]
#[expect(clippy::cast_precision_loss, reason = "only compared where the integer parts are equal")]
fn mixed(integer: i64, real: f64) -> Ordering {
    if real < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    if real >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    let whole = real as i64;
    integer.cmp(&whole).then_with(|| (whole as f64).partial_cmp(&real).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_reals_compare_exactly() {
        assert_eq!(mixed(i64::MAX, 9_223_372_036_854_775_808.0), Ordering::Less);
        assert_eq!(mixed(i64::MIN, -9_223_372_036_854_775_808.0), Ordering::Equal);
        assert_eq!(mixed(9_007_199_254_740_993, 9_007_199_254_740_992.0), Ordering::Greater);
        assert_eq!(mixed(-1, -1.5), Ordering::Greater);
        assert_eq!(mixed(1, 1.5), Ordering::Less);
        assert_eq!(mixed(0, f64::INFINITY), Ordering::Less);
    }

    #[test]
    fn the_collations_are_those_of_sqlite() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let texts =
            ["", " ", "a", "A", "b", "a ", "a\0b", "A\0c", "a\0", "\u{e9}", "\u{c9}", "Z", "["];
        for (name, collation) in [
            ("BINARY", Collation::Binary),
            ("NOCASE", Collation::NoCase),
            ("RTRIM", Collation::RTrim),
        ] {
            for one in texts {
                for two in texts {
                    let sql = format!("SELECT (?1 COLLATE {name} > ?2) - (?1 COLLATE {name} < ?2)");
                    let sign: i64 =
                        connection.query_row(&sql, [one, two], |row| row.get(0)).unwrap();
                    let ours = collation.compare(one.as_bytes(), two.as_bytes()) as i64;
                    assert_eq!(ours, sign, "{name} {one:?} {two:?}");
                }
            }
        }
    }
}
