//! Where a database is: a path, or an address as SQLite, SQLAlchemy and other migration tools write it.

use std::path::{Path, PathBuf};

use phaseshift::{Error, ErrorKind, Result};

/// Reads the place of a database: a path, `sqlite:PATH`, `sqlite:///PATH`, or `file:PATH` as SQLite writes a URI.
/// Relative paths are taken from the folder.
///
/// `sqlite:///name.db` is relative and `sqlite:////data/name.db` absolute, as in Alembic's settings;
/// `file:///data/name.db` is absolute (<https://sqlite.org/uri.html>). `%20` and the like are decoded in addresses only.
///
/// # Errors
/// [`ErrorKind::Arguments`] for an address that names no file, and for one with options: they could open the file in
/// another mode than the one that a migration needs.
pub fn database_path(text: &str, folder: &Path) -> Result<PathBuf> {
    let refuse = |why: &str| {
        let what = format!("{text} names no database file: {why}");
        Err(Error::new(ErrorKind::Arguments, what))
    };
    let path = match Address::of(text) {
        Address::Path if text.is_empty() => return refuse("the path is empty"),
        Address::Path if text == ":memory:" => {
            return refuse("a database in memory has nothing to migrate");
        }
        Address::Path => return Ok(folder.join(text)),
        Address::Foreign => return refuse("only SQLite addresses are understood"),
        Address::Host => {
            return refuse("an address with // is written sqlite:///PATH or file:///PATH");
        }
        Address::File(path) => path,
    };
    if path.contains(['?', '#']) {
        return refuse("write the path without options behind ? or #");
    }
    if path.is_empty() || path == ":memory:" {
        return refuse("a database in memory has nothing to migrate");
    }
    match decoded(path) {
        Some(path) => Ok(folder.join(path)),
        None => refuse("a percent sign must be followed by two hexadecimal digits"),
    }
}

/// What a text says about where a database is.
enum Address<'t> {
    Path,
    /// An address of another kind of database.
    Foreign,
    /// An address that names a host, which no SQLite file has.
    Host,
    /// The encoded path of an address.
    File(&'t str),
}

impl<'t> Address<'t> {
    fn of(text: &'t str) -> Self {
        if let Some((scheme, rest)) = text.split_once("://") {
            let is_uri = scheme.eq_ignore_ascii_case("file");
            if !is_uri && scheme != "sqlite" && !scheme.starts_with("sqlite+") {
                return Self::Foreign;
            }
            return match (is_uri, rest.strip_prefix('/')) {
                (true, Some(_)) => Self::File(rest),
                (false, Some(path)) => Self::File(path),
                (_, None) => Self::Host,
            };
        }
        match text.split_once(':') {
            Some(("sqlite" | "file", path)) => Self::File(path),
            Some((scheme, _)) if is_scheme(scheme) => Self::Foreign,
            _ => Self::Path,
        }
    }
}

/// Returns whether an argument can only name a database: an address, a path with a folder in it, or a file name with one
/// of the endings that SQLite files have.
pub fn looks_like_database(text: &str) -> bool {
    const ENDINGS: [&str; 5] = ["db", "sqlite", "sqlite3", "db3", "s3db"];
    let ending = Path::new(text).extension().and_then(|it| it.to_str());
    let named = ending.is_some_and(|it| ENDINGS.iter().any(|one| it.eq_ignore_ascii_case(one)));
    named
        || text.contains('/')
        || matches!(Address::of(text), Address::File(_) if !text.starts_with("version:"))
}

/// Returns whether other programs write a database's address with this word before a colon. A file that is called so
/// can be named as `./sqlite:name`.
fn is_scheme(text: &str) -> bool {
    ["sqlite", "sqlite3", "file", "libsql", "jdbc", "postgresql", "postgres", "mysql"]
        .iter()
        .any(|it| text.eq_ignore_ascii_case(it))
}

fn decoded(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match database_path(text, Path::new("/home/me")) {
            Ok(path) => path.display().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn paths_and_addresses_name_files() {
        assert_eq!(read("a.db"), "/home/me/a.db");
        assert_eq!(read("/data/100%.db"), "/data/100%.db");
        assert_eq!(read("sqlite:///a.db"), "/home/me/a.db");
        assert_eq!(read("sqlite:////data/my%20file.db"), "/data/my file.db");
        assert_eq!(read("sqlite:a.db"), "/home/me/a.db");
        assert_eq!(read("sqlite:/data/a%20b.db"), "/data/a b.db");
        assert_eq!(read("file:a.db"), "/home/me/a.db");
        assert_eq!(read("file:///data/a.db"), "/data/a.db");
        assert_eq!(read("./sqlite:a.db"), "/home/me/./sqlite:a.db");
        assert_eq!(read("2024-01-01T12:30.db"), "/home/me/2024-01-01T12:30.db");
        assert_eq!(read("sqlite+pysqlite:////data/a.db"), "/data/a.db");
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "",
            "postgresql://localhost/a",
            "sqlite://a.db",
            "sqlite:///",
            "sqlite:///:memory:",
            "sqlite:///a.db?mode=ro",
            "sqlite:///a%2.db",
            ":memory:",
            "file:a.db?mode=rwc",
            "SQLite3:a.db",
            "jdbc:sqlite:a.db",
        ] {
            assert!(read(text).contains("names no database file"), "{text}");
        }
    }
}
