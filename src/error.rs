//! The one error type of the engine: what kind of failure, the facts, the cause, and the state of the data.
//!
//! An error says what happened. What to do about it is the program's business (`cli::explain`), never written here.

mod files;
mod remedy;
mod sqlite_text;

use crate::text::named;
use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

pub use files::file_error;
pub use remedy::{Compatibility, Remedy};
pub use sqlite_text::{MissingExtension, words};
pub(crate) use sqlite_text::{
    breaks_a_rule, has_no_plan, has_unknown_format, is_about_object, is_about_the_key,
    is_foreign_key_mismatch, is_interrupted_reading, is_reserved_name, is_sound, lacks_collation,
    lacks_own_table, missing_column, needs_no_trigger, without_object,
};

/// The result of every engine operation.
pub type Result<T> = std::result::Result<T, Error>;

named! {
    /// What kind of failure an [`Error`] reports. The text codes are stable; scripts read them as `error.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum ErrorKind: code {
        /// The arguments or the settings contradict each other.
        Arguments = "arguments",
        /// `phaseshift.toml` cannot be read or holds an unknown key.
        Config = "config",
        /// A phase file cannot be read: syntax, unknown key, missing key, wrong type.
        PhaseFile = "phase-file",
        /// The phases do not form a valid graph: missing parent, duplicate id, cycle.
        Chain = "chain",
        /// A target names no phase.
        UnknownTarget = "unknown-target",
        /// A target means more than one phase; the person has to choose.
        AmbiguousTarget = "ambiguous-target",
        /// A phase was edited after it was applied.
        PhaseEdited = "phase-edited",
        /// The file records a phase that is not in the folder.
        PhaseMissing = "phase-missing",
        /// A phase cannot be undone: it is irreversible, or it would lose data without consent.
        Irreversible = "irreversible",
        /// A phase would replace stored values without consent.
        Loss = "loss",
        /// The database file does not exist.
        DatabaseMissing = "database-missing",
        /// The path is not a regular file, or is an empty one.
        NotAFile = "not-a-file",
        /// The file is not a SQLite database (or is encrypted).
        NotADatabase = "not-a-database",
        /// The file is a SQLite database, but damaged.
        Damaged = "damaged",
        /// The file is there, but its permissions or those of its folder do not let this user read it.
        Unreadable = "unreadable",
        /// The file, its folder or its medium cannot be written.
        ReadOnly = "read-only",
        /// Another program holds the file.
        Busy = "busy",
        /// There is not enough free space.
        NoSpace = "no-space",
        /// No phase of the chain is recorded in a file that has tables.
        NotAdopted = "not-adopted",
        /// The version table has another meaning or another shape.
        VersionTable = "version-table",
        /// A trigger acts on a version table: recording a phase would run its statements.
        VersionTrigger = "version-trigger",
        /// The file's schema is not what the recorded phases say.
        SchemaMismatch = "schema-mismatch",
        /// A `require` check of a phase does not hold.
        Requirement = "requirement",
        /// A step does not fit the schema.
        Step = "step",
        /// A view, trigger or foreign key would refer to other tables or columns than before, or to none.
        Reference = "reference",
        /// Rows of the file break a rule of the new schema.
        Rows = "rows",
        /// A function, collation or module that is needed is not available.
        MissingExtension = "missing-part",
        /// The schema holds something this program cannot carry over safely.
        Unsupported = "unsupported",
        /// The new schema needs a newer SQLite than `min_sqlite` allows.
        NewerSqlite = "newer-sqlite",
        /// The backup could not be made or verified.
        Backup = "backup",
        /// A backup is damaged or is not what its manifest says.
        BackupDamaged = "backup-damaged",
        /// A backup was made of another database, or its manifest does not call it verified.
        BackupRefused = "backup-refused",
        /// The file changed while it was looked at.
        FileChanged = "file-changed",
        /// The rebuild failed and was rolled back.
        Rebuild = "rebuild",
        /// A check before the commit failed; everything was rolled back.
        Proof = "proof",
        /// The commit failed.
        Commit = "commit",
        /// The restore failed.
        Restore = "restore",
        /// A question needs an answer, and there is no terminal.
        NoAnswer = "no-answer",
        /// The person said no.
        Declined = "declined",
        /// The run was interrupted by a signal.
        Interrupted = "interrupted",
        /// A command that was to be proven failed, or did not end in time.
        Command = "command",
        /// A command that was to run on the clone changed the database itself.
        ForeignWrite = "foreign-write",
        /// A file operation failed.
        Io = "io",
        /// SQLite reported an error.
        Sqlite = "sqlite",
    }
}

