//! Whether the rows of rebuilt tables can come from the backup, so that the file does not grow.

use crate::backup::VerifiedBackup;
use crate::database::Database;
use crate::error::Result;
use crate::history::VersionTables;
use crate::plan::{Plan, Stage};
use crate::rebuild::Refill;
use crate::schema::Schema;
use crate::sql::{Token, significant_tokens, unquote};

/// Attaches the backup, if no statement of the run could notice. The write lock is held, and the
/// database holds what the backup holds.
pub(super) fn attach_backup(
    database: &Database,
    backup: &VerifiedBackup,
    known: &Schema,
    (plan, versions): (&Plan, &VersionTables),
) -> Result<Refill> {
    if plan.rebuilds().all(|it| it.stays.is_some()) || could_notice(plan, known) {
        return Ok(Refill::default());
    }
    if !database.attach(backup.path())? {
        return Ok(Refill::default());
    }
    Ok(Refill::of(known, versions.names()))
}

/// Statements that change the schema may give a name to something that only the backup had; a list
/// of all tables names those of the backup; a pragma about a name that is hidden has no columns; and a
/// common table may be called like one that is hidden. The attached database stays until the commit.
fn could_notice(plan: &Plan, known: &Schema) -> bool {
    let sees = |text: &str| {
        let lower = text.to_ascii_lowercase();
        ["table_list", "database_list"].iter().any(|name| lower.contains(name))
            || significant_tokens(text).any(|token| token.is_word(text, "PRAGMA"))
            || names_common_table(text, known)
    };
    let stored = |schema: &Schema| {
        schema.objects.iter().any(|object| object.sql.as_deref().is_some_and(sees))
    };
    let stages = |stage: &Stage| match stage {
        Stage::SchemaChange(reshape) => stored(&reshape.after),
        Stage::Data(data) => data.after.is_some() || sees(&data.sql),
    };
    stored(known)
        || plan.phases.iter().any(|phase| {
            phase.stages.iter().any(stages)
                || phase.require.iter().chain(&phase.verify).any(|check| sees(&check.sql))
        })
}

/// Tells whether a common table (`WITH name AS`) may have the name of a table in the backup.
fn names_common_table(text: &str, known: &Schema) -> bool {
    let tokens: Vec<Token> = significant_tokens(text).collect();
    let follows = |token: &Token| token.is_word(text, "AS") || token.is_mark(text, "(");
    tokens.iter().any(|token| token.is_word(text, "WITH"))
        && tokens.windows(2).any(|pair| {
            let [name, next] = pair else { return false };
            follows(next) && known.find_table(&unquote(name.text(text))).is_some()
        })
}
