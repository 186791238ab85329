//! Two tables in lockstep: the same rowids, and the same values in the fields that belong together.

use super::compare::STRIDE;
use super::cursor::Cursor;
use super::pages::{Pages, Read};
use super::record::Value;
use super::record_buffer::{Loaded, ValueSource};
use super::set::PageSet;
use crate::error::Result;

/// What is compared of two tables with rowids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueMap {
    /// Where a value is on the left and on the right.
    pub pairs: Vec<(ValueSource, ValueSource)>,
    /// The rules that the right side makes for its values.
    pub demands: Vec<Demand>,
}

/// What may be in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    pub place: ValueSource,
    pub null: bool,
    pub numbers: bool,
    pub text: Texts,
}

/// Which text a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    All,
    /// What is certainly no number, so that a column of numbers keeps it as it is; in UTF-8.
    Words,
    None,
}

/// What a comparison of values found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Every row is there with the same rowid and the same values.
    Equal {
        rows: u64,
        /// The pages that the right tree uses.
        pages: PageSet,
        /// Whether the right side meets every demand.
        kept: bool,
    },
    /// They differ, or may: a short record stands for a default, a record is very long.
    Different,
}

/// Compares two tables row by row, in the order of their rowids. Nothing but one page of each level and one
/// row is held in memory.
///
/// If they are equal, the pages of both were also checked in full. The progress function gets the number of
/// rows passed and may stop the comparison by failing.
pub fn compare_values<L: Pages, R: Pages>(
    (left, left_root): (&mut L, u32),
    (right, right_root): (&mut R, u32),
    map: &ValueMap,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Read<Values> {
    let (mut one, mut two) = (Cursor::new(left, left_root)?, Cursor::new(right, right_root)?);
    if !one.is_table() || !two.is_table() {
        return Ok(Values::Different);
    }
    let deepest =
        |fields: &mut dyn Iterator<Item = ValueSource>| fields.filter_map(ValueSource::field).max();
    let old_depth = deepest(&mut map.pairs.iter().map(|(place, _)| *place));
    let asked = map.demands.iter().map(|demand| demand.place);
    let new_depth = deepest(&mut map.pairs.iter().map(|(_, place)| *place).chain(asked));
    let (mut old, mut new) = (Loaded::default(), Loaded::default());
    let (mut rows, mut kept) = (0, true);
    let stretches = stretches(&map.pairs);
    let demands: Vec<&Demand> = map.demands.iter().filter(|it| !it.takes_all()).collect();
    loop {
        match (one.advance()?, two.advance()?) {
            (false, false) => break,
            (true, true) if one.rowid() == two.rowid() => {}
            _ => return Ok(Values::Different),
        }
        let rowid = one.rowid();
        if !old.load(&mut one, old_depth)? || !new.load(&mut two, new_depth)? {
            return Ok(Values::Different);
        }
        // What is not compared must still be well formed.
        while two.has_more() {
            two.more()?;
        }
        if !stretches.iter().all(|it| it.is_same((&old, &new), rowid)) {
            return Ok(Values::Different);
        }
        let meets =
            |demand: &&Demand| new.part(demand.place, rowid).is_some_and(|it| demand.met(it));
        kept = kept && demands.iter().all(meets);
        rows += 1;
        if rows % STRIDE == 0 {
            progress(rows)?;
        }
    }
    progress(rows)?;
    Ok(Values::Equal { rows, pages: two.into_visited(), kept })
}

/// Pairs of fields that follow each other on both sides.
struct Stretch(Vec<(ValueSource, ValueSource)>);

/// Puts pairs together as far as that goes.
fn stretches(pairs: &[(ValueSource, ValueSource)]) -> Vec<Stretch> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by_key(|(left, right)| (left.field(), right.field()));
    let mut all: Vec<Stretch> = Vec::new();
    for pair in sorted {
        let follows = |last: &(ValueSource, ValueSource)| {
            let next =
                |one: ValueSource, two: ValueSource| one.field().map(|it| it + 1) == two.field();
            last.0.field().is_some()
                && last.1.field().is_some()
                && next(last.0, pair.0)
                && next(last.1, pair.1)
        };
        match all.last_mut() {
            Some(Stretch(stretch)) if stretch.last().is_some_and(follows) => stretch.push(pair),
            _ => all.push(Stretch(vec![pair])),
        }
    }
    all
}

