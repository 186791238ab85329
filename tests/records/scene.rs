//! Databases of every shape, made by SQLite itself.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

/// A generator of numbers that repeats (SplitMix64).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).unwrap()
    }

    /// A value of any storage class and size, up to some pages.
    pub fn value(&mut self) -> Value {
        match self.below(10) {
            0 => Value::Null,
            1 => Value::Integer(self.number().cast_signed() >> self.below(64)),
            2 => Value::Integer(self.number().cast_signed() % 3),
            3 => Value::Real(f64::from_bits(self.number())),
            4 => Value::Real(f64::from(u32::try_from(self.below(1_000)).unwrap()) / 8.0),
            5 => Value::Blob(self.bytes(40)),
            6 => Value::Blob(self.bytes(9_000)),
            7 => Value::Text(self.text(2_500)),
            _ => Value::Text(self.text(6)),
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most);
        (0..length).map(|_| self.number().to_le_bytes()[0]).collect()
    }

    fn text(&mut self, most: usize) -> String {
        const LETTERS: [char; 12] = ['a', 'A', 'b', 'B', ' ', ' ', '\0', 'z', '[', 'é', '€', '𝄞'];
        let length = self.below(most);
        (0..length).map(|_| LETTERS[self.below(LETTERS.len())]).collect()
    }
}

/// How a file is made.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    pub page_size: u32,
    pub encoding: &'static str,
    pub without_rowid: bool,
    pub reserved: u32,
}

impl Format {
    /// Every page size with every encoding, with and without rowids; some with reserved bytes.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (number, page_size) in [512, 1_024, 4_096, 32_768, 65_536].into_iter().enumerate() {
            for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
                for without_rowid in [false, true] {
                    let reserved = if number % 2 == 0 { 0 } else { 32 };
                    all.push(Self { page_size, encoding, without_rowid, reserved });
                }
            }
        }
        all
    }

    /// Makes a file with a table `t(a, b, c, d)` that has indexes of all plain kinds.
    pub fn make(&self, path: &Path, rows: usize, chance: &mut Chance) -> Connection {
        if self.reserved > 0 {
            let commands = format!(
                ".filectrl reserve_bytes {}\nPRAGMA page_size={}; PRAGMA encoding='{}'; VACUUM;\n",
                self.reserved, self.page_size, self.encoding
            );
            support::script(path, &commands).unwrap();
        }
        let connection = Connection::open(path).unwrap();
        let table = if self.without_rowid {
            "CREATE TABLE t(a, b COLLATE NOCASE, c COLLATE RTRIM, d, k INTEGER, PRIMARY KEY(b DESC, k)) WITHOUT ROWID"
        } else {
            "CREATE TABLE t(a, b COLLATE NOCASE, c COLLATE RTRIM, d, k INTEGER, UNIQUE(d, k))"
        };
        let setup = format!(
            "PRAGMA page_size={}; PRAGMA encoding='{}'; {table};
             CREATE INDEX t_a ON t(a); CREATE INDEX t_b ON t(b DESC, a);
             CREATE UNIQUE INDEX t_c ON t(c, k);",
            self.page_size, self.encoding
        );
        connection.execute_batch(&setup).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for number in 0..rows {
            let mut values: Vec<Value> = (0..4).map(|_| chance.value()).collect();
            if self.without_rowid && values[1] == Value::Null {
                values[1] = Value::Text("not null".to_owned());
            }
            values.push(Value::Integer(i64::try_from(number).unwrap() * 7 - 100));
            let sql = if self.without_rowid {
                "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)"
            } else {
                values.push(Value::Integer(chance.number().cast_signed() >> chance.below(60)));
                "INSERT OR IGNORE INTO t(a, b, c, d, k, rowid) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            };
            connection.execute(sql, rusqlite::params_from_iter(values)).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        // Holes, so that pages have free blocks and fragments.
        connection.execute_batch("DELETE FROM t WHERE k % 5 = 0").unwrap();
        let size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
        assert_eq!(size, self.page_size);
        connection
    }
}

pub fn root(connection: &Connection, name: &str) -> u32 {
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    connection.query_row(sql, [name], |row| row.get(0)).unwrap()
}

/// SQLite's own verdict about a file.
pub fn integrity(connection: &Connection) -> Vec<String> {
    let mut statement = connection.prepare("PRAGMA integrity_check").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(|row| row.unwrap_or_else(|error| error.to_string())).collect()
}

/// Changes the schema behind SQLite's back.
pub fn edit_schema(connection: &Connection, statement: &str) {
    let sql = format!("PRAGMA writable_schema=ON; {statement}; PRAGMA writable_schema=RESET");
    connection.execute_batch(&sql).unwrap();
}

/// Runs statements while SQLite does not know of an index, which then lacks what they do.
pub fn behind_the_back_of(connection: &Connection, index: &str, statements: &str) {
    let known = "CREATE TEMP TABLE kept AS SELECT * FROM main.sqlite_schema WHERE name = ?1";
    connection.execute(known, [index]).unwrap();
    edit_schema(connection, &format!("DELETE FROM main.sqlite_schema WHERE name = '{index}'"));
    connection.execute_batch(statements).unwrap();
    edit_schema(connection, "INSERT INTO main.sqlite_schema SELECT * FROM temp.kept");
    connection.execute_batch("DROP TABLE temp.kept").unwrap();
}
