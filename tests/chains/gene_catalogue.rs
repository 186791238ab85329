//! The gene catalogue: 16 phases beneath ten views in five layers. Every view returns the same rows after each rebuild
//! beneath it.

use std::collections::BTreeMap;
use std::path::Path;

use phaseshift::migrate::{Migration, Preparation, Request};
use phaseshift::phase::Target;
use phaseshift::plan::Direction;
use rusqlite::Connection;

use super::rig::{Rig, Rows, ask, columns, query, shared_rows};
use super::scripts::{assert_alike, run, script, script_of};
use support::{LARGE, SMALL, Volume, load_rows};

const PHASES: &str = "gene_catalogue/phases";

/// The phase that deletes duplicate evidence.
const UNIQUE: &str = "1e0dd188d993";

/// The phase that renames a column under all views.
const RENAME: &str = "e4c1d9a07b52";

fn load(connection: &Connection, volume: Volume) {
    load_rows(connection, "gene_catalogue", volume);
}

fn ids(rig: &Rig) -> Vec<String> {
    rig.chain().phases().iter().map(|it| it.id.to_string()).collect()
}

/// The columns and rows of every view.
fn views(connection: &Connection) -> Rows {
    let names = ask(connection, "SELECT name FROM sqlite_schema WHERE type = 'view'");
    let rows = |name: &str| {
        let columns = format!("SELECT name FROM pragma_table_info('{name}')");
        let mut all = query(connection, &columns);
        all.extend(query(connection, &format!("SELECT * FROM {name}")));
        (name.to_owned(), all)
    };
    names.lines().map(rows).collect()
}

/// The names of the views that a phase writes itself.
fn written(rig: &Rig, id: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(PHASES);
    let place = ids(rig).iter().position(|it| it == id).unwrap() + 1;
    let text = std::fs::read_to_string(folder.join(format!("{place:02}_{id}.toml"))).unwrap();
    let names = text.lines().filter_map(|line| line.split("CREATE VIEW ").nth(1));
    names.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect()
}

/// Drops the older duplicates that the second phase deletes.
pub const WITHOUT_DUPLICATES: &str =
    "DELETE FROM gene_evidence WHERE source_detail LIKE 'version %'";

#[test]
fn from_nothing_the_final_schema() {
    let rig = Rig::new(PHASES);
    rig.up("head");
    let connection = rig.connection();
    let kinds = "SELECT type, count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' \
                 AND tbl_name NOT IN ('schema_version', 'phase_history') GROUP BY 1";
    assert_eq!(ask(&connection, kinds), "index|37\ntable|13\ntrigger|4\nview|10");
    let checks = "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%CONSTRAINT%_check CHECK%'";
    assert_eq!(ask(&connection, checks), "2");
    let partial =
        "SELECT count(*) FROM sqlite_schema t, pragma_index_list(t.name) i WHERE i.partial";
    assert_eq!(ask(&connection, partial), "4");
    let keys = "SELECT count(*) FROM sqlite_schema t, pragma_foreign_key_list(t.name) k";
    assert_eq!(ask(&connection, keys), "5");
    let unique = "SELECT count(*) FROM sqlite_schema t, pragma_index_list(t.name) i \
                  WHERE i.origin = 'u' AND t.name NOT IN ('schema_version', 'phase_history')";
    assert_eq!(ask(&connection, unique), "6");
}

/// Goes up phase by phase with rows; each view that a phase does not write itself returns what it returned.
fn every_view_keeps_its_rows(volume: Volume) -> Rig {
    let rig = Rig::new(PHASES);
    rig.up("001_initial_complete");
    load(&rig.connection(), volume);
    rig.execute(WITHOUT_DUPLICATES);
    let mut compared = BTreeMap::<String, usize>::new();
    for id in ids(&rig).into_iter().skip(1) {
        let was = views(&rig.connection());
        rig.up(&id);
        let is = views(&rig.connection());
        let written = written(&rig, &id);
        // What the eleventh phase writes changes what is above it.
        let above = ["gene_scores", "combined_evidence_scores", "evidence_summary_view"];
        for (name, rows) in was {
            let changed =
                written.contains(&name) || (id == "8f3a2b1c4d5e" && above.contains(&name.as_str()));
            let below = ["evidence_normalized_scores", "evidence_classification_weights"];
            if !changed && !below.contains(&name.as_str()) || written.is_empty() {
                assert!(is[&name] == rows, "{id}: {name} returns other rows");
                *compared.entry(id.clone()).or_default() += 1;
            }
        }
        load(&rig.connection(), volume);
    }
    for (id, least) in [(UNIQUE, 6), ("3a4b5c6d7e8f", 4), ("a3f40460739f", 10), (RENAME, 10)] {
        assert!(compared[id] >= least, "{id}: {compared:?}");
    }
    rig
}