impl Stretch {
    /// Returns whether the values are the same: at once if their bytes are, else one by one, because one value
    /// has several forms and a record may end early.
    fn is_same(&self, (old, new): (&Loaded, &Loaded), rowid: i64) -> bool {
        let first = self.0.first().map(|(left, right)| (left.field(), right.field()));
        if let Some((Some(left), Some(right))) = first {
            let one = old.fields.run(&old.record, left, self.0.len());
            let two = new.fields.run(&new.record, right, self.0.len());
            if one.zip(two).is_some_and(|(one, two)| one.is_same(&two)) {
                return true;
            }
        }
        self.0.iter().all(|(left, right)| {
            let values = old.part(*left, rowid).zip(new.part(*right, rowid));
            values.is_some_and(|(one, two)| identical(one, two))
        })
    }
}

impl Demand {
    /// Returns whether no value breaks it.
    const fn takes_all(&self) -> bool {
        self.null && self.numbers && matches!(self.text, Texts::All)
    }

    fn met(&self, value: Value<'_>) -> bool {
        match value {
            Value::Null => self.null,
            Value::Integer(_) | Value::Real(_) => self.numbers,
            Value::Text(text) => match self.text {
                Texts::All => true,
                Texts::Words => is_no_number(text),
                Texts::None => false,
            },
            Value::Blob(_) => true,
        }
    }
}

/// Returns whether a text has no digit, or something that no number has, or a sign behind a digit, as a date has.
///
/// `SQLite` also takes `1` with a NUL byte behind it for a number, so a text with such a byte is not certain.
fn is_no_number(text: &[u8]) -> bool {
    if text.contains(&0) {
        return false;
    }
    let in_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE \t\n\x0b\x0c\r".contains(byte);
    let signed = |pair: &[u8]| matches!(pair, [before, b'+' | b'-'] if before.is_ascii_digit() || *before == b'.');
    !text.iter().all(in_number)
        || !text.iter().any(u8::is_ascii_digit)
        || text.windows(2).any(signed)
}

/// The same storage class and the same bytes: -0.0 is not 0.0.
fn identical(one: Value<'_>, two: Value<'_>) -> bool {
    match (one, two) {
        (Value::Real(one), Value::Real(two)) => one.to_bits() == two.to_bits(),
        (one, two) => one == two,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_no_number_stays_text_in_a_column_of_numbers(
            text in prop_oneof![
                "[-+.0-9eE x]{0,8}",
                "[ \\t\\n\\u{b}\\u{c}\\r]?[-+]?[0-9]{0,20}\\.?[0-9]{0,3}([eE][-+]?[0-9]{1,3})?[ \\r]?",
                "[0-9]{4}-[0-9]{2}-[0-9]{2}",
                "[-+.0-9e x\\u{0}]{0,5}",
                ".{0,6}",
            ]
        ) {
            let connection = rusqlite::Connection::open_in_memory().unwrap();
            connection.execute_batch("CREATE TABLE t(n NUMERIC)").unwrap();
            connection.execute("INSERT INTO t VALUES (?1)", [&text]).unwrap();
            let class: String =
                connection.query_row("SELECT typeof(n) FROM t", [], |row| row.get(0)).unwrap();
            prop_assert!(class == "text" || !is_no_number(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn dates_and_names_are_no_numbers() {
        for (text, expected) in [
            ("2024-01-02", true),
            ("03:04", true),
            ("M 31", true),
            ("-", true),
            ("", true),
            ("007", false),
            (" -1.5e+3 ", false),
            ("1-", true),
            ("1e", false),
            ("0\0", false),
        ] {
            assert_eq!(is_no_number(text.as_bytes()), expected, "{text}");
        }
    }
}
