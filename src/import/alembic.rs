//! Alembic: the graph is in the Python files, whose literals are read; the SQL is what `alembic upgrade --sql` printed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::python::{Assigned, Literal, assigned, first_doc_line};
use super::{Draft, ImportSource};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::{FileKind, Files};
use crate::name::fold;
use crate::phase::{PhaseFile, PhaseId, SectionTexts};
use crate::sql::{TokenKind, significant_tokens, statements, tokens, unquote};

/// One revision, as its file declares it.
struct Revision {
    id: String,
    parents: Vec<String>,
    labels: Vec<String>,
    depends_on: Vec<String>,
    message: Option<String>,
    file: PathBuf,
    line: usize,
}

/// The SQL of a revision.
#[derive(Default)]
struct Sql {
    up: Option<String>,
    down: Option<String>,
}

/// Reads the revisions and their SQL.
pub(super) fn drafts(files: &dyn Files, source: &ImportSource<'_>) -> Result<Vec<Draft>> {
    let revisions = revisions(files, source.folder)?;
    if source.scripts.is_empty() && !revisions.is_empty() {
        let what = "alembic's SQL is missing: name what `alembic upgrade base:heads --sql` printed";
        return Err(Error::new(ErrorKind::Arguments, what));
    }
    let mut sql: HashMap<String, Sql> = HashMap::new();
    for script in source.scripts {
        read_script(&text_of(files, script)?, &mut sql);
    }
    let missing: Vec<&str> = revisions
        .iter()
        .filter(|it| sql.get(&it.id).is_none_or(|sql| sql.up.is_none()))
        .map(|it| it.id.as_str())
        .collect();
    if let Some(first) = missing.first() {
        let what = format!("the SQL holds no upgrade to the revision {first}");
        return Err(Error::new(ErrorKind::PhaseFile, what).problems(missing));
    }
    revisions.into_iter().map(|it| draft(files, &it, &mut sql)).collect()
}

fn draft(files: &dyn Files, revision: &Revision, sql: &mut HashMap<String, Sql>) -> Result<Draft> {
    let Sql { up, down } = sql.remove(&revision.id).unwrap_or_default();
    let texts = SectionTexts { up: up.unwrap_or_default(), down };
    let ids = |names: &[String]| {
        let ids: Result<Vec<PhaseId>> = names.iter().map(|it| phase_id(it, revision)).collect();
        ids
    };
    let id = phase_id(&revision.id, revision)?;
    let text = format!("-- phase: id={id}\n-- up\n");
    let mut phase = PhaseFile::parse_sql(files, &revision.file, &text)?.phase;
    phase.parents = ids(&revision.parents)?;
    phase.depends_on = ids(&revision.depends_on)?;
    phase.labels.clone_from(&revision.labels);
    if let Some(message) = &revision.message {
        phase.description.clone_from(message);
    }
    // The text is made here, and not compared with another one.
    phase.checksum.clear();
    Ok(Draft { phase, texts, key: revision.id.clone() })
}

fn phase_id(text: &str, revision: &Revision) -> Result<PhaseId> {
    PhaseId::new(text).ok_or_else(|| {
        let what = format!("the revision {} cannot be the id of a phase", text.escape_debug());
        Error::new(ErrorKind::PhaseFile, what).at(&revision.file, revision.line)
    })
}

/// The folder may be that of the environment, with `versions` in it.
fn revisions(files: &dyn Files, folder: &Path) -> Result<Vec<Revision>> {
    let versions = folder.join("versions");
    let stat = files.status(&versions)?;
    let is_there = stat.is_some_and(|it| it.kind == FileKind::Folder);
    let folder = if is_there { versions } else { folder.to_path_buf() };
    let mut found = Vec::new();
    for path in files.entries(&folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".py") || name.starts_with('.') || name == "__init__.py" {
            continue;
        }
        refuse_outside(files, &folder, &path)?;
        found.extend(revision(&text_of(files, &path)?, &path)?);
    }
    Ok(found)
}

pub(super) fn refuse_outside(files: &dyn Files, folder: &Path, path: &Path) -> Result<()> {
    let real =
        |path: &Path| files.canonical(path).map_err(|error| file_error("look at", path, error));
    if real(path)?.starts_with(real(folder)?) {
        return Ok(());
    }
    let what = format!("{} is a link to a file outside the folder", path.display());
    Err(Error::new(ErrorKind::PhaseFile, what).at(path, 1))
}

pub(super) fn text_of(files: &dyn Files, path: &Path) -> Result<String> {
    let bytes = files.content(path)?;
    String::from_utf8(bytes).map_err(|_| {
        let what = format!("{} is not UTF-8 text", path.display());
        Error::new(ErrorKind::PhaseFile, what).at(path, 1)
    })
}

