//! What a change of the schema must leave: the objects that were there, by name and text, and what its steps say.
//!
//! The schema that the plan leads to and that the proof asks for comes from the shadow. An index that the shadow lost, or a
//! rule of a table, would be missing in both, and every check would hold. So names and texts are followed here once more,
//! from the steps alone. What views and triggers read is asked of SQLite elsewhere (`shadow::references`): their texts may
//! be restated.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, is_internal};
use crate::phase::{Operation, Step};
use crate::schema::{Object, ObjectKind, Schema, text_form};
use crate::sql::{object_head, owner, unquote};

/// A kind and a folded name. Ordinary and virtual tables count as one kind.
type Key = (ObjectKind, String);

struct ExpectedEntry {
    key: Key,
    name: String,
    /// The place of the table or view that it belongs to.
    owner: Option<usize>,
    /// The text of an index or ordinary table; `None` once a step says what it is.
    text: Option<String>,
}

/// The objects that must be there after the steps so far.
pub(super) struct ExpectedObjects {
    entries: Vec<ExpectedEntry>,
    /// Which entries have a name, the oldest first: in a swap, two tables have the same name for one step.
    places: HashMap<Key, VecDeque<usize>>,
    /// The tables that modules keep their content in, and what belongs to these: modules create, rename and drop them.
    of_modules: BTreeSet<Key>,
    /// The renames so far, folded, in their order.
    renames: Vec<(String, String)>,
}

impl ExpectedObjects {
    /// Begins with the objects of a schema.
    pub(super) fn of(schema: &Schema) -> Self {
        let mut expected = Self {
            entries: Vec::new(),
            places: HashMap::new(),
            of_modules: BTreeSet::new(),
            renames: Vec::new(),
        };
        let is_owner = |it: &&Object| it.kind.is_table() || it.kind == ObjectKind::View;
        for object in schema.objects.iter().filter(is_owner) {
            match object.kind {
                ObjectKind::ShadowTable => {
                    expected.of_modules.insert((ObjectKind::Table, fold(&object.name)));
                }
                kind => expected.add(kind, object, None),
            }
        }
        for object in schema.objects.iter().filter(|it| !is_owner(it)) {
            match expected.relation(&object.table) {
                Some(owner) => expected.add(object.kind, object, Some(owner)),
                None => {
                    expected.of_modules.insert((object.kind, fold(&object.name)));
                }
            }
        }
        expected
    }

    /// Follows steps in their order.
    pub(super) fn follow(&mut self, steps: &[Step]) {
        steps.iter().for_each(|it| self.follow_one(&it.operation));
    }

    fn follow_one(&mut self, operation: &Operation) {
        match operation {
            Operation::RenameTable { from, to } => self.rename(ObjectKind::Table, from, to),
            Operation::RenameIndex { from, to } => self.rename(ObjectKind::Index, from, to),
            Operation::Create { kind, sql, .. } => self.create((*kind).into(), sql),
            Operation::Drop { kind, name, .. } => self.drop((*kind).into(), name),
            // It may be on another table from here on.
            Operation::ReplaceTrigger { sql } => {
                let name = object_head(sql).map(|it| it.name.text);
                name.into_iter().for_each(|it| self.drop(ObjectKind::Trigger, &it));
                self.create(ObjectKind::Trigger, sql);
            }
            Operation::RenameColumn { from, to, .. } => self.renames.push((fold(from), fold(to))),
            Operation::AddColumn { table, .. }
            | Operation::DropColumn { table, .. }
            | Operation::AlterColumn { table, .. }
            | Operation::AddConstraint { table, .. }
            | Operation::DropConstraint { table, .. }
            | Operation::Rebuild { table, .. } => self.define(table),
            Operation::ReplaceView { .. } | Operation::Sql { .. } => {}
        }
    }

