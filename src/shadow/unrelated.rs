//! Consecutive renames in one pass over what they concern. SQLite parses all entries of a schema several times for each
//! rename (<https://sqlite.org/lang_altertable.html#altertabrename>), so tables that have nothing to do with the renames
//! are taken out of the schema meanwhile.

use std::collections::BTreeSet;

use super::shadow::Shadow;
use crate::error::{Error, ErrorKind, Result};
use crate::name::fold;
use crate::phase::{Operation, Step, ViewPolicy};
use crate::schema::{Object, ObjectKind, Schema};
use crate::sql::mentioned;

/// Taking entries out and putting them back reads the schema twice: with fewer tables than this nothing is saved.
const WORTHWHILE: usize = 4;

/// How the scratch names of this program begin: they must not meet a name that is set aside.
const OWN: &str = "phaseshift";

/// A row of `sqlite_schema`: rowid, type, name, table, root page, text.
type Row = (i64, String, String, String, i64, Option<String>);

impl Shadow {
    /// Applies consecutive renames, as [`Self::rename_in_turn`]. If they do not fit what they have to do with, they are
    /// applied to the whole schema: its message counts.
    pub(super) fn apply_renames(&mut self, steps: &[Step], views: ViewPolicy) -> Result<()> {
        let unrelated = unrelated_tables(&*self.current()?, steps);
        if unrelated.len() < WORTHWHILE {
            return self.keeping_entries(|shadow| shadow.rename_in_turn(steps, views));
        }
        let (lineage, notices) = (self.lineage.clone(), self.notices.len());
        let quoted = self.single_quoted.len();
        self.connection.execute_batch("SAVEPOINT unrelated")?;
        let rename = |shadow: &mut Self| shadow.rename_in_turn(steps, views);
        match self.keeping_entries(|shadow| shadow.without_tables(&unrelated, rename)) {
            Ok(()) => Ok(self.connection.execute_batch("RELEASE unrelated")?),
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(_) => {
                self.connection.execute_batch("ROLLBACK TO unrelated; RELEASE unrelated")?;
                self.reload()?;
                self.lineage = lineage;
                self.notices.truncate(notices);
                self.single_quoted.truncate(quoted);
                self.keeping_entries(|shadow| shadow.rename_in_turn(steps, views))
            }
        }
    }

    /// Does work that neither adds nor drops an object, and refuses its result if it did: the proof compares the file
    /// with this schema and would not miss an index that is not in it.
    fn keeping_entries(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = self.entries()?.len();
        work(self)?;
        let after = self.entries()?.len();
        if before == after {
            return Ok(());
        }
        let what = format!("renames made {after} objects of {before}");
        Err(Error::new(ErrorKind::Unsupported, what))
    }

    /// Does work while the entries of some tables are taken out, and puts these back in their places.
    fn without_tables(
        &mut self,
        tables: &BTreeSet<String>,
        work: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let mut set_aside = self.entries()?;
        set_aside.retain(|(_, _, _, table, ..)| tables.contains(&fold(table)));
        self.edit_entries(|connection| {
            let mut delete = connection.prepare("DELETE FROM sqlite_schema WHERE rowid = ?1")?;
            set_aside.iter().try_fold(0, |done, row| Ok(done + delete.execute([row.0])?))
        })?;
        self.reload()?;
        work(self)?;
        self.edit_entries(|connection| {
            let sql = "INSERT INTO sqlite_schema(rowid, type, name, tbl_name, rootpage, sql) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let mut insert = connection.prepare(sql)?;
            set_aside.iter().try_fold(0, |done, row| Ok(done + insert.execute(row.clone())?))
        })?;
        self.reload()
    }

