//! What depends on what: for each table and view, whatever would break or go without it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, same};
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::{Shadow, Uses};
use crate::text::similar;

/// What depends on one table or view.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Dependents {
    /// The table or view.
    pub name: String,
    /// `table`, `virtual table` or `view`.
    pub kind: &'static str,
    /// How many views stand below each other down to the tables: 0 for a table.
    pub layer: usize,
    /// The tables and views that a view reads itself.
    pub reads: Vec<String>,
    /// Views that no longer compile without it, those that read it through other views included.
    pub views: Vec<String>,
    /// Triggers that no longer compile without it, or that hang on it.
    pub triggers: Vec<String>,
    pub indexes: Vec<String>,
    /// Tables whose foreign keys refer to it.
    pub referenced_by: Vec<String>,
}

/// A trigger, and what it uses.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TriggerUses {
    pub name: String,
    /// The table or view that it belongs to.
    pub table: String,
    /// The tables and views that its text reads or writes; empty for a trigger that does not compile.
    pub uses: Vec<String>,
}

/// What depends on what in a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// The tables and views.
    pub objects: Vec<Dependents>,
    pub triggers: Vec<TriggerUses>,
}

/// Finds what depends on each table and view of a schema, and what each trigger uses: SQLite names it while it
/// compiles the views and triggers in memory.
///
/// A view or trigger that does not compile is in no list.
pub fn dependencies(schema: &Schema) -> Result<Dependencies> {
    Ok(of_uses(schema, &Shadow::of(schema)?.uses()?))
}

/// As [`dependencies`], for the schema of an open database: its views and triggers are compiled where they are.
pub fn dependencies_in(database: &Database, schema: &Schema) -> Result<Dependencies> {
    Ok(of_uses(schema, &Uses::in_database(database, schema)?))
}

fn of_uses(schema: &Schema, uses: &Uses) -> Dependencies {
    let layers = layers(uses);
    let by_use = ByUse::of(schema, uses);
    let carried = |it: &&Object| {
        matches!(it.kind, ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::View)
    };
    let one = |object: &Object| {
        let name = fold(&object.name);
        let direct = uses.views.get(&name).map(|it| &it.direct);
        Dependents {
            name: object.name.clone(),
            kind: object.kind.word(),
            layer: layers.get(&name).copied().unwrap_or(0),
            reads: by_use.names(direct.into_iter().flatten()),
            views: by_use.views.list(&name),
            triggers: by_use.triggers.list(&name),
            indexes: by_use.indexes.list(&name),
            referenced_by: by_use.references.list(&name),
        }
    };
    let objects = schema.objects.iter().filter(carried).map(one).collect();
    let trigger = |object: &Object| {
        let found = uses.triggers.get(&fold(&object.name)).map(|it| &it.direct);
        let uses = by_use.names(found.into_iter().flatten());
        TriggerUses { name: object.name.clone(), table: object.table.clone(), uses }
    };
    let triggers = schema.of_kind(ObjectKind::Trigger).map(trigger).collect();
    Dependencies { objects, triggers }
}

/// Names by the folded name of the table or view that they depend on.
#[derive(Default)]
struct Lists<'s>(HashMap<String, BTreeMap<String, &'s str>>);

impl<'s> Lists<'s> {
    fn add(&mut self, needed: &str, name: &'s str) {
        self.0.entry(fold(needed)).or_default().insert(fold(name), name);
    }

    /// The names in order.
    fn list(&self, needed: &str) -> Vec<String> {
        let found = self.0.get(needed);
        found.into_iter().flatten().map(|(_, name)| (*name).to_owned()).collect()
    }
}

#[derive(Default)]
struct ByUse<'s> {
    spelled: HashMap<String, &'s str>,
    views: Lists<'s>,
    triggers: Lists<'s>,
    indexes: Lists<'s>,
    references: Lists<'s>,
}

impl<'s> ByUse<'s> {
    fn of(schema: &'s Schema, uses: &Uses) -> Self {
        let mut lists = Self::default();
        for object in &schema.objects {
            let (name, folded) = (object.name.as_str(), fold(&object.name));
            match object.kind {
                ObjectKind::View => {
                    let found = uses.views.get(&folded);
                    found
                        .into_iter()
                        .flat_map(|it| &it.all)
                        .for_each(|it| lists.views.add(it, name));
                }
                ObjectKind::Trigger => {
                    lists.triggers.add(&object.table, name);
                    let found = uses.triggers.get(&folded);
                    found
                        .into_iter()
                        .flat_map(|it| &it.all)
                        .for_each(|it| lists.triggers.add(it, name));
                }
                ObjectKind::Index => lists.indexes.add(&object.table, name),
                ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => {}
            }
            if object.kind != ObjectKind::Trigger && object.kind != ObjectKind::Index {
                lists.spelled.insert(folded, name);
            }
        }
        for table in schema.tables.values() {
            table
                .foreign_keys
                .iter()
                .for_each(|key| lists.references.add(&key.parent, &table.name));
        }
        lists
    }

