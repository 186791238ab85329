//! Counts and a digest of outcomes that do not depend on their order, nor on how the fleet was cut into shards.

use std::collections::BTreeMap;

/// What is known of one file after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The outcome: `ok`, `no`, `left`, or the code of the error.
    pub outcome: String,
    /// Whether there was nothing to do.
    pub was_up_to_date: bool,
    /// The version that the file has, if that is known.
    pub version: Option<i64>,
    /// The rows that were proven when its last phase was applied or undone.
    pub rows: Option<u64>,
}

/// The outcomes of a run, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    entries: BTreeMap<String, Entry>,
}

impl Tally {
    /// Notes the outcome of a file, in the place of an earlier one, which is returned.
    pub fn note(&mut self, relative: &str, entry: Entry) -> Option<Entry> {
        self.entries.insert(relative.to_owned(), entry)
    }

    /// The files and their outcomes, in the order of their relative paths.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// Returns the digest: BLAKE3, in hexadecimal, of one line `["path","outcome",version,rows]` for each file, as JSON
    /// writes it, in the order of the bytes of the paths. It is the same whatever the order, the workers and the
    /// shards were, and after a run that was killed and repeated.
    pub fn digest(&self) -> String {
        let line = |(relative, entry): (&String, &Entry)| {
            serde_json::json!([relative, entry.outcome, entry.version, entry.rows]).to_string()
        };
        digest_of(self.entries.iter().map(line))
    }
}

/// Returns BLAKE3, in hexadecimal, of lines, each with a line end.
pub fn digest_of(lines: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut hasher = blake3::Hasher::new();
    for line in lines {
        hasher.update(line.as_ref().as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}
