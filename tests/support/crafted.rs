//! Records that no SQLite writes: made of any bytes, read by SQLite and by our reader, copied whole by SQLite. The test and
//! the fuzzer share this.

use std::path::Path;
use std::sync::OnceLock;

use crate::bytes::BytePages;
use phaseshift::btree::{
    Cursor, Fields, Read, Stop, Trees, Value, ValueMap, ValueSource, Values, compare_trees,
    compare_values,
};
use rusqlite::Connection;
use rusqlite::types::{Value as Sql, ValueRef};

const PAGE: usize = 512;
/// What of a payload may stay on a leaf of a table, and of any other page; what does at least
/// (<https://sqlite.org/fileformat2.html#cell_payload_overflow_pages>).
const MOST: (usize, usize) = (PAGE - 35, (PAGE - 12) * 64 / 255 - 23);
const LEAST: usize = (PAGE - 12) * 32 / 255 - 23;

/// The tables that hold crafted records: their columns, whether they have rowids, and what a short record stands for.
const FORMS: [(&str, bool); 4] = [
    ("a, b REAL DEFAULT 1, c TEXT DEFAULT 'd', d INTEGER", true),
    ("a INTEGER PRIMARY KEY, b REAL, c, d NUMERIC DEFAULT -7", true),
    ("a, b, c, d, PRIMARY KEY(a, b)", false),
    ("a REAL PRIMARY KEY, b, c TEXT DEFAULT 'd', d", false),
];

/// The databases that the pages are put into, one for each form.
static TEMPLATES: OnceLock<[Vec<u8>; 4]> = OnceLock::new();

/// Reads numbers out of any bytes; zeros at their end.
struct Input<'i>(&'i [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, count: u8) -> u8 {
        self.byte() % count
    }

    fn one_in(&mut self, count: u8) -> bool {
        self.below(count) == count - 1
    }
}

/// What the cases showed.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Rows that both read alike.
    pub alike: u64,
    /// Rows that SQLite reads and our reader leaves to it.
    pub left: u64,
    /// Rows that neither reads.
    pub corrupt: u64,
    /// Whole tables whose copies our reader called equal.
    pub equal: u64,
}

/// Makes a table of crafted records in a file and holds our reader against SQLite.
///
/// # Panics
/// If our reader reads a row that SQLite reads otherwise or calls corrupt, or calls a copy equal that SQLite reads
/// otherwise.
pub fn judge(input: &[u8], file: &Path, tally: &mut Tally) {
    let mut input = Input(input);
    let form = usize::from(input.below(4));
    let (columns, rowids) = FORMS[form];
    let real: Vec<bool> = columns.split(',').map(|it| it.contains("REAL")).collect();
    let page = leaf(&mut input, rowids);
    let templates =
        TEMPLATES.get_or_init(|| FORMS.map(|(columns, rowids)| template(file, columns, rowids)));
    let mut bytes = templates[form].clone();
    let (root, spare) = (PAGE, 4 * PAGE);
    bytes[root..root + PAGE].copy_from_slice(&page.0);
    bytes[spare..spare + page.1.len()].copy_from_slice(&page.1);
    std::fs::write(file, &bytes).expect("a file");
    let connection = Connection::open(file).expect("a database");
    let quick = "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY";
    connection.execute_batch(quick).expect("settings");
    let theirs = sqlite_rows(&connection, "t", rowids);
    let ours = rows(&bytes, 2, rowids);
    compare_rows(&ours, &theirs, (columns, &real, rowids), tally);
    for copy in ["INSERT INTO n SELECT * FROM t", "INSERT INTO n SELECT +a, b, c, d FROM t"] {
        let again = format!("DELETE FROM n; {copy}");
        if connection.execute_batch(&again).is_err() {
            continue;
        }
        let bytes = std::fs::read(file).expect("a file");
        if same(&bytes, rowids) {
            tally.equal += 1;
            let copied = sqlite_rows(&connection, "n", rowids);
            assert_eq!(theirs, copied, "{columns}: called equal after {copy}");
        }
    }
}

