//! The arguments: what can be asked for. Parsing does nothing else.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind as ClapKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use phaseshift::database::CheckpointRule;

use super::settings_file::checkpoint_rule;
use super::terminal::ColorChoice;

mod answers;
mod backups;
mod command;
mod fleet;
mod formats;
mod help;
mod import;
mod look;
mod phases;
mod prove;
mod run;

pub use answers::{AnswerArgs, ApplyArgs};
pub use backups::{BackupArgs, BackupsAction, BackupsArgs, OptimizeArgs, ResetArgs, RestoreArgs};
pub use fleet::{FleetAction, FleetArgs, FleetCommandArgs, FleetReportArgs, FleetRunArgs};
pub use formats::{FORMATS, with_phases_format};
pub use help::command;
pub use import::ImportArgs;
pub use look::{
    AuditArgs, CurrentArgs, DepsArgs, DiffArgs, GraphFormat, HistoryArgs, ShowArgs, StatusArgs,
    VerifyArgs,
};
pub use phases::{
    CheckArgs, CompletionArgs, DemoArgs, Document, InitArgs, JsonSchemaArgs, LintArgs, LintFormat,
    ManArgs, MergeArgs, RevisionArgs, SquashArgs,
};
pub use prove::ProveArgs;
pub use run::{
    DowngradeArgs, DryRun, ExtractUndoArgs, Goal, MigrateArgs, PlanArgs, PlanFormat, ReportArgs,
    StampArgs, Subject, TargetArgs, UpgradeArgs,
};

/// Migrates SQLite files in declared phases: backs up, rebuilds, and proves every row before it commits.
#[derive(Debug, Parser)]
#[command(name = "phaseshift", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// Show what would be done and change nothing, in the commands whose help lists it
    #[arg(short = 'n', long = "dry-run")]
    pub dry_run: bool,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Gives `audit` the flag `--schema`, which names no desired schema there.
    ///
    /// # Errors
    /// `--output` without `--schema`.
    pub fn find_schema_argument(&mut self) -> Result<(), clap::Error> {
        let Command::Audit(audit) = &mut self.command else { return Ok(()) };
        if let Some(file) = self.global.schema.take() {
            audit.schema = true;
            // `audit --schema app.db` names the database.
            let named =
                (file.as_os_str() != THE_SETTINGS).then(|| file.to_string_lossy().into_owned());
            audit.file = audit.file.take().or(named);
        }
        match audit.output.is_some() && !audit.schema {
            true => Err(wrong(ClapKind::MissingRequiredArgument, "--output needs --schema")),
            false => Ok(()),
        }
    }
}

fn wrong(kind: ClapKind, what: &str) -> clap::Error {
    Cli::command().error(kind, what)
}

const EXIT_CODES: &str = "Exit codes:
  0 done, or the answer is yes   1 failed            2 wrong arguments
  3 the answer is no; with --all, the answer for a file is no, or a file failed
                                 4 refused           5 busy
  6 failed and rolled back       7 backup failed     8 restore failed
  9 declined                    10 damaged file    130 interrupted";