/// Reads a revision; `None` if the file is none.
fn revision(text: &str, path: &Path) -> Result<Option<Revision>> {
    let fault = |line: usize, what: &str| {
        let what = format!("{}:{line}: {what}", path.display());
        Err(Error::new(ErrorKind::PhaseFile, what).at(path, line))
    };
    let Some(own) = assigned(text, "revision") else { return Ok(None) };
    let Some(Literal::Text(id)) = own.value else {
        return fault(own.line, "`revision` is not a string literal");
    };
    let names = |name: &str| match assigned(text, name) {
        None | Some(Assigned { value: Some(Literal::None), .. }) => Ok(Vec::new()),
        Some(Assigned { value: Some(Literal::Text(text)), .. }) => Ok(vec![text]),
        Some(Assigned { value: Some(Literal::List(list)), .. }) => Ok(list),
        Some(Assigned { value: None, line }) => Err((line, format!("`{name}` is not a literal"))),
    };
    let mut read = Vec::new();
    for name in ["down_revision", "branch_labels", "depends_on"] {
        match names(name) {
            Ok(names) => read.push(names),
            Err((line, what)) => return fault(line, &what),
        }
    }
    let mut read = read.into_iter();
    let mut next = || read.next().unwrap_or_default();
    let (parents, labels, depends_on) = (next(), next(), next());
    let (message, file) = (first_doc_line(text), path.to_path_buf());
    Ok(Some(Revision { id, parents, labels, depends_on, message, file, line: own.line }))
}

/// Reads what `--sql` printed: a comment begins each revision.
fn read_script(text: &str, sql: &mut HashMap<String, Sql>) {
    let comments = tokens(text).into_iter().filter(|it| it.kind == TokenKind::Comment);
    let marks: Vec<(usize, usize, Running)> =
        comments.filter_map(|it| Some((it.start, it.end, running(it.text(text))?))).collect();
    for (place, (_, start, running)) in marks.iter().enumerate() {
        let end = marks.get(place + 1).map_or(text.len(), |next| next.0);
        let body = own_statements(&text[*start..end]);
        match running {
            Running::Upgrade(to) => sql.entry(to.clone()).or_default().up = Some(body),
            Running::Downgrade(from) => {
                sql.entry(from.clone()).or_default().down = Some(body);
            }
        }
    }
}

enum Running {
    Upgrade(String),
    Downgrade(String),
}

/// `-- Running upgrade a, b -> c`, `-- Running downgrade c -> a, b`, `-- Running stamp_revision ...`
fn running(comment: &str) -> Option<Running> {
    let words = comment.strip_prefix("--")?.trim();
    if let Some(step) = words.strip_prefix("Running upgrade") {
        let to = step.split_once("->")?.1.trim();
        return Some(Running::Upgrade(to.split([',', ' ']).next()?.to_owned()));
    }
    let step = words.strip_prefix("Running downgrade")?;
    let from = step.split_once("->")?.0.trim();
    Some(Running::Downgrade(from.split([',', ' ']).next()?.to_owned()))
}

/// Returns the statements of a revision without those about alembic's own table, and without the transaction.
fn own_statements(text: &str) -> String {
    let mut kept = String::new();
    let mut end = 0;
    for range in statements(text) {
        let statement = &text[range.clone()];
        if !is_bookkeeping(statement) {
            kept.push_str(text[end..range.start].trim_start_matches([';', '\n', '\r', ' ']));
            kept.push_str(statement);
            kept.push_str(";\n");
        }
        end = range.end;
    }
    kept
}

fn is_bookkeeping(statement: &str) -> bool {
    let mut tokens = significant_tokens(statement);
    let Some(first) = tokens.next() else { return true };
    let is_word = |word: &&str| first.is_word(statement, word);
    if ["BEGIN", "COMMIT"].iter().any(is_word) {
        return true;
    }
    let of_table = ["INSERT", "UPDATE", "DELETE", "CREATE", "DROP"].iter().any(is_word);
    let mut names = tokens.take(3).map(|it| fold(&unquote(it.text(statement))));
    of_table && names.any(|it| it == "alembic_version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_cut_into_revisions_without_the_bookkeeping() {
        let text = "CREATE TABLE alembic_version (\n version_num VARCHAR(32) NOT NULL\n);\n\n\
            -- Running upgrade  -> a1\n\nCREATE TABLE t (\n id INTEGER\n);\n\n\
            INSERT INTO t VALUES ('-- Running upgrade x -> y;');\n\
            INSERT INTO alembic_version (version_num) VALUES ('a1') RETURNING version_num;\n\n\
            -- Running upgrade a1, b2 -> c3\n\nDELETE FROM alembic_version WHERE alembic_version.version_num = 'b2';\n\
            UPDATE alembic_version SET version_num='c3' WHERE alembic_version.version_num = 'a1';\nCOMMIT;\n";
        let mut sql = HashMap::new();
        read_script(text, &mut sql);
        let a1 = sql["a1"].up.clone().unwrap();
        assert!(a1.starts_with("CREATE TABLE t") && a1.contains("'-- Running upgrade x -> y;'"));
        assert!(!a1.contains("alembic_version"), "{a1}");
        assert_eq!(sql["c3"].up.as_deref(), Some(""));
        assert!(!sql.contains_key("y;'"));
    }
}