/// The bytes of a database with the tables t (page 2), n (page 3) and pages from the fifth on that nobody uses.
fn template(file: &Path, columns: &str, rowids: bool) -> Vec<u8> {
    let _ = std::fs::remove_file(file);
    let end = if rowids { "" } else { " WITHOUT ROWID" };
    // Without an index SQLite would number the rows of a copy anew.
    let guard = |table: &str| format!("CREATE INDEX g{table} ON {table}(c) WHERE 0;");
    let guards = if rowids { guard("t") + &guard("n") } else { String::new() };
    let sql = format!(
        "PRAGMA page_size={PAGE}; PRAGMA synchronous=OFF; CREATE TABLE t({columns}){end}; CREATE TABLE n({columns}){end};
         CREATE TABLE spare(x); INSERT INTO spare VALUES (zeroblob(6000)); {guards}"
    );
    Connection::open(file).expect("a database").execute_batch(&sql).expect("a template");
    std::fs::read(file).expect("a file")
}

/// A leaf with crafted cells, and the overflow pages of the one that is too long for it, from page 5 on.
fn leaf(input: &mut Input<'_>, rowids: bool) -> (Vec<u8>, Vec<u8>) {
    let (mut page, mut chain) = (vec![0; PAGE], Vec::new());
    page[0] = if rowids { 13 } else { 10 };
    let (mut end, mut rowid, mut places) = (PAGE, 0_u64, Vec::new());
    for _ in 0..=input.below(4) {
        rowid += 1 + u64::from(input.below(200));
        let payload = if input.one_in(12) { Vec::new() } else { record(input) };
        let mut cell = Vec::new();
        varint(payload.len() as u64, width(input), &mut cell);
        if rowids {
            varint(rowid, width(input), &mut cell);
        }
        let most = if rowids { MOST.0 } else { MOST.1 };
        if payload.len() <= most {
            cell.extend(&payload);
        } else {
            let kept = LEAST + (payload.len() - LEAST) % (PAGE - 4);
            let local = if kept <= most { kept } else { LEAST };
            if !chain.is_empty() {
                break;
            }
            cell.extend(&payload[..local]);
            cell.extend(5_u32.to_be_bytes());
            let pieces: Vec<&[u8]> = payload[local..].chunks(PAGE - 4).collect();
            for (number, piece) in pieces.iter().enumerate() {
                let next = if number + 1 < pieces.len() { number as u32 + 6 } else { 0 };
                chain.extend(next.to_be_bytes());
                chain.extend(*piece);
                chain.resize((number + 1) * PAGE, 0);
            }
        }
        while cell.len() < 4 {
            cell.push(if input.one_in(3) { input.byte() } else { 0 });
        }
        if end < cell.len() + 8 + 2 * (places.len() + 1) {
            break;
        }
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(&cell);
        places.push(end as u16);
    }
    page[3..5].copy_from_slice(&(places.len() as u16).to_be_bytes());
    page[5..7].copy_from_slice(&(end as u16).to_be_bytes());
    for (number, place) in places.iter().enumerate() {
        page[8 + 2 * number..10 + 2 * number].copy_from_slice(&place.to_be_bytes());
    }
    (page, chain)
}

/// The bytes that an integer takes more than it needs, most often none.
fn width(input: &mut Input<'_>) -> usize {
    if input.one_in(6) { usize::from(input.below(9)) } else { 0 }
}

/// Writes a variable-length integer, longer than needed if so many bytes are asked for.
fn varint(number: u64, least: usize, into: &mut Vec<u8>) {
    if least >= 8 || number >= 1 << 56 {
        into.extend((1..9).rev().map(|group| (number >> (7 * group + 1)) as u8 & 0x7f | 0x80));
        into.push(number as u8);
        return;
    }
    let needed = (64 - (number | 1).leading_zeros() as usize).div_ceil(7);
    let bytes = needed.max(least + 1);
    for group in (0..bytes).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        into.push((number >> (7 * group)) as u8 & 0x7f | more);
    }
}

