//! Flags that answer what the difference of two schemas leaves open.

use clap::Args;

/// What was renamed, what may go, and which values old rows get.
#[derive(Debug, Clone, Default, Args)]
pub struct AnswerArgs {
    /// What was renamed: a table as old=new, a column as table.old=table.new; odd names in double quotes
    #[arg(long = "rename", value_name = "OLD=NEW")]
    pub renames: Vec<String>,
    /// What may be dropped, and was not renamed: a table, view, index, trigger, or table.column
    #[arg(long = "drop", value_name = "NAME")]
    pub drops: Vec<String>,
    /// Let everything go that the desired schema lacks; what may have been renamed is still asked about
    #[arg(long)]
    pub allow_drop: bool,
    /// The values of a new or changed column in the rows that exist: an SQL expression over the old row
    #[arg(long = "value", value_name = "TABLE.COLUMN=SQL")]
    pub values: Vec<String>,
}

impl AnswerArgs {
    /// Returns whether no flag is given.
    pub fn is_empty(&self) -> bool {
        self.renames.is_empty()
            && self.drops.is_empty()
            && self.values.is_empty()
            && !self.allow_drop
    }
}