    /// The names as the schema spells them.
    fn names<'n>(&self, folded: impl Iterator<Item = &'n String>) -> Vec<String> {
        folded.filter_map(|it| self.spelled.get(it)).map(|it| (*it).to_owned()).collect()
    }
}

/// Returns the layer of each view, by folded name: 1 for a view that reads no other view.
pub fn view_layers(schema: &Schema) -> Result<BTreeMap<String, usize>> {
    Ok(layers(&Shadow::of(schema)?.uses()?))
}

/// The layer of each view, by folded name: one more than the highest of the views that it needs.
pub(super) fn layers(uses: &Uses) -> BTreeMap<String, usize> {
    let needed =
        |all: &BTreeSet<String>| all.iter().filter(|it| uses.views.contains_key(*it)).count();
    // A view needs all that is needed by the views that it needs, so it has more below it than each of them.
    let mut ordered: Vec<(usize, &String)> =
        uses.views.iter().map(|(name, it)| (needed(&it.all), name)).collect();
    ordered.sort();
    let mut layers: BTreeMap<String, usize> = BTreeMap::new();
    for (_, name) in ordered {
        let below = uses.views.get(name).into_iter().flat_map(|it| &it.all);
        let highest = below.filter_map(|it| layers.get(it)).max().copied();
        layers.insert(name.clone(), highest.unwrap_or(0) + 1);
    }
    layers
}

/// How many names an unknown one is answered with where none is similar.
const LISTED: usize = 10;

impl Dependencies {
    /// Returns what depends on the table or view of this name.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownTarget`] with the similar names, or with the first ones, if there is none.
    pub fn of(&self, name: &str) -> Result<&Dependents> {
        self.objects.iter().find(|it| same(&it.name, name)).ok_or_else(|| {
            let names = self.objects.iter().map(|it| it.name.as_str());
            let mut near: Vec<&str> =
                names.clone().filter(|it| fold(it).contains(&fold(name))).collect();
            if near.is_empty() {
                near.extend(similar(name, names));
            }
            let more = if near.is_empty() { self.objects.len().saturating_sub(LISTED) } else { 0 };
            if near.is_empty() {
                near.extend(self.objects.iter().map(|it| it.name.as_str()).take(LISTED));
            }
            let what = format!("no table or view is called {name}");
            let error = Error::new(ErrorKind::UnknownTarget, what).about("table");
            error.choices(near).and_more_choices(more)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::from_sql as schema;

    #[test]
    fn views_stand_in_layers() {
        let schema = schema(
            "CREATE TABLE t(a INTEGER PRIMARY KEY); CREATE TABLE u(b REFERENCES t(a));
             CREATE INDEX i ON t(a);
             CREATE VIEW one AS SELECT a FROM t; CREATE VIEW other AS SELECT b FROM u;
             CREATE VIEW two AS SELECT a FROM one, other; CREATE VIEW three AS SELECT t.a FROM two, t;
             CREATE VIEW broken AS SELECT x FROM nowhere;
             CREATE TRIGGER g AFTER INSERT ON u BEGIN INSERT INTO t SELECT a FROM two; END;",
        );
        let found = dependencies(&schema).unwrap();
        let all = &found.objects;
        let one = |name: &str| all.iter().find(|it| it.name == name).unwrap();
        assert_eq!(one("t").views, ["one", "three", "two"]);
        assert_eq!(one("t").referenced_by, ["u"]);
        assert_eq!(one("t").indexes, ["i"]);
        assert_eq!(one("t").triggers, ["g"]);
        assert_eq!(one("other").views, ["three", "two"]);
        assert!(one("three").views.is_empty());
        let layers: Vec<usize> =
            ["t", "one", "other", "two", "three"].iter().map(|name| one(name).layer).collect();
        assert_eq!(layers, [0, 1, 1, 2, 3]);
        assert!(one("broken").views.is_empty());
        let error = found.of("thre").unwrap_err();
        assert_eq!(error.facts().choices, ["three"]);
    }
}