/// What stands for the path where `--schema` is given without one: the settings name it.
pub const THE_SETTINGS: &str = "<settings>";

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub struct Global {
    /// The database: a path, sqlite:PATH, sqlite:///PATH or file:PATH
    #[arg(short, long, global = true, value_name = "FILE")]
    pub database: Option<String>,
    /// The folder of the phase files
    #[arg(long, global = true, value_name = "FOLDER")]
    pub phases: Option<PathBuf>,
    /// The format of the phase files; if omitted, it is detected. --format is short for it, except in commands
    /// that have another --format
    #[arg(
        long = "phases-format",
        global = true,
        value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(FORMATS)
    )]
    pub phases_format: Option<String>,
    /// The desired schema: a file of CREATE statements or a folder of them, instead of schema.sql. In audit the
    /// flag means something else: print the schema of the database, and a FILE behind it is the database
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        num_args = 0..=1,
        default_missing_value = THE_SETTINGS
    )]
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
    /// Print one JSON document on stdout; with --all one for each file, a line each, and a summary
    #[arg(long, global = true)]
    pub json: bool,
    /// Progress on stderr: auto (bars on a terminal, else lines), json (one object a line) or none
    #[arg(long, global = true, value_enum, default_value_t, hide_possible_values = true)]
    pub progress: ProgressChoice,
    /// Print less
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colors: auto, always or never
    #[arg(long, global = true, value_enum, default_value_t, hide_possible_values = true)]
    pub color: ColorChoice,
    /// Never ask; fail where an answer is needed
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Seconds to wait for the locks of other programs [default: 5]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub wait: Option<u64>,
    /// After a run, truncate a WAL that is larger than this, such as "64 MiB"; "never" leaves it [default: 64 MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = checkpoint_rule)]
    pub checkpoint_above: Option<CheckpointRule>,
    /// Answer yes to the question
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// How progress is reported.
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
    /// Migrate with a backup, a question and a proof of every row
    #[command(after_help = "Examples:
  phaseshift migrate phase3
  phaseshift migrate --yes --json
  phaseshift migrate --dry-run
  phaseshift migrate fits_catalog.db phase3
  phaseshift migrate --report report.html
  phaseshift migrate --all tenants --yes")]
    Migrate(MigrateArgs),
    /// Apply phases without asking; back up and prove as migrate does
    #[command(
        visible_alias = "up",
        after_help = "Examples:
  phaseshift upgrade
  phaseshift upgrade phase3
  phaseshift upgrade +1 --json
  phaseshift upgrade --sql base:phase3 > from_nothing.sql
  phaseshift upgrade --create --database new.db
  phaseshift upgrade --all tenants --canary 2 --max-failures 1
  phaseshift upgrade --all 'tenants/*.db' --shard 1/4 --json
  phaseshift upgrade --all @tenants.txt --undo-on-failure --journal fleet.jsonl"
    )]
    Upgrade(UpgradeArgs),
    /// Undo phases without asking; rows written since stay
    #[command(
        visible_alias = "down",
        after_help = "If an undone phase created a table or column that holds data now, the data is dropped only with --accept-loss.

Examples:
  phaseshift downgrade
  phaseshift downgrade phase2
  phaseshift downgrade -2
  phaseshift downgrade phase2 --accept-loss"
    )]
    Downgrade(DowngradeArgs),
    /// Print a script for sqlite3 that undoes phases, from the history that the database keeps
    #[command(
        after_help = "A phase that the history keeps needs no file. Every other applied phase needs its file, even a phase that is not undone.

Examples:
  phaseshift extract-undo
  phaseshift extract-undo phase2 --accept-loss > undo.sql
  phaseshift extract-undo base --accept-loss --json"
    )]
    ExtractUndo(ExtractUndoArgs),
    /// Show what a migration would change, or its SQL
    #[command(after_help = "Examples:
  phaseshift plan phase3
  phaseshift plan --sql > phase3.sql
  phaseshift plan --sql base:phase3 > from_nothing.sql
  phaseshift plan --down phase2 --json
  phaseshift plan --format markdown > comment.md
  phaseshift plan phase2:phase3 --format mermaid")]
    Plan(PlanArgs),
    /// Write a plan or a finished run as one HTML page
    #[command(
        after_help = "The page of a plan shows the changes, the schema before and after, checks and steps. It needs no network and runs no script.
`migrate --report FILE` writes the page of a run; --done writes what the database recorded of an earlier one.

Examples:
  phaseshift report > plan.html
  phaseshift report phase3 -o phase3.html
  phaseshift report phase2:phase4 -o review.html
  phaseshift report --done phase3 -o phase3-done.html"
    )]
    Report(ReportArgs),
    /// Check everything that must hold before a migration
    #[command(after_help = "Examples:
  phaseshift preflight
  phaseshift preflight phase3 --json")]
    Preflight(TargetArgs),
    /// Show the version, pending phases, drift and backups
    #[command(after_help = "Examples:
  phaseshift status
  phaseshift status --exit-code
  phaseshift status --json
  phaseshift status --all tenants")]
    Status(StatusArgs),
    /// Show the current phase(s)
    #[command(after_help = "Examples:
  phaseshift current
  phaseshift current --require 2
  phaseshift current --require head --quiet
  phaseshift current --all tenants --require 2 # exit 3: the answer is no")]
    Current(CurrentArgs),
    /// Check the integrity, foreign keys and schema of a database
    #[command(after_help = "Examples:
  phaseshift verify
  phaseshift verify --expect 2
  phaseshift verify --against before:phase3
  phaseshift verify --all tenants --quick --jobs 2")]
    Verify(VerifyArgs),
    /// Record phases without running them, after comparing the schema
    #[command(after_help = "Examples:
  phaseshift stamp phase2
  phaseshift stamp head --force
  phaseshift stamp base --purge")]
    Stamp(StampArgs),
    /// Make a verified backup
    #[command(after_help = "Examples:
  phaseshift backup
  phaseshift backup --name before_cleanup
  phaseshift backup --all tenants --backup-dir kept")]
    Backup(BackupArgs),
    /// List, verify or remove backups
    #[command(after_help = "Examples:
  phaseshift backups
  phaseshift backups verify
  phaseshift backups prune --keep 3 --keep-days 30")]
    Backups(BackupsArgs),
    /// Restore a backup; the present state is backed up first
    #[command(after_help = "Examples:
  phaseshift restore
  phaseshift restore --latest
  phaseshift restore backups/fits_catalog_pre_phase3_20241027_013000.db --yes")]
    Restore(RestoreArgs),
    /// Return free pages to the file system; rowids and statistics stay
    #[command(after_help = "Examples:
  phaseshift optimize --dry-run
  phaseshift optimize
  phaseshift optimize --analyze --json")]
    Optimize(OptimizeArgs),
    /// Back up the database, then drop everything in it
    #[command(after_help = "Examples:
  phaseshift reset --dry-run
  phaseshift reset --yes")]
    Reset(ResetArgs),
    /// List every object of a database, and which phase made it; or write its schema
    #[command(
        after_help = "Views are listed in layers. With --schema, the schema is written as CREATE statements in dependency order.

