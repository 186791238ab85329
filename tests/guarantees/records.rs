//! Unusual record forms are read and copied as SQLite reads them.

use phaseshift::ErrorKind;

use support::{Bench, explain, python, up_to};

/// Makes a table, and replaces its one leaf by cells of any bytes. The list `cells` holds pairs of a rowid and a payload, or
/// payloads alone where the table has no rowids; `behind` follows an empty payload.
const CRAFT: &str = r#"
import struct
def varint(n, least=1):
    out = [n & 0x7f]
    n >>= 7
    while n or len(out) < least:
        out.insert(0, n & 0x7f | 0x80); n >>= 7
    return bytes(out)
def record(*fields, least=1, types=None):
    kinds, body = b'', b''
    for f in fields:
        if f is None: k, b = 0, b''
        elif isinstance(f, bytes): k, b = 12 + 2 * len(f), f
        elif isinstance(f, str): k, b = 13 + 2 * len(f), f.encode()
        elif isinstance(f, float): k, b = 7, struct.pack('>d', f)
        else: k, b = 4, struct.pack('>i', f)
        kinds += varint(k, least); body += b
    length = len(kinds) + least
    return varint(length, least) + kinds + body
def craft(setup, table, cells, rowids=True, behind=b'\0\0\0\0', least=1):
    c = sqlite3.connect(path, isolation_level=None)
    c.execute('PRAGMA page_size=512')
    c.executescript(setup)
    root = c.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    c.close()
    page, at, places = bytearray(512), 512, []
    for cell in cells:
        payload = cell[1] if rowids else cell
        raw = varint(len(payload), least) + (varint(cell[0], least) if rowids else b'') + payload
        if len(raw) < 4: raw = (raw + behind)[:4]
        at -= len(raw); page[at:at + len(raw)] = raw; places.append(at)
    page[0] = 13 if rowids else 10
    page[3:7] = struct.pack('>HH', len(places), at)
    for i, place in enumerate(places): page[8 + 2 * i:10 + 2 * i] = struct.pack('>H', place)
    data = bytearray(open(path, 'rb').read())
    data[(root - 1) * 512:root * 512] = page
    open(path, 'wb').write(data)
"#;

fn crafted(call: &str) -> Bench {
    Bench::from_python(&format!("{CRAFT}\n{call}"))
}

const RENAME: &str =
    "parents = []\n[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"a\"\nto = \"z\"\n";

/// Every value with its class, as Python's sqlite3 reads it, and what it says about the file's pages.
fn values(bench: &Bench) -> String {
    let program = "
c = sqlite3.connect(path); c.text_factory = bytes
n = len(c.execute('SELECT * FROM t').description)
names = ['\"%s\"' % d[0] for d in c.execute('SELECT * FROM t').description]
print([[repr(v) for v in r] for r in c.execute('SELECT ' + ', '.join('%s, typeof(%s)' % (x, x) for x in names) + ' FROM t')])
print([r[0] for r in c.execute('PRAGMA integrity_check') if 'value in' not in r[0].decode() and 'ok' != r[0].decode()])
";
    python(&bench.database(), program)
}

/// Upgrades and downgrades; the values stay as SQLite reads them.
#[track_caller]
fn carried(bench: &Bench, phase: &str) {
    let before = values(bench);
    bench.phase("p1", phase).up();
    assert_eq!(values(bench), before);
    bench.down();
    assert_eq!(values(bench), before);
}

