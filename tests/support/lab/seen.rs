//! Verdicts on disks: equal ones are judged once, and the job is run again on them once.

use std::collections::HashMap;

use crate::lab::disk::{Content, Disk, Image};
use crate::lab::jobs::Job;
use crate::lab::power_sweep::finish;
use crate::lab::verdict::{Expected, Findings};

/// What was found on a disk.
struct Verdict {
    findings: Result<Findings, String>,
    run_again: bool,
}

/// The disks that a job left so far, whatever the fault was.
pub struct Seen<'a> {
    disk: &'a Disk,
    job: &'a Job,
    expected: &'a Expected,
    verdicts: HashMap<blake3::Hash, Verdict>,
}

impl<'a> Seen<'a> {
    pub fn new(disk: &'a Disk, job: &'a Job, expected: &'a Expected) -> Self {
        Self { disk, job, expected, verdicts: HashMap::new() }
    }

    /// How many different disks there were.
    pub fn disks(&self) -> usize {
        self.verdicts.len()
    }

    /// Judges a disk with nothing open, as after the end of the program.
    pub fn judge(&mut self, image: &Image) -> Result<Findings, String> {
        let Self { disk, expected, .. } = *self;
        let verdict = self.verdicts.entry(fingerprint(image)).or_insert_with(|| {
            disk.load(image);
            Verdict { findings: expected.judge(disk), run_again: false }
        });
        verdict.findings.clone()
    }

    /// Runs the job again on a disk that was judged, which must finish it; `None` if that was done.
    pub fn run_again(&mut self, image: &Image) -> Option<Result<(), String>> {
        let verdict = self.verdicts.get_mut(&fingerprint(image))?;
        if std::mem::replace(&mut verdict.run_again, true) {
            return None;
        }
        self.disk.load(image);
        Some(finish(self.disk, self.job, self.expected))
    }
}

/// Sums up a disk.
pub fn fingerprint(image: &Image) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in image {
        hasher.update(path.as_bytes());
        let (kind, bytes) = match content {
            Content::File(bytes) => (b"\0f", bytes.as_slice()),
            Content::Folder => (b"\0d", &[][..]),
        };
        hasher.update(kind);
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize()
}