Examples:
  phaseshift audit
  phaseshift audit fits_catalog.db --json
  phaseshift audit --schema --output schema.sql"
    )]
    Audit(AuditArgs),
    /// Run another tool's migration on a private clone, and report everything it lost
    #[command(after_help = "Examples:
  phaseshift prove --run 'sqlite3 {} \"CREATE TABLE tags(name TEXT)\"'
  phaseshift prove --run 'sqlite3 {} \"DROP INDEX idx_session_date\"' # exit 3: the answer is no
  phaseshift prove --run 'python3 migrate.py' --map map.toml --publish")]
    Prove(ProveArgs),
    /// Write the sample catalogue and migrate it
    #[command(after_help = "Examples:
  phaseshift demo
  phaseshift demo try --yes")]
    Demo(DemoArgs),
    /// List the phases, the newest first
    #[command(after_help = "Examples:
  phaseshift history
  phaseshift history -v -r phase1:phase3
  phaseshift history -i -n 5
  phaseshift history -r -3:")]
    History(HistoryArgs),
    /// Show one phase
    #[command(after_help = "Examples:
  phaseshift show phase3
  phaseshift show head --json")]
    Show(ShowArgs),
    /// List phases without a successor
    #[command(after_help = "Examples:\n  phaseshift heads\n  phaseshift heads --json")]
    Heads,
    /// List phases without parents
    #[command(after_help = "Examples:\n  phaseshift bases")]
    Bases,
    /// List phases where the chain forks
    #[command(after_help = "Examples:\n  phaseshift branches")]
    Branches,
    /// Check the phases (graph, replay from nothing, round trips; with --test their tests) and compare the database with them
    #[command(after_help = "Examples:
  phaseshift check
  phaseshift check --roundtrip --json
  phaseshift check --schema schema.sql --test
  phaseshift check --roundtrip --database fits_catalog.db")]
    Check(CheckArgs),
    /// Compare two schemas: by default those of the database and of the applied phases, or of head and of schema.sql if no
    /// database is named
    #[command(after_help = "Examples:
  phaseshift diff
  phaseshift diff --from head --to schema
  phaseshift diff --from database --to schema.sql --json
  phaseshift diff phase2 phase3 # exit 3: the answer is no
  phaseshift diff fits_catalog.db schema.sql --sql")]
    Diff(DiffArgs),
    /// Show what depends on a table or view, or the layers of all views
    #[command(after_help = "Examples:
  phaseshift deps
  phaseshift deps fits_files --json
  phaseshift deps --format mermaid")]
    Deps(DepsArgs),
    /// Find dangerous steps in phases
    #[command(after_help = "Examples:
  phaseshift lint
  phaseshift lint phase4 --json
  phaseshift lint phase3 --additive # exit 3: the answer is no
  phaseshift lint --format sarif > lint.sarif
  phaseshift lint --format github")]
    Lint(LintArgs),
    /// Write phaseshift.toml, phases/ and schema.sql
    #[command(after_help = "Examples:
  phaseshift init
  phaseshift init --database app.db
  phaseshift init --from fits_catalog.db")]
    Init(InitArgs),
    /// Write another tool's migrations as phases, and adopt a file that the tool migrated
    #[command(
        after_help = "The tools: alembic, diesel, django (what sqlmigrate prints), drizzle, dbmate, goose, golang-migrate,
