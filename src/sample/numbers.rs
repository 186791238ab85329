//! Made-up numbers: the same seed and row always give the same sequence.

/// A small generator (splitmix64, Steele, Lea and Flood 2014); good enough for samples, for nothing else.
pub(super) struct Numbers(u64);

impl Numbers {
    /// Starts the sequence of one row of one kind, independent of all other rows.
    pub(super) fn for_row(seed: u64, kind: u64, row: u32) -> Self {
        Self(mix(seed ^ mix(kind)) ^ mix(u64::from(row)))
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A whole number from `low` up to and including `high`.
    pub(super) fn whole(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low) + 1;
        low + (self.next() % span) as i64
    }

    /// A number from `low` up to `high`, in steps of a hundredth.
    pub(super) fn real(&mut self, low: f64, high: f64) -> f64 {
        let steps = ((high - low) * 100.0) as i64;
        ((low * 100.0).round() + self.whole(0, steps) as f64) / 100.0
    }

    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of the things; there must be at least one.
    pub(super) fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[(self.next() % things.len() as u64) as usize]
    }
}

/// Returns 32 hexadecimal digits that differ for every row of one seed: `mix` maps no two numbers to one.
pub(super) fn checksum(seed: u64, row: u32) -> String {
    let first = mix(seed.wrapping_add(u64::from(row)));
    format!("{first:016x}{:016x}", mix(first ^ seed))
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