impl ErrorKind {
    /// Returns whether the kind is a finding about phases that were run to try them, rather than a failure of the machine.
    pub const fn is_about_phases(self) -> bool {
        matches!(
            self,
            Self::Step
                | Self::Reference
                | Self::Unsupported
                | Self::MissingExtension
                | Self::Irreversible
                | Self::Requirement
                | Self::Rows
                | Self::Rebuild
                | Self::Proof
        )
    }

    /// Returns whether the kind names a failure of the machine rather than a finding of ours, so that
    /// the stage in which it happened decides what is reported.
    const fn depends_on_stage(self) -> bool {
        matches!(self, Self::Io | Self::Sqlite)
    }
}

named! {
    /// What a failure left behind in the database file.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum DatabaseState: code {
        /// Nothing was written.
        #[default]
        Unchanged = "unchanged",
        /// Something was written inside a transaction, which was rolled back: the content is as before.
        RolledBack = "rolled-back",
        /// The change is in the file; something after it failed.
        Done = "done",
        /// The program wrote nothing; another one that it started changed the file.
        ChangedByCommand = "changed-by-command",
        /// The program could not find out; the next look at the file will tell.
        Unknown = "unknown",
    }
}

/// Named facts about a failure, for the advice and for JSON.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Facts {
    /// What would resolve it.
    pub remedy: Option<Remedy>,
    /// The database file.
    pub database: Option<PathBuf>,
    /// A backup that exists and is whole.
    pub backup: Option<PathBuf>,
    /// Whether it is known that no backup from before the phase exists.
    pub lacks_backup: bool,
    /// The newest backup of each other database that has some in the folder: the database, and the file.
    pub other_backups: Vec<(PathBuf, PathBuf)>,
    /// The phase that was being read, planned or run.
    pub phase: Option<String>,
    /// The table, index, view or trigger.
    pub object: Option<String>,
    /// The file and the line (from 1) that hold the fault.
    pub source: Option<(PathBuf, usize)>,
    /// The line (from 1) of the faulty step in its phase file.
    pub step_line: Option<usize>,
    /// The line (from 1) of the faulty statement in the SQL that was run, and what is wrong with it.
    pub statement: Option<(usize, String)>,
    /// What the person can choose from.
    pub choices: Vec<String>,
    /// The flags that say what was renamed, where a rename is possible.
    pub renames: Vec<String>,
    /// How many more there are to choose from.
    pub more_choices: usize,
    /// One line each: rows, objects or checks that are at fault.
    pub problems: Vec<String>,
    /// Phases of the run that were committed before the failure and stay.
    pub completed: Vec<String>,
    /// What the programs of these phases may do with the database, if it is newer than the phases.
    pub newer: Option<Compatibility>,
}

