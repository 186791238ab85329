//! Finds the known word that an unknown one most looks like.

use crate::text::list;

/// How many known words an unknown one is answered with.
const FEW: usize = 3;

/// Returns the candidate that looks most like the word.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    ranked(word, candidates).into_iter().next()
}

/// Returns the few candidates that look most like the word, the nearest first.
pub(super) fn nearest_few<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Vec<&'c str> {
    let mut ranked = ranked(word, candidates);
    ranked.truncate(FEW);
    ranked
}

fn ranked<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let word = word.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Returns the word in backquotes, on one line and not endless, for a message.
pub(super) fn quoted(word: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = word.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    let rest = if word.chars().nth(LONGEST).is_some() { "..." } else { "" };
    format!("`{}{rest}`", shown.replace("\\\"", "\"").replace("\\'", "'"))
}

/// Returns the words in backquotes, separated by commas.
pub(super) fn quoted_list<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    list(words.into_iter().map(quoted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_comes_first_and_ties_keep_their_order() {
        assert_eq!(nearest("tabel", ["column", "table", "to"]), Some("table"));
        assert_eq!(nearest("TABLE", ["column", "table", "to"]), Some("table"));
        assert_eq!(nearest("x", ["b", "a"]), Some("b"));
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest_few("phase9", ["phase1", "phase2", "phase3", "phase4"]).len(), 3);
    }

    #[test]
    fn a_quoted_word_stays_on_one_short_line() {
        assert_eq!(quoted("from"), "`from`");
        assert_eq!(quoted("a\nb"), "`a\\nb`");
        assert_eq!(quoted("it's \"so\""), "`it's \"so\"`");
        assert!(quoted(&"x".repeat(1000)).len() < 80);
    }
}
