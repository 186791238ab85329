//! Every way through charts and photo_map: from every state up, down to every id, and up again.

use std::path::PathBuf;

use phaseshift::name::quote;
use rusqlite::types::Value;

use super::fill::fill;
use super::rig::{Rig, Rows, Texts, shapes};

/// Rows in each table.
const ROWS: usize = 12;

/// Tells whether everything is tried, or a sample.
pub fn long() -> bool {
    std::env::var("PHASESHIFT_CHAINS").is_ok_and(|it| it == "long")
}

/// Some of many: all in the long form, else the first, the last and every n-th.
pub fn sample<T>(all: Vec<T>, every: usize) -> Vec<T> {
    let last = all.len().saturating_sub(1);
    let wanted = |at: usize| long() || at.is_multiple_of(every) || at == last;
    all.into_iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, it)| it).collect()
}

/// The states of a chain in chain order, each with rows in every table.
struct States {
    rig: Rig,
    /// After each phase: its id, the texts, and a file with rows.
    after: Vec<(String, Texts, PathBuf)>,
}

impl States {
    /// Goes up phase by phase.
    fn of(fixture: &str) -> Self {
        let rig = Rig::new(fixture);
        let mut after = Vec::new();
        let ids: Vec<String> = rig.chain().phases().iter().map(|it| it.id.to_string()).collect();
        for (place, id) in ids.into_iter().enumerate() {
            assert_eq!(rig.up(&id).unwrap().phases.len(), 1, "{id}");
            fill(&rig.connection(), ROWS);
            let copy = rig.aside(&format!("after_{place}.db"));
            std::fs::copy(rig.database(), &copy).unwrap();
            after.push((id, rig.texts(), copy));
        }
        Self { rig, after }
    }

    fn load(&self, place: usize) {
        std::fs::copy(&self.after[place].2, self.rig.database()).unwrap();
    }

    fn texts(&self, place: usize) -> &Texts {
        &self.after[place].1
    }
}

/// Columns that a chain does not bring back.
fn without(mut rows: Rows, texts: &Texts, lost: &[(&str, &str)]) -> Rows {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    for (table, column) in lost {
        let Some(text) = texts.get(&format!("table {table}")) else { continue };
        connection.execute_batch(text).unwrap();
        let sql = format!("SELECT cid FROM pragma_table_info('{table}') WHERE name = ?1");
        let place = connection.query_row(&sql, [column], |row| row.get::<_, u32>(0));
        connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
        if let (Ok(place), Some(rows)) = (place, rows.get_mut(*table)) {
            rows.iter_mut().for_each(|row| row[place as usize] = Value::Null);
            rows.sort_by_key(|row| format!("{row:?}"));
        }
    }
    rows
}

/// Goes back to a state of the chain: what came later is undone.
fn down_to(rig: &Rig, states: &States, place: usize) {
    if rig.current() != [states.after[place].0.clone()] {
        rig.down(&states.after[place].0);
    }
    // Branches that came later stand beside it.
    for (later, ..) in states.after[place + 1..].iter().rev() {
        if rig.current().contains(later) {
            rig.down(&format!("{later}@-1"));
        }
    }
}

/// From states of a chain up to the heads, down to the state, and up again.
fn there_and_back(fixture: &str, every: usize, lost: &[(&str, &str)]) {
    let states = States::of(fixture);
    let rig = &states.rig;
    let last = states.after.len() - 1;
    for place in sample((0..last).collect(), every) {
        let id = &states.after[place].0;
        states.load(place);
        let before = without(rig.rows(), states.texts(place), lost);
        rig.up("heads");
        assert_eq!(&rig.texts(), states.texts(last), "up from {id}");
        let at_head = rig.rows();
        down_to(rig, &states, place);
        assert_eq!(&rig.texts(), states.texts(place), "down to {id}");
        assert_eq!(without(rig.rows(), states.texts(place), lost), before, "down to {id}");
        rig.up("heads");
        assert_eq!(&rig.texts(), states.texts(last), "up again from {id}");
        let again = without(rig.rows(), states.texts(last), lost);
        assert_eq!(again, without(at_head, states.texts(last), lost), "up again from {id}");
    }
}

/// From the last state down one phase at a time: each leaves the texts of the state before.
fn one_by_one(fixture: &str) {
    let states = States::of(fixture);
    for place in (1..states.after.len()).rev() {
        let id = &states.after[place].0;
        states.rig.down(&format!("{id}@-1"));
        assert_eq!(&states.rig.texts(), states.texts(place - 1), "undoing {id}");
        if place % 12 == 0 && !long() {
            states.load(place - 1);
        }
    }
    states.rig.down("base");
    assert!(states.rig.texts().is_empty());
}

/// Every id as the target from nothing, and back to nothing.
fn every_id_as_target(fixture: &str, every: usize) {
    let ids: Vec<String> =
        Rig::new(fixture).chain().phases().iter().map(|it| it.id.to_string()).collect();
    for id in sample(ids, every) {
        let rig = Rig::new(fixture);
        rig.up(&id);
        assert_eq!(rig.current().join(" "), id);
        fill(&rig.connection(), 2);
        remove_late_rows(&rig);
        rig.down("base");
        assert!(rig.texts().is_empty(), "{id}");
        assert!(rig.current().is_empty(), "{id}");
    }
}

/// Removes rows that the rules of before do not allow: they have to go before the downgrade.
pub fn remove_late_rows(rig: &Rig) {
    let late = "DELETE FROM notifications WHERE user_id IS NULL";
    let _ = rig.connection().execute_batch(late);
    let late = "DELETE FROM hidden_photos WHERE photo_source = 'panoramax';
        DELETE FROM hidden_users WHERE target_user_source = 'panoramax'";
    let _ = rig.connection().execute_batch(late);
}

