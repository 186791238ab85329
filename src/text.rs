//! Words for counts, so that every message agrees in number.

/// Writes a number with its noun, in the singular if it is one.
pub fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

/// Writes a number of rows.
pub fn rows(count: impl TryInto<u64>) -> String {
    counted(count, "row", "rows")
}

/// Returns the form of a verb that agrees with a count.
pub fn agree<'w>(count: impl TryInto<u64>, one: &'w str, many: &'w str) -> &'w str {
    if count.try_into().is_ok_and(|count| count == 1) { one } else { many }
}
