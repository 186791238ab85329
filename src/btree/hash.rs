//! A sum of hashes that does not depend on the order of what is hashed.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::record::Value;

/// How many entries there are, and the sum of the hashes of all of them.
///
/// Two multisets of entries with the same sum are the same: each hash is XXH3 of 128 bits under a secret of
/// this run, and what could make sums collide is no accident of a disk or of SQLite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u64,
    sum: u128,
}

/// No file can be made for a secret that nobody knows before.
fn secret() -> u64 {
    static SECRET: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    *SECRET
}

impl Sum {
    pub(super) fn add(&mut self, entry: &Entry) {
        self.sum = self.sum.wrapping_add(xxh3_128_with_seed(&entry.0, secret()));
        self.count += 1;
    }
}

/// The values of one entry in a form in which equal values have equal bytes, and no two entries the same.
#[derive(Debug, Default)]
pub(super) struct Entry(Vec<u8>);

impl Entry {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn push(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.0.push(0),
            Value::Integer(number) => self.number(1, number.to_be_bytes()),
            Value::Real(number) => self.number(2, number.to_bits().to_be_bytes()),
            Value::Text(bytes) => self.bytes(3, bytes),
            Value::Blob(bytes) => self.bytes(4, bytes),
        }
    }

    fn number(&mut self, class: u8, [a, b, c, d, e, f, g, h]: [u8; 8]) {
        self.0.extend_from_slice(&[class, a, b, c, d, e, f, g, h]);
    }

    fn bytes(&mut self, class: u8, bytes: &[u8]) {
        self.number(class, (bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }
}
