//! Hostile input, in a short form that is the same every time: seeds are bent by a fixed row of
//! numbers. The long form is libFuzzer's, `scripts/fuzz`; both do the same with their input.
//!
//! `PHASESHIFT_HOSTILE=20000` asks for so many inputs for each kind.

use support::hostile as inputs;

mod seeds;

/// How many inputs of each kind are made.
fn rounds() -> u64 {
    let asked = std::env::var("PHASESHIFT_HOSTILE").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(400)
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound.max(1)
    }
}

/// Pieces that have a meaning somewhere.
const WORDS: [&str; 30] = [
    "\"",
    "'",
    "`",
    "[",
    "]]",
    "(",
    ")",
    ",",
    ";;",
    "--",
    "/*",
    "*/",
    "\0",
    "\u{feff}",
    "é",
    "=",
    " AS (",
    " WITHOUT ROWID",
    " STRICT",
    " GENERATED ALWAYS AS (1)",
    " CHECK (",
    " COLLATE x",
    " REFERENCES a(b)",
    "\n[[up]]\n",
    "op = \"rename_table\"\n",
    "\r\n",
    "= 99999999999999999999",
    "\n%%\n",
    "SQLite format 3\0",
    "null",
];

/// Bends an input in one to five places.
fn bend(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut input = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(5) {
        let place = numbers.below(input.len() + 1);
        let end = (place + numbers.below(40)).min(input.len());
        match numbers.below(7) {
            0 if place < input.len() => input[place] ^= 1 << numbers.below(8),
            1 if place < input.len() => input[place] = [0, 0xFF, 0x7F, b'"'][numbers.below(4)],
            2 => drop(input.drain(place..end)),
            3 => {
                let again = input[place..end].to_vec();
                input.splice(place..place, again);
            }
            4 => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len());
                let to = (from + numbers.below(400)).min(other.len());
                input.splice(place..end, other[from..to].iter().copied());
            }
            5 => input.truncate(place),
            _ => {
                let word = WORDS[numbers.below(WORDS.len())];
                input.splice(place..place, word.bytes());
            }
        }
    }
    input
}

/// Feeds the seeds and what they bend into. A panic names the input with its number.
fn feed(name: &str, seeds: &[Vec<u8>], eat: fn(&[u8])) {
    for seed in seeds {
        eat(seed);
    }
    for round in 0..rounds() {
        let input = bend(seeds, &mut Numbers(0x9E37_79B9 + round * 7_919));
        let eaten = std::panic::catch_unwind(|| eat(&input));
        let text = String::from_utf8_lossy(&input);
        assert!(eaten.is_ok(), "{name}, input {round}: {text:?}");
    }
}

#[test]
fn hostile_phase_files_are_read_or_refused() {
    feed("phase file", &seeds::phase_file(), inputs::phase_file);
}

#[test]
fn hostile_schemas_are_read_or_refused() {
    feed("schema", &seeds::schema(), inputs::schema);
}

#[test]
fn hostile_changes_are_made_or_refused() {
    feed("change", &seeds::change(), inputs::change);
}

#[test]
fn hostile_backups_are_whole_or_refused() {
    feed("backup", &seeds::backup(), inputs::backup);
}

#[test]
fn hostile_pages_are_read_or_refused() {
    feed("pages", &seeds::pages(), inputs::pages);
}
