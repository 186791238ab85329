//! The statements that make the tables and indexes, as the options ask.

use super::options::{SampleOptions, VersionRows};
use super::phases::schema_sql;

const SESSION_KEY: &str = ",\n  PRIMARY KEY (session_id)";
const FILE_KEY: &str = ",\n  FOREIGN KEY (session_id) REFERENCES sessions (session_id)";
const UNIQUE_CHECKSUM: &str = "CREATE UNIQUE INDEX ix_fits_files_md5sum";

/// Returns the statements that create the tables of the catalogue.
pub(super) fn tables(options: &SampleOptions) -> Vec<String> {
    let wanted = |statement: &&str| {
        options.version_rows != VersionRows::NoTable
            || !statement.starts_with("CREATE TABLE schema_version ")
    };
    statements("CREATE TABLE ").filter(wanted).map(|statement| table(options, statement)).collect()
}

fn table(options: &SampleOptions, statement: &str) -> String {
    if options.grown && statement.starts_with("CREATE TABLE fits_files ") {
        statement.replace(FILE_KEY, "")
    } else if options.repeated_sessions() > 0 && statement.starts_with("CREATE TABLE sessions ") {
        statement.replace(SESSION_KEY, "")
    } else {
        statement.to_owned()
    }
}

/// Returns the statements that create the indexes of the catalogue.
pub(super) fn indexes(options: &SampleOptions) -> Vec<String> {
    let plain = UNIQUE_CHECKSUM.replace("UNIQUE ", "");
    let loosen = |statement: &str| match options.repeated_files() {
        0 => statement.to_owned(),
        _ => statement.replace(UNIQUE_CHECKSUM, &plain),
    };
    ["CREATE INDEX ", "CREATE UNIQUE INDEX "]
        .iter()
        .flat_map(|start| statements(start).map(loosen))
        .collect()
}

/// Returns the statements of the fixture that begin with these words; they end with `;` at a line's end.
fn statements(start: &str) -> impl Iterator<Item = &'static str> {
    schema_sql()
        .split(";\n")
        .filter_map(move |part| part.find("CREATE ").map(|begin| &part[begin..]))
        .filter(move |statement| statement.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixture_has_20_tables_and_28_indexes() {
        let options = SampleOptions::default();
        assert_eq!(tables(&options).len(), 20);
        assert_eq!(indexes(&options).len(), 28);
    }

    #[test]
    fn keys_and_uniqueness_are_taken_away_where_asked() {
        let options = SampleOptions { duplicates: 2, ..SampleOptions::default() };
        assert!(indexes(&options).iter().any(|sql| sql.starts_with("CREATE INDEX ix_fits_files_")));
        assert!(tables(&options).iter().any(|sql| sql.contains(SESSION_KEY)));
        let grown = SampleOptions { grown: true, ..options };
        assert!(!tables(&grown).iter().any(|sql| sql.contains(SESSION_KEY)));
        assert!(!tables(&grown).iter().any(|sql| sql.contains(FILE_KEY)));
    }
}