/// What photo_map drops; the first two before anything else, so that old rows lose them for good.
const LOST: [(&str, &str); 3] =
    [("photos", "thumbnail_path"), ("photos", "filepath"), ("cached_regions", "last_cursor")];

/// Values that a downgrade changes, because its phase moves them: phase, table and column.
const MOVED: [(&str, &str, &str); 4] = [
    ("13342d0a1b93", "users", "role"),
    ("d075e1120235", "photos", "captured_at"),
    ("015", "photo_annotations", "target"),
    ("018", "photos", "description"),
];

/// Columns of a table as values by name, for every row.
type ByName = std::collections::BTreeMap<String, Vec<std::collections::BTreeMap<String, Value>>>;

fn rows_by_name(rig: &Rig) -> ByName {
    let connection = rig.connection();
    rig.rows()
        .into_keys()
        .map(|table| {
            let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let names: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
            let found = statement
                .query_map([], |row| {
                    let cell = |(at, name): (usize, &String)| Ok((name.clone(), row.get(at)?));
                    names.iter().enumerate().map(cell).collect()
                })
                .unwrap();
            (table, found.map(Result::unwrap).collect())
        })
        .collect()
}

/// Keeps the tables and columns that are in both, except what a phase moves.
fn shared(rows: &ByName, other: &ByName, phase: &str) -> ByName {
    let columns = |table: &str| other.get(table).and_then(|rows| rows.first());
    let moved = |table: &str, column: &str| MOVED.contains(&(phase, table, column));
    rows.iter()
        .filter_map(|(table, rows)| {
            let kept = columns(table)?;
            let mut rows = rows.clone();
            for row in &mut rows {
                row.retain(|name, _| kept.contains_key(name) && !moved(table, name));
            }
            rows.sort_by_key(|row| format!("{row:?}"));
            Some((table.clone(), rows))
        })
        .collect()
}

/// After each phase a program writes further rows; undoing the phase keeps all of them.
fn rows_written_since_are_kept(fixture: &str, every: usize) {
    let states = States::of(fixture);
    let rig = &states.rig;
    let mut seen = 0;
    for place in sample((1..states.after.len()).collect(), every) {
        let id = &states.after[place].0;
        states.load(place);
        super::fill::write_more(&rig.connection(), 3);
        remove_late_rows(rig);
        let before = rows_by_name(rig);
        rig.down(&format!("{id}@-1"));
        assert_eq!(&rig.texts(), states.texts(place - 1), "undoing {id}");
        let after = rows_by_name(rig);
        for (table, rows) in shared(&before, &after, id) {
            assert_eq!(rows, shared(&after, &before, id)[&table], "undoing {id}: {table}");
            seen += rows.len();
        }
    }
    assert!(seen > 100, "{seen} rows were compared");
}

#[test]
fn charts_keeps_rows_written_since_each_phase() {
    rows_written_since_are_kept("charts/phases", 7);
}

#[test]
fn photo_map_keeps_rows_written_since_each_phase() {
    rows_written_since_are_kept("photo_map/phases", 9);
}

#[test]
fn charts_from_every_state_up_and_back() {
    there_and_back("charts/phases", 9, &[]);
}

#[test]
fn photo_map_from_every_state_up_and_back() {
    there_and_back("photo_map/phases", 13, &LOST);
}

#[test]
fn charts_down_one_by_one() {
    one_by_one("charts/phases");
}

#[test]
fn photo_map_down_one_by_one() {
    one_by_one("photo_map/phases");
}

#[test]
fn every_id_of_charts_as_a_target() {
    every_id_as_target("charts/phases", 10);
}

#[test]
fn every_id_of_photo_map_as_a_target() {
    every_id_as_target("photo_map/phases", 13);
}

#[test]
fn partial_branches_of_charts_lead_to_the_same_head() {
    let straight = Rig::new("charts/phases");
    straight.up("17d797292022");
    let fork = straight.texts();
    let at_fork = straight.aside("fork.db");
    fill(&straight.connection(), ROWS);
    std::fs::copy(straight.database(), &at_fork).unwrap();
    let rows = straight.rows();
    straight.up("93b7ace49920");
    let merged = shapes(&straight.connection());
    for branches in [
        &["44bae117595b"][..],
        &["99dbbd3990dd"],
        &["2f5d48c07f14"],
        &["44bae117595b", "99dbbd3990dd"],
        &["2f5d48c07f14", "99dbbd3990dd"],
    ] {
        let rig = Rig::new("charts/phases");
        std::fs::copy(&at_fork, rig.database()).unwrap();
        for branch in branches {
            rig.up(branch);
        }
        let mut current = rig.current();
        current.sort();
        let mut wanted: Vec<String> = branches.iter().map(|it| (*it).to_owned()).collect();
        wanted.sort();
        assert_eq!(current, wanted);
        rig.up("93b7ace49920");
        assert_eq!(rig.current(), ["93b7ace49920"]);
        assert_eq!(shapes(&rig.connection()), merged, "{branches:?}");
        rig.down("17d797292022");
        assert_eq!(rig.texts(), fork, "{branches:?}");
        assert_eq!(rig.rows(), rows, "{branches:?}");
    }
    // What is compared tells a difference.
    let table =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%REFERENCES%' LIMIT 1";
    let table: String = straight.connection().query_row(table, [], |row| row.get(0)).unwrap();
    straight.execute(&format!("ALTER TABLE {} ADD COLUMN planted INT", quote(&table)));
    assert_ne!(shapes(&straight.connection()), merged);
}