/// A failure of the engine.
///
/// `Display` is one short lowercase fragment without advice; the causes follow by
/// [`source`](StdError::source). `Debug` is what `main() -> Result<(), Error>` prints: the causes, the rows or objects at
/// fault and the state of the data follow on lines of their own.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    what: String,
    state: DatabaseState,
    facts: Facts,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error of a kind with its one-line description.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            state: DatabaseState::default(),
            facts: Facts::default(),
            cause: None,
        }))
    }

    /// Returns whether another failure found the same fault at the same place.
    pub(crate) fn found_as(&self, other: &Self) -> bool {
        let found = |it: &Self| (it.0.kind, it.0.facts.step_line, it.0.facts.object.clone());
        found(self) == found(other) && self.0.what == other.0.what
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what the failure left in the database.
    pub fn state(&self) -> DatabaseState {
        self.0.state
    }

    /// Returns the named facts.
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// Returns what this program may do with the database if it is newer than the phases; `None` if it is not.
    pub fn newer(&self) -> Option<Compatibility> {
        self.0.facts.newer
    }

    /// Says what the programs of these phases may do with the database, which is newer.
    #[must_use]
    pub(crate) fn in_newer_file(mut self, allowed: Compatibility) -> Self {
        self.0.facts.newer = Some(allowed);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Box::new(cause));
        self
    }

    /// Says what the failure left in the database.
    #[must_use]
    pub(crate) fn leaving(mut self, state: DatabaseState) -> Self {
        self.0.state = state;
        self
    }

    /// Names the database file.
    #[must_use]
    pub(crate) fn in_database(mut self, path: &Path) -> Self {
        self.0.facts.database.get_or_insert_with(|| path.to_path_buf());
        self
    }

    /// Names a backup that exists and is whole.
    #[must_use]
    pub(crate) fn with_backup(mut self, path: &Path) -> Self {
        self.0.facts.backup.get_or_insert_with(|| path.to_path_buf());
        self
    }

    /// Reports what is wrong with steps that were drafted, and are in no file, as a fault of the desired schema.
    #[must_use]
    pub fn in_desired_schema(self, file: &Path) -> Self {
        if !self.kind().is_about_phases() {
            return self;
        }
        let what = format!("the steps that lead to this schema would not run: {self}");
        let problems = self.facts().problems.clone();
        Self::new(ErrorKind::Config, what).at(file, 1).problems(problems)
    }

    /// Says that no backup from before the phase exists.
    #[must_use]
    pub fn without_backup(mut self) -> Self {
        self.0.facts.lacks_backup = true;
        self
    }

    /// Names the newest backup of each other database.
    #[must_use]
    pub fn with_other_backups(mut self, found: Vec<(PathBuf, PathBuf)>) -> Self {
        self.0.facts.other_backups = found;
        self
    }

    /// Names the phase.
    #[must_use]
    pub(crate) fn in_phase(mut self, id: &str) -> Self {
        self.0.facts.phase.get_or_insert_with(|| id.to_owned());
        self
    }

    /// Names the object at fault.
    #[must_use]
    pub(crate) fn about(mut self, object: &str) -> Self {
        self.0.facts.object.get_or_insert_with(|| object.to_owned());
        self
    }

    /// Says what would resolve the failure.
    #[must_use]
    pub(crate) fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.0.facts.remedy.get_or_insert(remedy);
        self
    }

    /// Says what would resolve the failure here, and the choices, whatever was said before.
    #[must_use]
    pub(crate) fn resolved_by(
        mut self,
        remedy: Remedy,
        choices: impl IntoIterator<Item = String>,
    ) -> Self {
        self.0.facts.remedy = Some(remedy);
        self.0.facts.choices = choices.into_iter().collect();
        self
    }

    /// Names the file and line (from 1) at fault.
    #[must_use]
    pub(crate) fn at(mut self, file: &Path, line: usize) -> Self {
        self.0.facts.source.get_or_insert_with(|| (file.to_path_buf(), line));
        self
    }

    /// Names the line of the step in its phase file.
    #[must_use]
    pub(crate) fn on_step_line(mut self, line: usize) -> Self {
        self.0.facts.step_line.get_or_insert(line);
        self
    }

    /// Names the statement in the SQL that was run, and what is wrong with it.
    #[must_use]
    pub(crate) fn in_statement(mut self, line: usize, what: impl Into<String>) -> Self {
        self.0.facts.statement.get_or_insert_with(|| (line, what.into()));
        self
    }

    /// Lists what the person can choose from.
    #[must_use]
    pub(crate) fn choices(mut self, choices: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.facts.choices.extend(choices.into_iter().map(Into::into));
        self
    }

    /// Lists the flags that say what was renamed.
    #[must_use]
    pub fn renames(mut self, flags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.facts.renames.extend(flags.into_iter().map(Into::into));
        self
    }

    /// Says how many more choices there are than those that are listed.
    #[must_use]
    pub(crate) fn and_more_choices(mut self, count: usize) -> Self {
        self.0.facts.more_choices = count;
        self
    }

    /// Lists the rows, objects or checks at fault, one line each.
    #[must_use]
    pub(crate) fn problems(
        mut self,
        problems: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.0.facts.problems.extend(problems.into_iter().map(Into::into));
        self
    }

    /// Names the phases of the run that are committed and stay, whatever failed after them.
    #[must_use]
    pub(crate) fn after_phases(mut self, completed: Vec<String>) -> Self {
        self.0.facts.completed = completed;
        self
    }

    /// Reports a plain SQLite or file error as a failure of the stage in which it happened.
    ///
    /// Findings of ours, a busy file, an interrupt and the like keep their kind.
    #[must_use]
    pub(crate) fn during(self, stage: ErrorKind, what: &str) -> Self {
        if self.0.kind.depends_on_stage() { self.within(stage, what) } else { self }
    }

    /// Reports anything but a finding of ours as a failure of the stage: a full disk or a file that
    /// cannot be written, too, once writing has begun.
    #[must_use]
    pub(crate) fn while_writing(self, stage: ErrorKind, what: &str) -> Self {
        match self.0.kind {
            ErrorKind::NoSpace | ErrorKind::ReadOnly | ErrorKind::Step => self.within(stage, what),
            _ => self.during(stage, what),
        }
    }

    fn within(self, stage: ErrorKind, what: &str) -> Self {
        let (state, facts) = (self.0.state, self.0.facts.clone());
        let mut wrapped = Self::new(stage, what).leaving(state).caused_by(self);
        wrapped.0.facts = facts;
        wrapped
    }

    /// Returns the causes from the nearest to the root, as text.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = self.sources().map(ToString::to_string).collect();
        causes.dedup();
        causes
    }

    /// Returns the errors of SQLite among the causes, the nearest first.
    pub(crate) fn sqlite_causes(&self) -> impl Iterator<Item = &rusqlite::Error> {
        self.sources().filter_map(|cause| cause.downcast_ref())
    }

    /// Returns what SQLite misses according to the causes.
    pub(crate) fn missing_extension(&self) -> Option<MissingExtension> {
        self.sqlite_causes().find_map(MissingExtension::in_error)
    }

    fn sources(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(StdError::source(self), |cause| (**cause).source())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts();
        let causes = self.causes();
        let path = |path: &PathBuf| path.display().to_string();
        let state = match self.state() {
            DatabaseState::Unchanged => "nothing was changed",
            DatabaseState::RolledBack => "rolled back, the content is as before",
            DatabaseState::Done => "the change is in the file",
            DatabaseState::ChangedByCommand => "a command changed the file",
            DatabaseState::Unknown => "unknown",
        };
        write!(formatter, "{}", Plain(&self.0.what))?;
        let mut line = |name: &str, text: &str| {
            write!(formatter, "\n  {:<10}{}", format!("{name}:"), Plain(text))
        };
        causes.iter().try_for_each(|it| line("cause", it))?;
        facts.problems.iter().try_for_each(|it| line("problem", it))?;
        facts
            .source
            .iter()
            .try_for_each(|(file, at)| line("file", &format!("{}:{at}", path(file))))?;
        facts.database.iter().try_for_each(|it| line("database", &path(it)))?;
        facts.backup.iter().try_for_each(|it| line("backup", &path(it)))?;
        line("state", state)
    }
}

