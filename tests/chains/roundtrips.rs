//! Round trips on the shadow: what each phase of a chain is worth.

use phaseshift::migrate::{RoundTrip, TripPlace, TripVerdict, roundtrip, roundtrip_on_copy};

use super::fill::fill;
use super::rig::{Rig, explain};

type Odd = (String, &'static str, Vec<String>);

/// The phases whose verdict is not "reversible": id, code and reasons.
fn odd(rig: &Rig) -> Vec<Odd> {
    odd_of(roundtrip(&rig.project()).map_err(explain).unwrap())
}

fn odd_on_copy(rig: &Rig) -> Vec<Odd> {
    let scratch = rig.aside("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let rehearsed = roundtrip_on_copy(&rig.project(), &scratch).map_err(explain).unwrap();
    assert!(rehearsed.trips.iter().all(|trip| trip.place == TripPlace::Copy));
    std::fs::remove_dir(scratch).expect("no copy of the data stays behind");
    odd_of(rehearsed.trips)
}

fn odd_of(trips: Vec<RoundTrip>) -> Vec<Odd> {
    trips
        .into_iter()
        .filter(|trip| trip.verdict != TripVerdict::Reversible)
        .map(|trip| (trip.phase.to_string(), trip.verdict.code(), trip.verdict.reasons().to_vec()))
        .collect()
}

#[test]
fn every_phase_of_charts_is_reversible() {
    assert_eq!(odd(&Rig::new("charts/phases")), []);
}

#[test]
fn photo_map_loses_the_columns_that_it_drops() {
    let lossy = |id: &str, reason: &str| (id.to_owned(), "lossy", vec![reason.to_owned()]);
    assert_eq!(
        odd(&Rig::new("photo_map/phases")),
        [
            lossy(
                "002_remove_thumbnail_path_column",
                "column photos.thumbnail_path comes back empty"
            ),
            lossy("003_remove_filepath_column", "column photos.filepath comes back empty"),
            lossy("005_bbox_unique", "column cached_regions.last_cursor comes back empty"),
        ]
    );
}

const BASE: &str = r#"
parents = []
[[up]]
op = "create_table"
sql = "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, note TEXT)"
[[up]]
op = "create_index"
sql = "CREATE INDEX by_name ON person(name)"
[[up]]
op = "create_view"
sql = "CREATE VIEW grown AS SELECT name FROM person WHERE age > 18"
"#;

/// A way up, a wrong way back, and what the round trip says about it.
const WRONG: [(&str, &str, &str); 9] = [
    // Downgrades that lead elsewhere.
    (
        "op = 'rename_column'\ntable = 'person'\nfrom = 'name'\nto = 'full_name'",
        "op = 'rename_column'\ntable = 'person'\nfrom = 'full_name'\nto = 'title'",
        "after the downgrade: column person.name is missing",
    ),
    (
        "op = 'add_column'\ntable = 'person'\ncolumn = 'mail TEXT'",
        "op = 'drop_column'\ntable = 'person'\ncolumn = 'note'",
        "after the downgrade: column person.note is missing",
    ),
    (
        "op = 'drop_column'\ntable = 'person'\ncolumn = 'note'",
        "op = 'add_column'\ntable = 'person'\ncolumn = 'note TEXT'\nafter = 'id'",
        "after the downgrade: the columns of person are in another order",
    ),
    // Downgrades that forget something.
    (
        "op = 'drop_view'\nview = 'grown'",
        "op = 'sql'\nsql = 'DELETE FROM person WHERE 0'",
        "after the downgrade: view grown is missing",
    ),
    (
        "op = 'drop_index'\nindex = 'by_name'",
        "op = 'create_index'\nsql = 'CREATE INDEX by_its_name ON person(name)'",
        "after the downgrade: index by_name is missing",
    ),
    (
        "op = 'create_table'\nsql = 'CREATE TABLE team(id INTEGER PRIMARY KEY)'",
        "op = 'drop_table'\ntable = 'team'\n[[down]]\nop = 'drop_index'\nindex = 'by_name'",
        "after the downgrade: index by_name is missing",
    ),
    // Downgrades that take away what nobody made.
    (
        "op = 'add_column'\ntable = 'person'\ncolumn = 'mail TEXT'",
        "op = 'drop_table'\ntable = 'people'",
        "the downgrade does not run: line 5: drop_table: the table people does not exist",
    ),
    (
        "op = 'create_index'\nsql = 'CREATE INDEX by_age ON person(age)'",
        "op = 'drop_index'\nindex = 'by_years'",
        "the downgrade does not run: line 4: drop_index: the index by_years does not exist",
    ),
    (
        "op = 'alter_column'\ntable = 'person'\ncolumn = 'age'\nnot_null = true",
        "op = 'drop_column'\ntable = 'person'\ncolumn = 'years'",
        "the downgrade does not run: line 6: drop_column: the column person.years does not exist",
    ),
];

#[test]
fn wrong_ways_back_are_named_with_the_difference() {
    for (up, down, expected) in WRONG {
        let rig = Rig::empty();
        rig.write("a.toml", BASE);
        rig.write("b.toml", &format!("[[up]]\n{up}\n[[down]]\n{down}\n"));
        rig.write("c.toml", "irreversible = \"it stands on a wrong one\"\n");
        let found = odd(&rig);
        assert_eq!(found.len(), 2, "{up}: {found:?}");
        let (id, code, reasons) = &found[0];
        assert_eq!((id.as_str(), *code), ("b", "broken"), "{up}: {reasons:?}");
        assert!(reasons.iter().any(|line| line == expected), "{up}: {reasons:?}");
        assert_eq!(found[1].1, "irreversible");
    }
}

#[test]
fn what_stands_on_a_phase_that_does_not_run_is_not_tried() {
    let rig = Rig::empty();
    rig.write("a.toml", "parents = []\n[[up]]\nop = 'drop_table'\ntable = 'nothing'\n");
    rig.write("b.toml", "[[up]]\nop = 'sql'\nsql = 'DELETE FROM nothing'\n");
    let found = odd(&rig);
    assert_eq!(found[0].2, ["does not run: line 2: drop_table: the table nothing does not exist"]);
    assert_eq!(found[1].2, ["a before it does not run"]);
}

#[test]
fn on_a_copy_rows_are_counted() {
    let rig = Rig::new("photo_map/phases");
    rig.up("c0d43de831b9");
    fill(&rig.connection(), 10);
    rig.execute("UPDATE photos SET description = '' WHERE rowid IN (2, 3)");
    let before = (rig.texts(), rig.rows(), rig.current());
    let found = odd_on_copy(&rig);
    assert_eq!((rig.texts(), rig.rows(), rig.current()), before, "the database is as it was");
    let reasons = |id: &str| {
        let trip = found.iter().find(|(phase, ..)| phase == id);
        trip.map(|(_, code, reasons)| (*code, reasons.clone()))
    };
    let one = |reason: &str| Some(("lossy", vec![reason.to_owned()]));
    assert_eq!(reasons("002_add_file_md5_column"), one("photos.file_md5 differs in 8 rows"));
    assert_eq!(reasons("c0d43de831b9"), one("10 rows of photo_ratings would be lost"));
    assert_eq!(
        reasons("002_remove_thumbnail_path_column"),
        one("photos.thumbnail_path differs in 8 rows")
    );
    assert_eq!(reasons("003_remove_filepath_column"), one("photos.filepath differs in 8 rows"));
    assert_eq!(reasons("005_bbox_unique"), one("cached_regions.last_cursor differs in 8 rows"));
    assert_eq!(reasons("018"), one("photos.description differs in 2 rows"));
    assert_eq!(found.iter().filter(|(_, code, _)| *code != "lossy").count(), 0, "{found:?}");
}
