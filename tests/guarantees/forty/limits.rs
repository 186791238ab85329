//! The trial before the backup has limits: it can be stopped, and a large file is judged inside the transaction.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{bench, upgrade};

const DUPLICATES: &str = "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 1), (1, 2);";
const UNIQUE: &str = "UPDATE t SET b = b + 1; CREATE UNIQUE INDEX one ON t(a);\n";

#[test]
fn a_large_file_is_judged_inside_the_transaction() {
    let large = format!("{DUPLICATES} INSERT INTO t VALUES (2, zeroblob(34000000));");
    for (schema, code, backups) in [(DUPLICATES.to_owned(), 4, 0), (large, 6, 1)] {
        let bench = bench(&schema, &[UNIQUE]);
        let said = upgrade(&bench).expect_code(code).json();
        assert!(said.to_string().contains("UNIQUE constraint failed: t.a"), "{said}");
        assert_eq!(bench.project().backups().len(), backups);
        bench.same_answer("SELECT a, length(b) FROM t");
    }
}

#[cfg(target_os = "linux")]
/// The processor time that a process has taken, in ticks of ten milliseconds.
fn processor_time(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|it| it.parse::<u64>().unwrap()).sum()
}

#[test]
#[cfg(target_os = "linux")]
fn a_statement_without_end_is_stopped_by_ctrl_c_before_the_backup() {
    let endless =
        "UPDATE t SET b = (WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n)
        SELECT max(v) FROM n);\n";
    let bench = bench(DUPLICATES, &[endless]);
    let before = bench.project().snapshot();
    let mut command = bench.project().command();
    command.arg("--database").arg(bench.database()).arg("--phases").arg(bench.project().phases());
    let mut run =
        command.arg("upgrade").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    // It has worked longer than everything before the statement takes.
    while processor_time(run.id()) < 100 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = Instant::now();
    Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(before, bench.project().snapshot());
}

#[test]
fn each_transaction_of_a_run_is_tried_where_each_phase_has_its_own() {
    let schema = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id));
        INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1), (2);";
    let phases = ["DELETE FROM p WHERE id = 2;\n", "DELETE FROM c WHERE p = 2;\n"];
    let bench = bench(schema, &phases);
    let before = bench.project().snapshot();
    let said = bench.project().run(&["upgrade", "--per-phase"]).expect_code(4).stderr;
    assert!(said.contains("p0 cannot start") && said.contains("c row 2 has no parent"), "{said}");
    assert_eq!(before, bench.project().snapshot());
    upgrade(&bench).expect_code(0);
}

#[test]
fn checks_of_the_end_stay_in_the_run() {
    let bench = support::Bench::new(DUPLICATES);
    bench.steps(
        "irreversible = \"x\"\n[[up]]\nop = \"sql\"\nsql = \"DELETE FROM t WHERE b = 2\"\n
         [[verify]]\nname = \"empty\"\nsql = \"SELECT * FROM t\"\nexpect = \"no rows\"\n",
    );
    let said = upgrade(&bench).expect_code(6).json();
    assert!(said.to_string().contains("empty"), "{said}");
    bench.same_answer("SELECT * FROM t");
}
