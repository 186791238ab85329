//! Identifiers, plain and odd, and how they are written in SQL.

use std::collections::BTreeSet;

use super::chance::Chance;

/// How a name is written where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    quote: Quote,
    /// Written in capitals, as long as the thing has the name that it was born with.
    pub shout: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    Bare,
    Double,
    Square,
    Tick,
}

impl Style {
    /// The style that needs no thought.
    pub const PLAIN: Self = Self { quote: Quote::Bare, shout: false };

    /// Some style.
    pub fn any(chance: &mut Chance) -> Self {
        let quote = match chance.below(8) {
            0 => Quote::Double,
            1 => Quote::Square,
            2 => Quote::Tick,
            _ => Quote::Bare,
        };
        Self { quote, shout: chance.percent(8) }
    }

    /// Some style that keeps to the name's own letters.
    pub fn calm(chance: &mut Chance) -> Self {
        Self { shout: false, ..Self::any(chance) }
    }

    /// Writes a name.
    pub fn write(self, name: &str) -> String {
        match self.quote {
            Quote::Bare if is_plain(name) => name.to_owned(),
            Quote::Square if !name.contains(']') => format!("[{name}]"),
            Quote::Tick => format!("`{}`", name.replace('`', "``")),
            Quote::Bare | Quote::Double | Quote::Square => quoted(name),
        }
    }
}

/// Writes a name in double quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes text as a literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn is_plain(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !KEYWORDS.contains(&name.to_ascii_lowercase().as_str())
}

const KEYWORDS: [&str; 10] =
    ["order", "select", "group", "table", "index", "where", "from", "values", "check", "primary"];

const PLAIN: [&str; 24] = [
    "album", "Artist", "track", "genre", "note", "Url", "place", "visit", "photo", "face", "chat",
    "message", "Person", "entry", "vault", "book", "shelf", "tag", "score", "amount", "kind",
    "state", "created", "payload",
];

const ODD: [&str; 21] = [
    "",
    "",
    "Ünïcödé \u{1F4F7}",
    "order",
    "select",
    "group",
    "table",
    "index",
    "values",
    "two words",
    "quo\"te",
    "semi;colon",
    "br]ack",
    "it's",
    "naïve",
    "日本",
    "line\nbreak",
    "--dash",
    "a.b",
    "/*c*/",
    "%s",
];

const ROWID: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// Hands out names that nothing else has.
#[derive(Debug, Clone, Default)]
pub struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// Takes names that exist.
    pub fn with(taken: impl IntoIterator<Item = String>) -> Self {
        Self { taken: taken.into_iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// A name for a table, an index, a view or a trigger.
    pub fn object(&mut self, chance: &mut Chance) -> String {
        self.fresh(chance, 15)
    }

    /// A name for a column.
    pub fn column(&mut self, chance: &mut Chance) -> String {
        if chance.percent(4) {
            let name = chance.word(&ROWID).to_owned();
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
        self.fresh(chance, 12)
    }

    /// Another name for a thing that has one.
    pub fn other(&mut self, chance: &mut Chance) -> String {
        self.fresh(chance, 12)
    }

    fn fresh(&mut self, chance: &mut Chance, odd: usize) -> String {
        let stem = if chance.percent(odd) { chance.word(&ODD) } else { chance.word(&PLAIN) };
        let mut name = stem.to_owned();
        let mut number = chance.below(30);
        while !self.taken.insert(name.to_ascii_lowercase()) {
            name = format!("{stem}{number}");
            number += 1;
        }
        name
    }
}

/// White space and comments, as people leave them between tokens.
pub fn gap(chance: &mut Chance) -> &'static str {
    match chance.below(24) {
        0 => "\n  ",
        1 => "  ",
        2 => "\t",
        3 => " /* why */ ",
        4 => " -- it's a note, (really)\n  ",
        5 => "\r\n",
        _ => " ",
    }
}
