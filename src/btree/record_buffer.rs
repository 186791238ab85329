//! One record in memory, as far as it is needed.

use std::cmp::Ordering;

use super::cursor::Cursor;
use super::order::{Collation, compare};
use super::pages::{Pages, Read};
use super::record::{Fields, Stored, Value};

/// Longer records are left to SQLite: they would be held in memory.
const LONGEST: usize = 4 << 20;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSource {
    Rowid,
    /// The n-th field of the record of the row, from 0; NULL if the record is shorter.
    Field(usize),
    /// The same; a record that is shorter stands for a default, which is not known here.
    Stored(usize),
}

/// One part of an index entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPart {
    pub place: ValueSource,
    /// Whether it is ordered downwards.
    pub descending: bool,
    pub collation: Collation,
}

/// The record of one entry, as far as it is needed.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) record: Vec<u8>,
    pub(super) fields: Fields,
    pub(super) is_set: bool,
}

impl Loaded {
    /// Reads the record up to a field, and all of its header; returns false if that is not possible.
    pub(super) fn load<P: Pages>(
        &mut self,
        cursor: &mut Cursor<'_, P>,
        deepest: Option<usize>,
    ) -> Read<bool> {
        if !self.load_header(cursor, usize::MAX)? {
            return Ok(false);
        }
        let end = deepest.map_or(0, |number| self.fields.end_of(number));
        self.load_to(cursor, end)
    }

    /// Reads the record up to a field. What its header says of those behind is not looked at: for records that
    /// SQLite checks, too.
    pub(super) fn load_first<P: Pages>(
        &mut self,
        cursor: &mut Cursor<'_, P>,
        deepest: Option<usize>,
    ) -> Read<bool> {
        if !self.load_header(cursor, deepest.map_or(0, |number| number.saturating_add(1)))? {
            return Ok(false);
        }
        self.load_to(cursor, self.fields.end())
    }

    fn load_header<P: Pages>(&mut self, cursor: &mut Cursor<'_, P>, fields: usize) -> Read<bool> {
        self.is_set = true;
        cursor.begin(9, &mut self.record)?;
        let Some(header) = Fields::header_length(&self.record).filter(|it| *it <= LONGEST) else {
            return Ok(false);
        };
        cursor.extend(header, &mut self.record)?;
        let read = self.fields.read_first(&self.record, fields);
        Ok(read.is_some() && self.fields.fit(cursor.length()))
    }

    fn load_to<P: Pages>(&mut self, cursor: &mut Cursor<'_, P>, end: usize) -> Read<bool> {
        if end <= LONGEST {
            cursor.extend(end, &mut self.record)?;
        }
        Ok(end <= LONGEST)
    }

    pub(super) fn part(&self, place: ValueSource, rowid: i64) -> Option<Value<'_>> {
        match place {
            ValueSource::Rowid => Some(Value::Integer(rowid)),
            ValueSource::Field(number) if number >= self.fields.count() => Some(Value::Null),
            ValueSource::Field(number) | ValueSource::Stored(number) => {
                self.fields.value(&self.record, number)
            }
        }
    }

    /// Returns whether a field is stored as that of another record is. Values may be equal nevertheless.
    fn is_same_as(&self, other: &Self, place: ValueSource) -> bool {
        let Some(number) = place.field() else { return false };
        let one = self.fields.stored(&self.record, number);
        one.is_some() && one == other.fields.stored(&other.record, number)
    }

    /// Returns a part as SQLite stores it in an index: serial type and bytes. `None` if it is not there.
    #[inline]
    pub(super) fn stored<'r>(
        &'r self,
        place: ValueSource,
        rowid: &'r Stored,
    ) -> Option<(u64, &'r [u8])> {
        match place {
            ValueSource::Rowid => Some(rowid.parts()),
            ValueSource::Field(number) if number >= self.fields.count() => Some((0, &[])),
            ValueSource::Field(number) | ValueSource::Stored(number) => {
                self.fields.stored(&self.record, number)
            }
        }
    }

    pub(super) fn has_null(&self, keys: usize) -> bool {
        (0..keys).any(|number| self.fields.value(&self.record, number) == Some(Value::Null))
    }

    /// Compares the first parts with those of another entry; `None` if one of them is not there.
    pub(super) fn order(&self, other: &Self, parts: &[KeyPart], count: usize) -> Option<Ordering> {
        for part in parts.iter().take(count) {
            if self.is_same_as(other, part.place) {
                continue;
            }
            let (one, two) = (self.part(part.place, 0)?, other.part(part.place, 0)?);
            let order = compare(one, two, part.collation);
            if order != Ordering::Equal {
                return Some(if part.descending { order.reverse() } else { order });
            }
        }
        Some(Ordering::Equal)
    }
}

impl ValueSource {
    /// The number of the field, if it is one.
    pub(super) const fn field(self) -> Option<usize> {
        match self {
            Self::Rowid => None,
            Self::Field(number) | Self::Stored(number) => Some(number),
        }
    }
}