/// A text from outside on one line: what a terminal would obey is escaped.
struct Plain<'t>(&'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The marks that reverse the direction of text (UAX #9) are no control characters.
        let obeyed = |it: char| {
            it.is_control()
                || matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        self.0.chars().try_for_each(|it| match obeyed(it) {
            true => write!(formatter, "{}", it.escape_default()),
            false => write!(formatter, "{it}"),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.what)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

fn is_of_moved_file(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|it| it.extended_code);
    code == Some(rusqlite::ffi::SQLITE_READONLY_DBMOVED)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let (kind, what) = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                (ErrorKind::Busy, "another program holds the database")
            }
            Some(ErrorCode::OperationInterrupted) => (ErrorKind::Interrupted, "interrupted"),
            _ if is_interrupted_reading(&error) => (ErrorKind::Interrupted, "interrupted"),
            Some(ErrorCode::NotADatabase) => {
                (ErrorKind::NotADatabase, "the file is not a SQLite database, or it is encrypted")
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                (ErrorKind::Damaged, "the database file is damaged")
            }
            Some(ErrorCode::ReadOnly) if is_of_moved_file(&error) => {
                (ErrorKind::FileChanged, "another file, or none, has the name of the database now")
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                (ErrorKind::ReadOnly, "the database cannot be written")
            }
            Some(ErrorCode::DiskFull) => (ErrorKind::NoSpace, "the disk is full"),
            _ if has_unknown_format(&error) => {
                (ErrorKind::Damaged, "the file is damaged, or a newer SQLite wrote it")
            }
            _ => (ErrorKind::Sqlite, "SQLite reported an error"),
        };
        Self::new(kind, what).caused_by(error)
    }
}
