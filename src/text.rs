//! Words for messages: counts that agree in number, and the known word that an unknown one looks like; and reading TOML.

use toml_edit::Document;

/// Declares an enum whose values have one fixed text each: `enum NAME: FUNCTION`, and the text behind each value. The
/// function returns it, JSON holds it, and `ALL` lists the values.
macro_rules! named {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $text:ident {
            $($(#[$doc:meta])* $value:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$doc])* $value,)+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            #[allow(dead_code, reason = "not every enum is listed")]
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$value),+];

            /// Returns the stable text, as JSON and files hold it.
            pub const fn $text(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S>(&self, to: S) -> std::result::Result<S::Ok, S::Error>
            where
                S: serde::Serializer,
            {
                to.serialize_str(self.$text())
            }
        }
    };
}
pub(crate) use named;

/// Puts a text on one line, with one space where there was any white space.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes values one after the other, separated by commas.
pub fn list(values: impl IntoIterator<Item = impl ToString>) -> String {
    values.into_iter().map(|it| it.to_string()).collect::<Vec<_>>().join(", ")
}

/// Writes a number with its noun, in the singular if it is one.
pub fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

pub fn rows(count: impl TryInto<u64>) -> String {
    counted(count, "row", "rows")
}

/// Returns the form of a verb that agrees with a count.
pub fn agree<'w>(count: impl TryInto<u64>, one: &'w str, many: &'w str) -> &'w str {
    if count.try_into().is_ok_and(|count| count == 1) { one } else { many }
}

/// Returns the line (from 1) of a byte position.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

/// Reads a text of TOML, or returns the line (from 1) that is none, and why.
pub(crate) fn toml(text: &str) -> Result<Document<&str>, (usize, String)> {
    Document::parse(text).map_err(|error| {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        (line, format!("not TOML: {what}"))
    })
}

/// Returns the candidate that looks like the word, if one looks so much like it that it was probably intended.
pub fn similar<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const ENOUGH: f64 = 0.82;
    let word = word.to_lowercase();
    let likeness = |it: &str| strsim::jaro_winkler(&word, &it.to_lowercase());
    let scored = candidates.into_iter().map(|it| (likeness(it), it));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (best.0 >= ENOUGH).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_that_looks_like_another_is_similar() {
        assert_eq!(similar("sesions", ["cameras", "sessions"]), Some("sessions"));
        assert_eq!(similar("hed", ["head", "base"]), Some("head"));
        assert_eq!(similar("telescopes", ["cameras", "sessions"]), None);
        assert_eq!(similar("x", []), None);
    }
}
