//! Reading `phaseshift.toml`. Unknown keys are errors that name the file, the line and the nearest key.

use std::path::Path;

use phaseshift::database::CheckpointRule;
use phaseshift::files::Files;
use phaseshift::sql::SqliteVersion;
use phaseshift::text::{line_at, toml};
use phaseshift::{Error, ErrorKind, Remedy, Result};
use toml_edit::{Item, TableLike};

use super::args::FORMATS;

/// The name of the file that is searched for upwards.
pub const FILE_NAME: &str = "phaseshift.toml";

pub const KEYS: [&str; 11] = [
    "database",
    "phases",
    "format",
    "schema",
    "backups",
    "keep",
    "wait",
    "checkpoint_above",
    "version_table",
    "name_template",
    "min_sqlite",
];
pub const KEEP_KEYS: [&str; 2] = ["days", "count"];
/// The key of the size above which a WAL is checkpointed.
pub const CHECKPOINT_ABOVE: &str = "checkpoint_above";

/// The units of a size, in bytes.
const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

/// Reads the size above which a WAL is checkpointed, or `never`.
pub fn checkpoint_rule(text: &str) -> std::result::Result<CheckpointRule, String> {
    if text == "never" {
        return Ok(CheckpointRule::Never);
    }
    let (number, unit) =
        text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let bytes = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, bytes)| number.parse::<u64>().ok()?.checked_mul(*bytes));
    let what = "must be a size such as \"64 MiB\", or \"never\"";
    bytes.map(CheckpointRule::Above).ok_or_else(|| what.to_owned())
}

/// What a settings file says. Whatever it leaves out is `None`; paths are as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsFile {
    pub database: Option<String>,
    pub phases: Option<String>,
    pub format: Option<String>,
    pub schema: Option<String>,
    pub backups: Option<String>,
    /// How many days backups are kept.
    pub keep_days: Option<u32>,
    pub keep_count: Option<usize>,
    /// How many seconds to wait for locks.
    pub wait: Option<u64>,
    /// When the WAL is checkpointed after a run.
    pub checkpoint: Option<CheckpointRule>,
    pub version_table: Option<String>,
    /// How a new phase file is named.
    pub name_template: Option<String>,
    /// The oldest SQLite that must read what phases make, unless they say otherwise.
    pub min_sqlite: Option<SqliteVersion>,
}

/// Reads a settings file.
///
/// # Errors
/// [`ErrorKind::Config`] with file, line and key.
pub fn read(files: &dyn Files, path: &Path) -> Result<SettingsFile> {
    let bytes = files.read(path).map_err(|error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        let what = if is_missing { "does not exist" } else { "cannot be read" };
        let fault = Error::new(ErrorKind::Config, format!("{} {what}", path.display()));
        if is_missing { fault.with_remedy(Remedy::CheckPath) } else { fault.caused_by(error) }
    })?;
    let text =
        String::from_utf8(bytes).map_err(|_| fault(path, 1, "the file is not UTF-8 text"))?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<SettingsFile> {
    let line_at = |offset| line_at(text, offset);
    let document = toml(text).map_err(|(line, what)| fault(path, line, &what))?;
    let reader = SettingsReader { path, line_at: &line_at };
    reader.settings(document.as_table())
}

struct SettingsReader<'a> {
    path: &'a Path,
    line_at: &'a dyn Fn(usize) -> usize,
}

