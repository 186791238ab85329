//! The arguments: what can be asked for. Parsing does nothing else.

use std::path::PathBuf;

use clap::error::ErrorKind as ClapKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use super::terminal::ColorChoice;

mod backups;
mod look;
mod phases;
mod run;

pub use backups::{BackupArgs, BackupsAction, BackupsArgs, OptimizeArgs, ResetArgs, RestoreArgs};
pub use look::{
    AuditArgs, CurrentArgs, DepsArgs, DiffArgs, GraphFormat, HistoryArgs, ShowArgs, StatusArgs,
    VerifyArgs,
};
pub use phases::{
    CheckArgs, CompletionArgs, DemoArgs, InitArgs, LintArgs, MergeArgs, RevisionArgs,
};
pub use run::{
    DowngradeArgs, DryRun, ExtractUndoArgs, Goal, PlanArgs, StampArgs, TargetArgs, UpgradeArgs,
};

/// Migrates SQLite files in declared phases: backs up, rebuilds, and proves every row before it commits.
#[derive(Debug, Parser)]
#[command(name = "phaseshift", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// Show what would be done, and stop.
    #[arg(short = 'n', long = "dry-run")]
    pub dry_run: bool,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Gives `audit` the flag `--schema`, which names no desired schema there. Every other command needs its value.
    ///
    /// # Errors
    /// A flag without a value.
    pub fn settle_schema(&mut self) -> Result<(), clap::Error> {
        let bare = self.global.schema.as_ref().is_some_and(|it| it.as_os_str().is_empty());
        if let Command::Audit(audit) = &mut self.command {
            // `audit --schema app.db` names the database.
            if let Some(file) = self.global.schema.take() {
                audit.schema = true;
                let file = (!bare).then(|| file.to_string_lossy().into_owned());
                audit.file = audit.file.take().or(file);
            }
            if audit.output.is_some() && !audit.schema {
                return Err(wrong(ClapKind::MissingRequiredArgument, "--output needs --schema"));
            }
            return Ok(());
        }
        match bare {
            true => Err(wrong(ClapKind::InvalidValue, "--schema needs a file or folder")),
            false => Ok(()),
        }
    }
}

fn wrong(kind: ClapKind, what: &str) -> clap::Error {
    Cli::command().error(kind, what)
}

