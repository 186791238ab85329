//! Patterns of paths as shells write them: `*`, `?`, `[a-z]`, `[!a]`, and `**` for any number of folders.

use std::path::{Path, PathBuf};

/// A pattern below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<PatternPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternPart {
    /// `**`: no, one or several folders.
    AnyFolders,
    /// The name of one folder or file.
    Name(Vec<char>),
}

impl Pattern {
    /// Returns whether a text has characters that make it a pattern.
    pub(super) fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Cuts a text into the folder before the first pattern and the pattern below it.
    pub(super) fn split(text: &str) -> (PathBuf, Self) {
        let (mut folder, mut parts) = (PathBuf::new(), Vec::new());
        if text.starts_with('/') {
            folder.push("/");
        }
        for name in text.split('/').filter(|name| !name.is_empty() && *name != ".") {
            match name {
                "**" => parts.push(PatternPart::AnyFolders),
                _ if parts.is_empty() && !Self::is_pattern(name) => folder.push(name),
                _ => parts.push(PatternPart::Name(name.chars().collect())),
            }
        }
        if parts.last() == Some(&PatternPart::AnyFolders) {
            parts.push(PatternPart::Name(vec!['*']));
        }
        (folder, Self { parts })
    }

    /// Returns whether a relative path fits.
    pub(super) fn matches(&self, relative: &Path) -> bool {
        let names = names_of(relative);
        fits(&self.parts, &names, End::Exact)
    }

    /// Returns whether something below a relative folder may fit.
    pub(super) fn may_hold(&self, folder: &Path) -> bool {
        let names = names_of(folder);
        fits(&self.parts, &names, End::Open)
    }
}

/// Whether the names have to use up the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Exact,
    Open,
}

fn names_of(path: &Path) -> Vec<Vec<char>> {
    path.iter().map(|name| name.to_string_lossy().chars().collect()).collect()
}

/// Matches names with parts in the time of their product: `reached` holds the places of the pattern that the names so
/// far lead to.
fn fits(parts: &[PatternPart], names: &[Vec<char>], end: End) -> bool {
    let closed = |mut places: Vec<bool>| {
        for place in 0..parts.len() {
            places[place + 1] |= places[place] && parts[place] == PatternPart::AnyFolders;
        }
        places
    };
    let mut start = vec![false; parts.len() + 1];
    start[0] = true;
    let mut reached = closed(start);
    for name in names {
        let mut next = vec![false; parts.len() + 1];
        for (place, part) in parts.iter().enumerate().filter(|(place, _)| reached[*place]) {
            match part {
                PatternPart::AnyFolders => next[place] |= !hidden(name),
                PatternPart::Name(pattern) => next[place + 1] |= name_fits(pattern, name),
            }
        }
        reached = closed(next);
    }
    match end {
        End::Exact => reached[parts.len()],
        End::Open => reached[..parts.len()].contains(&true),
    }
}

fn hidden(name: &[char]) -> bool {
    name.first() == Some(&'.')
}

/// Matches one name. A leading dot has to be written, as in a shell.
fn name_fits(pattern: &[char], name: &[char]) -> bool {
    if hidden(name) && pattern.first() != Some(&'.') {
        return false;
    }
    let (mut at, mut place, mut retry) = (0, 0, None);
    while at < name.len() {
        let length = match pattern.get(place) {
            Some('*') => {
                retry = Some((place, at));
                place += 1;
                continue;
            }
            Some(_) => one_fits(&pattern[place..], name[at]),
            None => None,
        };
        match (length, retry) {
            (Some(length), _) => (at, place) = (at + 1, place + length),
            (None, Some((star, from))) => {
                retry = Some((star, from + 1));
                (at, place) = (from + 1, star + 1);
            }
            (None, None) => return false,
        }
    }
    pattern[place..].iter().all(|it| *it == '*')
}

/// Returns the length of the beginning of a pattern that stands for this character, if it does.
fn one_fits(pattern: &[char], letter: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match set(pattern) {
            Some((length, wanted)) => wanted(letter).then_some(length),
            // Without its end, a bracket is a bracket.
            None => (letter == '[').then_some(1),
        },
        other => (*other == letter).then_some(1),
    }
}

/// Reads `[abc]`, `[a-z]` or `[!a]`: its length, and which characters it stands for.
fn set(pattern: &[char]) -> Option<(usize, impl Fn(char) -> bool + '_)> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let start = if negated { 2 } else { 1 };
    // A bracket that comes first belongs to the set.
    let end = (start + 1..pattern.len()).find(|at| pattern[*at] == ']')?;
    let inner = &pattern[start..end];
    let wanted = move |letter: char| {
        let mut at = 0;
        let mut found = false;
        while at < inner.len() {
            if at + 2 < inner.len() && inner[at + 1] == '-' {
                found |= (inner[at]..=inner[at + 2]).contains(&letter);
                at += 3;
            } else {
                found |= inner[at] == letter;
                at += 1;
            }
        }
        found != negated
    };
    Some((end + 1, wanted))
}