#[test]
fn every_view_keeps_its_rows_through_every_rebuild() {
    let rig = every_view_keeps_its_rows(SMALL);
    let connection = rig.connection();
    for (sql, expected) in [
        ("SELECT count(*) FROM genes", "571"),
        ("SELECT count(*) FROM gene_evidence WHERE source_name NOT LIKE 'static_%'", "3934"),
        ("SELECT count(*) FROM static_evidence_scores WHERE static_score > 0", "240"),
        ("SELECT count(*) FROM gene_scores WHERE static_score > 0", "120"),
        ("SELECT count(*) FROM gene_scores", "571"),
        ("SELECT count(*) FROM gene_curations", "196"),
        ("SELECT sum(active_entries) FROM cache_stats", "150"),
        ("SELECT count(*) FROM pragma_foreign_key_check", "0"),
        ("PRAGMA integrity_check", "ok"),
    ] {
        assert_eq!(ask(&connection, sql), expected, "{sql}");
    }
    // ALTERs work afterwards, and the triggers fire.
    rig.execute(
        "ALTER TABLE genes ADD COLUMN note TEXT; ALTER TABLE genes RENAME COLUMN note TO remark;
         UPDATE pipeline_runs SET status = 'completed' WHERE id = 1;
         INSERT INTO gene_evidence (gene_id, source_name, evidence_data) VALUES (1, 'Own', '{}');",
    );
    let refreshed = "SELECT count(*) > 500 AND count(*) = (SELECT count(*) FROM gene_evidence WHERE source_name = 'PubTator')
                     FROM pubtator_evidence_summary";
    assert_eq!(ask(&connection, refreshed), "1");
    let counted = "SELECT c.evidence_count = (SELECT count(*) FROM gene_evidence WHERE gene_id = 1) \
                   FROM gene_curations c WHERE gene_id = 1";
    assert_eq!(ask(&connection, counted), "1");
}

#[test]
fn the_large_catalogue_goes_up_in_one_run() {
    let rig = Rig::new(PHASES);
    rig.up("001_initial_complete");
    load(&rig.connection(), LARGE);
    rig.up("a3f40460739f");
    load(&rig.connection(), LARGE);
    let was = views(&rig.connection());
    rig.up("head");
    let connection = rig.connection();
    assert_eq!(ask(&connection, "SELECT count(*) FROM gene_scores"), "4833");
    assert_eq!(ask(&connection, "SELECT count(*) FROM gene_evidence"), "6795");
    assert_eq!(ask(&connection, "SELECT count(*) FROM cache_entries"), "33663");
    let is = views(&connection);
    for name in ["static_evidence_scores", "evidence_summary_view", "cache_stats"] {
        assert!(was[name] == is[name], "{name}");
    }
}

#[test]
fn duplicates_are_deleted_counted_and_kept_in_the_backup() {
    let rig = Rig::new(PHASES);
    rig.up("001_initial_complete");
    load(&rig.connection(), SMALL);
    let groups = "SELECT count(*), sum(n - 1) FROM (SELECT count(*) AS n FROM gene_evidence \
                  GROUP BY gene_id, source_name HAVING count(*) > 1)";
    assert_eq!(ask(&rig.connection(), groups), "40|61");
    let before = rig.rows();
    let report = rig.up(UNIQUE).unwrap();
    let connection = rig.connection();
    assert_eq!(ask(&connection, "SELECT count(*) FROM gene_evidence"), "3934");
    let newest = "SELECT count(*) FROM gene_evidence WHERE source_detail <> 'current'";
    assert_eq!(ask(&connection, newest), "0");
    let changed: Vec<_> = report.execution.rows_changed.iter().collect();
    assert_eq!(changed.len(), 1);
    assert_eq!((changed[0].before, changed[0].after), (3_995, 3_934));
    let backup = Connection::open(report.backup).unwrap();
    assert_eq!(super::rig::rows(&backup), before);
}

