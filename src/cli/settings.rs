//! The settings of a run: flag before environment before `phaseshift.toml` before default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use phaseshift::backup::Retention;
use phaseshift::database::CheckpointRule;
use phaseshift::files::{FileKind, Files};
use phaseshift::phase::FolderFormat;
use phaseshift::sql::SqliteVersion;
use phaseshift::{Error, ErrorKind, Remedy, Result};

use super::args::{Global, THE_SETTINGS};
use super::location::database_path;
use super::output::escaped;
use super::settings_file::{self, SettingsFile, checkpoint_rule};
use super::settings_search::{self, Surroundings};

/// How long other programs' locks are waited for, in seconds, unless a setting or flag changes it.
const DEFAULT_WAIT: u64 = 5;

/// The variable in which web frameworks and migration tools name the database. It is general, so that a setting of this
/// project comes first.
pub const DATABASE_URL: &str = "DATABASE_URL";

/// The variable of the size above which a WAL is checkpointed.
const CHECKPOINT_VARIABLE: &str = "PHASESHIFT_CHECKPOINT_ABOVE";

/// What a run works on and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The settings file, if there is one.
    pub file: Option<PathBuf>,
    /// The database, if one is named.
    pub database: Option<PathBuf>,
    /// Whether a flag or the environment names the database, rather than the settings file.
    pub database_demanded: bool,
    pub phases: PathBuf,
    /// The format of the phases; found out if left out.
    pub format: Option<FolderFormat>,
    /// The desired schema: a file, or a folder of files.
    pub schema: PathBuf,
    /// Whether `--schema` is given, with a path or without one.
    pub schema_demanded: bool,
    /// The folder of the backups, if another one than `backups/` beside the database.
    pub backups: Option<PathBuf>,
    pub version_table: String,
    /// How long other programs' locks are waited for.
    pub wait: Duration,
    /// When the WAL is checkpointed after a run.
    pub checkpoint: CheckpointRule,
    /// Which backups stay after a successful run.
    pub keep: Retention,
    /// How a new phase file is named.
    pub name_template: Option<String>,
    /// The oldest SQLite that must read what phases make, unless they say otherwise.
    pub min_sqlite: Option<SqliteVersion>,
    /// The flags that a command for the same project needs, for advice.
    pub flags: String,
}