    fn entries(&self) -> Result<Vec<Row>> {
        let sql = "SELECT rowid, type, name, tbl_name, rootpage, sql FROM sqlite_schema";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// The ordinary tables, folded, that renames cannot concern: they have none of the names, mention none of them, and no
/// view or trigger mentions them.
fn unrelated_tables(schema: &Schema, steps: &[Step]) -> BTreeSet<String> {
    let text = |object: &Object| mentioned(object.sql.as_deref().unwrap_or_default());
    let plain = |object: &&Object| matches!(object.kind, ObjectKind::Table | ObjectKind::Index);
    let mut renamed = BTreeSet::new();
    for step in steps {
        match &step.operation {
            Operation::RenameTable { from, to } => renamed.extend([fold(from), fold(to)]),
            Operation::RenameColumn { table, .. } => renamed.extend([fold(table)]),
            _ => {}
        }
    }
    let others = schema.objects.iter().filter(|it| !plain(it));
    let in_use: BTreeSet<String> =
        others.flat_map(|it| text(it).into_iter().chain([fold(&it.table)])).collect();
    let concerned = |object: &&Object| {
        let (name, table) = (fold(&object.name), fold(&object.table));
        let is_named = |it: &String| renamed.contains(it) || in_use.contains(it);
        is_named(&name)
            || is_named(&table)
            || name.starts_with(OWN)
            || text(object).iter().any(|it| renamed.contains(it))
    };
    let kept: BTreeSet<String> =
        schema.objects.iter().filter(concerned).map(|it| fold(&it.table)).collect();
    let tables = schema.of_kind(ObjectKind::Table).map(|it| fold(&it.name));
    tables.filter(|it| !kept.contains(it)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::read;

    const FILE: &str = "
        CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT DEFAULT \"dq\", y);
        CREATE INDEX by_x ON a(x) WHERE y > 1;
        CREATE TABLE lonely(b, c UNIQUE, CHECK (b <> \"dq\"));
        CREATE INDEX idle ON lonely(b DESC);
        CREATE TABLE child(a_id REFERENCES a(id), p REFERENCES parent);
        CREATE TABLE parent(k PRIMARY KEY, x) WITHOUT ROWID;
        CREATE TABLE second(id INTEGER PRIMARY KEY AUTOINCREMENT, x);
        CREATE TABLE third(x, y); CREATE UNIQUE INDEX third_x ON third(x);
        CREATE TABLE fourth(x); CREATE TABLE fifth(x); CREATE TABLE sixth(x);
        CREATE VIEW seen AS SELECT a.x, s.x AS z FROM a JOIN second s USING (id);
        CREATE VIEW deep AS SELECT z FROM seen;
        CREATE TRIGGER fires AFTER INSERT ON child BEGIN UPDATE third SET y = new.p WHERE x IN (SELECT x FROM a); END;
        CREATE VIRTUAL TABLE words USING fts5(x, content='a', content_rowid='id');
    ";

    /// Table or column, name before, name after.
    const RENAMES: [&[(&str, &str, &str)]; 12] = [
        &[("", "a", "moved")],
        &[("a", "y", "z"), ("", "a", "moved"), ("moved", "z", "w")],
        &[("", "child", "kid"), ("kid", "p", "q")],
        &[("", "a", "third"), ("", "third", "a")],
        &[("parent", "k", "x2"), ("parent", "x", "k"), ("parent", "x2", "x")],
        &[("third", "x", "Y2"), ("third", "Y2", "X")],
        &[("", "fourth", "FOURTH")],
        // What does not fit is refused in the same words.
        &[("", "a", "lonely")],
        &[("", "a", "idle")],
        &[("", "a", "deep")],
        &[("a", "nothing", "z")],
        &[("", "bystandr", "z")],
    ];

    fn steps(renames: &[(&str, &str, &str)]) -> Vec<Step> {
        let step = |&(table, from, to): &(&str, &str, &str)| {
            let (from, to) = (from.to_owned(), to.to_owned());
            let operation = match table {
                "" => Operation::RenameTable { from, to },
                table => Operation::RenameColumn { table: table.to_owned(), from, to },
            };
            Step { operation, line: 1 }
        };
        renames.iter().map(step).collect()
    }

    fn outcome(shadow: &Shadow, done: Result<()>) -> String {
        let schema = shadow.schema().unwrap();
        let error = done.map_err(|it| format!("{it} {:?}", it.facts()));
        let entries: Vec<_> =
            schema.entries().map(|it| (&it.kind, &it.name, &it.table, &it.sql)).collect();
        format!("{error:?}\n{entries:#?}\n{:#?}\n{:?}", schema.tables, shadow.lineage)
    }

    #[test]
    fn renames_without_unrelated_tables_end_as_in_the_whole_schema() {
        let file = rusqlite::Connection::open_in_memory().unwrap();
        file.execute_batch(FILE).unwrap();
        let schema = read(&file).unwrap();
        for renames in RENAMES {
            let steps = steps(renames);
            assert!(unrelated_tables(&schema, &steps).len() >= WORTHWHILE, "{renames:?}");
            for views in [ViewPolicy::Follow, ViewPolicy::Keep] {
                let (mut one, mut other) =
                    (Shadow::of(&schema).unwrap(), Shadow::of(&schema).unwrap());
                let expected = one.rename_in_turn(&steps, views);
                let found = other.apply_renames(&steps, views);
                assert_eq!(outcome(&other, found), outcome(&one, expected), "{renames:?}");
            }
        }
    }

    #[test]
    fn what_a_rename_may_concern_stays() {
        let file = rusqlite::Connection::open_in_memory().unwrap();
        file.execute_batch(FILE).unwrap();
        let schema = read(&file).unwrap();
        let left =
            |renames| unrelated_tables(&schema, &steps(renames)).into_iter().collect::<Vec<_>>();
        assert_eq!(left(&[("a", "x", "z")]), ["fifth", "fourth", "lonely", "parent", "sixth"]);
        assert_eq!(left(&[("", "fourth", "IDLE")]), ["fifth", "parent", "sixth"]);
        assert_eq!(left(&[("parent", "k", "z")]), ["fifth", "fourth", "lonely", "sixth"]);
    }

    #[test]
    fn an_object_that_is_lost_on_the_way_is_noticed() {
        let file = rusqlite::Connection::open_in_memory().unwrap();
        file.execute_batch(FILE).unwrap();
        let mut shadow = Shadow::of(&read(&file).unwrap()).unwrap();
        for lost in ["idle", "deep", "fires"] {
            let lose = |shadow: &mut Shadow| {
                shadow.edit_entries(|it| {
                    it.execute("DELETE FROM sqlite_schema WHERE name = ?1", [lost])
                })
            };
            let error = shadow.keeping_entries(lose).unwrap_err();
            assert!(error.to_string().starts_with("renames made"), "{error}");
        }
        let unrelated = BTreeSet::from(["lonely".to_owned()]);
        shadow.keeping_entries(|shadow| shadow.without_tables(&unrelated, |_| Ok(()))).unwrap();
    }
}
