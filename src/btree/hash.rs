//! A sum of hashes that does not depend on the order of what is hashed.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::record::push_varint;

/// How many entries there are, and the sum of the hashes of all of them.
///
/// Two multisets of entries with the same sum are the same: each hash is XXH3 of 128 bits under a secret of
/// this run, and what could make sums collide is no accident of a disk or of SQLite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    sum: u128,
}

/// No file can be made for a secret that is not known before.
fn secret() -> u64 {
    static SECRET: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    *SECRET
}

impl Sum {
    /// Adds an entry: the record of an index without the length of its header, or any other bytes that are told
    /// apart by their kind.
    pub fn add(&mut self, entry: &[u8]) {
        self.sum = self.sum.wrapping_add(xxh3_128_with_seed(entry, secret()));
        self.count += 1;
    }
}

/// An entry in the making: the serial types of its parts, and then their bytes, as in the record of an index.
/// For a number of parts that is known, no two entries have the same bytes.
#[derive(Debug, Default)]
pub(super) struct HashEntry(Vec<u8>);

impl HashEntry {
    /// Makes the entry of these parts.
    pub(super) fn of<'v>(&mut self, parts: impl Iterator<Item = (u64, &'v [u8])> + Clone) -> &[u8] {
        self.0.clear();
        for (kind, _) in parts.clone() {
            push_varint(kind, &mut self.0);
        }
        for (_, bytes) in parts {
            self.0.extend_from_slice(bytes);
        }
        &self.0
    }
}
