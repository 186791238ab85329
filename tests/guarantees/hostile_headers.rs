//! Numbers in a file that are not what the file holds: SQLite reads past them, so must we.

use std::time::{Duration, Instant};

use phaseshift::ErrorKind;
use support::{Bench, sqlite3};

/// A table with interior pages, and one that a phase renames.
fn bench() -> Bench {
    let bench = Bench::new(
        "PRAGMA page_size = 512; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE u(b);
         WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 5000)
         INSERT INTO t SELECT v, 'row ' || v FROM n; INSERT INTO u VALUES (1);",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = 'rename_column'\ntable = 't'\nfrom = 'a'\nto = 'c'\n\
         [[up]]\nop = 'rename_table'\nfrom = 'u'\nto = 'v'\n",
    );
    bench
}

/// Changes bytes of the file.
fn write(bench: &Bench, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(bench.database()).unwrap();
    change(&mut bytes);
    std::fs::write(bench.database(), bytes).unwrap();
}

/// More free pages than pages: a panic in a debug build, and no disk is as large in a release build.
#[test]
fn a_header_with_too_many_free_pages_ended_in_a_panic() {
    let bench = bench();
    write(&bench, |bytes| bytes[36..40].copy_from_slice(&[0xff; 4]));
    bench.project().run(&["upgrade"]).expect_code(10);
    for command in ["status", "preflight", "optimize", "backup", "verify"] {
        let output = bench.project().run(&[command, "--json"]);
        assert!(!output.stderr.contains("panicked"), "{command}: {}", output.stderr);
    }
}

/// Ninety cells at each of twenty levels: the pages were counted to the end of time.
#[test]
fn a_tree_that_leads_in_circles_is_damage() {
    let bench = bench();
    let root: usize =
        sqlite3(&bench.database(), "SELECT rootpage FROM sqlite_schema WHERE name = 't'")
            .parse()
            .unwrap();
    write(&bench, |bytes| {
        let page = &mut bytes[(root - 1) * 512..root * 512];
        assert_eq!(page[0], 5, "a page with others below");
        let circle = u32::try_from(root).unwrap().to_be_bytes();
        let cells = usize::from(page[3]) << 8 | usize::from(page[4]);
        page[8..12].copy_from_slice(&circle);
        for cell in 0..cells {
            let at = usize::from(page[12 + 2 * cell]) << 8 | usize::from(page[13 + 2 * cell]);
            page[at..at + 4].copy_from_slice(&circle);
        }
    });
    let begun = Instant::now();
    for command in ["status", "preflight", "upgrade", "backup", "verify"] {
        let code = bench.project().run(&[command]).code;
        assert!(command == "status" || code == 10 || code == 3, "{command}: {code}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// SQLite looks at two bits of the encoding, and at all of it where it attaches a file.
#[test]
fn an_encoding_that_does_not_exist_is_read_as_sqlite_reads_it() {
    for encoding in [0, 5] {
        let bench = bench();
        write(&bench, |bytes| bytes[59] = encoding);
        bench.project().run(&["upgrade"]).expect_code(0);
        assert_eq!(sqlite3(&bench.database(), "SELECT count(*), max(c) FROM t"), "5000|row 999");
        assert_eq!(sqlite3(&bench.database(), "PRAGMA integrity_check"), "ok");
    }
}

/// It was an error of SQLite without a kind, and exit code 1.
#[test]
fn a_schema_format_of_the_future_is_said_to_be_one() {
    let bench = bench();
    write(&bench, |bytes| bytes[47] = 5);
    let error = bench.look("head").map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(error.to_string().contains("newer SQLite"), "{error}");
}

/// SQLite never reads a free page and calls the file sound. That the folder of the backups was to be checked led nowhere.
#[test]
fn a_file_that_ends_in_the_middle_of_a_free_page_is_damaged() {
    let bench = bench();
    sqlite3(
        &bench.database(),
        "CREATE TABLE gone(x); INSERT INTO gone VALUES (zeroblob(20000)); DROP TABLE gone",
    );
    write(&bench, |bytes| bytes.truncate(bytes.len() - 100));
    assert_eq!(sqlite3(&bench.database(), "PRAGMA integrity_check"), "ok");
    for command in ["upgrade", "backup"] {
        let output = bench.project().run(&[command]).expect_code(10);
        assert!(output.stderr.contains("ends in the middle of a page"), "{}", output.stderr);
    }
}
