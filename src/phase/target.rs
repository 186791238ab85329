//! What a person may name as the goal of a way up or down. Knows no chain.

use std::fmt;
use std::num::NonZeroUsize;

use crate::error::{Error, ErrorKind, Result};

/// The goal of a way up or down, as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `head`: the only head.
    Head,
    /// `heads`: all heads.
    Heads,
    /// `base`: nothing is applied.
    Base,
    /// `+N`: N phases further.
    Forward(NonZeroUsize),
    /// `-N`: N phases back.
    Back(NonZeroUsize),
    /// `version:N`: the phase with this version.
    Version(i64),
    /// An id, or the beginning of only one.
    Id(String),
    /// `line@head` and the like: a place on one line, named by a label or an id on it.
    Line {
        /// The label, or an id or the beginning of only one.
        line: String,
        place: LinePlace,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinePlace {
    /// `head`: the only head of the line.
    Head,
    /// `base`: nothing of the line is applied.
    Base,
    /// `+N`: N phases further on the line.
    Forward(NonZeroUsize),
    /// `-N`: N phases back on the line.
    Back(NonZeroUsize),
}

/// Two places of the chain, written `A:B`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRange {
    /// The place to begin at; `base` if left out.
    pub from: Target,
    /// The place to end at; `heads` if left out.
    pub to: Target,
}

impl Target {
    /// Reads a target. Whether the phase exists is not known here.
    ///
    /// ```
    /// use phaseshift::phase::Target;
    ///
    /// assert_eq!(Target::parse("version:2")?, Target::Version(2));
    /// assert_eq!(Target::parse("phase3")?, Target::Id("phase3".to_owned()));
    /// assert!(Target::parse("+0").is_err());
    /// # Ok::<(), phaseshift::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if the text is no target: empty, `+` without a number, `label@`
    /// without a place.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "head" => return Ok(Self::Head),
            "heads" => return Ok(Self::Heads),
            "base" => return Ok(Self::Base),
            _ => {}
        }
        if let Some(version) = text.strip_prefix("version:") {
            return version.parse().map(Self::Version).map_err(|_| no_target(text));
        }
        if let Some((line, place)) = text.split_once('@') {
            let place = parse_place(place).ok_or_else(|| no_target(text))?;
            if line.is_empty() {
                return Err(no_target(text));
            }
            return Ok(Self::Line { line: line.to_owned(), place });
        }
        if let Some(number) = text.strip_prefix('+') {
            return count(number).map(Self::Forward).ok_or_else(|| no_target(text));
        }
        if let Some(number) = relative_back(text) {
            return count(number).map(Self::Back).ok_or_else(|| no_target(text));
        }
        if text.is_empty() || text.contains([':', ' ']) {
            return Err(no_target(text));
        }
        Ok(Self::Id(text.to_owned()))
    }
}

/// Returns the digits after a `-`, if there is nothing else: ids may begin with `-` too.
fn relative_back(text: &str) -> Option<&str> {
    text.strip_prefix('-').filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads how many phases; digits only, where `parse` would take one more sign.
fn count(text: &str) -> Option<NonZeroUsize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn parse_place(text: &str) -> Option<LinePlace> {
    match text {
        "head" => Some(LinePlace::Head),
        "base" => Some(LinePlace::Base),
        _ => match text.strip_prefix('+') {
            Some(number) => count(number).map(LinePlace::Forward),
            None => count(relative_back(text)?).map(LinePlace::Back),
        },
    }
}

fn no_target(text: &str) -> Error {
    Error::new(ErrorKind::Arguments, format!("not a target: {text:?}"))
}

impl TargetRange {
    /// Reads a range; `A:` ends at `heads` and `:B` begins at `base`.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if the text is no range.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::new(ErrorKind::Arguments, format!("not a range: {text:?}"));
        // `version:2` holds a colon too: the range is where both sides are targets.
        text.match_indices(':')
            .filter(|_| text.len() > 1)
            .find_map(|(colon, _)| {
                let (from, to) = (&text[..colon], &text[colon + 1..]);
                let from = if from.is_empty() { Ok(Target::Base) } else { Target::parse(from) };
                let to = if to.is_empty() { Ok(Target::Heads) } else { Target::parse(to) };
                let (from, to) = (from.ok()?, to.ok()?);
                let version = matches!(&from, Target::Id(id) if id == "version");
                (!version).then_some(Self { from, to })
            })
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => formatter.write_str("head"),
            Self::Heads => formatter.write_str("heads"),
            Self::Base => formatter.write_str("base"),
            Self::Forward(count) => write!(formatter, "+{count}"),
            Self::Back(count) => write!(formatter, "-{count}"),
            Self::Version(version) => write!(formatter, "version:{version}"),
            Self::Id(id) => formatter.write_str(id),
            Self::Line { line, place } => write!(formatter, "{line}@{place}"),
        }
    }
}

impl fmt::Display for LinePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => formatter.write_str("head"),
            Self::Base => formatter.write_str("base"),
            Self::Forward(count) => write!(formatter, "+{count}"),
            Self::Back(count) => write!(formatter, "-{count}"),
        }
    }
}

impl fmt::Display for TargetRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_read_and_shown_alike() {
        for text in [
            "head",
            "heads",
            "base",
            "+1",
            "-1",
            "+12",
            "version:2",
            "version:0",
            "phase3",
            "44bae",
            "-x",
            "2",
            "push@head",
            "push@base",
            "push@+1",
            "push@-2",
            "a:b",
            "base:version:3",
            "version:1:version:3",
            "version:1:head",
            "push@head:push@base",
            "a:+2",
        ] {
            let shown = match Target::parse(text) {
                Ok(target) => target.to_string(),
                Err(_) => TargetRange::parse(text).unwrap().to_string(),
            };
            assert_eq!(shown, text);
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "",
            "+",
            "-",
            "+0",
            "-0",
            "+x",
            "++1",
            "version:",
            "version:x",
            "@head",
            "push@",
            "push@+",
            "push@foo",
            "push@heads",
            "a b",
            "+99999999999999999999999",
        ] {
            let error = Target::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Arguments, "{text}");
            assert_eq!(error.to_string(), format!("not a target: {text:?}"));
        }
    }

    #[test]
    fn a_range_may_leave_out_a_side() {
        let range = |text| TargetRange::parse(text).unwrap().to_string();
        assert_eq!(range("a:"), "a:heads");
        assert_eq!(range(":b"), "base:b");
        assert_eq!(range("version:2:"), "version:2:heads");
        for text in ["", ":", "a", "version:2", "a:b:c", "version:", "+x:b"] {
            assert_eq!(
                TargetRange::parse(text).unwrap_err().kind(),
                ErrorKind::Arguments,
                "{text}"
            );
        }
    }
}
