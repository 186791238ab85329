//! The rows of the large fixtures: SQL files in `fixtures/NAME/rows`, the same rows every time.

use std::path::Path;

use rusqlite::Connection;

/// How many rows a fixture gets. Only `gene_catalogue` has more than one size.
#[derive(Debug, Clone, Copy)]
pub struct Volume {
    pub genes: u32,
    pub evidence: u32,
    pub cached: u32,
}

/// 571 genes with 3,934 pieces of evidence.
pub const SMALL: Volume = Volume { genes: 571, evidence: 3_934, cached: 200 };

/// 4,833 genes with 6,555 pieces of evidence and 33,663 cached annotations.
pub const LARGE: Volume = Volume { genes: 4_833, evidence: 6_555, cached: 33_663 };

/// Loads the rows of a fixture into the tables that exist and have none of them yet.
///
/// The files run in name order; each is named after the table that it needs. Loading twice adds nothing.
pub fn load_rows(connection: &Connection, fixture: &str, volume: Volume) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(fixture).join("rows");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let Volume { genes, evidence, cached } = volume;
    let sizes = format!(
        "PRAGMA foreign_keys=ON;
         DROP TABLE IF EXISTS temp.volume;
         CREATE TEMP TABLE volume AS SELECT {genes} AS genes, {evidence} AS evidence, {cached} AS cached;
         BEGIN"
    );
    connection.execute_batch(&sizes).unwrap();
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let (_, table) = stem.split_once('_').unwrap();
        if connection.table_exists(Some("main"), table).unwrap() {
            let sql = std::fs::read_to_string(&file).unwrap();
            connection
                .execute_batch(&sql)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
    connection.execute_batch("COMMIT").unwrap();
}
