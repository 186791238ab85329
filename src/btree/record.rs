//! Records (<https://sqlite.org/fileformat2.html#record_format>).

/// One stored value. Text is in the encoding of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'r> {
    /// NULL, or a real that is not a number, which SQLite reads as NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A real.
    Real(f64),
    /// Text.
    Text(&'r [u8]),
    /// A blob.
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

/// Where the fields of a record are.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Serial type and first byte of each field.
    places: Vec<(u64, usize)>,
    /// Where the last one ends.
    end: usize,
}

impl Fields {
    /// Returns the bytes of the header of a record; `None` if not even their number is there.
    pub fn header_length(record: &[u8]) -> Option<usize> {
        if record.is_empty() {
            return Some(0);
        }
        usize::try_from(varint(record)?.0).ok()
    }

    /// Reads the header of a record, which begins with all of it; `None` if it makes no sense.
    pub fn read(&mut self, record: &[u8]) -> Option<()> {
        self.read_first(record, usize::MAX)
    }

    /// As [`Fields::read`], so many fields at the most: what comes behind them is not looked at, and the last one
    /// ends where the last of these does.
    pub fn read_first(&mut self, record: &[u8], fields: usize) -> Option<()> {
        self.places.clear();
        self.end = 0;
        if record.is_empty() {
            return Some(());
        }
        let (length, mut at) = varint(record)?;
        let length = usize::try_from(length).ok()?;
        let header = record.get(..length)?;
        let mut place = length;
        while at < length && self.places.len() < fields {
            let (kind, width) = varint(header.get(at..)?)?;
            self.places.push((kind, place));
            place = place.checked_add(size(kind)?)?;
            at += width;
        }
        self.end = place;
        (at == length || self.places.len() == fields).then_some(())
    }

    /// Returns so many fields of a record from the n-th on, from 0: their serial types with their places, and
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

    /// Returns where the n-th field ends, from 0, or the last one if there are fewer.
    pub fn end_of(&self, number: usize) -> usize {
        self.places.get(number + 1).map_or(self.end, |(_, start)| *start)
    }

    /// Reads the n-th field, from 0, of the record that the header was read from; `None` if there is
    /// none or it is cut off.
    pub fn value<'r>(&self, record: &'r [u8], number: usize) -> Option<Value<'r>> {
        let (kind, start) = *self.places.get(number)?;
        let bytes = record.get(start..start.checked_add(size(kind)?)?)?;
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
    /// Tells whether types and bytes are the same.
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
    fn integers_keep_their_sign_in_every_width() {
        assert_eq!(integer(&[0xff]), -1);
        assert_eq!(integer(&[0x80, 0, 0]), -8_388_608);
        assert_eq!(integer(&[0x7f, 0xff]), 32_767);
        assert_eq!(integer(&i64::MIN.to_be_bytes()), i64::MIN);
    }
}
