//! Where a database is: a path, or an address as SQLAlchemy and Alembic write it.

use std::path::{Path, PathBuf};

use phaseshift::{Error, ErrorKind, Result};

/// Reads the place of a database. Relative paths are taken from the folder.
///
/// `sqlite:///name.db` is relative and `sqlite:////data/name.db` absolute, as in Alembic's
/// settings; `%20` and the like are decoded in addresses only.
///
/// # Errors
/// [`ErrorKind::Arguments`] for an address that names no file.
pub fn database_path(text: &str, folder: &Path) -> Result<PathBuf> {
    let refuse = |why: &str| {
        let what = format!("{text} names no database file: {why}");
        Err(Error::new(ErrorKind::Arguments, what))
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        if text.is_empty() {
            return refuse("the path is empty");
        }
        if text == ":memory:" {
            return refuse("a database in memory has nothing to migrate");
        }
        if let Some((scheme, _)) = text.split_once(':').filter(|(it, _)| is_scheme(it)) {
            let why = format!("it is an address; write the path alone, without {scheme}:");
            return refuse(&why);
        }
        return Ok(folder.join(text));
    };
    if scheme != "sqlite" && !scheme.starts_with("sqlite+") {
        return refuse("only sqlite addresses are understood");
    }
    let Some(path) = rest.strip_prefix('/') else {
        return refuse("sqlite:/// is followed by the path");
    };
    if path.contains('?') {
        return refuse("options after a question mark are not understood");
    }
    if path.is_empty() || path == ":memory:" {
        return refuse("a database in memory has nothing to migrate");
    }
    match decoded(path) {
        Some(path) => Ok(folder.join(path)),
        None => refuse("a percent sign must be followed by two hexadecimal digits"),
    }
}

/// Returns whether other programs write a database's address with this word before a colon. A file that is called so
/// can be named as `./sqlite:name`.
fn is_scheme(text: &str) -> bool {
    ["sqlite", "sqlite3", "file", "libsql", "jdbc"].iter().any(|it| text.eq_ignore_ascii_case(it))
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
            "sqlite:a.db",
            "file:a.db",
            "file:a.db?mode=rwc",
            "SQLite3:a.db",
            "jdbc:sqlite:a.db",
        ] {
            assert!(read(text).contains("names no database file"), "{text}");
        }
    }
}
