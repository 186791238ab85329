//! One transaction per phase: a failure leaves the phases before it done, and says which.

use phaseshift::migrate::{Migration, Request, migrate_now};
use phaseshift::phase::Target;
use phaseshift::{DatabaseState, ErrorKind};

use super::rig::Rig;

const TABLE: &str = "parents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a INTEGER PRIMARY KEY, b)\"\n";
const COLUMN: &str =
    "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c TEXT DEFAULT 'x'\"\n";
const BROKEN: &str = "[[up]]\nop = \"sql\"\nsql = \"UPDATE t SET c = c || 'y'\"\n\
    [[verify]]\nname = \"c is short\"\nsql = \"SELECT a FROM t WHERE length(c) > 1\"\nexpect = \"no rows\"\n\
    [[down]]\nop = \"sql\"\nsql = \"UPDATE t SET c = 'x'\"\n";

fn rig() -> Rig {
    let rig = Rig::empty();
    rig.write("a.toml", TABLE);
    rig.up("a");
    rig.execute("INSERT INTO t(b) VALUES (1), (2)");
    rig.write("b.toml", COLUMN);
    rig.write("c.toml", BROKEN);
    rig
}

#[test]
fn a_failure_leaves_the_phases_before_it() {
    let rig = rig();
    let error = rig.try_run(&Request::up(Target::Head).per_phase()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proof);
    assert_eq!(error.state(), DatabaseState::RolledBack);
    assert_eq!(error.facts().completed, ["b"]);
    assert_eq!(rig.current(), ["b"]);
    assert!(rig.texts()["table t"].contains("c TEXT"));
}

#[test]
fn a_failure_in_one_transaction_leaves_nothing() {
    let rig = rig();
    let before = (rig.texts(), rig.rows());
    let error = rig.try_run(&Request::up(Target::Head)).unwrap_err();
    assert_eq!(error.state(), DatabaseState::RolledBack);
    assert!(error.facts().completed.is_empty());
    assert_eq!(rig.current(), ["a"]);
    assert_eq!((rig.texts(), rig.rows()), before);
}

#[test]
fn charts_phase_by_phase_ends_as_in_one_transaction() {
    let rig = Rig::new("charts/phases");
    rig.up("17d797292022");
    super::fill::fill(&rig.connection(), 5);
    let copy = rig.aside("one.db");
    std::fs::copy(rig.database(), &copy).unwrap();
    rig.up("a353cbccb342");
    let whole = (rig.texts(), rig.rows());
    std::fs::copy(&copy, rig.database()).unwrap();
    let report =
        rig.try_run(&Request::up(Target::parse("a353cbccb342").unwrap()).per_phase()).unwrap();
    assert_eq!(report.unwrap().phases.len(), 7);
    assert_eq!((rig.texts(), rig.rows()), whole);
    let down = Request::down(Target::parse("17d797292022").unwrap()).accepting_loss().per_phase();
    let project = rig.project();
    let look = Migration::prepare(&project, &down).unwrap();
    let done = migrate_now(&project, &down, look, &mut phaseshift::event::Silent);
    assert!(done.unwrap().report().is_some());
    assert_eq!(rig.current(), ["17d797292022"]);
}
