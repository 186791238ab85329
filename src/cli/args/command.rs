//! What the arguments of every command have in common: its name, and the database that is named.

use std::path::PathBuf;

use super::{
    Command, CurrentArgs, DepsArgs, GraphFormat, LintArgs, LintFormat, PlanArgs, PlanFormat,
    ReportArgs,
};

impl Command {
    /// Returns the name, as in the JSON document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Migrate(_) => "migrate",
            Self::Upgrade(_) => "upgrade",
            Self::Downgrade(_) => "downgrade",
            Self::ExtractUndo(_) => "extract-undo",
            Self::Plan(_) => "plan",
            Self::Report(_) => "report",
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
            Self::Prove(_) => "prove",
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
            Self::Import(_) => "import",
            Self::Init(_) => "init",
            Self::Revision(_) => "revision",
            Self::Merge(_) => "merge",
            Self::Squash(_) => "squash",
            Self::Fleet(_) => "fleet",
            Self::Apply(_) => "apply",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
            Self::JsonSchema(_) => "json-schema",
        }
    }

    /// Returns the database that is named as an argument of the command itself.
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::Migrate(arguments) => arguments.goal.place.database(),
            Self::Upgrade(arguments) => arguments.goal.place.database(),
            Self::Downgrade(arguments) => arguments.goal.place.database(),
            Self::Plan(arguments) => arguments.place.database(),
            Self::Report(arguments) => arguments.place.database(),
            Self::Preflight(arguments) => arguments.place.database(),
            Self::Status(arguments) => arguments.subject.subject.as_deref(),
            Self::Current(arguments) => arguments.subject.subject.as_deref(),
            Self::Verify(arguments) => arguments.subject.subject.as_deref(),
            Self::Backup(arguments) => arguments.subject.subject.as_deref(),
            Self::Optimize(arguments) => arguments.subject.subject.as_deref(),
            Self::Audit(arguments) => arguments.file.as_deref(),
            _ => None,
        }
    }

    /// Returns the file to which a run writes its report.
    pub fn report(&self) -> Option<&PathBuf> {
        match self {
            Self::Migrate(arguments) => arguments.goal.report.as_ref(),
            Self::Upgrade(arguments) => arguments.goal.report.as_ref(),
            Self::Downgrade(arguments) => arguments.goal.report.as_ref(),
            _ => None,
        }
    }

    /// Returns whether the text on stdout is the purpose of the command, so that --quiet leaves it.
    pub const fn asks_for_text(&self) -> bool {
        matches!(
            self,
            Self::Plan(_)
                | Self::Report(ReportArgs { output: None, .. })
                | Self::Backups(_)
                | Self::Current(CurrentArgs { require: None, .. })
                | Self::History(_)
                | Self::Show(_)
                | Self::Heads
                | Self::Bases
                | Self::Branches
                | Self::Deps(_)
                | Self::Audit(_)
                | Self::Diff(_)
                | Self::Completions(_)
                | Self::Man(_)
                | Self::JsonSchema(_)
        )
    }

    /// Returns whether the command asks for the JSON document by an argument of its own.
    pub const fn asks_for_json(&self) -> bool {
        matches!(
            self,
            Self::Lint(LintArgs { format: LintFormat::Json, .. })
                | Self::Plan(PlanArgs { format: PlanFormat::Json, .. })
                | Self::Deps(DepsArgs { format: GraphFormat::Json, .. })
        )
    }

    /// Returns whether the command may draw progress bars.
    pub const fn has_bars(&self) -> bool {
        matches!(
            self,
            Self::Migrate(_)
                | Self::Upgrade(_)
                | Self::Downgrade(_)
                | Self::Stamp(_)
                | Self::Apply(_)
                | Self::Backup(_)
                | Self::Backups(_)
                | Self::Restore(_)
                | Self::Optimize(_)
                | Self::Reset(_)
                | Self::Prove(_)
                | Self::Demo(_)
        )
    }

    /// Returns whether the command writes and cannot show beforehand what it would do.
    pub const fn has_no_dry_run(&self) -> bool {
        matches!(
            self,
            Self::Backup(_)
                | Self::Prove(_)
                | Self::Demo(_)
                | Self::Init(_)
                | Self::Revision(_)
                | Self::Merge(_)
        )
    }
}