fn record(input: &mut Input<'_>) -> Vec<u8> {
    let (mut header, mut body) = (Vec::new(), Vec::new());
    let fields = if input.one_in(5) { input.below(9) } else { 4 };
    for _ in 0..fields {
        let kind = match input.below(8) {
            0..=4 => u64::from(input.below(14)),
            5 => 12 + u64::from(input.below(40)),
            6 if input.one_in(3) => 12 + 8 * u64::from(input.byte()),
            _ => [10, 11, 7, 200, 1 << 20, u64::MAX >> 8][usize::from(input.below(6))],
        };
        varint(kind, width(input), &mut header);
        let size = match kind {
            0 | 8..=11 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            longer => (longer - 12) / 2,
        };
        if kind == 7 && input.one_in(3) {
            let reals = [-0.0_f64, f64::NAN, f64::INFINITY, 3.0];
            body.extend(reals[usize::from(input.below(4))].to_be_bytes());
        } else {
            body.extend((0..size.min(1_200)).map(|_| input.byte()));
        }
    }
    let least = width(input);
    let mut length = Vec::new();
    // The length counts itself.
    for guess in 1..10 {
        length.clear();
        let stated = match input.0.first() {
            Some(250) => header.len() + guess + 1,
            Some(251) => (header.len() + guess).saturating_sub(1),
            Some(252) => 0,
            Some(253) => 1,
            Some(254) => 100_000,
            _ => header.len() + guess,
        };
        varint(stated as u64, least, &mut length);
        if length.len() == guess {
            break;
        }
    }
    input.byte();
    let mut all = [length, header, body].concat();
    if input.one_in(8) {
        all.extend((0..=input.below(3)).map(|_| 1));
    } else if input.one_in(8) {
        all.truncate(all.len() - usize::from(input.below(3)).min(all.len()));
    }
    all
}

/// A row: its rowid and its values, if it can be read.
type Row = (i64, Option<Vec<Sql>>);

/// What SQLite reads, row by row where there are rowids, else up to the first that it cannot read. `None` if it
/// cannot list the rows.
fn sqlite_rows(connection: &Connection, table: &str, rowids: bool) -> Option<Vec<Row>> {
    let whole = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Vec<Sql>> {
        (0..4).map(|column| Ok(exact(row.get_ref(column)?))).collect()
    };
    if !rowids {
        let sql = format!("SELECT a, b, c, d FROM {table}");
        let mut statement = connection.prepare(&sql).ok()?;
        let mut found = statement.query([]).ok()?;
        let mut all = Vec::new();
        loop {
            match found.next() {
                Ok(Some(row)) => all.push((0, whole(row).ok())),
                Ok(None) => return Some(all),
                Err(_) => {
                    all.push((0, None));
                    return Some(all);
                }
            }
        }
    }
    let mut listed = connection.prepare(&format!("SELECT rowid FROM {table} NOT INDEXED")).ok()?;
    let numbers = listed.query_map([], |row| row.get::<_, i64>(0)).ok()?;
    let numbers: Vec<i64> = numbers.collect::<rusqlite::Result<_>>().ok()?;
    let sql = format!("SELECT a, b, c, d FROM {table} WHERE rowid = ?1");
    let read = |rowid: i64| (rowid, connection.query_row(&sql, [rowid], whole).ok());
    Some(numbers.into_iter().map(read).collect())
}

/// A value that compares by its bits; text by its bytes.
fn exact(value: ValueRef<'_>) -> Sql {
    match value {
        ValueRef::Null => Sql::Null,
        ValueRef::Integer(number) => Sql::Integer(number),
        ValueRef::Real(number) => Sql::Text(format!("real {:x}", number.to_bits())),
        ValueRef::Text(bytes) => Sql::Blob([b"text ", bytes].concat()),
        ValueRef::Blob(bytes) => Sql::Blob([b"blob ", bytes].concat()),
    }
}