impl Settings {
    /// Gathers the settings.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a settings file that cannot be read, or that was found by searching and others could have
    /// written; [`ErrorKind::Arguments`] for an address that names no database.
    pub fn gather(global: &Global, around: &Surroundings<'_>) -> Result<Self> {
        let variable = |name: &str| (around.variable)(name).filter(|value| !value.is_empty());
        let here = |text: String| around.folder.join(text);
        let named = global.config.clone().or_else(|| variable("PHASESHIFT_CONFIG").map(here));
        let file = match named {
            Some(path) => Some(around.folder.join(path)),
            None => settings_search::find(around)?,
        };
        let said = match &file {
            Some(path) => settings_file::read(around.files, path)?,
            None => SettingsFile::default(),
        };
        let home = file.as_deref().and_then(Path::parent).unwrap_or(around.folder).to_path_buf();
        let person = variable("HOME").map(PathBuf::from);
        // A shell does this for flags and for the environment.
        let expanded = |text: &str| match (&person, text.strip_prefix("~/")) {
            (Some(person), Some(rest)) => person.join(rest),
            _ => PathBuf::from(text),
        };
        let there = |text: String| home.join(expanded(&text));
        let database = match (&global.database, variable("PHASESHIFT_DATABASE"), &said.database) {
            (Some(text), _, _) => Some(database_path(text, around.folder)?),
            (None, Some(text), _) => Some(database_path(&text, around.folder)?),
            (None, None, Some(text)) if text.starts_with("~/") => Some(expanded(text)),
            (None, None, Some(text)) => Some(database_path(text, &home)?),
            (None, None, None) => match variable(DATABASE_URL) {
                Some(text) => Some(database_path(&text, around.folder)?),
                None => database_of_dotenv(around.files, file.as_deref())?,
            },
        };
        let choose = |flag: &Option<PathBuf>, name: &str, said: Option<String>| {
            let flag = flag.as_ref().map(|path| around.folder.join(path));
            flag.or_else(|| variable(name).map(here)).or_else(|| said.map(there))
        };
        let demanded = global.database.is_some() || variable("PHASESHIFT_DATABASE").is_some();
        Ok(Self {
            database,
            database_demanded: demanded,
            phases: choose(&global.phases, "PHASESHIFT_PHASES", said.phases)
                .unwrap_or_else(|| home.join("phases")),
            format: format(global.phases_format.clone().or(said.format).as_deref()),
            schema_demanded: global.schema.is_some(),
            schema: choose(&named_schema(global), "PHASESHIFT_SCHEMA", said.schema)
                .unwrap_or_else(|| home.join("schema.sql")),
            backups: choose(&global.backup_dir, "PHASESHIFT_BACKUPS", said.backups),
            version_table: global
                .version_table
                .clone()
                .or(said.version_table)
                .unwrap_or_else(|| "schema_version".to_owned()),
            wait: Duration::from_secs(global.wait.or(said.wait).unwrap_or(DEFAULT_WAIT)),
            checkpoint: checkpoint(global, &variable)?.or(said.checkpoint).unwrap_or_default(),
            keep: Retention {
                keep: said.keep_count.or(Retention::default().keep),
                keep_days: said.keep_days.or(Retention::default().keep_days),
            },
            min_sqlite: said.min_sqlite,
            name_template: said.name_template,
            flags: flags(global),
            file,
        })
    }

    /// Returns the database.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if none is named anywhere.
    pub fn need_database(&self) -> Result<&Path> {
        self.database.as_deref().ok_or_else(|| {
            let what = "no database is named: neither a flag nor a setting";
            Error::new(ErrorKind::Arguments, what).with_remedy(Remedy::NameDatabase)
        })
    }
}

/// The rule that a flag or the environment gives for checkpoints.
fn checkpoint(
    global: &Global,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<CheckpointRule>> {
    let Some(text) = variable(CHECKPOINT_VARIABLE).filter(|_| global.checkpoint_above.is_none())
    else {
        return Ok(global.checkpoint_above);
    };
    let wrong = |what| Error::new(ErrorKind::Arguments, format!("{CHECKPOINT_VARIABLE} {what}"));
    checkpoint_rule(&text).map(Some).map_err(wrong)
}

/// Returns the database that `DATABASE_URL` names in the `.env` beside the settings file.
fn database_of_dotenv(files: &dyn Files, settings: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(folder) = settings.and_then(Path::parent) else { return Ok(None) };
    let path = folder.join(".env");
    if files.status(&path)?.is_none_or(|stat| stat.kind != FileKind::File) {
        return Ok(None);
    }
    let bytes = files.content(&path)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut named = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        (name.trim() == DATABASE_URL).then(|| unquoted(value.trim()))
    });
    match named.next_back().filter(|value| !value.is_empty()) {
        Some(value) => database_path(value, folder).map(Some),
        None => Ok(None),
    }
}

/// Takes a value out of its quotes, or cuts off the comment behind it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote))
        {
            return inner;
        }
    }
    value.split_once(" #").map_or(value, |(value, _)| value.trim_end())
}

/// Reads the word for a format; `auto` stands for none.
fn format(word: Option<&str>) -> Option<FolderFormat> {
    word.and_then(FolderFormat::parse)
}

/// The path behind `--schema`, if there is one.
fn named_schema(global: &Global) -> Option<PathBuf> {
    global.schema.clone().filter(|path| path.as_os_str() != THE_SETTINGS)
}