#[test]
fn down_one_by_one_and_up_again_with_rows() {
    let rig = Rig::new(PHASES);
    let (mut texts, ids) = (vec![rig.texts()], ids(&rig));
    for id in &ids {
        rig.up(id);
        texts.push(rig.texts());
        load(&rig.connection(), SMALL);
    }
    for (place, id) in ids.iter().enumerate().rev() {
        let (was, old) = (rig.aside("before.db"), columns(&rig.connection()));
        std::fs::copy(rig.database(), &was).unwrap();
        rig.down(&format!("{id}@-1"));
        assert_eq!(rig.texts(), texts[place], "undoing {id}");
        let connection = rig.connection();
        let new = columns(&connection);
        let was = Connection::open(was).unwrap();
        if id != "8f3a2b1c4d5e" {
            let same = shared_rows(&was, &old, &new) == shared_rows(&connection, &old, &new);
            assert!(same, "undoing {id} changes rows");
        }
        if super::sweeps::long() || place % 4 == 1 {
            rig.up(id);
            assert_eq!(rig.texts(), texts[place + 1], "{id} again");
            rig.down(&format!("{id}@-1"));
        }
    }
    assert!(rig.texts().is_empty());
    rig.up("head");
    assert_eq!(rig.texts(), texts[ids.len()]);
}

#[test]
fn views_keep_their_rows_on_the_way_down() {
    let rig = Rig::new(PHASES);
    rig.up("7acf7cac5f5f");
    load(&rig.connection(), SMALL);
    rig.up("head");
    let head = views(&rig.connection());
    rig.down("-1");
    assert!(views(&rig.connection()) == head, "undoing the rename");
    rig.down("-1");
    let was = views(&rig.connection());
    rig.down("-1");
    assert!(views(&rig.connection()) == was, "undoing the rebuild beneath nine views");
}

#[test]
fn the_chain_as_a_script_makes_the_same_file() {
    let rig = Rig::new(PHASES);
    let other = rig.aside("other.db");
    run(&other, &script(&rig, "base:head", Direction::Up));
    rig.up("head");
    assert_alike(&rig, &other, "from nothing");
    assert!(views(&rig.connection()) == views(&Connection::open(&other).unwrap()));
    run(&other, &script(&rig, "head:base", Direction::Down));
    rig.down("base");
    assert_alike(&rig, &other, "to nothing");
}

#[test]
fn the_chain_as_a_script_on_a_file_with_rows() {
    let rig = Rig::new(PHASES);
    rig.up("001_initial_complete");
    load(&rig.connection(), SMALL);
    let other = rig.aside("other.db");
    for target in ["c6bad0a185f0", RENAME] {
        std::fs::copy(rig.database(), &other).unwrap();
        run(&other, &script_of(&rig, &Request::up(Target::parse(target).unwrap())));
        rig.up(target);
        assert_alike(&rig, &other, target);
        load(&rig.connection(), SMALL);
    }
    let static_rows = "SELECT count(*) FROM gene_evidence WHERE source_name LIKE 'static_%'";
    assert_eq!(ask(&rig.connection(), static_rows), "240");
}

#[test]
fn a_broken_view_is_named_and_carried_over() {
    let broken = "CREATE VIEW broken AS SELECT no_such_column FROM gene_evidence";
    let rig = Rig::new(PHASES);
    rig.up("001_initial_complete");
    load(&rig.connection(), SMALL);
    rig.execute(WITHOUT_DUPLICATES);
    let was = views(&rig.connection());
    rig.execute(broken);
    let request = Request::up(Target::parse(UNIQUE).unwrap());
    let Preparation::Ready(migration) = Migration::prepare(&rig.project(), &request).unwrap()
    else {
        panic!("there is something to do");
    };
    let said = format!("{:?}", migration.plan());
    assert!(said.contains("broken") && said.contains("no_such_column"), "{said}");
    rig.up("head");
    assert_eq!(rig.texts()["view broken"], broken);
    rig.execute("DROP VIEW broken");
    assert!(was["cache_stats"] == views(&rig.connection())["cache_stats"]);
}
