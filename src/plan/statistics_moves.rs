//! What becomes of planner statistics: those of tables and indexes that are renamed, rebuilt, or come back under their name.

use super::derive::Derivation;
use super::schema_change::{Rebuild, TableDrop, VirtualChange};
use super::statistics::{IndexMove, Parked, StatisticsMove};
use crate::name::{fold, is_internal, same};
use crate::schema::{Object, ObjectKind, RowKey};
use crate::sql::index_keys;

impl Derivation<'_> {
    pub(super) fn statistics(&self, rebuilds: &[Rebuild], dropped: &[TableDrop]) -> StatisticsMove {
        let mut moves =
            StatisticsMove { tables: self.facts.statistics.clone(), ..StatisticsMove::default() };
        for drop in dropped {
            moves.renamed.push((drop.table.clone(), None));
        }
        for rebuild in rebuilds {
            if rebuild.from != rebuild.to {
                moves.renamed.push((rebuild.from.clone(), Some(rebuild.to.clone())));
            }
            moves.indexes.extend(self.index_moves(&rebuild.from, &rebuild.to));
        }
        moves.indexes.extend(self.loose_index_moves(rebuilds));
        self.follow_virtuals(&mut moves);
        moves
    }

    /// ANALYZE looks at the tables behind virtual tables too; their rows follow what the module does.
    fn follow_virtuals(&self, moves: &mut StatisticsMove) {
        let ordinary =
            |name: &str| self.before.find(ObjectKind::Table, name).is_some() || is_internal(name);
        for table in self.lineage.dropped(self.before).iter().filter(|it| !ordinary(&it.name)) {
            moves.renamed.push((table.name.clone(), None));
        }
        for object in &self.after.objects {
            let virtual_or_behind =
                matches!(object.kind, ObjectKind::VirtualTable | ObjectKind::ShadowTable);
            let Some(lineage) = self.lineage.table(&object.name) else { continue };
            if virtual_or_behind && lineage.from != object.name {
                moves.renamed.push((lineage.from.clone(), Some(object.name.clone())));
                moves.indexes.extend(self.index_moves(&lineage.from, &object.name));
            }
        }
    }

    /// What is dropped and comes back under its name, with the statistics it has.
    pub(super) fn parked(
        &self,
        removed: &[Object],
        restored: &[Object],
        virtuals: &[VirtualChange],
    ) -> Vec<Parked> {
        let returns = |index: &&Object| {
            index.kind == ObjectKind::Index
                && restored.iter().any(|it| {
                    it.kind == ObjectKind::Index
                        && it.name == index.name
                        && same(&it.table, &index.table)
                        && self.keeps_keys(index, it)
                })
        };
        let mut parked: Vec<Parked> =
            removed.iter().filter(returns).map(|it| Parked::Index(it.name.clone())).collect();
        let drops = |change: &VirtualChange| {
            matches!(change, VirtualChange::Recreate { .. } | VirtualChange::Drop { .. })
        };
        if virtuals.iter().any(drops) {
            // The names of the tables that a module drops are its own affair: all that stays is safe.
            let stays = |it: &&Object| it.kind.is_table() && self.lineage.table(&it.name).is_some();
            parked.extend(
                self.after.objects.iter().filter(stays).map(|it| Parked::Table(it.name.clone())),
            );
        }
        parked
    }

    /// Indexes of tables that stay, which are renamed or dropped.
    fn loose_index_moves(&self, rebuilds: &[Rebuild]) -> Vec<IndexMove> {
        let rebuilt = |table: &str| rebuilds.iter().any(|it| same(&it.from, table));
        self.before
            .of_kind(ObjectKind::Index)
            .filter(|index| !rebuilt(&index.table))
            .filter_map(|index| {
                let to = self.lineage.index_after(&index.name);
                let successor = self.after.find(ObjectKind::Index, &to);
                let to = successor.filter(|it| self.keeps_keys(index, it)).map(|_| to);
                (to.as_ref() != Some(&index.name)).then(|| IndexMove {
                    table: index.table.clone(),
                    from: index.name.clone(),
                    to,
                })
            })
            .collect()
    }

    /// Returns whether an index has the keys and the condition of an earlier one: only then its statistics fit.
    fn keeps_keys(&self, old: &Object, new: &Object) -> bool {
        let lineage = self.lineage.table(&new.table);
        let renamed = |name: &str| {
            let now = lineage.and_then(|it| it.called_now(name));
            fold(now.unwrap_or(name))
        };
        // SQLite writes a string in double quotes with single ones when it renames something in the text.
        let keys = |index: &Object, name: &dyn Fn(&str) -> String| {
            let tokens = index_keys(index.sql.as_deref()?, name)?;
            let tokens = tokens.iter().map(|it| fold(it.trim_matches('\'')));
            // How many rows share a key does not depend on the order of the keys.
            Some(tokens.filter(|it| !["asc", "desc"].contains(&it.as_str())).collect::<Vec<_>>())
        };
        let (Some(followed), Some(written), Some(now)) =
            (keys(old, &renamed), keys(old, &fold), keys(new, &fold))
        else {
            return false;
        };
        // A keyword may be written like the column that was renamed, as in `WHERE "where" > 0`.
        let same_key = |((followed, written), now)| followed == now || written == now;
        followed.len() == now.len() && followed.iter().zip(&written).zip(&now).all(same_key)
    }

    fn index_moves(&self, from: &str, after: &str) -> Vec<IndexMove> {
        let table = from.to_owned();
        let mut moves = Vec::new();
        for index in self.before.belonging(ObjectKind::Index, from) {
            let to = Some(self.lineage.index_after(&index.name)).filter(|name| {
                let successor = self.after.find(ObjectKind::Index, name);
                successor.is_some_and(|it| same(&it.table, after) && self.keeps_keys(index, it))
            });
            moves.push(IndexMove { table: table.clone(), from: index.name.clone(), to });
        }
        let old_prefix = format!("sqlite_autoindex_{table}_");
        let automatic = self.facts.automatic.iter().filter(|(owner, _)| same(owner, from));
        let mut numbers: Vec<String> = automatic
            .filter_map(|(_, index)| index.strip_prefix(&old_prefix).map(ToOwned::to_owned))
            .collect();
        // The key of a table without rowids is in no list of indexes; its statistics may be from when it had rowids.
        let key = self.before.shape(from).map(|it| &it.key);
        if from != after && matches!(key, Some(RowKey::PrimaryKey(_))) {
            let mut free = (1..).map(|it: usize| it.to_string()).filter(|it| !numbers.contains(it));
            numbers.extend(free.next());
        }
        for number in numbers {
            let (old, to) =
                (format!("{old_prefix}{number}"), format!("sqlite_autoindex_{after}_{number}"));
            moves.push(IndexMove { table: table.clone(), from: old, to: Some(to) });
        }
        moves.push(IndexMove { table: table.clone(), from: table, to: Some(after.to_owned()) });
        moves
    }
}
