//! The desired schema: SQL that a person keeps, carried out by SQLite in memory.

use std::path::{Path, PathBuf};

use crate::autogenerate::{Rename, marked_renames};
use crate::error::{Error, ErrorKind, Result, file_error, is_reserved_name};
use crate::files::{FileKind, Files};
use crate::schema::{ObjectKind, Schema};
use crate::shadow::Shadow;
use crate::sql::{find_hidden_statement, object_head, significant_tokens, statements};

/// Reads the desired schema: a file of CREATE statements, or a folder whose `.sql` files are read in
/// name order.
///
/// The statements run in an empty database in memory, under the authorizer of data steps: whatever
/// attaches, sets a pragma or controls transactions is refused, and rows are not written. Their order does not matter:
/// a CREATE statement that SQLite refuses is tried again after the others.
///
/// # Errors
/// [`ErrorKind::Config`] naming the file, and SQLite's reason with the line of the statement;
/// [`ErrorKind::Io`].
pub fn desired_schema(files: &dyn Files, path: &Path) -> Result<Schema> {
    let sources = sources(files, path)?;
    let in_order = || -> Result<Schema> {
        let mut shadow = Shadow::empty()?;
        for source in &sources {
            shadow = carried_out(shadow, &source.text).map_err(|error| source.located(error))?;
        }
        shadow.schema()
    };
    match in_order() {
        Err(error) if error.kind() == ErrorKind::Config => in_any_order(&sources),
        done => done,
    }
}

/// A file of the desired schema.
struct Source {
    file: PathBuf,
    text: String,
}

impl Source {
    fn located(&self, error: Error) -> Error {
        let what = format!("{}: {error}", self.file.display());
        let line = error.facts().statement.as_ref().map_or(1, |(line, _)| *line);
        Error::new(ErrorKind::Config, what).at(&self.file, line).caused_by(error)
    }
}

fn sources(files: &dyn Files, path: &Path) -> Result<Vec<Source>> {
    let read = |file: PathBuf| {
        let bytes = files.read(&file).map_err(|error| unreadable(&file, error))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::new(ErrorKind::Config, format!("{} is not UTF-8 text", file.display()))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        if let Some(fault) = find_hidden_statement(&text) {
            let what = format!("{}: line {}: {}", file.display(), fault.line, fault.what);
            return Err(Error::new(ErrorKind::Config, what).at(&file, fault.line));
        }
        Ok(Source { file, text })
    };
    sql_files(files, path)?.into_iter().map(read).collect()
}

struct Statement<'s> {
    source: &'s Source,
    start: usize,
    sql: &'s str,
}

impl Statement<'_> {
    /// The statement at its line of the file, for an error that names it.
    fn at_its_line(&self) -> String {
        let before = self.source.text.get(..self.start).unwrap_or_default();
        let lines = before.matches('\n').count();
        format!("{}{}", "\n".repeat(lines), self.sql)
    }

    fn creates(&self) -> bool {
        significant_tokens(self.sql).next().is_some_and(|it| it.is_word(self.sql, "CREATE"))
    }

    /// Returns whether a module made the table with its own: the `sqlite3` program prints both.
    fn is_of_shadow_table(&self, schema: &Schema) -> bool {
        object_head(self.sql)
            .is_ok_and(|it| schema.find(ObjectKind::ShadowTable, &it.name.text).is_some())
    }

    fn is_of_own_table(&self) -> bool {
        OWN_TABLES.iter().any(|it| it.trim_end_matches(';') == self.sql)
    }
}

/// The statements of a file, each up to its semicolon: SQLite stores a comment before it.
fn split(source: &Source) -> Vec<Statement<'_>> {
    let text = source.text.as_str();
    let statement = |range: std::ops::Range<usize>| {
        let rest = text.get(range.end..).unwrap_or_default();
        let end = significant_tokens(rest).next().map_or(text.len(), |it| range.end + it.start);
        let sql = text.get(range.start..end).unwrap_or_default().trim_end();
        Statement { source, start: range.start, sql }
    };
    statements(text).into_iter().map(statement).collect()
}

/// Carries the statements out, and again those CREATE statements that SQLite refuses, for as long as one more of them
/// succeeds.
fn in_any_order(sources: &[Source]) -> Result<Schema> {
    let mut shadow = Shadow::empty()?;
    let mut waiting: Vec<Statement<'_>> =
        sources.iter().flat_map(split).filter(|it| !it.is_of_own_table()).collect();
    loop {
        let before = waiting.len();
        let mut refused = Vec::new();
        for statement in waiting {
            match shadow.apply_data(statement.sql) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Step && statement.creates() => {
                    refused.push(statement);
                }
                Err(error) if error.kind() == ErrorKind::Step => {
                    let again = shadow.apply_data(&statement.at_its_line());
                    return Err(statement.source.located(again.err().unwrap_or(error)));
                }
                Err(error) => return Err(error),
            }
        }
        let schema = shadow.schema()?;
        refused.retain(|it: &Statement<'_>| !it.is_of_shadow_table(&schema));
        waiting = refused;
        let Some(first) = waiting.first() else { return Ok(schema) };
        if waiting.len() == before {
            let refused = shadow.apply_data(&first.at_its_line()).err();
            let unclear = || Error::new(ErrorKind::Step, "the statement is refused");
            return Err(first.source.located(refused.unwrap_or_else(unclear)));
        }
    }
}

