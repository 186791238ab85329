//! Pairing the rows of two tables whose keys, columns or order may differ: what is equal, changed, gone and new.
//!
//! The lockstep comparison needs the same key on both sides. Here the rows of both sides are hashed, sorted and
//! paired, so that a table that lost its key, or whose rows got other rowids, is still compared row by row.

use std::cmp::Ordering;

use rusqlite::Connection;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::compare::STRIDE;
use super::cursor::{TextForm, groups, select_list};
use super::sum::push;
use crate::database::stub_collations;
use crate::error::Result;
use crate::name::quote;

/// The bytes of hashes that are held at once; larger tables are read several times, a part of the keys each time.
const MEMORY: u64 = 256 << 20;

/// One side of a pairing.
#[derive(Debug, Clone)]
pub struct MatchSide<'c> {
    pub connection: &'c Connection,
    pub table: &'c str,
    /// The columns, or names of the rowid, that identify a row. Without any, equal rows are paired.
    pub keys: Vec<String>,
    /// The columns to compare; the n-th of one side belongs to the n-th of the other.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched {
    /// Rows that are on both sides with the same values.
    pub equal: u64,
    /// Rows on both sides with other values.
    pub changed: u64,
    /// Rows only on the left side.
    pub lost: u64,
    /// Rows only on the right side.
    pub gained: u64,
    /// For each column, the rows in which its value or storage class differs.
    pub columns: Vec<u64>,
}

impl Matched {
    /// Returns the rows of the left side that are not there with the same values.
    pub fn missed(&self) -> u64 {
        self.lost + self.changed
    }
}

/// A row as hashes: of its key, of all its columns, and of each column.
struct Hashed {
    key: u128,
    row: u64,
    columns: Vec<u64>,
}

/// Pairs the rows of two tables by their keys, and compares the storage class and bytes of every value.
///
/// Rows with equal keys are paired where all values are equal, then in any order. The progress function gets the
/// number of rows read and may stop the comparison by failing.
pub fn match_rows(
    left: &MatchSide<'_>,
    right: &MatchSide<'_>,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Matched> {
    let _left = stub_collations(left.connection, left.table)?;
    let _right = stub_collations(right.connection, right.table)?;
    let forms = (TextForm::of(left.connection)?, TextForm::of(right.connection)?);
    // Where the encodings differ, SQLite converts both to UTF-8.
    let form = if forms.0 == forms.1 { forms.0 } else { TextForm::Utf8 };
    let mut result = Matched::default();
    for (number, columns) in groups(left.columns.len()).into_iter().enumerate() {
        let group = (slice(left, columns.clone()), slice(right, columns));
        let found = match_group(&group.0, &group.1, form, progress)?;
        result.columns.extend(found.columns);
        if number == 0 {
            let columns = std::mem::take(&mut result.columns);
            result = Matched { columns, ..found };
        } else {
            result.changed = result.changed.max(found.changed);
        }
    }
    Ok(result)
}

fn slice<'c>(side: &MatchSide<'c>, columns: std::ops::Range<usize>) -> MatchSide<'c> {
    MatchSide { columns: side.columns[columns].to_vec(), ..side.clone() }
}

fn match_group(
    left: &MatchSide<'_>,
    right: &MatchSide<'_>,
    form: TextForm,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Matched> {
    let rows = super::count_rows(left.connection, left.table)?
        .max(super::count_rows(right.connection, right.table)?);
    let width = 48 + 8 * left.columns.len() as u64;
    let parts = (2 * rows * width).div_ceil(MEMORY).max(1);
    let mut found = Matched { columns: vec![0; left.columns.len()], ..Matched::default() };
    for part in 0..parts {
        let taken = |key: u128| key % u128::from(parts) == u128::from(part);
        let mut one = hash_rows(left, form, &taken, progress)?;
        let mut two = hash_rows(right, form, &taken, progress)?;
        one.sort_unstable_by_key(|it| (it.key, it.row));
        two.sort_unstable_by_key(|it| (it.key, it.row));
        pair(&one, &two, &mut found);
    }
    Ok(found)
}

fn hash_rows(
    side: &MatchSide<'_>,
    form: TextForm,
    taken: &dyn Fn(u128) -> bool,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Vec<Hashed>> {
    let keys = side.keys.len() * form.width();
    let all: Vec<String> = side.keys.iter().chain(&side.columns).cloned().collect();
    let list = select_list(&[], &all, form);
    let sql = format!("SELECT {list} FROM main.{} NOT INDEXED", quote(side.table));
    let mut statement = side.connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut hashed, mut passed) = (Vec::new(), 0_u64);
    let (mut entry, mut value) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        passed += 1;
        if passed % STRIDE == 0 {
            progress(passed)?;
        }
        entry.clear();
        let mut columns = Vec::with_capacity(side.columns.len());
        for index in 0..keys {
            push(row.get_ref(index)?, &mut entry);
        }
        for index in 0..side.columns.len() {
            value.clear();
            for half in 0..form.width() {
                push(row.get_ref(keys + index * form.width() + half)?, &mut value);
            }
            columns.push(xxh3_64(&value));
            if keys == 0 {
                entry.extend_from_slice(&value);
            }
        }
        let key = xxh3_128(&entry);
        if taken(key) {
            let row = columns.iter().fold(0_u64, |sum, it| sum.rotate_left(7) ^ it);
            hashed.push(Hashed { key, row, columns });
        }
    }
    Ok(hashed)
}

