//! Dates and times as the catalogue stores them, from days and seconds since 1970-01-01 UTC.

pub(super) const DAY: i64 = 86_400;

/// Writes a day as `2024-03-17`.
pub(super) fn date(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Writes a moment as `2024-03-17 21:04:59.000000`.
pub(super) fn moment(second: i64) -> String {
    let (year, month, day) = civil(second.div_euclid(DAY));
    let rest = second.rem_euclid(DAY);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.000000")
}

pub(super) fn year(day: i64) -> i64 {
    civil(day).0
}

/// Turns days since 1970-01-01 into year, month, day: <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(moment(19_782 * DAY + 3_661), "2024-02-29 01:01:01.000000");
        assert_eq!(year(-1), 1969);
    }
}