const EXIT_CODES: &str = "Exit codes:
  0 done, or the answer is yes   1 failed            2 wrong arguments
  3 the answer is no             4 refused           5 busy
  6 failed and rolled back       7 backup failed     8 restore failed
  9 the person said no          10 damaged file    130 interrupted";

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub struct Global {
    /// The database: a path, or sqlite:///path
    #[arg(short, long, global = true, value_name = "FILE")]
    pub database: Option<String>,
    /// The folder of the phase files
    #[arg(long, global = true, value_name = "FOLDER")]
    pub phases: Option<PathBuf>,
    /// The desired schema: a file of CREATE statements or a folder of them, instead of schema.sql
    #[arg(long, global = true, value_name = "FILE", num_args = 0..=1, default_missing_value = "")]
    pub schema: Option<PathBuf>,
    /// The settings file, instead of the phaseshift.toml found here or above
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder for backups, instead of backups/ beside the database
    #[arg(long, global = true, value_name = "FOLDER")]
    pub backup_dir: Option<PathBuf>,
    /// The table that records versions, instead of schema_version
    #[arg(long, global = true, value_name = "NAME")]
    pub version_table: Option<String>,
    /// Print exactly one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// How progress is told on stderr
    #[arg(long, global = true, value_enum, default_value_t)]
    pub progress: ProgressChoice,
    /// Say less
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: ColorChoice,
    /// Never ask; fail where an answer is needed
    #[arg(long, global = true)]
    pub no_input: bool,
    /// How many seconds to wait for other programs' locks
    #[arg(long, global = true, value_name = "SECONDS")]
    pub wait: Option<u64>,
    /// Answer yes to the question
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressChoice {
    /// Bars on a terminal, plain lines otherwise.
    #[default]
    Auto,
    /// One JSON object per line on stderr.
    Json,
    /// Not at all.
    None,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Guide a person through a migration: look, back up, ask, rebuild, prove, commit
    #[command(after_help = "Examples:
  phaseshift migrate phase3
  phaseshift migrate --yes --json
  phaseshift migrate --dry-run")]
    Migrate(Goal),
    /// Apply phases without asking
    #[command(
        visible_alias = "up",
        after_help = "Examples:
  phaseshift upgrade
  phaseshift upgrade phase3
  phaseshift upgrade +1 --json
  phaseshift upgrade --sql base:phase3 > from_nothing.sql
  phaseshift upgrade --create --database new.db"
    )]
    Upgrade(UpgradeArgs),
    /// Undo phases without asking; rows written since stay
    #[command(
        visible_alias = "down",
        after_help = "Examples:
  phaseshift downgrade
  phaseshift downgrade phase2
  phaseshift downgrade -2
  phaseshift downgrade phase2 --accept-loss"
    )]
    Downgrade(DowngradeArgs),
    /// Print the undo that the file's history holds, as a script for sqlite3
    #[command(after_help = "Examples:
  phaseshift extract-undo
  phaseshift extract-undo phase2 --accept-loss > undo.sql
  phaseshift extract-undo base --accept-loss --json")]
    ExtractUndo(ExtractUndoArgs),
    /// Show the steps to a target, or the SQL; change nothing
    #[command(after_help = "Examples:
  phaseshift plan phase3
  phaseshift plan --sql > phase3.sql
  phaseshift plan --sql base:phase3 > from_nothing.sql
  phaseshift plan --down phase2 --json")]
    Plan(PlanArgs),
    /// Check everything that must hold before a migration; change nothing
    #[command(after_help = "Examples:
  phaseshift preflight
  phaseshift preflight phase3 --json")]
    Preflight(TargetArgs),
    /// Show the state of a file
    #[command(after_help = "Examples:
  phaseshift status
  phaseshift status --exit-code
  phaseshift status --json")]
    Status(StatusArgs),
    /// Show the ids that are applied last
    #[command(after_help = "Examples:
  phaseshift current
  phaseshift current --require 2
  phaseshift current --require head --quiet")]
    Current(CurrentArgs),
    /// Check a file: integrity, foreign keys, schema, the checks of its phases
    #[command(after_help = "Examples:
  phaseshift verify
  phaseshift verify --expect 2
  phaseshift verify --against backups/fits_catalog_pre_phase3_20241027_013000.db")]
    Verify(VerifyArgs),
    /// Record phases without running them, after comparing the schema
    #[command(after_help = "Examples:
  phaseshift stamp phase2
  phaseshift stamp head --force
  phaseshift stamp base --purge")]
    Stamp(StampArgs),
    /// Make a backup and compare it with the database
    #[command(after_help = "Examples:
  phaseshift backup
  phaseshift backup --name before_cleanup")]
    Backup(BackupArgs),
    /// List, verify or remove backups
    #[command(after_help = "Examples:
  phaseshift backups
  phaseshift backups verify
  phaseshift backups prune --keep 3 --keep-days 30")]
    Backups(BackupsArgs),
    /// Bring back a backup; the present state is kept
    #[command(after_help = "Examples:
  phaseshift restore
  phaseshift restore --latest
  phaseshift restore backups/fits_catalog_pre_phase3_20241027_013000.db --yes")]
    Restore(RestoreArgs),
    /// Give free pages back to the file system, after a backup; rowids and statistics stay
    #[command(after_help = "Examples:
  phaseshift optimize --dry-run
  phaseshift optimize
  phaseshift optimize --analyze --json")]
    Optimize(OptimizeArgs),
    /// Back the database up, and drop everything in it
    #[command(after_help = "Examples:
  phaseshift reset --dry-run
  phaseshift reset --yes")]
    Reset(ResetArgs),
    /// List every object of a database: which phase made it, views in layers, and what no phase made; with --schema,
    /// write its schema as CREATE statements in dependency order
    #[command(after_help = "Examples:
  phaseshift audit
  phaseshift audit fits_catalog.db --json
  phaseshift audit --schema --output schema.sql")]
    Audit(AuditArgs),
    /// Write the sample catalogue and migrate it
    #[command(after_help = "Examples:
  phaseshift demo
  phaseshift demo try --yes")]
    Demo(DemoArgs),
    /// List the phases, the newest first
    #[command(after_help = "Examples:
  phaseshift history
  phaseshift history -v -r phase1:phase3
  phaseshift history -i -n 5")]
    History(HistoryArgs),
    /// Show one phase
    #[command(after_help = "Examples:
  phaseshift show phase3
  phaseshift show head --json")]
    Show(ShowArgs),
    /// List the phases on which no other stands
    #[command(after_help = "Examples:\n  phaseshift heads\n  phaseshift heads --json")]
    Heads,
    /// List the phases without parents
    #[command(after_help = "Examples:\n  phaseshift bases")]
    Bases,
    /// List the phases on which several stand
    #[command(after_help = "Examples:\n  phaseshift branches")]
    Branches,
    /// Check the phase files: the graph, and every phase from nothing, back and again
    #[command(after_help = "Examples:
  phaseshift check
  phaseshift check --roundtrip --json
  phaseshift check --roundtrip --database fits_catalog.db")]
    Check(CheckArgs),
    /// Compare the schema of the database, of the phases, and the desired one
    #[command(after_help = "Examples:
  phaseshift diff
  phaseshift diff --from head --to schema
  phaseshift diff --from database --to schema.sql --json
  phaseshift diff phase2 phase3 # exit 3")]
    Diff(DiffArgs),
    /// Show what depends on a table or view, or the layers of all views
    #[command(after_help = "Examples:
  phaseshift deps
  phaseshift deps fits_files --json
  phaseshift deps --format mermaid")]
    Deps(DepsArgs),
    /// Find what is dangerous in phases: losses, old rows that may not fit, no way back
    #[command(after_help = "Examples:
  phaseshift lint
  phaseshift lint phase4 --json
  phaseshift lint phase3 --additive # exit 3")]
    Lint(LintArgs),
    /// Write phaseshift.toml, phases/ and schema.sql; creates no database
    #[command(after_help = "Examples:
  phaseshift init
  phaseshift init --database app.db")]
    Init(InitArgs),
    /// Write a new phase file
    #[command(
        visible_alias = "new",
        after_help = "Examples:
  phaseshift revision -m 'Add notes to sessions'
  phaseshift revision -m 'Add tags' --autogenerate
  phaseshift revision -m 'Follow another file' --autogenerate --schema schema.sql --allow-drop
  phaseshift new -m 'Begin a side line' --head phase3 --splice --label side"
    )]
    Revision(RevisionArgs),
    /// Write a phase that joins several heads
    #[command(after_help = "Examples:
  phaseshift merge -m 'Join both lines'
  phaseshift merge phase4 phase5")]
    Merge(MergeArgs),
    /// Print completions for a shell
    #[command(after_help = "Examples:
  phaseshift completions bash > phaseshift.bash")]
    Completions(CompletionArgs),
    /// Print the manual page
    #[command(after_help = "Examples:\n  phaseshift man > phaseshift.1")]
    Man,
}