    /// Compares a schema with what must be there.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] with everything that is missing, or there without a step that creates it.
    pub(super) fn compare(&self, now: &Schema) -> Result<()> {
        let present: BTreeSet<Key> =
            now.objects.iter().map(|it| (one_kind(it.kind), fold(&it.name))).collect();
        let mut odd = Vec::new();
        for (key, places) in &self.places {
            let Some(place) = places.front().filter(|_| !present.contains(key)) else { continue };
            let name = &self.entries[*place].name;
            odd.push(format!("{} {name} would be lost, and no step drops it", key.0.word()));
        }
        for object in &now.objects {
            let key = (one_kind(object.kind), fold(&object.name));
            let is_of_module = |it: &str| now.find(ObjectKind::ShadowTable, it).is_some();
            let known = self.places.get(&key).is_some_and(|it| !it.is_empty());
            if known || self.of_modules.contains(&key) || is_of_module(&object.table) {
                continue;
            }
            let word = object.kind.word();
            odd.push(format!("{word} {} would appear, and no step creates it", object.name));
        }
        odd.sort();
        refuse(odd)
    }

    /// Compares the texts of indexes and tables that no step defines with those of before: only names may be others, and
    /// only those that steps rename. A string may change its quotes.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] with every object that would get another text.
    pub(super) fn compare_texts(&self, now: &Schema) -> Result<()> {
        let mut odd = Vec::new();
        for (key, places) in &self.places {
            let Some(entry) = places.front().map(|it| &self.entries[*it]) else { continue };
            let object = now.find(key.0, &entry.name).and_then(|it| it.sql.as_deref());
            let Some((old, new)) = entry.text.as_deref().zip(object) else { continue };
            if old != new && !self.follows(old, new) {
                let word = key.0.word();
                let name = &entry.name;
                odd.push(format!(
                    "{word} {name} would get another definition, and no step gives it"
                ));
            }
        }
        odd.sort();
        refuse(odd)
    }

    /// Returns whether two texts differ only by the names that steps rename, and by spaces, comments and quotes.
    fn follows(&self, old: &str, new: &str) -> bool {
        let (old, new) = (text_form(old), text_form(new));
        let follows = |(old, new): (&String, &String)| old == new || self.may_become(old, new);
        old.len() == new.len() && old.iter().zip(&new).all(follows)
    }

    fn may_become(&self, old: &str, new: &str) -> bool {
        let name = |it: &str| it.strip_prefix("n ").map(str::to_owned);
        let plain = |it: &str| name(it).unwrap_or_else(|| fold(&unquote(it)));
        let (was, now) = (plain(old), plain(new));
        if was == now {
            return name(old).is_some() != name(new).is_some();
        }
        let mut names = BTreeSet::from([was]);
        for (from, to) in &self.renames {
            if names.contains(from) {
                names.insert(to.clone());
            }
        }
        names.contains(&now)
    }

    /// A step says what the text of a table is.
    fn define(&mut self, table: &str) {
        if let Some(place) = self.relation(table) {
            self.entries[place].text = None;
        }
    }

    fn add(&mut self, kind: ObjectKind, object: &Object, owner: Option<usize>) {
        let has_text = matches!(kind, ObjectKind::Index | ObjectKind::Table);
        let text = object.sql.clone().filter(|_| has_text);
        self.add_entry(kind, &object.name, owner, text);
    }

    fn add_entry(
        &mut self,
        kind: ObjectKind,
        name: &str,
        owner: Option<usize>,
        text: Option<String>,
    ) {
        let key = (one_kind(kind), fold(name));
        self.places.entry(key.clone()).or_default().push_back(self.entries.len());
        self.entries.push(ExpectedEntry { key, name: name.to_owned(), owner, text });
    }

    /// The table or view of a name.
    fn relation(&self, name: &str) -> Option<usize> {
        let name = fold(name);
        let find = |kind| self.places.get(&(kind, name.clone()))?.front().copied();
        find(ObjectKind::Table).or_else(|| find(ObjectKind::View))
    }

    /// What is there already stays: the step says that it may be, or is refused.
    fn create(&mut self, kind: ObjectKind, sql: &str) {
        let Ok(head) = object_head(sql) else { return };
        let name = &head.name.text;
        let taken = |kind| self.places.get(&(kind, fold(name))).is_some_and(|it| !it.is_empty());
        let is_taken = taken(kind) || kind == ObjectKind::Table && taken(ObjectKind::View);
        if !is_taken && !is_internal(name) {
            let owner = owner(sql).and_then(|it| self.relation(&it));
            self.add_entry(kind, name, owner, None);
        }
    }