/// What our reader reads; `None` for a record that it leaves to SQLite, or for a tree that it does.
fn rows(bytes: &[u8], root: u32, rowids: bool) -> Option<Vec<Row>> {
    let read = || -> Read<Vec<Row>> {
        let mut pages = BytePages::new(bytes)?;
        let mut cursor = Cursor::new(&mut pages, root)?;
        let (mut all, mut record, mut fields) = (Vec::new(), Vec::new(), Fields::default());
        while cursor.advance()? {
            cursor.begin(usize::MAX, &mut record)?;
            let fits =
                fields.read_first(&record, usize::MAX).is_some() && fields.end() == record.len();
            let values = (0..fields.count()).map(|it| {
                Some(match fields.value(&record, it)? {
                    Value::Null => exact(ValueRef::Null),
                    Value::Integer(number) => Sql::Integer(number),
                    Value::Real(number) => exact(ValueRef::Real(number)),
                    Value::Text(bytes) => exact(ValueRef::Text(bytes)),
                    Value::Blob(bytes) => exact(ValueRef::Blob(bytes)),
                })
            });
            let rowid = if rowids { cursor.rowid() } else { 0 };
            all.push((rowid, if fits { values.collect() } else { None }));
        }
        Ok(all)
    };
    match read() {
        Ok(rows) => Some(rows),
        Err(Stop::Malformed(_)) => None,
        Err(Stop::Failed(error)) => panic!("{error}"),
    }
}

/// Compares what both read. Our reader may leave anything to SQLite; what it reads must be what SQLite reads.
fn compare_rows(
    ours: &Option<Vec<Row>>,
    theirs: &Option<Vec<Row>>,
    (columns, real, rowids): (&str, &[bool], bool),
    tally: &mut Tally,
) {
    let Some(ours) = ours else {
        tally.left += theirs.as_ref().map_or(0, |rows| rows.len() as u64);
        return;
    };
    let theirs =
        theirs.as_ref().unwrap_or_else(|| panic!("{columns}: SQLite lists no rows, {ours:?}"));
    if rowids {
        assert_eq!(ours.len(), theirs.len(), "{columns}: {ours:?} {theirs:?}");
    }
    for ((rowid, mine), (other, values)) in ours.iter().zip(theirs) {
        assert_eq!(rowid, other, "{columns}");
        match (mine, values) {
            (None, None) => tally.corrupt += 1,
            (None, Some(_)) => tally.left += 1,
            (Some(mine), None) => {
                panic!("{columns}: {rowid} is corrupt, read as {mine:?}; {ours:?}; {theirs:?}")
            }
            (Some(mine), Some(values)) => {
                let expected: Vec<Sql> =
                    (0..4).map(|at| as_column(mine, at, *rowid, (columns, real))).collect();
                assert_eq!(&expected, values, "{columns}: {rowid}");
                tally.alike += 1;
            }
        }
    }
}

/// What a column of a table makes of the fields of a record.
fn as_column(fields: &[Sql], at: usize, rowid: i64, (columns, real): (&str, &[bool])) -> Sql {
    if at == 0 && columns.starts_with("a INTEGER PRIMARY KEY") {
        return Sql::Integer(rowid);
    }
    let definition = columns.split(',').nth(at).unwrap_or_default();
    let value =
        fields.get(at).cloned().unwrap_or_else(|| match definition.split_once("DEFAULT ") {
            Some((_, "'d'")) => exact(ValueRef::Text(b"d")),
            Some((_, number)) => number.trim().parse().map_or(Sql::Null, Sql::Integer),
            None => Sql::Null,
        });
    match value {
        // A whole real is stored as an integer (https://sqlite.org/fileformat2.html#record_format).
        Sql::Integer(number) if real[at] => exact(ValueRef::Real(number as f64)),
        other => other,
    }
}

/// Whether our reader calls the tables t and n the same, record by record or value by value.
fn same(bytes: &[u8], rowids: bool) -> bool {
    let pages = || BytePages::new(bytes);
    let trees = || -> Read<bool> {
        let sides = (pages()?, pages()?);
        let (mut left, mut right) = sides;
        let found = compare_trees((&mut left, 2), (&mut right, 3), &mut |_| Ok(()))?;
        Ok(matches!(found, Trees::Equal { .. }))
    };
    let values = || -> Read<bool> {
        let (mut left, mut right) = (pages()?, pages()?);
        let pairs = (0..4).map(|at| (ValueSource::Stored(at), ValueSource::Stored(at))).collect();
        let map = ValueMap { pairs, demands: Vec::new() };
        let found = compare_values((&mut left, 2), (&mut right, 3), &map, &mut |_| Ok(()))?;
        Ok(matches!(found, Values::Equal { .. }))
    };
    trees().unwrap_or(false) || (rowids && values().unwrap_or(false))
}
