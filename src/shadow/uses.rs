//! What views and triggers use: SQLite's authorizer names each table and view while a statement is compiled
//! (<https://sqlite.org/c3ref/set_authorizer.html>).

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::shadow::Shadow;
use crate::database::{Authorizer, Database, Use, run_one, with_stubs};
use crate::error::{Error, ErrorKind, MissingExtension, Result, needs_no_trigger};
use crate::name::{fold, quote};
use crate::schema::{Object, ObjectKind, Schema, firing_statements};
use crate::sql::{significant_tokens, unquote};

/// The tables and views that one view or trigger uses, folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectUses {
    pub direct: BTreeSet<String>,
    /// Those that it needs, also through other views.
    pub all: BTreeSet<String>,
}

/// What the views and triggers of a schema use, by folded name. One that does not compile is in neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    pub views: BTreeMap<String, ObjectUses>,
    /// The triggers. The table or view that a trigger belongs to is among those that it uses.
    pub triggers: BTreeMap<String, ObjectUses>,
}

impl Shadow {
    /// Finds what every view and every trigger uses.
    pub fn uses(&mut self) -> Result<Uses> {
        let schema = self.schema()?;
        let missing = std::mem::take(&mut self.missing);
        let mut finder = Finder::new((&self.connection, &self.authorizer), &schema, missing);
        let found = finder.find();
        self.missing = finder.missing;
        found
    }

    /// Returns whether the statements no longer compile without a table or view.
    fn needs(&mut self, statements: &[&str], name: &str) -> Result<bool> {
        self.connection.execute_batch("SAVEPOINT doubt")?;
        let quoted = quote(name);
        let dropped = ["VIEW", "TABLE"]
            .iter()
            .any(|word| run_one(&self.connection, &format!("DROP {word} main.{quoted}")).is_ok());
        let compiled =
            compiled((&self.connection, &self.authorizer), &mut self.missing, statements).is_some();
        self.connection.execute_batch("ROLLBACK TO doubt; RELEASE doubt")?;
        Ok(!dropped || !compiled)
    }
}

impl Uses {
    /// Finds what every view and every trigger of an open database uses. Nothing is written.
    ///
    /// Each is compiled once, on the database itself, so that the time grows with the number of objects.
    pub fn in_database(database: &Database, schema: &Schema) -> Result<Self> {
        Finder::new((database.connection(), database.authorizer()), schema, Vec::new()).find()
    }
}

/// Compiles statements; `None` if SQLite refuses one of them.
fn compiled(
    (connection, authorizer): (&Connection, &Authorizer),
    missing: &mut Vec<MissingExtension>,
    statements: &[&str],
) -> Option<BTreeSet<Use>> {
    let (compiled, uses) = authorizer.uses_of(|| {
        statements.iter().try_for_each(|sql| {
            let done = with_stubs(connection, missing, |it| it.prepare(sql).map(drop));
            done.or_else(|error| if needs_no_trigger(&error) { Ok(()) } else { Err(error) })
        })
    });
    compiled.is_ok().then_some(uses)
}

/// Finds what the objects of a schema use.
struct Finder<'c> {
    place: (&'c Connection, &'c Authorizer),
    schema: &'c Schema,
    missing: Vec<MissingExtension>,
    /// The tables and views, folded.
    known: BTreeSet<String>,
    /// The views, folded.
    views: BTreeSet<String>,
    /// The schema in memory, for what can only be tried out.
    trial_copy: Option<Shadow>,
}

impl<'c> Finder<'c> {
    fn new(
        place: (&'c Connection, &'c Authorizer),
        schema: &'c Schema,
        missing: Vec<MissingExtension>,
    ) -> Self {
        let views: BTreeSet<String> =
            schema.of_kind(ObjectKind::View).map(|it| fold(&it.name)).collect();
        let tables = schema.objects.iter().filter(|it| it.kind.is_table());
        let known = tables.map(|it| fold(&it.name)).chain(views.iter().cloned()).collect();
        Self { place, schema, missing, known, views, trial_copy: None }
    }

    fn find(&mut self) -> Result<Uses> {
        let mut uses = Uses::default();
        for view in self.schema.of_kind(ObjectKind::View) {
            if let Some(found) = self.uses_of_view(view)? {
                uses.views.insert(fold(&view.name), found);
            }
        }
        uses.close();
        uses.name_unread();
        self.uses_of_triggers(&mut uses)?;
        Ok(uses)
    }

    fn compiled(&mut self, statements: &[&str]) -> Option<BTreeSet<Use>> {
        compiled(self.place, &mut self.missing, statements)
    }