    fn rename(&mut self, kind: ObjectKind, from: &str, to: &str) {
        self.renames.push((fold(from), fold(to)));
        let Some(place) = self.take(kind, from) else { return };
        let entry = &mut self.entries[place];
        (entry.key, entry.name) = ((kind, fold(to)), to.to_owned());
        self.places.entry(entry.key.clone()).or_default().push_back(place);
    }

    /// Drops an object, and what belongs to it (<https://sqlite.org/lang_droptable.html>).
    fn drop(&mut self, kind: ObjectKind, name: &str) {
        let Some(dropped) = self.take(kind, name) else { return };
        for (place, entry) in self.entries.iter().enumerate() {
            if entry.owner == Some(dropped)
                && let Some(places) = self.places.get_mut(&entry.key)
            {
                places.retain(|it| *it != place);
            }
        }
    }

    fn take(&mut self, kind: ObjectKind, name: &str) -> Option<usize> {
        self.places.get_mut(&(kind, fold(name)))?.pop_front()
    }
}

fn refuse(odd: Vec<String>) -> Result<()> {
    match odd.first() {
        None => Ok(()),
        Some(first) => Err(Error::new(ErrorKind::Unsupported, first.clone()).problems(odd.clone())),
    }
}

fn one_kind(kind: ObjectKind) -> ObjectKind {
    match kind {
        ObjectKind::VirtualTable | ObjectKind::ShadowTable => ObjectKind::Table,
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phase::StepObject;
    use crate::phase::ViewPolicy;
    use crate::shadow::Shadow;

    const FILE: &str = "
        CREATE TABLE a(id INTEGER PRIMARY KEY, x UNIQUE, y); CREATE INDEX by_x ON a(x); CREATE INDEX by_y ON a(y);
        CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT, z); CREATE INDEX by_z ON b(z);
        CREATE VIEW seen AS SELECT x FROM a;
        CREATE TRIGGER fires AFTER UPDATE OF x ON a BEGIN UPDATE b SET z = new.x; END;
        CREATE TRIGGER instead INSTEAD OF INSERT ON seen BEGIN INSERT INTO a(x) VALUES (new.x); END;
        CREATE VIRTUAL TABLE words USING fts5(t); CREATE INDEX by_block ON words_data(block);
    ";

    fn step(operation: Operation) -> Step {
        Step { operation, line: 1 }
    }

    fn rename(from: &str, to: &str) -> Step {
        step(Operation::RenameTable { from: from.to_owned(), to: to.to_owned() })
    }

    fn drop_table(table: &str) -> Step {
        step(Operation::Drop { kind: StepObject::Table, name: table.to_owned(), if_exists: true })
    }

    fn shadow() -> Shadow {
        let file = rusqlite::Connection::open_in_memory().unwrap();
        file.execute_batch(FILE).unwrap();
        Shadow::of(&crate::schema::read(&file).unwrap()).unwrap()
    }

    #[test]
    fn an_object_that_the_shadow_lost_or_made_is_named() {
        let shadow = &mut shadow();
        let mut expected = ExpectedObjects::of(&shadow.schema().unwrap());
        let steps = [rename("b", "c")];
        expected.follow(&steps);
        shadow.apply(&steps, ViewPolicy::Follow).unwrap();
        expected.compare(&shadow.schema().unwrap()).unwrap();
        for lost in ["INDEX by_y", "TRIGGER fires", "VIEW seen", "TABLE c"] {
            shadow.define(&format!("DROP {lost}")).unwrap();
        }
        shadow.define("CREATE TABLE other(x)").unwrap();
        let error = expected.compare(&shadow.schema().unwrap()).unwrap_err();
        let lost = |it: &str| format!("{it} would be lost, and no step drops it");
        let names = ["index by_y", "index by_z", "table c"].map(lost).to_vec();
        let made = "table other would appear, and no step creates it".to_owned();
        let last = ["trigger fires", "trigger instead", "view seen"].map(lost).to_vec();
        assert_eq!(error.facts().problems, [names, vec![made], last].concat());
    }

    #[test]
    fn another_text_that_no_step_gives_is_named() {
        let column = Operation::RenameColumn {
            table: "a".to_owned(),
            from: "x".to_owned(),
            to: "the x".to_owned(),
        };
        let steps = [rename("b", "c"), step(column)];
        for (planted, wanted) in [
            ("DROP INDEX by_y; CREATE INDEX by_y ON a(y)", None),
            ("DROP INDEX by_y; CREATE INDEX by_y ON a(y DESC)", Some("index by_y")),
            ("DROP INDEX by_x; CREATE INDEX by_x ON a(y)", Some("index by_x")),
            ("DROP INDEX by_z; CREATE UNIQUE INDEX by_z ON c(z)", Some("index by_z")),
            ("DROP TABLE c; CREATE TABLE c(id INTEGER PRIMARY KEY, z)", Some("table c")),
        ] {
            let shadow = &mut shadow();
            let mut expected = ExpectedObjects::of(&shadow.schema().unwrap());
            expected.follow(&steps);
            shadow.apply(&steps, ViewPolicy::Keep).unwrap();
            expected.compare_texts(&shadow.schema().unwrap()).unwrap();
            planted.split("; ").for_each(|it| shadow.define(it).unwrap());
            let odd = expected.compare_texts(&shadow.schema().unwrap()).err();
            let problems = odd.map(|it| it.facts().problems.clone()).unwrap_or_default();
            let wanted =
                wanted.map(|it| format!("{it} would get another definition, and no step gives it"));
            assert_eq!(problems, wanted.into_iter().collect::<Vec<_>>(), "{planted}");
        }
    }

    #[test]
    fn names_follow_the_steps_as_sqlite_does() {
        let create = |sql: &str| {
            step(Operation::Create {
                kind: StepObject::Table,
                sql: sql.to_owned(),
                if_not_exists: true,
            })
        };
        let trigger = |sql: &str| {
            step(Operation::Create {
                kind: StepObject::Trigger,
                sql: sql.to_owned(),
                if_not_exists: false,
            })
        };
        let chains = [
            vec![rename("a", "b"), rename("b", "a"), drop_table("a"), create("CREATE TABLE a(q)")],
            vec![rename("a", "A"), drop_table("A")],
            vec![drop_table("words"), create("CREATE VIRTUAL TABLE words USING rtree(id, l, h)")],
            vec![
                rename("words", "Texts"),
                drop_table("nothing"),
                create("CREATE TABLE IF NOT EXISTS b(id INTEGER PRIMARY KEY AUTOINCREMENT, z)"),
            ],
            vec![
                step(Operation::ReplaceTrigger {
                    sql: "CREATE TRIGGER fires INSTEAD OF DELETE ON seen BEGIN SELECT 1; END"
                        .to_owned(),
                }),
                step(Operation::Drop {
                    kind: StepObject::View,
                    name: "seen".to_owned(),
                    if_exists: false,
                }),
            ],
            vec![
                step(Operation::Drop {
                    kind: StepObject::View,
                    name: "seen".to_owned(),
                    if_exists: false,
                }),
                step(Operation::RenameIndex { from: "by_y".to_owned(), to: "by_w".to_owned() }),
                trigger("CREATE TRIGGER \"on\" BEFORE DELETE ON [b] BEGIN SELECT 1; END"),
                drop_table("b"),
            ],
        ];
        for steps in chains {
            let shadow = &mut shadow();
            let mut expected = ExpectedObjects::of(&shadow.schema().unwrap());
            for group in super::super::undo::groups(&steps) {
                expected.follow(group);
                shadow.apply(group, ViewPolicy::Follow).unwrap();
            }
            expected
                .compare(&shadow.schema().unwrap())
                .unwrap_or_else(|error| panic!("{error}: {steps:?}"));
        }
    }
}
