//! What every command gets: the settings, the terminal, and who may be asked.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use phaseshift::database::{Access, OpenOptions};
use phaseshift::event::Interrupt;
use phaseshift::files::{Files, RealFiles};
use phaseshift::fleet::{FolderIndex, Member, backup_folder};
use phaseshift::history::VersionTables;
use phaseshift::migrate::{DeclaredFile, PlanCache, Project};
use phaseshift::phase::{Chain, FolderFormat};
use phaseshift::squash::{Progress, archives, progress};
use phaseshift::{Error, ErrorKind, Remedy, Result};

use super::args::{Global, ProgressChoice};
use super::output::{self, escaped};
use super::progress::clear_bar;
use super::settings::{DATABASE_URL, Settings, flags};
use super::settings_search::Surroundings;
use super::terminal::Terminal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Text,
    /// Text for a person, results and errors only.
    Quiet,
    Json,
}

#[derive(Debug, Clone)]
pub struct Context {
    pub settings: Settings,
    pub terminal: Terminal,
    pub interrupt: Interrupt,
    pub output: Output,
    pub progress: ProgressChoice,
    pub verbose: bool,
    /// Whether the question is answered already.
    pub yes: bool,
    /// Whether nothing may be asked.
    pub no_input: bool,
    /// Whether nothing may be changed.
    pub dry_run: bool,
    /// Where a run writes its report as a page.
    pub report: Option<PathBuf>,
    /// The folder that the program was started in.
    pub folder: PathBuf,
    /// The flags of every command, as they were given.
    pub global: Global,
    /// The phases, if they were read for many files.
    pub chain: Option<Arc<Chain>>,
    /// The plans that many files share.
    pub plans: Option<Arc<PlanCache>>,
    /// The folders of backups that many files share.
    pub folders: Option<Arc<FolderIndex>>,
    /// The file system, as the databases of this context see it.
    pub files: Arc<dyn Files>,
}

impl Context {
    /// Puts together what the flags, the environment and the settings file say.
    ///
    /// # Errors
    /// As [`Settings::gather`]; [`phaseshift::ErrorKind::Io`] if the present folder is gone.
    pub fn new(global: &Global, dry_run: bool, interrupt: Interrupt) -> Result<Self> {
        interrupt.make_current();
        let folder = std::env::current_dir()
            .map_err(|error| phaseshift::error::file_error("find", Path::new("."), error))?;
        // A value that cannot be read must not make way for the database of the settings file.
        let unreadable = Cell::new(None);
        let variable = |name: &str| {
            let value = std::env::var_os(name)?.into_string().ok();
            if value.is_none() && (name.starts_with("PHASESHIFT_") || name == DATABASE_URL) {
                unreadable.set(Some(name.to_owned()));
            }
            value
        };
        let around = Surroundings { folder: &folder, variable: &variable, files: &RealFiles };
        let gathered = Settings::gather(global, &around);
        if let Some(name) = unreadable.take() {
            let what = format!("the environment variable {name} is not UTF-8 text");
            return Err(Error::new(ErrorKind::Arguments, what));
        }
        let output = match (global.json, global.quiet) {
            (true, _) => Output::Json,
            (false, true) => Output::Quiet,
            (false, false) => Output::Text,
        };
        Ok(Self {
            settings: gathered?,
            terminal: Terminal::detect(global.color),
            interrupt,
            output,
            progress: global.progress,
            verbose: global.verbose > 0,
            yes: global.yes,
            no_input: global.no_input,
            dry_run,
            report: None,
            folder,
            global: global.clone(),
            chain: None,
            plans: None,
            folders: None,
            files: Arc::new(RealFiles),
        })
    }