    /// The schema without triggers, in memory: there each trigger is compiled alone.
    fn trial_copy(&mut self) -> Result<&mut Shadow> {
        if self.trial_copy.is_none() {
            self.trial_copy = Some(Shadow::of(&without_triggers(self.schema))?);
        }
        self.trial_copy.as_mut().ok_or_else(|| Error::new(ErrorKind::Unsupported, "no trial_copy"))
    }

    fn uses_of_view(&mut self, view: &Object) -> Result<Option<ObjectUses>> {
        let name = fold(&view.name);
        let sql = format!("SELECT * FROM main.{}", quote(&view.name));
        let sql = [sql.as_str()];
        let Some(mut found) = self.compiled(&sql) else { return Ok(None) };
        found.retain(|it| it.name != name && self.known.contains(&it.name));
        add_places(&mut found, &self.views, &name);
        self.add_unread(&sql, view, &mut found)?;
        if has_common_tables(view) {
            self.drop_unneeded(&sql, &mut found)?;
        }
        let all: BTreeSet<String> = found.iter().map(|it| it.name.clone()).collect();
        let is_own =
            |it: &&Use| !it.without_column && it.within.as_ref().is_none_or(|it| !all.contains(it));
        let direct = found.iter().filter(is_own).map(|it| it.name.clone()).collect();
        Ok(Some(ObjectUses { direct, all }))
    }

    /// Adds the views of which SQLite reads no column: it may put the query of such a view in its place without naming
    /// it. A view that the text does not mention is not used; of the others SQLite decides.
    fn add_unread(
        &mut self,
        statements: &[&str],
        object: &Object,
        found: &mut BTreeSet<Use>,
    ) -> Result<()> {
        let text = object.sql.as_deref().unwrap_or_default();
        let own = fold(&object.name);
        let mentioned: BTreeSet<String> =
            significant_tokens(text).map(|it| fold(&unquote(it.text(text)))).collect();
        let known: BTreeSet<String> = found.iter().map(|it| it.name.clone()).collect();
        let doubtful: Vec<String> = mentioned
            .intersection(&self.views)
            .filter(|it| **it != own && !known.contains(*it))
            .cloned()
            .collect();
        for name in doubtful {
            if self.trial_copy()?.needs(statements, &name)? {
                found.insert(Use { name, within: None, without_column: false });
            }
        }
        Ok(())
    }

    /// Leaves out what SQLite named without a column, if the statements compile without it: it is a common table
    /// expression of the same name.
    fn drop_unneeded(&mut self, statements: &[&str], found: &mut BTreeSet<Use>) -> Result<()> {
        let doubtful: BTreeSet<String> = found
            .iter()
            .filter(|it| it.without_column)
            .filter(|it| !found.iter().any(|one| one.name == it.name && !one.without_column))
            .map(|it| it.name.clone())
            .collect();
        for name in doubtful {
            if !self.trial_copy()?.needs(statements, &name)? {
                found.retain(|it| it.name != name);
            }
        }
        Ok(())
    }

    /// Compiles what fires the triggers of each table and view. A trigger whose uses SQLite does not name under the
    /// name of the trigger is compiled alone, and so are those of a table of which one does not compile.
    fn uses_of_triggers(&mut self, uses: &mut Uses) -> Result<()> {
        let mut owners: BTreeMap<String, Vec<&Object>> = BTreeMap::new();
        for trigger in self.schema.of_kind(ObjectKind::Trigger) {
            owners.entry(fold(&trigger.table)).or_default().push(trigger);
        }
        for (owner, triggers) in owners {
            let statements = firing_statements(self.place.0, self.schema, &owner)?;
            let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
            let found = self.compiled(&statements);
            for trigger in triggers {
                let direct = self.uses_of_trigger(trigger, found.as_ref(), &statements)?;
                let Some(direct) = direct else { continue };
                let mut direct: BTreeSet<String> =
                    direct.intersection(&self.known).cloned().collect();
                direct.insert(owner.clone());
                let through = direct.iter().filter_map(|it| uses.views.get(it));
                let all = through.flat_map(|it| &it.all).chain(&direct).cloned().collect();
                uses.triggers.insert(fold(&trigger.name), ObjectUses { direct, all });
            }
        }
        Ok(())
    }