impl Command {
    /// Returns whether the arguments of the command ask for the JSON document.
    pub const fn asks_for_json(&self) -> bool {
        match self {
            Self::Deps(arguments) => matches!(arguments.format, GraphFormat::Json),
            _ => false,
        }
    }

    /// Returns the name, as in the JSON document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Migrate(_) => "migrate",
            Self::Upgrade(_) => "upgrade",
            Self::Downgrade(_) => "downgrade",
            Self::ExtractUndo(_) => "extract-undo",
            Self::Plan(_) => "plan",
            Self::Preflight(_) => "preflight",
            Self::Status(_) => "status",
            Self::Current(_) => "current",
            Self::Verify(_) => "verify",
            Self::Stamp(_) => "stamp",
            Self::Backup(_) => "backup",
            Self::Backups(_) => "backups",
            Self::Restore(_) => "restore",
            Self::Optimize(_) => "optimize",
            Self::Reset(_) => "reset",
            Self::Audit(_) => "audit",
            Self::Demo(_) => "demo",
            Self::History(_) => "history",
            Self::Show(_) => "show",
            Self::Heads => "heads",
            Self::Bases => "bases",
            Self::Branches => "branches",
            Self::Check(_) => "check",
            Self::Deps(_) => "deps",
            Self::Diff(_) => "diff",
            Self::Lint(_) => "lint",
            Self::Init(_) => "init",
            Self::Revision(_) => "revision",
            Self::Merge(_) => "merge",
            Self::Completions(_) => "completions",
            Self::Man => "man",
        }
    }

    /// Tells whether the command may draw progress bars.
    pub const fn has_bars(&self) -> bool {
        matches!(
            self,
            Self::Migrate(_)
                | Self::Upgrade(_)
                | Self::Downgrade(_)
                | Self::Stamp(_)
                | Self::Backup(_)
                | Self::Backups(_)
                | Self::Restore(_)
                | Self::Optimize(_)
                | Self::Reset(_)
                | Self::Demo(_)
        )
    }

    /// Tells whether the command writes and cannot show beforehand what it would do.
    pub const fn has_no_dry_run(&self) -> bool {
        matches!(
            self,
            Self::Backup(_) | Self::Demo(_) | Self::Init(_) | Self::Revision(_) | Self::Merge(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    /// A flag of every command and an argument of one must not share a name: clap mixes them up.
    #[test]
    fn no_argument_is_called_like_a_global_flag() {
        let command = Cli::command();
        let global: Vec<_> = command
            .get_arguments()
            .filter(|it| it.is_global_set())
            .map(clap::Arg::get_id)
            .collect();
        assert!(global.len() > 10);
        for subcommand in command.get_subcommands() {
            for argument in subcommand.get_arguments() {
                assert!(!global.contains(&argument.get_id()), "{}", argument.get_id());
            }
        }
    }

    #[test]
    fn a_step_back_is_no_flag() {
        let cli = Cli::try_parse_from(["phaseshift", "down", "-2", "-d", "a.db"]).unwrap();
        let Command::Downgrade(arguments) = cli.command else { panic!("another command") };
        assert_eq!(arguments.goal.target.as_deref(), Some("-2"));
    }
}
