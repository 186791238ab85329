//! Times as a person reads them, and as scripts do.

use chrono::{DateTime, FixedOffset, Local, NaiveDateTime, SecondsFormat};

/// Reads a time as a version table holds it: RFC 3339, or UTC as SQLite's `CURRENT_TIMESTAMP` writes it
/// (<https://sqlite.org/lang_datefunc.html>). `None` for a text that another program wrote in its own way.
fn read(text: &str) -> Option<DateTime<FixedOffset>> {
    let utc = |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok();
    let with_offset = DateTime::parse_from_rfc3339(text).ok();
    with_offset.or_else(|| Some(utc(text)?.and_utc().fixed_offset()))
}

/// Returns the present time, as pages show it.
pub fn now() -> String {
    local(Local::now().fixed_offset())
}

/// Shows a time in local time with its offset.
pub fn local(time: DateTime<FixedOffset>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// Shows a recorded time in local time with its offset; a text that is no time stays as it is.
pub fn recorded(text: &str) -> String {
    read(text).map_or_else(|| text.to_owned(), local)
}

/// Writes a recorded time as RFC 3339; a text that is no time stays as it is.
pub fn rfc3339(text: &str) -> String {
    read(text).map_or_else(|| text.to_owned(), |it| it.to_rfc3339_opts(SecondsFormat::Secs, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_times_get_an_offset_and_other_texts_stay() {
        assert_eq!(rfc3339("2026-11-29 23:08:27"), "2026-11-29T23:08:27+00:00");
        assert_eq!(rfc3339("2026-11-29T23:08:27.123+01:00"), "2026-11-29T23:08:27+01:00");
        assert_eq!(
            (rfc3339("yesterday"), recorded("1700000000")),
            ("yesterday".into(), "1700000000".into())
        );
        let shown = recorded("2026-11-29 23:08:27");
        let back = DateTime::parse_from_str(&shown, "%Y-%m-%d %H:%M:%S %:z").unwrap();
        assert_eq!(back.to_utc().to_rfc3339(), "2026-11-29T23:08:27+00:00");
    }
}
