//! Screens: pure functions from values to text.

pub mod audit;
pub mod backups;
pub mod chain;
pub mod changes;
pub mod failure;
pub mod fleet;
pub mod lint;
pub mod operation;
pub mod optimize;
pub mod plan;
pub mod prove;
pub mod reason;
pub mod restore;
pub mod run;
pub mod status;
pub mod time;

pub use phaseshift::text::counted;

/// Names a phase with its title, unless that says nothing else.
pub fn titled(id: &phaseshift::phase::PhaseId, title: &str) -> String {
    if title == id.as_str() { title.to_owned() } else { format!("{id}: {title}") }
}

/// Writes a size in bytes as a person reads it.
pub fn sized(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let of = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..1_024 => counted(bytes, "byte", "bytes"),
        1_024..1_048_576 => format!("{:.1} KiB", of(1 << 10)),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", of(1 << 20)),
        _ => format!("{:.1} GiB", of(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!(counted(1_u64, "row", "rows"), "1 row");
        assert_eq!(counted(0_usize, "row", "rows"), "0 rows");
        assert_eq!(sized(1), "1 byte");
        assert_eq!(sized(1_536), "1.5 KiB");
        assert_eq!(sized(3 << 20), "3.0 MiB");
    }
}