impl SettingsReader<'_> {
    fn settings(&self, table: &dyn TableLike) -> Result<SettingsFile> {
        let mut settings = SettingsFile::default();
        for (key, item) in table.iter() {
            let line = self.line(table, key);
            match key {
                "database" => settings.database = Some(self.text(line, key, item)?),
                "phases" => settings.phases = Some(self.text(line, key, item)?),
                "schema" => settings.schema = Some(self.text(line, key, item)?),
                "backups" => settings.backups = Some(self.text(line, key, item)?),
                "version_table" => settings.version_table = Some(self.text(line, key, item)?),
                "min_sqlite" => {
                    let text = self.text(line, key, item)?;
                    let what = format!("`{key}` must be a release of SQLite such as \"3.35\"");
                    let version = SqliteVersion::parse(&text);
                    settings.min_sqlite =
                        Some(version.ok_or_else(|| fault(self.path, line, &what))?);
                }
                "format" => settings.format = Some(self.format(line, key, item)?),
                "name_template" => settings.name_template = Some(self.text(line, key, item)?),
                CHECKPOINT_ABOVE => settings.checkpoint = Some(self.checkpoint(line, item)?),
                "wait" => settings.wait = Some(self.number(line, key, item)?),
                "keep" => self.keep(line, item, &mut settings)?,
                _ => return Err(self.unknown(line, key, &KEYS)),
            }
        }
        Ok(settings)
    }

    fn keep(&self, line: usize, item: &Item, settings: &mut SettingsFile) -> Result<()> {
        let Some(table) = item.as_table_like() else {
            return Err(fault(self.path, line, "`keep` is a table with `days` and `count`"));
        };
        for (key, item) in table.iter() {
            let line = self.line(table, key);
            match key {
                "days" => settings.keep_days = Some(self.number(line, key, item)?),
                "count" => settings.keep_count = Some(self.number(line, key, item)?),
                _ => return Err(self.unknown(line, key, &KEEP_KEYS)),
            }
        }
        Ok(())
    }

    fn checkpoint(&self, line: usize, item: &Item) -> Result<CheckpointRule> {
        let text = item.as_str().map(ToOwned::to_owned);
        let text = text.or_else(|| item.as_integer().map(|bytes| bytes.to_string()));
        let rule = checkpoint_rule(text.as_deref().unwrap_or_default());
        rule.map_err(|what| fault(self.path, line, &format!("`{CHECKPOINT_ABOVE}` {what}")))
    }

    fn line(&self, table: &dyn TableLike, key: &str) -> usize {
        let span = table.key(key).and_then(toml_edit::Key::span);
        span.map_or(1, |span| (self.line_at)(span.start))
    }

    fn text(&self, line: usize, key: &str, item: &Item) -> Result<String> {
        match item.as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            Some(_) => Err(fault(self.path, line, &format!("`{key}` is empty"))),
            None => Err(fault(self.path, line, &format!("`{key}` must be a text"))),
        }
    }

    fn format(&self, line: usize, key: &str, item: &Item) -> Result<String> {
        let word = self.text(line, key, item)?;
        if FORMATS.contains(&word.as_str()) {
            return Ok(word);
        }
        let what = format!("`{key}` must be one of {}", FORMATS.join(", "));
        Err(fault(self.path, line, &what))
    }

    fn number<N: TryFrom<i64>>(&self, line: usize, key: &str, item: &Item) -> Result<N> {
        let number = item.as_integer().and_then(|number| N::try_from(number).ok());
        let what = format!("`{key}` must be a whole number, not below zero");
        number.ok_or_else(|| fault(self.path, line, &what))
    }

    fn unknown(&self, line: usize, key: &str, known: &[&str]) -> Error {
        let score = |candidate: &&&str| (strsim::jaro_winkler(key, candidate) * 1e6) as u64;
        let near = known.iter().max_by_key(score).copied().unwrap_or_default();
        let what = format!("unknown key `{key}`; the nearest known key is `{near}`");
        fault(self.path, line, &what).choices([near])
    }
}

fn fault(path: &Path, line: usize, what: &str) -> Error {
    let what = format!("{}:{line}: {what}", path.display());
    Error::new(ErrorKind::Config, what).at(path, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<SettingsFile, String> {
        parse(Path::new("p.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn all_keys_are_read() {
        let text = "database = 'a.db'\nphases = 'p'\nschema = 's.sql'\nbackups = 'b'\nwait = 3\n\
                    version_table = 'v'\nname_template = '{id}'\n[keep]\ndays = 30\ncount = 2\n";
        let settings = read(text).unwrap();
        assert_eq!(settings.database.as_deref(), Some("a.db"));
        assert_eq!(
            (settings.wait, settings.keep_days, settings.keep_count),
            (Some(3), Some(30), Some(2))
        );
        assert_eq!(read("").unwrap(), SettingsFile::default());
    }

    #[test]
    fn sizes_have_units_and_whole_numbers() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65_536),
            ("64 MiB", 64 << 20),
            ("64mib", 64 << 20),
            ("2 GB", 2_000_000_000),
            ("3KiB", 3_072),
        ] {
            assert_eq!(checkpoint_rule(text), Ok(CheckpointRule::Above(bytes)), "{text}");
        }
        assert_eq!(checkpoint_rule("never"), Ok(CheckpointRule::Never));
        for text in ["", "MB", "-1", "1.5 MB", "64 M B", "64 MB 3", "99999999999 GiB", "Never!"] {
            assert!(checkpoint_rule(text).is_err(), "{text}");
        }
        let settings = read("checkpoint_above = 4096\n").unwrap();
        assert_eq!(settings.checkpoint, Some(CheckpointRule::Above(4_096)));
        assert!(
            read("checkpoint_above = -1\n").is_err() && read("checkpoint_above = 1.5\n").is_err()
        );
    }

    #[test]
    fn faults_name_file_line_and_the_nearest_key() {
        for (text, wanted) in [
            (
                "wait = 1\ndatabse = 'a'",
                "p.toml:2: unknown key `databse`; the nearest known key is `database`",
            ),
            ("[keep]\ndayz = 1", "p.toml:2: unknown key `dayz`; the nearest known key is `days`"),
            ("wait = 'x'", "p.toml:1: `wait` must be a whole number, not below zero"),
            ("wait = -1", "p.toml:1: `wait` must be a whole number, not below zero"),
            ("\nphases = 3", "p.toml:2: `phases` must be a text"),
            ("phases = ''", "p.toml:1: `phases` is empty"),
            (
                "checkpoint_above = 'much'",
                "p.toml:1: `checkpoint_above` must be a size such as \"64 MiB\", or \"never\"",
            ),
            ("keep = 3", "p.toml:1: `keep` is a table with `days` and `count`"),
        ] {
            assert_eq!(read(text).unwrap_err(), wanted);
        }
        assert!(read("a = [").unwrap_err().starts_with("p.toml:1: not TOML"));
    }
}