/// Repeats the flags that say which project is meant.
pub fn flags(global: &Global) -> String {
    let path = |path: &PathBuf| path.display().to_string();
    let mut flags = String::new();
    for (flag, value) in [
        ("--config", global.config.as_ref().map(path)),
        ("--database", global.database.clone()),
        ("--phases", global.phases.as_ref().map(path)),
        ("--phases-format", global.phases_format.clone()),
        ("--schema", named_schema(global).as_ref().map(path)),
        ("--backup-dir", global.backup_dir.as_ref().map(path)),
        ("--version-table", global.version_table.clone()),
    ] {
        if let Some(value) = value {
            flags.push_str(&format!(" {flag} {}", shell_word(&value)));
        }
    }
    flags
}

/// Quotes a word for a POSIX shell, if it needs it.
pub fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=+@,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    if escaped(text) == text {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    // What a terminal obeys is not shown as it is; in this form the shell makes it of its escape.
    let bytes = |byte: u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    format!("$'{}'", text.bytes().map(bytes).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use phaseshift::files::RealFiles;

    #[test]
    fn a_flag_comes_before_the_environment_before_the_file_before_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        RealFiles.create_folder(&below).unwrap();
        let text = b"database = 'file.db'\nphases = 'p'\nwait = 9\n";
        RealFiles.create(&folder.path().join("phaseshift.toml"), text, 0o600).unwrap();
        let gather = |global: &Global, variable: &dyn Fn(&str) -> Option<String>| {
            let around = Surroundings { folder: &below, variable, files: &RealFiles };
            Settings::gather(global, &around).unwrap()
        };
        let none = |_: &str| None;
        let environment = |name: &str| (name == "PHASESHIFT_DATABASE").then(|| "env.db".to_owned());
        let from_file = gather(&Global::default(), &none);
        assert_eq!(from_file.database, Some(folder.path().join("file.db")));
        assert_eq!(from_file.phases, folder.path().join("p"));
        assert_eq!(from_file.wait, Duration::from_secs(9));
        assert_eq!(from_file.version_table, "schema_version");
        let from_environment = gather(&Global::default(), &environment);
        assert_eq!(from_environment.database, Some(below.join("env.db")));
        let flag = Global { database: Some("flag.db".to_owned()), ..Global::default() };
        assert_eq!(gather(&flag, &environment).database, Some(below.join("flag.db")));
        assert_eq!(gather(&flag, &none).flags, " --database flag.db");
    }

    #[test]
    fn a_database_url_counts_where_no_setting_names_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let none = |_: &str| None;
        let url = |name: &str| (name == "DATABASE_URL").then(|| "sqlite:///url.db".to_owned());
        let gather = |variable: &dyn Fn(&str) -> Option<String>| {
            let around = Surroundings { folder: folder.path(), variable, files: &RealFiles };
            Settings::gather(&Global::default(), &around).unwrap().database
        };
        let file = |name: &str| Some(folder.path().join(name));
        let write = |name: &str, text: &str| {
            RealFiles.create(&folder.path().join(name), text.as_bytes(), 0o600).unwrap();
        };
        assert_eq!(gather(&none), None);
        write(".env", "A=1\nexport DATABASE_URL=\"sqlite:dot.db\" # here\n");
        assert_eq!(gather(&none), None, "only beside a settings file");
        write("phaseshift.toml", "wait = 3\n");
        assert_eq!(gather(&none), file("dot.db"));
        assert_eq!(gather(&url), file("url.db"));
        RealFiles.remove(&folder.path().join("phaseshift.toml")).unwrap();
        write("phaseshift.toml", "database = 'own.db'\n");
        assert_eq!(gather(&url), file("own.db"));
    }

    #[test]
    fn words_for_a_shell_are_quoted_when_needed() {
        assert_eq!(shell_word("a/b.db"), "a/b.db");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("a\nb's\u{202e}"), r"$'a\012b\'s\342\200\256'");
    }
}
