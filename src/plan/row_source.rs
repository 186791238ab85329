//! Where a plan takes the rows of changed tables from: the old table, or the backup once the old table is gone.

use std::collections::BTreeSet;

use super::strategy::{CopyStrategy, Fallback, RowSource};
use super::{Plan, Rebuild, Stage};
use crate::history::VersionTables;
use crate::name::fold;
use crate::schema::{Object, Schema};
use crate::shadow::CopyMethod;
use crate::sql::{Token, significant_tokens, unquote};

impl Rebuild {
    /// Returns whether the table stays where it is.
    pub fn in_place(&self) -> bool {
        matches!(self.strategy, CopyStrategy::InPlace { .. })
    }

    /// Returns how rows get into a new table; nothing if the table stays where it is.
    pub fn method(&self) -> Option<CopyMethod> {
        match self.strategy {
            CopyStrategy::InPlace { .. } => None,
            CopyStrategy::CopyRows { how, .. } => Some(how),
        }
    }

    /// Returns whether values are copied column by column.
    pub fn rewrites(&self) -> bool {
        self.method() == Some(CopyMethod::Rows)
    }

    /// Returns whether the rows come from a place.
    pub fn reads(&self, place: RowSource) -> bool {
        matches!(self.strategy, CopyStrategy::CopyRows { from, .. } if from == place)
    }

    /// Returns the indexes whose b-trees are kept.
    pub fn kept(&self) -> &[(String, Object)] {
        match &self.strategy {
            CopyStrategy::InPlace { .. } => &[],
            CopyStrategy::CopyRows { kept, .. } => kept,
        }
    }

    /// Returns the indexes that are there when the rows are, as they are afterwards.
    pub fn present_indexes(&self) -> impl Iterator<Item = &Object> {
        let (carried, pairs): (&[Object], _) = match &self.strategy {
            CopyStrategy::InPlace { indexes, .. } => (&[], indexes),
            CopyStrategy::CopyRows { carried, kept, .. } => (carried, kept),
        };
        carried.iter().chain(pairs.iter().map(|(_, index)| index))
    }

    /// Returns what happens if whole records cannot be copied after all.
    pub fn fallback(&self) -> Fallback {
        if self.copy.keeps_rowids() { Fallback::Rewrite } else { Fallback::Refuse }
    }

    /// Returns whether the backup can stand for the old table: a guard would have to be on its table, too, and values
    /// that read other tables would read those of the backup.
    fn can_read_backup(&self) -> bool {
        let copies = self.method().is_some_and(|it| it != CopyMethod::RecordsWithGuard);
        copies && self.copy.keeps_rowids() && self.copy.stays_in_its_row()
    }
}

/// What the strategies of a plan depend on beside the schema.
#[derive(Debug, Clone, Copy)]
pub struct FileFacts<'f> {
    /// The schema of the file.
    pub schema: &'f Schema,
    /// The version tables, which the run writes to itself.
    pub versions: &'f VersionTables,
    /// Whether pages of the file name the pages that use them, as `auto_vacuum` wants it.
    pub pointer_maps: bool,
}

impl Plan {
    /// Adapts the strategies to a file: rows come from the backup wherever it holds at that moment what the table
    /// holds, and no b-tree is kept where SQLite would move roots that it does not know of
    /// (<https://sqlite.org/fileformat2.html#pointer_map_or_ptrmap_pages>).
    pub fn fit_to_file(&mut self, file: &FileFacts<'_>) {
        if file.pointer_maps {
            self.rebuilds_mut().for_each(make_indexes_anew);
        }
        if self.rebuilds().any(Rebuild::can_read_backup) && !could_notice(self, file.schema) {
            self.read_backup(file);
        }
    }

    /// Lets all rows come from the old tables, where no backup is attached.
    pub fn use_old_tables(&mut self) {
        for rebuild in self.rebuilds_mut() {
            if let CopyStrategy::CopyRows { from, .. } = &mut rebuild.strategy {
                *from = RowSource::OldTable;
            }
        }
    }

    fn rebuilds_mut(&mut self) -> impl Iterator<Item = &mut Rebuild> {
        let stages = self.phases.iter_mut().flat_map(|phase| &mut phase.stages);
        stages.flat_map(|stage| match stage {
            Stage::SchemaChange(change) => change.rebuilds.as_mut_slice(),
            Stage::Data(_) => &mut [],
        })
    }

    /// The backup holds what a table holds until the run touches the table or gives its name to another one.
    fn read_backup(&mut self, file: &FileFacts<'_>) {
        let mut untouched: BTreeSet<String> =
            file.schema.stored_tables().map(|it| fold(&it.name)).collect();
        for table in file.versions.names() {
            untouched.remove(&fold(table));
        }
        for stage in self.phases.iter_mut().flat_map(|phase| &mut phase.stages) {
            match stage {
                Stage::SchemaChange(change) => {
                    for rebuild in &mut change.rebuilds {
                        let same_rows = untouched.remove(&fold(&rebuild.from));
                        let can = same_rows && rebuild.can_read_backup();
                        if let CopyStrategy::CopyRows { from, .. } = &mut rebuild.strategy
                            && can
                        {
                            *from = RowSource::Backup;
                        }
                    }
                    let made = change.created.iter().map(|it| &it.name);
                    for name in made.chain(change.rebuilds.iter().map(|it| &it.to)) {
                        untouched.remove(&fold(name));
                    }
                }
                Stage::Data(data) if data.touched.schema => untouched.clear(),
                Stage::Data(data) => {
                    untouched.retain(|table| !data.touched.tables.contains_key(table));
                }
            }
        }
    }
}

fn make_indexes_anew(rebuild: &mut Rebuild) {
    let CopyStrategy::CopyRows { how, carried, kept, .. } = &mut rebuild.strategy else { return };
    let indexes = std::mem::take(kept);
    if *how == CopyMethod::Records {
        carried.extend(indexes.into_iter().map(|(_, index)| index));
    }
}

/// Statements that change the schema may give a name to something that only the backup had; a list
/// of all tables names those of the backup; a pragma about a name that is hidden has no columns; and a
/// common table may be called like one that is hidden. The attached database stays until the commit.
fn could_notice(plan: &Plan, known: &Schema) -> bool {
    let sees = |text: &str| {
        let lower = text.to_ascii_lowercase();
        ["table_list", "database_list"].iter().any(|name| lower.contains(name))
            || (lower.contains("pragma")
                && significant_tokens(text).any(|token| token.is_word(text, "PRAGMA")))
            || (lower.contains("with") && names_common_table(text, known))
    };
    let stored = |schema: &Schema| {
        schema.objects.iter().any(|object| object.sql.as_deref().is_some_and(sees))
    };
    let stages = |stage: &Stage| match stage {
        Stage::SchemaChange(schema_change) => stored(&schema_change.after),
        Stage::Data(data) => data.after.is_some() || sees(&data.sql),
    };
    stored(known)
        || plan.phases.iter().any(|phase| {
            phase.stages.iter().any(stages)
                || phase.require.iter().chain(&phase.verify).any(|check| sees(&check.sql))
        })
}

/// Returns whether a common table (`WITH name AS`) may have the name of a table in the backup.
fn names_common_table(text: &str, known: &Schema) -> bool {
    let tokens: Vec<Token> = significant_tokens(text).collect();
    let follows = |token: &Token| token.is_word(text, "AS") || token.is_mark(text, "(");
    tokens.iter().any(|token| token.is_word(text, "WITH"))
        && tokens.windows(2).any(|pair| {
            let [name, next] = pair else { return false };
            follows(next) && known.find_table(&unquote(name.text(text))).is_some()
        })
}