#[test]
fn an_empty_record_is_refused_by_name_where_it_cannot_be_copied() {
    for (setup, cells) in [
        (
            "CREATE TABLE t(a, b INTEGER, c REAL, d TEXT)",
            "(1, record(1, 2, 3, 'x')), (2, b''), (3, record(9, 1, 1, 'y'))",
        ),
        (
            "CREATE TABLE t(a, b DEFAULT 7); CREATE TABLE u(x)",
            "(1, record('long enough to stay behind', 2)), (5, b'')",
        ),
        (
            "CREATE TABLE t(k INTEGER PRIMARY KEY, a)",
            "(7, record(None, b'ffffffff')), (8, b''), (9, b'')",
        ),
    ] {
        let bench = crafted(&format!("craft('{setup}', 't', [{cells}])"));
        let before = values(&bench);
        let bytes = std::fs::read(bench.database()).unwrap();
        bench.phase("p1", RENAME);
        match bench.run(&up_to("head")) {
            // SQLite reads the bytes behind an empty record: by chance they may be those of before.
            Ok(_) => assert_eq!(values(&bench), before, "{setup}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Proof, "{}", explain(&error));
                assert!(explain(&error).contains("table t"), "{}", explain(&error));
                assert_eq!(std::fs::read(bench.database()).unwrap(), bytes, "{setup}");
            }
        }
    }
}

#[test]
fn a_table_with_an_empty_record_stays_as_it_is_in_place() {
    let bench = crafted(
        "craft('CREATE TABLE t(a, b INTEGER)', 't', [(1, record(1, 2)), (2, b''), (3, record(3, 4))])",
    );
    carried(&bench, &format!("strategy = \"auto\"\n{RENAME}"));
}

#[test]
fn an_empty_record_is_written_anew_where_values_are_copied() {
    let bench = crafted(
        "craft('CREATE TABLE t(a, b INTEGER)', 't', [(1, record(1, 2)), (2, b''), (3, record(3, 4))])",
    );
    let asked = "SELECT rowid, typeof(a), a, typeof(b), b FROM t";
    let before = bench.ask(asked);
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"first\"\nafter = \"a\"\n",
    );
    bench.up();
    assert_eq!(bench.ask(asked), before);
    assert_eq!(bench.ask("PRAGMA integrity_check"), "ok");
}

#[test]
fn short_and_long_records_keep_their_values() {
    for setup in [
        "CREATE TABLE t(a, b DEFAULT 7, c TEXT DEFAULT ''d'')",
        "CREATE TABLE t(a, b REAL DEFAULT 1, c); CREATE INDEX i ON t(c, b) WHERE 0",
    ] {
        let bench = crafted(&format!(
            "craft('{}', 't', [(1, record('short')), (2, record(2, 2)), (3, record(3, 3.5, 'x')), (4, record(4, 4, 'y', 'hidden', None))])",
            setup.replace("''d''", "\"d\"").replace('"', "\\'")
        ));
        carried(&bench, RENAME);
    }
}

#[test]
fn lengths_in_more_bytes_than_they_need_and_aliases_with_values_are_read_as_sqlite_reads_them() {
    for (setup, cells, least) in [
        (
            "CREATE TABLE t(k INTEGER PRIMARY KEY, a, b)",
            "(3, record(99, 1, 'x')), (4, record('text', 2, 'y'))",
            1,
        ),
        (
            "CREATE TABLE t(a, b REAL)",
            "(1, record(1, -0.0, least=3)), (2, record(b'', 5, least=2)), (3, record('', 2.0))",
            1,
        ),
        ("CREATE TABLE t(a NUMERIC, b TEXT)", "(1, record('5', 5)), (2, record(1.0, 'x'))", 4),
    ] {
        carried(&crafted(&format!("craft('{setup}', 't', [{cells}], least={least})")), RENAME);
    }
}

#[test]
fn crafted_records_without_rowids_keep_their_values() {
    for (setup, cells) in [
        (
            "CREATE TABLE t(a PRIMARY KEY, b DEFAULT 7) WITHOUT ROWID",
            "record(1), record(2, 'x', 'hidden'), record(3, None, least=2)",
        ),
        (
            "CREATE TABLE t(b REAL, a TEXT, c, PRIMARY KEY(a, b)) WITHOUT ROWID",
            "record('a', 1, 2), record('b', 2.0, None), record('c', -0.0)",
        ),
        (
            "CREATE TABLE t(a INTEGER PRIMARY KEY DESC, b) WITHOUT ROWID",
            "record(9, b'x'), record(5, 0.5), record(1, 'z')",
        ),
    ] {
        carried(&crafted(&format!("craft('{setup}', 't', [{cells}], rowids=False)")), RENAME);
    }
}