/// Reads the renames that the files of the desired schema note: `-- @renamed from=old` behind a column or a table.
///
/// # Errors
/// [`ErrorKind::Config`] naming the file and the line of a note that cannot be read; [`ErrorKind::Io`].
pub fn desired_renames(files: &dyn Files, path: &Path) -> Result<Vec<Rename>> {
    let mut renames = Vec::new();
    for file in sql_files(files, path)? {
        let bytes = files.read(&file).map_err(|error| unreadable(&file, error))?;
        let found = marked_renames(&String::from_utf8_lossy(&bytes)).map_err(|wrong| {
            let what = format!("{}: line {}: {}", file.display(), wrong.line, wrong.what);
            Error::new(ErrorKind::Config, what).at(&file, wrong.line)
        });
        renames.extend(found?);
    }
    Ok(renames)
}

/// A file that is no text is a wrong setting; anything else is a failure of the machine.
fn unreadable(file: &Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::InvalidInput | Kind::FileTooLarge | Kind::IsADirectory => {
            let what = format!("{} cannot be read", file.display());
            Error::new(ErrorKind::Config, what).at(file, 1).caused_by(error)
        }
        _ => file_error("read", file, error),
    }
}

/// What `.schema` of the `sqlite3` program prints of SQLite's own tables, which no statement may create.
const OWN_TABLES: [&str; 3] = [
    "CREATE TABLE sqlite_sequence(name,seq);",
    "CREATE TABLE sqlite_stat1(tbl,idx,stat);",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample);",
];

/// Carries the statements out. Where SQLite's own tables are all that stands in the way, the lines
/// that create them are left out.
fn carried_out(mut shadow: Shadow, text: &str) -> Result<Shadow> {
    let before = shadow.schema()?;
    let Err(error) = shadow.apply_data(text) else { return Ok(shadow) };
    if !error.sqlite_causes().any(is_reserved_name) {
        return Err(error);
    }
    let own = |line: &str| OWN_TABLES.contains(&line.trim_end());
    let lines: Vec<&str> = text.lines().map(|line| if own(line) { "" } else { line }).collect();
    let mut again = Shadow::of(&before)?;
    again.apply_data(&lines.join("\n"))?;
    Ok(again)
}

fn sql_files(files: &dyn Files, path: &Path) -> Result<Vec<PathBuf>> {
    let stat = files.status(path)?;
    match stat.map(|stat| stat.kind) {
        Some(FileKind::Folder) => {
            let mut found = files.entries(path)?;
            found.retain(|it| it.extension().is_some_and(|end| end.eq_ignore_ascii_case("sql")));
            Ok(found)
        }
        Some(FileKind::File) => Ok(vec![path.to_path_buf()]),
        Some(FileKind::Other) => {
            let what = format!("the desired schema is not a regular file: {}", path.display());
            Err(Error::new(ErrorKind::Config, what).about("desired schema"))
        }
        None => {
            let what = format!("the desired schema does not exist: {}", path.display());
            Err(Error::new(ErrorKind::Config, what).about("desired schema"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::RealFiles;

    fn read(text: &str) -> Result<Schema> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schema.sql");
        RealFiles.create(&path, text.as_bytes(), 0o600).unwrap();
        desired_schema(&RealFiles, &path)
    }

    #[test]
    fn statements_make_a_schema_and_rows_are_not_written() {
        let schema = read(
            "-- the tables\nCREATE TABLE t(a);\nCREATE VIEW v AS SELECT a FROM t;\n\
             INSERT INTO t VALUES (1);",
        );
        let names: Vec<String> = schema.unwrap().objects.into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["t", "v"]);
    }

    #[test]
    fn what_the_sqlite3_program_prints_of_a_schema_is_read() {
        let text = "CREATE TABLE sqlite_sequence(name,seq);\nCREATE TABLE t(a INTEGER PRIMARY KEY \
                    AUTOINCREMENT);\nCREATE TABLE sqlite_stat1(tbl,idx,stat);\n";
        assert_eq!(read(text).unwrap().objects.len(), 1);
        assert!(read("CREATE TABLE sqlite_mine(a);").is_err());
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        for (text, says) in [
            ("CREATE TABLE t(a);\nCREATE TABL u(b);", "schema.sql: statement at line 2: "),
            ("ATTACH 'x.db' AS x;", "not allowed"),
            ("PRAGMA user_version = 3;", "not allowed"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn the_order_of_the_statements_does_not_matter() {
        let schema = read(
            "CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN SELECT 1; SELECT 2; END;
             CREATE INDEX i ON t(a); CREATE VIEW v AS SELECT a FROM w -- a comment; with a mark
             ; CREATE VIEW w AS SELECT a FROM t;
             CREATE TABLE t(a);",
        );
        let schema = schema.unwrap();
        assert_eq!(schema.objects.len(), 5);
        let view = schema.find(ObjectKind::View, "v").unwrap();
        assert!(view.sql.as_ref().unwrap().ends_with("with a mark"), "{view:?}");
        let error = read("CREATE INDEX i ON t(a);\nCREATE INDEX j ON t(b);\nCREATE TABLE t(a);");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("statement at line 2: no such column: b"), "{error}");
    }

    #[test]
    fn the_files_of_a_folder_may_come_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a.sql", "CREATE INDEX i ON t(a);"), ("b.sql", "CREATE TABLE t(a);"), ("c.txt", "?")]
        {
            RealFiles.create(&folder.path().join(name), text.as_bytes(), 0o600).unwrap();
        }
        assert_eq!(desired_schema(&RealFiles, folder.path()).unwrap().objects.len(), 2);
    }
}