    /// What one trigger uses, from what SQLite named for all of its table; `None` if it does not compile.
    fn uses_of_trigger(
        &mut self,
        trigger: &Object,
        found: Option<&BTreeSet<Use>>,
        statements: &[&str],
    ) -> Result<Option<BTreeSet<String>>> {
        let name = fold(&trigger.name);
        let Some(found) = found else { return self.uses_alone(trigger, statements) };
        let own = found.iter().filter(|it| it.within.as_ref() == Some(&name));
        let direct: BTreeSet<String> = own.map(|it| it.name.clone()).collect();
        match is_doubtful(trigger, (&self.known, &self.views), &direct) {
            true => self.uses_alone(trigger, statements),
            false => Ok(Some(direct)),
        }
    }

    /// Compiles one trigger where no other is.
    fn uses_alone(
        &mut self,
        trigger: &Object,
        statements: &[&str],
    ) -> Result<Option<BTreeSet<String>>> {
        let Some(sql) = &trigger.sql else { return Ok(None) };
        let trial_copy = self.trial_copy()?;
        let create = |connection: &Connection| run_one(connection, sql);
        if with_stubs(&trial_copy.connection, &mut trial_copy.missing, create).is_err() {
            return Ok(None);
        }
        let place = (&trial_copy.connection, &trial_copy.authorizer);
        let mut found = compiled(place, &mut trial_copy.missing, statements);
        if let Some(found) = &mut found {
            let owner = fold(&trigger.table);
            found.retain(|it| it.name != owner);
            add_places(found, &self.views, &owner);
            self.add_unread(statements, trigger, found)?;
            self.drop_unneeded(statements, found)?;
        }
        let drop = format!("DROP TRIGGER main.{}", quote(&trigger.name));
        run_one(&self.trial_copy()?.connection, &drop)?;
        Ok(found.map(|it| it.into_iter().map(|it| it.name).collect()))
    }
}

/// Adds the views in which SQLite found something to read.
fn add_places(found: &mut BTreeSet<Use>, views: &BTreeSet<String>, own: &str) {
    let places: BTreeSet<String> = found
        .iter()
        .filter_map(|it| it.within.clone())
        .filter(|it| it != own && views.contains(it))
        .collect();
    for name in places {
        // The place may be a common table expression of the name.
        let within = Some(name.clone());
        found.insert(Use { name, within, without_column: true });
    }
}

impl Uses {
    /// Adds what the views need that a view uses: SQLite does not name all of it.
    fn close(&mut self) {
        loop {
            let mut added: Vec<(String, BTreeSet<String>)> = Vec::new();
            for (name, uses) in &self.views {
                let below = uses.all.iter().filter_map(|it| self.views.get(it));
                let more: BTreeSet<String> =
                    below.flat_map(|it| it.all.difference(&uses.all)).cloned().collect();
                if !more.is_empty() {
                    added.push((name.clone(), more));
                }
            }
            if added.is_empty() {
                return;
            }
            for (name, more) in added {
                if let Some(uses) = self.views.get_mut(&name) {
                    uses.all.extend(more);
                }
            }
        }
    }

    /// Names what is used, and by no view in between, as used directly.
    fn name_unread(&mut self) {
        let mut added: Vec<(String, String)> = Vec::new();
        for (name, uses) in &self.views {
            let below = uses.all.iter().filter_map(|it| self.views.get(it));
            let reached: BTreeSet<&String> = below.flat_map(|it| &it.all).collect();
            let missed = uses.all.iter().filter(|it| !reached.contains(it));
            added.extend(missed.map(|it| (name.clone(), it.clone())));
        }
        for (name, missed) in added {
            if let Some(uses) = self.views.get_mut(&name) {
                uses.direct.insert(missed);
            }
        }
    }
}

/// Returns whether a text may have common table expressions. One that has none is spared a check.
fn has_common_tables(object: &Object) -> bool {
    let text = object.sql.as_deref().unwrap_or_default();
    significant_tokens(text).any(|it| it.is_word(text, "WITH"))
}

/// Returns whether a trigger may use more than SQLite named under its name: within a common table expression, within a
/// view of the same name, or of a view of which no column is read.
fn is_doubtful(
    trigger: &Object,
    (known, views): (&BTreeSet<String>, &BTreeSet<String>),
    direct: &BTreeSet<String>,
) -> bool {
    let text = trigger.sql.as_deref().unwrap_or_default();
    let mentions_more = significant_tokens(text)
        .map(|it| fold(&unquote(it.text(text))))
        .any(|it| views.contains(&it) && !direct.contains(&it) && it != fold(&trigger.table));
    mentions_more || has_common_tables(trigger) || known.contains(&fold(&trigger.name))
}

