//! Records (<https://sqlite.org/fileformat2.html#record_format>).

/// One stored value. Text is in the encoding of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'r> {
    /// NULL, or a real that is not a number, which SQLite reads as NULL.
    Null,
    Integer(i64),
    Real(f64),
    Text(&'r [u8]),
    Blob(&'r [u8]),
}

/// Reads a variable-length integer: the number, and how many bytes it takes.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    // Nearly all are shorter than 128.
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((u64::from(first), 1));
    }
    let mut sum = 0;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        sum = sum << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((sum, index + 1));
        }
    }
    Some((sum << 8 | u64::from(*bytes.get(8)?), 9))
}

/// Writes a variable-length integer in as few bytes as it takes.
pub(super) fn push_varint(number: u64, into: &mut Vec<u8>) {
    if let Ok(small @ ..0x80) = u8::try_from(number) {
        into.push(small);
        return;
    }
    if number > u64::MAX >> 8 {
        let high = (1..9).rev().map(|group| (number >> (7 * group + 1) & 0x7f | 0x80) as u8);
        into.extend(high);
        into.push(number as u8);
        return;
    }
    let groups = (u64::BITS - number.leading_zeros()).div_ceil(7);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        into.push((number >> (7 * group) & 0x7f) as u8 | more);
    }
}

/// An integer as SQLite stores it, in as few bytes as it takes
/// (<https://sqlite.org/fileformat2.html#record_format>).
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    kind: u64,
    width: usize,
    bytes: [u8; 8],
}

impl Stored {
    /// Files of old formats have no types for 0 and 1 of their own
    /// (<https://sqlite.org/fileformat2.html#schemaformat>).
    pub(super) fn integer(number: i64, constants: bool) -> Self {
        let bits = 65 - (number ^ (number >> 63)).leading_zeros();
        let (kind, width) = match bits {
            _ if constants && (number == 0 || number == 1) => (8 + number.unsigned_abs(), 0),
            0..=8 => (1, 1),
            9..=16 => (2, 2),
            17..=24 => (3, 3),
            25..=32 => (4, 4),
            33..=48 => (5, 6),
            _ => (6, 8),
        };
        Self { kind, width, bytes: number.to_be_bytes() }
    }

    /// Returns the serial type and the bytes.
    pub(super) fn parts(&self) -> (u64, &[u8]) {
        (self.kind, &self.bytes[8 - self.width..])
    }
}

/// SQLite calls records with longer headers corrupt (`OP_Column` in vdbe.c).
const LONGEST_HEADER: usize = 98_307;

/// Where the fields of a record are.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Serial type and first byte of each field.
    places: Vec<(u64, usize)>,
    /// Where the last one ends.
    end: usize,
    /// Whether the header has no further fields.
    complete: bool,
}

impl Fields {
    /// Returns the bytes of the header of a record; `None` if not even their number is there.
    pub fn header_length(record: &[u8]) -> Option<usize> {
        if record.is_empty() {
            return Some(0);
        }
        usize::try_from(varint(record)?.0).ok()
    }

    /// Reads the header of a record, but at most this number of fields: later ones are not checked. `None` if it makes
    /// no sense.
    pub fn read_first(&mut self, record: &[u8], fields: usize) -> Option<()> {
        self.places.clear();
        (self.end, self.complete) = (0, true);
        if record.is_empty() {
            return Some(());
        }
        let (length, mut at) = varint(record)?;
        let length = usize::try_from(length).ok().filter(|it| *it <= LONGEST_HEADER)?;
        let header = record.get(..length)?;
        let mut place = length;
        while at < length && self.places.len() < fields {
            let (kind, width) = varint(header.get(at..)?)?;
            self.places.push((kind, place));
            place = place.checked_add(size(kind)?)?;
            at += width;
        }
        self.end = place;
        self.complete = at == length;
        // SQLite reads at least one serial type, and calls a record corrupt whose header has none (`OP_Column` in vdbe.c).
        ((self.complete && !self.places.is_empty()) || self.places.len() == fields).then_some(())
    }

