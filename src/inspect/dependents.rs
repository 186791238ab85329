//! What depends on what: for each table and view, whatever would break or go without it.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, quote, same};
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::Shadow;

/// What depends on one table or view.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Dependents {
    /// The table or view.
    pub name: String,
    /// `table`, `virtual table` or `view`.
    pub kind: &'static str,
    /// How many views stand below each other down to the tables: 0 for a table.
    pub layer: usize,
    /// Views that no longer compile without it, those that read it through other views included.
    pub views: Vec<String>,
    /// Triggers that no longer compile without it, or that hang on it.
    pub triggers: Vec<String>,
    /// Its indexes.
    pub indexes: Vec<String>,
    /// Tables whose foreign keys refer to it.
    pub referenced_by: Vec<String>,
}

/// Finds what depends on each table and view of a schema: SQLite is asked what no longer compiles
/// when it is gone.
///
/// A view or trigger that does not compile in the first place depends on nothing that can be found
/// out, and is in no list.
///
/// # Errors
/// As [`Shadow::of`].
pub fn dependents(schema: &Schema) -> Result<Vec<Dependents>> {
    let carried = |it: &&Object| {
        matches!(it.kind, ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::View)
    };
    let objects: Vec<&Object> = schema.objects.iter().filter(carried).collect();
    let mut found = Vec::new();
    for object in objects {
        found.push(dependents_of(schema, object)?);
    }
    let layers = layers(&found);
    for one in &mut found {
        one.layer = layers.get(&fold(&one.name)).copied().unwrap_or(0);
    }
    Ok(found)
}

fn dependents_of(schema: &Schema, object: &Object) -> Result<Dependents> {
    let mut shadow = Shadow::of(schema)?;
    // One that does not compile was set aside: it is not there to be dropped.
    let unsound = shadow.unsound().iter().any(|it| same(&it.object.name, &object.name));
    let word = if object.kind == ObjectKind::View { "VIEW" } else { "TABLE" };
    if !unsound {
        shadow.define(&format!("DROP {word} main.{}", quote(&object.name)))?;
    }
    let broken = shadow.newly_unsound()?;
    let own = |kind| schema.belonging(kind, &object.name).map(|it| it.name.clone());
    let named = |kind: ObjectKind| {
        let found = broken.iter().filter(move |it| it.object.kind == kind);
        found.map(|it| it.object.name.clone())
    };
    let refers = |table: &&crate::schema::Table| {
        table.foreign_keys.iter().any(|key| same(&key.parent, &object.name))
    };
    let sorted = |names: Vec<String>| {
        let mut names = names;
        names.sort_by_key(|name| fold(name));
        names.dedup();
        names
    };
    Ok(Dependents {
        name: object.name.clone(),
        kind: object.kind.word(),
        layer: 0,
        views: sorted(named(ObjectKind::View).collect()),
        triggers: sorted(named(ObjectKind::Trigger).chain(own(ObjectKind::Trigger)).collect()),
        indexes: sorted(own(ObjectKind::Index).collect()),
        referenced_by: sorted(
            schema.tables.values().filter(refers).map(|it| it.name.clone()).collect(),
        ),
    })
}

/// The layer of each view, by folded name: one more than the highest of the views that it needs.
fn layers(found: &[Dependents]) -> BTreeMap<String, usize> {
    let views: Vec<&Dependents> = found.iter().filter(|it| it.kind == "view").collect();
    // A view on which many stand comes before those: what it needs has more dependents than it has.
    let mut ordered = views.clone();
    ordered.sort_by_key(|it| std::cmp::Reverse(it.views.len()));
    let mut layers: BTreeMap<String, usize> = BTreeMap::new();
    for view in ordered {
        let needs = views.iter().filter(|it| it.views.iter().any(|name| same(name, &view.name)));
        let below = needs.filter_map(|it| layers.get(&fold(&it.name))).max().copied();
        layers.insert(fold(&view.name), below.unwrap_or(0) + 1);
    }
    layers
}

/// Returns the layer of each view, by folded name: 1 for a view that reads no other view.
///
/// # Errors
/// As [`Shadow::of`].
pub fn view_layers(schema: &Schema) -> Result<BTreeMap<String, usize>> {
    let views = schema.of_kind(ObjectKind::View);
    let found: Vec<Dependents> =
        views.map(|view| dependents_of(schema, view)).collect::<Result<_>>()?;
    Ok(layers(&found))
}

/// Returns what depends on the object of this name.
///
/// # Errors
/// [`ErrorKind::UnknownTarget`] if there is none; as [`dependents`].
pub fn dependents_on(schema: &Schema, name: &str) -> Result<Dependents> {
    let all = dependents(schema)?;
    all.into_iter().find(|it| same(&it.name, name)).ok_or_else(|| {
        let carried = |it: &&Object| it.kind.is_table() || it.kind == ObjectKind::View;
        let names = schema.objects.iter().filter(carried).map(|it| it.name.as_str());
        let near = names.filter(|it| fold(it).contains(&fold(name)));
        let what = format!("no table or view is called {name}");
        Error::new(ErrorKind::UnknownTarget, what).choices(near)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(sql: &str) -> Schema {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        crate::schema::read(&connection).unwrap()
    }

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
        let all = dependents(&schema).unwrap();
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
        let error = dependents_on(&schema, "thre").unwrap_err();
        assert_eq!(error.facts().choices, ["three"]);
    }
}
