//! What would resolve a failure, and what older programs may do with a newer file.

use crate::text::named;

/// What would resolve a failure, where its kind alone does not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Undo the phases that are newer than the folder; the history of the file keeps them.
    UndoNewer,
    /// Use the newer program that recorded the phase.
    UseNewerProgram,
    /// Accept the loss that the message names.
    AcceptLoss,
    /// Allow objects that the desired schema lacks to be dropped.
    AllowDrop,
    /// Say with flags what was renamed and what may go.
    AnswerDraft,
    /// Give values to columns of rows that exist.
    GiveValues,
    /// Write a phase: the file is migrated by phases.
    WritePhase,
    /// Name a database.
    NameDatabase,
    /// Take all heads of the chain, or merge them.
    TakeAllHeads,
    /// Merge the heads, or name the end of a range.
    NameRange,
    /// Undo a squash that was interrupted, or carry it on.
    FinishSquash,
    /// Apply the archived phases that a squash stands for.
    ApplyArchived,
    /// Name one of the heads.
    NameHead,
    /// Name the phase whose branch is undone.
    NameBranch,
    /// Change the mode of the file, which belongs to this user.
    ChangeMode,
    /// Downgrade to the target, which is among the choices.
    Downgrade,
    /// Upgrade to the target, which is among the choices.
    Upgrade,
    /// Name the backup as the first choice does.
    NameBackup,
    /// Change one of the steps that clash, whose places are the choices, and merge.
    ChangeOneBranch,
    /// Drop or replace the views and triggers that the choices name.
    ReplaceObject,
    /// Print the script for the range that is the choice, which needs no database.
    ScriptOfRange,
    /// Give the step an expression for the values that a new type would convert.
    GiveExpression,
    /// Give a new column values for the rows that exist; the choices are how its step says so.
    FillColumn,
    /// Write a downgrade that fits the rows, or correct them.
    WriteDowngrade,
    /// Record the phase that the file fits, which is the choice.
    RecordFit,
    /// Write the report of the committed run, whose file is the choice.
    WriteReport,
    /// Look at the state: there is a project already.
    ShowStatus,
    /// Fork the chain at the phase that is the choice.
    ForkChain,
    /// Name the format of a range, which is the choice.
    NameFormat,
    /// Name another folder for new phases.
    NameNewFolder,
    /// Name a path that exists.
    CheckPath,
    /// Name an id that no phase has.
    NameId,
    /// Leave out the flag that is the choice.
    LeaveOut,
    /// Begin a project elsewhere, for the database that is the choice.
    BeginElsewhere,
    /// Put the file of the phase back into the folder, or correct the name by which another phase calls it.
    PutBack,
    /// Add the flag that answers in place of a person.
    AddYes,
    /// Record the phase that is the choice: the file has what it makes.
    RecordPhase,
    /// Compare the file with what the phase that is the choice makes.
    ComparePhase,
}

named! {
    /// What the programs of an older phase may do with a file.
    ///
    /// As SQLite itself distinguishes the read version from the write version of its file format
    /// (<https://sqlite.org/fileformat2.html#file_format_version_numbers>).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Compatibility: code {
        /// They must not open it.
        None = "none",
        /// They may read it.
        ReadOnly = "read_only",
        /// They may read and write it.
        Full = "full",
    }
}