prisma, refinery, rusqlite_migration, sqlx, and plain files of SQL. The tool is not run, and its table is only read.

Examples:
  phaseshift import --from goose db/migrations
  phaseshift import --from dbmate db/migrations --adopt app.db
  phaseshift import --from alembic alembic --sql upgrade.sql --sql downgrade.sql --dry-run"
    )]
    Import(ImportArgs),
    /// Write a new phase file
    #[command(
        visible_alias = "new",
        after_help = "Examples:
  phaseshift revision -m 'Add notes to sessions'
  phaseshift revision -m 'Add tags' --autogenerate
  phaseshift revision -m 'Follow another file' --autogenerate --schema schema.sql --allow-drop
  phaseshift revision -m 'Rename cameras' --autogenerate --rename cameras=detectors
  phaseshift revision -m 'Begin a side line' --head phase3 --splice --label side"
    )]
    Revision(RevisionArgs),
    /// Change a database that has no phases to match schema.sql
    #[command(after_help = "Examples:
  phaseshift apply
  phaseshift apply schema.sql --check # exit 3: the answer is no
  phaseshift apply schema.sql --dry-run
  phaseshift apply schema.sql --yes --json
  phaseshift apply schema.sql --sql > changes.sql
  phaseshift apply schema.sql --create --database new.db --yes
  phaseshift apply renamed.sql --rename cameras=detectors --yes")]
    Apply(ApplyArgs),
    /// Write a phase that merges several heads
    #[command(after_help = "Examples:
  phaseshift merge -m 'Join both lines'
  phaseshift merge phase4 phase5")]
    Merge(MergeArgs),
    /// Replace many phases by one, proven on new databases, and archive the old ones
    #[command(
        override_usage = "phaseshift squash [OPTIONS] --message <TEXT> [FIRST:LAST]
       phaseshift squash [OPTIONS] --undo",
        after_help = "Examples:
  phaseshift squash -m 'All phases so far' --dry-run
  phaseshift squash -m 'All phases so far' --id 00000001_init --yes
  phaseshift squash phase2:phase3 -m 'Renames' --yes
  phaseshift squash --undo --yes"
    )]
    Squash(SquashArgs),
    /// Merge the results of runs over many files
    #[command(after_help = "Examples:
  phaseshift fleet report shard-1.jsonl shard-2.jsonl
  phaseshift fleet report shard-*.jsonl --all tenants --json")]
    Fleet(FleetCommandArgs),
    /// Print completions for a shell
    #[command(after_help = "Examples:
  phaseshift completions bash > phaseshift.bash")]
    Completions(CompletionArgs),
    /// Print the manual page, or write a page for each command to a folder
    #[command(after_help = "Examples:
  phaseshift man > phaseshift.1
  phaseshift man share/man/man1")]
    Man(ManArgs),
    /// Print the JSON Schema of phase files, of the settings, or of what --json prints
    #[command(
        after_help = "If the first line of a phase file is `#:schema FILE`, where FILE is what
`json-schema phase` printed, editors check the phase and offer completions.

Examples:
  phaseshift json-schema phase > phase.schema.json
  phaseshift json-schema output"
    )]
    JsonSchema(JsonSchemaArgs),
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
    fn a_database_may_stand_before_the_target() {
        for (line, database, target) in [
            ("migrate app.db phase3", Some("app.db"), Some("phase3")),
            ("migrate phase3", None, Some("phase3")),
            ("migrate sqlite:///a", Some("sqlite:///a"), None),
            ("migrate version:2", None, Some("version:2")),
            ("plan data/app -1", Some("data/app"), Some("-1")),
            ("plan base:phase3", None, Some("base:phase3")),
            ("status app", Some("app"), None),
            ("upgrade", None, None),
        ] {
            let words = ["phaseshift"].into_iter().chain(line.split(' '));
            let cli = Cli::try_parse_from(words).unwrap();
            assert_eq!(cli.command.database(), database, "{line}");
            let place = match &cli.command {
                Command::Migrate(arguments) => arguments.goal.place.target(),
                Command::Plan(arguments) => arguments.place.target(),
                _ => None,
            };
            assert_eq!(place, target, "{line}");
        }
    }

    #[test]
    fn a_step_back_is_no_flag() {
        let cli = Cli::try_parse_from(["phaseshift", "down", "-2", "-d", "a.db"]).unwrap();
        let Command::Downgrade(arguments) = cli.command else { panic!("another command") };
        assert_eq!(arguments.goal.place.target(), Some("-2"));
    }
}