    pub fn files(&self) -> Arc<dyn Files> {
        Arc::clone(&self.files)
    }

    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            files: self.files(),
            wait: self.settings.wait,
            interrupt: self.interrupt.clone(),
        }
    }

    pub fn chain(&self) -> Result<Chain> {
        if let Some(chain) = &self.chain {
            return Ok(chain.as_ref().clone());
        }
        let read = Chain::read_as(&RealFiles, &self.settings.phases, self.settings.format);
        let chain = read.map_err(|error| self.name_interrupted(error))?;
        if self.settings.format.is_none() && chain.format() != FolderFormat::Phaseshift {
            let (folder, format) = (self.shown(&self.settings.phases), chain.format());
            self.remark(&format!("Reading {folder} as files of {format} (--format {format})"));
        }
        Ok(chain.with_min_sqlite(self.settings.min_sqlite))
    }

    /// A squash that was interrupted leaves a folder that is refused, in words that depend on how far it came.
    fn name_interrupted(&self, error: Error) -> Error {
        let interrupted = || {
            let folder = &self.settings.phases;
            archives(&RealFiles, folder).is_ok_and(|all| {
                let state = |it| progress(&RealFiles, folder, it);
                all.iter().any(|it| state(it).is_ok_and(|state| state == Progress::Interrupted))
            })
        };
        match error.kind() {
            ErrorKind::PhaseFile | ErrorKind::Chain if interrupted() => {
                error.with_remedy(Remedy::FinishSquash)
            }
            _ => error,
        }
    }

    /// Puts the project together: the database that is named, and the phases.
    pub fn project(&self) -> Result<Project> {
        let database = self.settings.need_database()?.to_path_buf();
        let chain = self.chain_or_history().map_err(|error| {
            let exists = matches!(self.files().stat(&database), Ok(Some(_)));
            if error.kind() == ErrorKind::Chain && exists {
                error.in_database(&database)
            } else {
                error
            }
        })?;
        Ok(self.project_at(database, chain))
    }

    /// Puts the project together as [`project`](Self::project) does. If the phase files cannot be read, its phases are
    /// those that the file records, as its history keeps them.
    pub fn project_as_recorded(&self) -> Result<Project> {
        let unread = match self.project() {
            Ok(project) => return Ok(project),
            Err(error) => error,
        };
        let Some(project) = self.applied_only(&unread) else { return Err(unread) };
        self.remark(&format!("Note: {unread}; the applied phases come from the file's history"));
        Ok(project)
    }

    /// Returns the project whose phases are those that the file records, if phase files that cannot be read are the
    /// reason for it.
    pub fn applied_only(&self, unread: &Error) -> Option<Project> {
        if !matches!(unread.kind(), ErrorKind::PhaseFile | ErrorKind::Chain) {
            return None;
        }
        let database = self.settings.database.clone()?;
        let project = self.project_at(database, Chain::default());
        let project = project.as_applied(&project.open(Access::ReadOnly).ok()?).ok()?;
        (!project.chain.is_empty()).then_some(project)
    }

    /// Reads the phases. Where there is none, a file to which whole schemas were applied has its history for a chain.
    pub fn chain_or_history(&self) -> Result<Chain> {
        let chain = self.chain();
        if chain.as_ref().is_ok_and(|it| !it.is_empty()) {
            return chain;
        }
        let Some(database) = self.settings.database.clone() else { return chain };
        let declared = DeclaredFile::read(&self.project_at(database, Chain::default()));
        match declared {
            Ok(file) if file.version.is_some() => Ok(file.project.chain),
            Ok(_) | Err(_) => chain,
        }
    }

    /// Puts a project together for a database and phases.
    pub fn project_at(&self, database: PathBuf, chain: Chain) -> Project {
        let versions = VersionTables::named(&self.settings.version_table);
        let (backups, options) = (self.settings.backups.clone(), self.open_options());
        let project = Project::new(database, backups, chain, versions, options);
        let (keep, checkpoint) = (self.settings.keep, self.settings.checkpoint);
        Project { keep, checkpoint, plans: self.plans.clone(), ..project }
    }

    /// Puts a project together whose database is never opened.
    pub fn project_of(&self, chain: Chain) -> Project {
        self.project_at(self.folder.join("unused.db"), chain)
    }

    /// Reads the phases; where their folder is missing there are none.
    pub fn chain_if_there(&self) -> Result<Chain> {
        let stat = self.files().stat(&self.settings.phases);
        if stat.is_ok_and(|it| it.is_some()) { self.chain() } else { Ok(Chain::default()) }
    }

    /// Returns the context for one file of many: nothing is printed, nothing is asked, and advice names the file.
    pub fn for_member(&self, member: &Member) -> Self {
        let backups = self.settings.backups.as_ref().map(|it| backup_folder(it, member));
        let shown = |path: &Path| PathBuf::from(self.shown(path));
        let global = Global {
            database: Some(self.shown(&member.path)),
            backup_dir: backups.as_deref().map(shown),
            ..self.global.clone()
        };
        let settings = Settings {
            database: Some(member.path.clone()),
            database_demanded: true,
            backups,
            flags: flags(&global),
            ..self.settings.clone()
        };
        let files = match &self.folders {
            Some(folders) if self.settings.backups.is_none() => {
                folders.files_for(self.files(), &member.path)
            }
            Some(_) | None => self.files(),
        };
        let (output, progress) = (Output::Json, ProgressChoice::None);
        Self {
            settings,
            output,
            progress,
            yes: true,
            no_input: true,
            global,
            files,
            ..self.clone()
        }
    }

    /// Returns whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        self.terminal.attended && !self.no_input && self.output != Output::Json
    }

    /// Writes text on stdout while a command runs; nothing with `--quiet` or `--json`.
    ///
    /// A reader that went away does not stop the work.
    pub fn say(&self, text: &str) {
        if self.output == Output::Text {
            clear_bar();
            // Output that could not be written is reported at the end.
            let _ = output::result(text, self.terminal.out);
        }
    }

    /// Writes a remark of one line on stderr; nothing with `--quiet` or `--json`.
    pub fn remark(&self, text: &str) {
        if self.output == Output::Text {
            clear_bar();
            output::remark(&format!("{}\n", escaped(text)), self.terminal.err);
        }
    }

    /// Returns a command line for the same project, for advice.
    pub fn command_line(&self, rest: &str) -> String {
        escaped(format!("phaseshift {rest}{}", self.settings.flags))
    }

    /// Shows a path as a person would write it from the present folder.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}
