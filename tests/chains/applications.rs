//! Schemas in the manner of real applications: every table and every ordinary column is renamed once,
//! and back, and nothing is lost on either way.
//!
//! What the tool leaves is judged by judge.py; the plan must name every object that changed, and the
//! plan as a script, run by the `sqlite3` program, must give the same file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use phaseshift::migrate::{Migration, Preparation};
use phaseshift::plan::{Plan, VirtualChange};
use serde_json::{Value, json};
use support::{Bench, Renaming, down_to, explain, quoted, script, up_to};

/// A rename that is refused, by table and column, and the object that the refusal names.
type Refusal = (&'static str, &'static str, &'static str);

/// Triggers use a full-text table's name as a column, too, and full-text tables read columns of their
/// content table by their names: SQLite follows neither.
const CHAT: &[Refusal] = &[
    ("contact_search", "*", "contact_a"),
    ("message_search", "*", "message_removed"),
    ("contact", "id", "contact_search"),
    ("contact", "name", "contact_search"),
    ("contact", "address", "contact_search"),
];
const MUSIC: &[Refusal] = &[
    ("lyrics_fts", "*", "track_"),
    ("library", "*", "vocabulary"),
    ("old_search", "*", "words"),
    ("track", "trackid", "lyrics_fts"),
    ("track", "title", "lyrics_fts"),
    ("track", "lyrics", "lyrics_fts"),
    ("lyric_source", "text", "lyric_index"),
    ("lyric_source", "origin", "lyric_index"),
];
/// The view joins on the column with USING, which means the same name on both sides.
const BOOKMARKS: &[Refusal] =
    &[("inputhistory", "place_id", "with_input"), ("keywords", "place_id", "with_input")];

#[test]
fn the_bookmarks_of_a_browser() {
    rename_everything("bookmarks", BOOKMARKS);
}

#[test]
fn a_photo_library() {
    rename_everything("photos", &[]);
}

#[test]
fn a_chat_client() {
    rename_everything("chat", CHAT);
}

#[test]
fn a_music_library() {
    rename_everything("music", MUSIC);
}

#[test]
fn a_password_vault() {
    rename_everything("vault", &[]);
}

#[test]
fn an_ebook_library() {
    rename_everything("ebooks", &[]);
}

#[test]
fn the_plan_on_the_screen_names_every_object_that_changes_and_why() {
    for application in ["bookmarks", "photos", "chat", "music", "vault", "ebooks"] {
        let path =
            format!("{}/fixtures/applications/{application}.sql", env!("CARGO_MANIFEST_DIR"));
        let made = Bench::new(&std::fs::read_to_string(path).unwrap());
        for target in targets(&made.database()) {
            let bench = Bench::copy_of(made.before());
            bench.steps(target.renaming().steps());
            // Each table once, and what hangs on it, is enough; refusals have a test of their own.
            if target.column.is_some() || bench.look("head").is_err() {
                continue;
            }
            let said = bench.project().run(&["plan"]);
            assert_eq!(said.code, 0, "{}: {}", target.name(), said.stderr);
            let list = said.stdout.split("Objects:\n").nth(1).expect("a list of objects");
            bench.up();
            for object in changed_objects(bench.before(), &bench.database()) {
                let line = list.lines().find(|line| {
                    let subject = line.split(": ").next().unwrap_or_default();
                    format!("{subject} ").contains(&format!(" {object} "))
                });
                let line = line.unwrap_or_else(|| panic!("{}: {object}: {list}", target.name()));
                assert!(line.matches(": ").count() > 1, "{line} tells no reason");
            }
        }
    }
}

/// A rename of the test: the table, and the column unless the table itself is renamed.
struct Target {
    table: String,
    column: Option<String>,
}

impl Target {
    fn renaming(&self) -> Renaming {
        match &self.column {
            None => Renaming::of_table(&self.table, &format!("{} renamed", self.table)),
            Some(column) => Renaming::of_column(&self.table, column, &format!("{column} renamed")),
        }
    }

    fn what(&self) -> &str {
        self.column.as_deref().unwrap_or("*")
    }

    fn name(&self) -> String {
        format!("{}.{}", self.table, self.what())
    }
}

/// A full-text table that reads the rows of a table: its name, its text, and what it says about it.
struct Reader {
    name: String,
    text: String,
    content: String,
}

impl Reader {
    /// The text it must have when its content table goes by this name.
    fn following(&self, table: &str) -> String {
        let mark = if self.content.contains('"') { '"' } else { '\'' };
        self.text.replacen(&self.content, &format!("content={mark}{table}{mark}"), 1)
    }
}

impl Target {
    /// The full-text tables that have to follow when the table gets another name.
    fn full_text_readers(&self, database: &Path) -> Vec<Reader> {
        if self.column.is_some() {
            return Vec::new();
        }
        let connection = rusqlite::Connection::open(database).unwrap();
        let sql = "SELECT name, sql FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL%'";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let found = rows.map(Result::unwrap).filter_map(|(name, text): (String, String)| {
            let table = &self.table;
            let spellings = [
                format!("content='{table}'"),
                format!("content=\"{table}\""),
                format!("content={table},"),
            ];
            let content = spellings.into_iter().find(|it| text.contains(it))?;
            let content = content.trim_end_matches(',').to_owned();
            Some(Reader { name, text, content })
        });
        found.collect()
    }

    fn is_virtual(&self, before: &Path) -> bool {
        let connection = rusqlite::Connection::open(before).unwrap();
        let sql = "SELECT count(*) FROM pragma_table_list WHERE type = 'virtual' AND name = ?1";
        connection.query_row(sql, [&self.table], |row| row.get(0)).unwrap()
    }

    /// The tables behind a renamed virtual table, with their names after; statistics know them, too.
    fn behind(&self, before: &Path) -> Vec<(String, String)> {
        if !self.is_virtual(before) {
            return Vec::new();
        }
        let connection = rusqlite::Connection::open(before).unwrap();
        let sql = "SELECT name FROM pragma_table_list WHERE type = 'shadow'";
        let mut statement = connection.prepare(sql).unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let own = |name: String| {
            let end = name.strip_prefix(&format!("{}_", self.table))?;
            Some((name.clone(), format!("{} renamed_{end}", self.table)))
        };
        names.map(Result::unwrap).filter_map(own).collect()
    }

    /// Modules of different versions of SQLite quote the names of their tables differently: the judge
    /// has its own rename them.
    fn normal(&self, before: &Path) -> Value {
        if !self.is_virtual(before) {
            return json!({});
        }
        let now = quoted(&format!("{} renamed", self.table));
        json!({"alter": [
            format!("ALTER TABLE {now} RENAME TO away"), format!("ALTER TABLE away RENAME TO {now}"),
        ]})
    }
}

/// What one rename left, for the judge.
#[derive(Default)]
struct Pairs(Vec<Value>);

impl Pairs {
    fn add(&mut self, name: String, before: &Path, after: &Path, renames: Value) {
        let pair = json!({"name": name, "before": before, "after": after, "renames": renames});
        self.0.push(pair);
    }

    #[track_caller]
    fn judge(&self, folder: &Path) {
        let list = folder.join("pairs.json");
        std::fs::write(&list, Value::from(self.0.clone()).to_string()).unwrap();
        let program =
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chains/applications/judge_many.py");
        let output = support::python3().arg(program).arg(&list).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[track_caller]
fn rename_everything(application: &str, refusals: &[Refusal]) {
    let path = format!("{}/fixtures/applications/{application}.sql", env!("CARGO_MANIFEST_DIR"));
    let made = Bench::new(&std::fs::read_to_string(path).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (mut pairs, mut refused) = (Pairs::default(), Vec::new());
    let targets = targets(&made.database());
    for (number, target) in targets.iter().enumerate() {
        let bench = Bench::copy_of(made.before());
        bench.steps(target.renaming().steps());
        match refusals.iter().find(|it| it.0 == target.table && it.1 == target.what()) {
            Some(refusal) => {
                refuses(&bench, target, refusal.2);
                refused.push(target.name());
            }
            None => {
                rename_once(&bench, target, &folder.path().join(number.to_string()), &mut pairs)
            }
        }
    }
    assert_eq!(refused.len(), refusals.len(), "{refused:?}");
    pairs.judge(folder.path());
}

#[track_caller]
fn refuses(bench: &Bench, target: &Target, named: &str) {
    let before = bench.project().file_bytes();
    let Err(error) = bench.run(&up_to("head")) else { panic!("{} was renamed", target.name()) };
    assert!(explain(&error).contains(named), "{}: {}", target.name(), explain(&error));
    assert_eq!(before, bench.project().file_bytes(), "{}", target.name());
}

/// Renames one thing with the tool, with the plan's script, and back.
#[track_caller]
fn rename_once(bench: &Bench, target: &Target, folder: &Path, pairs: &mut Pairs) {
    std::fs::create_dir(folder).unwrap();
    let keep = |from: &Path, name: &str| -> PathBuf {
        let kept = folder.join(name);
        std::fs::copy(from, &kept).unwrap();
        kept
    };
    let before = keep(bench.before(), "before.db");
    let look =
        bench.look("head").map_err(|error| format!("{}: {}", target.name(), explain(&error)));
    let Preparation::Ready(migration) = look.unwrap() else { panic!("no plan") };
    let scripted = keep(bench.before(), "scripted.db");
    script(&scripted, &phaseshift::migrate::script(&migration).unwrap())
        .unwrap_or_else(|said| panic!("{}: {said}", target.name()));
    let named = named_objects(migration.plan());
    drop(migration);
    if let Err(error) = bench.run(&up_to("head")) {
        panic!("{}: {}", target.name(), explain(&error));
    }
    let after = keep(&bench.database(), "after.db");
    let unnamed: Vec<_> = changed_objects(&before, &after).difference(&named).cloned().collect();
    assert!(unnamed.is_empty(), "{}: the plan does not name {unnamed:?}", target.name());
    let readers = target.full_text_readers(&before);
    let with = |mut renames: Value, text: &dyn Fn(&Reader) -> String| {
        let alter = renames["alter"].as_array_mut().unwrap();
        let made_anew = |it: &Reader| [format!("DROP TABLE {}", quoted(&it.name)), text(it)];
        alter.extend(readers.iter().flat_map(made_anew).map(Value::from));
        renames
    };
    let renamed = format!("{} renamed", target.table);
    let mut up = with(target.renaming().judged(), &|reader| reader.following(&renamed));
    for (from, to) in target.behind(&before) {
        up["tables"][from] = Value::from(to);
    }
    pairs.add(format!("{} up", target.name()), &before, &after, up);
    pairs.add(format!("{} as a script", target.name()), &after, &scripted, target.normal(&before));
    let scripted_back = keep(&bench.database(), "scripted_back.db");
    let down = Migration::prepare(&bench.engine(), &down_to("-1"));
    let Ok(Preparation::Ready(down)) = down else { panic!("{}: no downgrade", target.name()) };
    let text = phaseshift::migrate::script(&down).unwrap();
    drop(down);
    script(&scripted_back, &text).unwrap_or_else(|said| panic!("{}: {said}", target.name()));
    bench.down();
    let back = keep(&bench.database(), "back.db");
    // Every text comes back as it was; only modules write theirs anew.
    let exact = json!({"alter": []});
    let down = match target.is_virtual(&before) {
        true => target.renaming().judged_back(),
        false => with(exact, &|reader| reader.text.clone()),
    };
    let name = format!("{} back as a script", target.name());
    pairs.add(name, &before, &scripted_back, down.clone());
    pairs.add(format!("{} back", target.name()), &before, &back, down);
}

/// Ordinary tables and columns: none of a module's, none that is generated.
fn targets(database: &Path) -> Vec<Target> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let names = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    };
    let mut targets = Vec::new();
    for table in names(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') \
         AND name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY name",
    ) {
        let columns = names(&format!(
            "SELECT name FROM pragma_table_xinfo({}) WHERE hidden = 0 AND (SELECT type FROM pragma_table_list \
             WHERE schema = 'main' AND name = {0}) = 'table'",
            quoted(&table).replace('\'', "''").replace('"', "'")
        ));
        targets.push(Target { table: table.clone(), column: None });
        targets.extend(
            columns.into_iter().map(|it| Target { table: table.clone(), column: Some(it) }),
        );
    }
    targets
}

/// Every object that a plan names as touched, with a reason where it is rebuilt.
fn named_objects(plan: &Plan) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for reshape in plan.schema_changes() {
        for rebuild in &reshape.rebuilds {
            assert!(!rebuild.reasons.is_empty(), "{} is rebuilt without a reason", rebuild.to);
            named.extend([rebuild.from.clone(), rebuild.to.clone()]);
        }
        named.extend(reshape.removed.iter().chain(&reshape.restored).map(|it| it.name.clone()));
        for change in &reshape.virtuals {
            match change {
                VirtualChange::Create { sql } => panic!("created: {sql}"),
                VirtualChange::Drop { table } => panic!("dropped: {table}"),
                VirtualChange::Fill { table, .. } => {
                    named.insert(table.clone());
                }
                VirtualChange::Rename { from, to, .. }
                | VirtualChange::Recreate { from, to, .. } => {
                    named.extend([from.clone(), to.clone()]);
                }
            }
        }
    }
    named
}

/// Objects whose stored text or name differs, without those that belong to a module and to versions.
fn changed_objects(before: &Path, after: &Path) -> BTreeSet<String> {
    let entries = |path: &Path| -> BTreeSet<(String, String)> {
        let connection = rusqlite::Connection::open(path).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT s.name, s.sql FROM sqlite_schema s WHERE s.sql IS NOT NULL \
                 AND s.name NOT IN ('schema_version', 'phase_history') AND s.name NOT IN \
                 (SELECT name FROM pragma_table_list WHERE type = 'shadow')",
            )
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let (before, after) = (entries(before), entries(after));
    before.symmetric_difference(&after).map(|(name, _)| name.clone()).collect()
}