/// Walks both sorted sides and pairs the rows of each key.
fn pair(one: &[Hashed], two: &[Hashed], found: &mut Matched) {
    let (mut left, mut right) = (one, two);
    while let (Some(first), Some(second)) = (left.first(), right.first()) {
        match first.key.cmp(&second.key) {
            Ordering::Less => {
                found.lost += 1;
                left = &left[1..];
            }
            Ordering::Greater => {
                found.gained += 1;
                right = &right[1..];
            }
            Ordering::Equal => {
                let key = first.key;
                let of_key = |rows: &[Hashed]| rows.iter().take_while(|it| it.key == key).count();
                let (lefts, rights) = (of_key(left), of_key(right));
                pair_of_key(&left[..lefts], &right[..rights], found);
                (left, right) = (&left[lefts..], &right[rights..]);
            }
        }
    }
    found.lost += left.len() as u64;
    found.gained += right.len() as u64;
}

fn pair_of_key(left: &[Hashed], right: &[Hashed], found: &mut Matched) {
    let mut rest: Vec<&Hashed> = right.iter().collect();
    let mut unequal = Vec::new();
    for one in left {
        match rest.iter().position(|it| it.row == one.row && it.columns == one.columns) {
            Some(place) => {
                rest.remove(place);
                found.equal += 1;
            }
            None => unequal.push(one),
        }
    }
    for (one, two) in unequal.iter().zip(&rest) {
        found.changed += 1;
        for (count, (a, b)) in found.columns.iter_mut().zip(one.columns.iter().zip(&two.columns)) {
            *count += u64::from(a != b);
        }
    }
    found.lost += unequal.len().saturating_sub(rest.len()) as u64;
    found.gained += rest.len().saturating_sub(unequal.len()) as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("CREATE TABLE t(k, a, b); {rows}")).unwrap();
        connection
    }

    fn matched(one: &Connection, two: &Connection, keys: &[&str]) -> Matched {
        let side = |connection| MatchSide {
            connection,
            table: "t",
            keys: keys.iter().map(ToString::to_string).collect(),
            columns: vec!["k".to_owned(), "a".to_owned(), "b".to_owned()],
        };
        match_rows(&side(one), &side(two), &mut |_| Ok(())).unwrap()
    }

    #[test]
    fn rows_are_paired_by_their_keys_in_any_order() {
        let one = table("INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)");
        let two = table("INSERT INTO t VALUES (4, 'w', 4), (2, 'y', '2'), (1, 'x', 1)");
        let wanted = Matched { equal: 1, changed: 1, lost: 1, gained: 1, columns: vec![0, 0, 1] };
        assert_eq!(matched(&one, &two, &["k"]), wanted);
        assert_eq!(matched(&one, &two, &["rowid"]).equal, 0);
    }

    #[test]
    fn without_keys_equal_rows_are_paired_as_often_as_they_occur() {
        let one = table("INSERT INTO t VALUES (1, 1, 1), (1, 1, 1), (2, 2, NULL)");
        let two = table("INSERT INTO t VALUES (2, 2, NULL), (1, 1, 1), (3, 3, 3)");
        let found = matched(&one, &two, &[]);
        assert_eq!((found.equal, found.lost, found.gained), (2, 1, 1));
        // Two rows of one key are paired with their equals first.
        let three = table("INSERT INTO t VALUES (1, 1, 2), (1, 1, 1)");
        let found = matched(&one, &three, &["k"]);
        assert_eq!((found.equal, found.changed, found.lost), (1, 1, 1));
        assert_eq!(found.columns, [0, 0, 1]);
    }
}
