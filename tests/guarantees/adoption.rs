//! A file on which no phase is recorded: whose fault a step is that does not fit.

use phaseshift::ErrorKind;

use support::Bench;

const FILE: &str = "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO author VALUES (1, 'Kepler');";
const FITS: &str =
    "parents = []\n[[up]]\nop = \"add_column\"\ntable = \"author\"\ncolumn = \"born INT\"\n";

#[test]
fn a_fault_in_a_later_phase_is_that_phases_own() {
    for (later, names) in [
        ("op = \"drop_column\"\ntable = \"author\"\ncolumn = \"dead\"", "dead"),
        ("op = \"create_view\"\nsql = \"CREATE VIEW v AS SELECT nothing FROM author\"", "nothing"),
        ("op = \"rename_table\"\nfrom = \"book\"\nto = \"books\"", "book"),
    ] {
        let bench = Bench::new(FILE);
        bench.phase("p1", FITS);
        bench.phase("p2", &format!("[[up]]\n{later}\n"));
        let error = bench.refused(ErrorKind::Step, names);
        assert_eq!(error.facts().phase.as_deref(), Some("p2"));
        let said = bench.project().run(&["upgrade"]).expect_code(4).stderr;
        assert!(said.contains("p2.toml:1") && !said.contains("stamp"), "{said}");
    }
}

#[test]
fn a_first_phase_that_does_not_fit_still_means_a_file_that_is_further_along() {
    let bench = Bench::new("CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT, born INT);");
    bench.phase("p1", FITS);
    bench.phase("p2", "[[up]]\nop = \"add_column\"\ntable = \"author\"\ncolumn = \"died INT\"\n");
    bench.refused(ErrorKind::NotAdopted, "p1");
    let said = bench.project().run(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("stamp"), "{said}");
}

#[test]
fn a_function_that_is_not_there_is_found_before_the_backup_in_every_phase_of_the_run() {
    for statement in [
        "UPDATE author SET born = no_such_fn(name)",
        "CREATE TABLE t(a); INSERT INTO t SELECT no_such_fn(name) FROM author",
    ] {
        let bench = Bench::new(FILE);
        bench.phase("p1", FITS);
        let step = format!("[[up]]\nop = \"sql\"\nsql = \"{statement}\"\n");
        bench.phase("p2", &format!("irreversible = \"x\"\n{step}"));
        let error = bench.refused(ErrorKind::Step, "no such function: no_such_fn");
        assert_eq!(error.facts().phase.as_deref(), Some("p2"));
        let said = bench.project().run(&["upgrade"]).expect_code(4).stdout;
        assert!(!said.contains("Ready") && !said.contains("Done"), "{said}");
    }
}