fn without_triggers(schema: &Schema) -> Schema {
    let mut schema = schema.clone();
    schema.objects.retain(|it| it.kind != ObjectKind::Trigger);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(sql: &str) -> Uses {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        Shadow::of(&crate::schema::read(&connection).unwrap()).unwrap().uses().unwrap()
    }

    fn names(set: &BTreeSet<String>) -> String {
        set.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn views_use_what_their_queries_read_and_what_those_read() {
        let found = uses(
            "CREATE TABLE t(a); CREATE TABLE u(b); CREATE TABLE other(c);
             CREATE VIEW V1 AS SELECT a FROM t; CREATE VIEW v2 AS SELECT count(*) FROM v1, u;
             CREATE VIEW v3 AS SELECT 1 FROM T WHERE EXISTS (SELECT 1 FROM v2) AND 'other' <> \"other\";
             CREATE VIEW k AS SELECT 1 FROM t; CREATE VIEW v4 AS SELECT count(*) FROM k;
             CREATE VIEW v0 AS SELECT 1 FROM u WHERE EXISTS (SELECT 1 FROM v4);
             CREATE VIEW v5 AS SELECT b AS k FROM u; CREATE VIEW v6 AS SELECT a.b FROM (SELECT b FROM u) AS a;
             CREATE VIEW broken AS SELECT x FROM nowhere;",
        );
        let view = |name: &str| (names(&found.views[name].direct), names(&found.views[name].all));
        assert_eq!(view("v1"), ("t".to_owned(), "t".to_owned()));
        assert_eq!(view("v2"), ("u v1".to_owned(), "t u v1".to_owned()));
        // A table of which no column is read, and that a view in between reads, is not named as direct.
        assert_eq!(view("v3"), ("v2".to_owned(), "t u v1 v2".to_owned()));
        assert_eq!(view("v4"), ("k".to_owned(), "k t".to_owned()));
        assert_eq!(view("v0"), ("u v4".to_owned(), "k t u v4".to_owned()));
        assert_eq!(view("v5").1, "u");
        assert_eq!(view("v6").1, "u");
        assert!(!found.views.contains_key("broken"));
    }

    #[test]
    fn a_common_table_expression_hides_the_table_of_its_name() {
        let found = uses(
            "CREATE TABLE t(a); CREATE TABLE c(b);
             CREATE VIEW hidden AS WITH c AS (SELECT a FROM t) SELECT count(*) FROM c;
             CREATE VIEW read AS WITH d AS (SELECT 1 FROM t) SELECT count(*) FROM c, d;
             CREATE VIEW unused AS WITH d AS (SELECT b FROM c) SELECT a FROM t;",
        );
        assert_eq!(names(&found.views["hidden"].all), "t");
        assert_eq!(names(&found.views["read"].all), "c t");
        assert_eq!(names(&found.views["read"].direct), "c t");
        assert_eq!(names(&found.views["unused"].all), "t");
    }

    #[test]
    fn each_trigger_uses_its_own() {
        let found = uses(
            "CREATE TABLE t(a); CREATE TABLE u(b); CREATE TABLE w(c); CREATE TABLE x(d);
             CREATE VIEW v AS SELECT b FROM u; CREATE VIEW g AS SELECT d FROM x;
             CREATE TRIGGER one AFTER INSERT ON t BEGIN INSERT INTO w SELECT b FROM v; END;
             CREATE TRIGGER two AFTER UPDATE OF c ON w WHEN (SELECT 1 FROM x) BEGIN DELETE FROM t; END;
             CREATE TRIGGER three AFTER DELETE ON x BEGIN
                INSERT INTO t WITH w AS (SELECT b FROM u) SELECT count(*) FROM w; END;
             CREATE TRIGGER g AFTER DELETE ON u BEGIN DELETE FROM w; END;
             CREATE TRIGGER counts AFTER INSERT ON x BEGIN DELETE FROM w WHERE (SELECT count(*) FROM v) > 1; END;
             CREATE TRIGGER instead INSTEAD OF UPDATE ON v BEGIN UPDATE w SET c = new.b; END;",
        );
        let trigger =
            |name: &str| (names(&found.triggers[name].direct), names(&found.triggers[name].all));
        assert_eq!(trigger("one"), ("t v w".to_owned(), "t u v w".to_owned()));
        assert_eq!(trigger("two").0, "t w x");
        assert_eq!(trigger("three").0, "t u x");
        assert_eq!(trigger("g").0, "u w");
        assert_eq!(trigger("counts").0, "u v w x");
        assert_eq!(trigger("instead"), ("v w".to_owned(), "u v w".to_owned()));
    }
}