    /// Returns a number of fields of a record from the n-th on, from 0: their serial types with their places, and
    /// their bytes. The same types and bytes are the same values. `None` if the record ends before.
    pub(super) fn run<'r>(
        &'r self,
        record: &'r [u8],
        first: usize,
        count: usize,
    ) -> Option<Run<'r>> {
        let kinds = self.places.get(first..first.checked_add(count)?)?;
        let start = kinds.first()?.1;
        Some(Run { kinds, bytes: record.get(start..self.end_of(first + count - 1))? })
    }

    /// Returns how many fields there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Returns where the last field ends.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Returns whether the fields fit a record of that many bytes, as `OP_Column` demands: none ends behind it, and the last
    /// one of the header ends with it.
    pub(super) fn fit(&self, length: usize) -> bool {
        if self.complete { self.end == length } else { self.end <= length }
    }

    /// Returns where the n-th field ends, from 0, or the last one if there are fewer.
    pub fn end_of(&self, number: usize) -> usize {
        self.places.get(number + 1).map_or(self.end, |(_, start)| *start)
    }

    /// Returns the serial type and the bytes of the n-th field, from 0; `None` if there is none or it is cut off.
    /// The same type and bytes are the same value.
    #[inline]
    pub(super) fn stored<'r>(&self, record: &'r [u8], number: usize) -> Option<(u64, &'r [u8])> {
        let (kind, start) = *self.places.get(number)?;
        let end = self.places.get(number + 1).map_or(self.end, |(_, next)| *next);
        Some((kind, record.get(start..end)?))
    }

    /// Reads the n-th field, from 0, of the record that the header was read from; `None` if there is
    /// none or it is cut off.
    pub fn value<'r>(&self, record: &'r [u8], number: usize) -> Option<Value<'r>> {
        let (kind, bytes) = self.stored(record, number)?;
        Some(match kind {
            0 => Value::Null,
            1..=6 => Value::Integer(integer(bytes)),
            7 => {
                let bits = integer(bytes).cast_unsigned();
                let real = f64::from_bits(bits);
                if real.is_nan() { Value::Null } else { Value::Real(real) }
            }
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            even if even % 2 == 0 => Value::Blob(bytes),
            _ => Value::Text(bytes),
        })
    }
}

/// Fields that follow each other.
pub(super) struct Run<'r> {
    kinds: &'r [(u64, usize)],
    bytes: &'r [u8],
}

impl Run<'_> {
    /// Returns whether types and bytes are the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let kinds = || self.kinds.iter().zip(other.kinds);
        self.kinds.len() == other.kinds.len()
            && self.bytes == other.bytes
            && kinds().all(|(one, two)| one.0 == two.0)
    }
}

/// How many bytes a field of a serial type takes; `None` for the two that no file has.
fn size(kind: u64) -> Option<usize> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        longer => usize::try_from((longer - 12) / 2).ok()?,
    })
}

/// Reads a big-endian integer of at most eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut whole = if negative { [0xff; 8] } else { [0; 8] };
    if let Some(low) = whole.len().checked_sub(bytes.len()).and_then(|at| whole.get_mut(at..)) {
        low.copy_from_slice(bytes);
    }
    i64::from_be_bytes(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_length_integers_take_one_to_nine_bytes() {
        assert_eq!(varint(&[0x7f]), Some((127, 1)));
        assert_eq!(varint(&[0x81, 0x00]), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, 9)));
        assert_eq!(varint(&[0xff; 8]), None);
        assert_eq!(varint(&[]), None);
    }

    #[test]
    fn variable_length_integers_are_read_as_they_were_written() {
        let edges = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        for number in edges.chain([u64::MAX, u64::MAX - 1, u64::MAX >> 8]) {
            let mut bytes = Vec::new();
            push_varint(number, &mut bytes);
            assert_eq!(varint(&bytes), Some((number, bytes.len())), "{number}");
        }
    }

    #[test]
    fn integers_are_stored_as_sqlite_stores_them() {
        let edges = (0..64).flat_map(|bit| {
            let power = 1_i64.wrapping_shl(bit);
            [
                power.wrapping_sub(1),
                power,
                power.wrapping_neg(),
                power.wrapping_neg().wrapping_sub(1),
            ]
        });
        let edges: Vec<i64> = edges.chain([0, 1, -1, i64::MIN, i64::MAX]).collect();
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t(a)").unwrap();
        for number in edges {
            connection.execute("DELETE FROM t", []).unwrap();
            connection.execute("INSERT INTO t VALUES (?1)", [number]).unwrap();
            let page: Vec<u8> = connection
                .query_row("SELECT data FROM sqlite_dbpage WHERE pgno = 2", [], |row| row.get(0))
                .unwrap();
            let stored = Stored::integer(number, true);
            let (kind, bytes) = stored.parts();
            let record = [&[2, kind as u8], bytes].concat();
            assert!(page.ends_with(&record), "{number}: {record:?}");
        }
        assert_eq!(Stored::integer(1, false).parts(), (1, &[1][..]));
        assert_eq!(Stored::integer(0, false).parts(), (1, &[0][..]));
    }

    #[test]
    fn integers_keep_their_sign_in_every_width() {
        assert_eq!(integer(&[0xff]), -1);
        assert_eq!(integer(&[0x80, 0, 0]), -8_388_608);
        assert_eq!(integer(&[0x7f, 0xff]), 32_767);
        assert_eq!(integer(&i64::MIN.to_be_bytes()), i64::MIN);
    }
}
