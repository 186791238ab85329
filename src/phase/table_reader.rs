//! Reads one table of a phase file by the list of its keys, and notes every fault with its line.

use std::ops::Range;
use std::path::{Component, Path};

use toml_edit::{Item, TableLike, Value as Toml};

use super::checksum::as_read;
use super::keys::{Form, Key, Need, Value, Values};
use super::nearest::{nearest, quoted, quoted_list};
use super::phase::PhaseId;
use super::problem::Problems;
use super::step::{Cell, Expected, ExpectedAnswer};
use crate::files::{FileKind, Files};
use crate::sql::{
    SqliteVersion, find_end_of_piece, find_hidden_statement, find_parameter, find_passing_object,
    find_second_statement, find_table_of_query,
};

/// Words that mean something else as a target, so that no phase can have them as its id.
const RESERVED: [&str; 3] = ["head", "heads", "base"];

/// A table of a phase file: what it is called in messages, and where it begins.
pub(super) struct TableInFile<'t> {
    pub(super) table: &'t dyn TableLike,
    pub(super) called: String,
    pub(super) line: usize,
    /// A key that is read apart from the others.
    pub(super) apart: Option<&'static str>,
}

/// One phase file while it is read.
pub(super) struct TableReader<'r> {
    files: &'r dyn Files,
    path: &'r Path,
    lines: &'r Lines,
    problems: &'r mut Problems,
    /// The texts of the SQL files named so far, in their order.
    pub(super) sql_texts: Vec<String>,
}

impl<'r> TableReader<'r> {
    /// Begins to read the file with this path and these lines.
    pub(super) fn new(
        files: &'r dyn Files,
        path: &'r Path,
        lines: &'r Lines,
        problems: &'r mut Problems,
    ) -> Self {
        Self { files, path, lines, problems, sql_texts: Vec::new() }
    }

    pub(super) fn problem(&mut self, line: usize, what: impl Into<String>) {
        self.problems.add(self.path, line, what);
    }

    /// Notes a fault of another file.
    pub(super) fn problem_in(&mut self, path: &Path, line: usize, what: impl Into<String>) {
        self.problems.add(path, line, what);
    }

    /// Returns how many faults were noted, in this file and in those before it.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Returns the line (from 1) in which a part of the text begins, or else the line given.
    pub(super) fn line_of(&self, span: Option<Range<usize>>, otherwise: usize) -> usize {
        span.map_or(otherwise, |span| self.lines.at(span.start))
    }

    /// Returns the line (from 1) of a key.
    pub(super) fn line_of_key(&self, place: &TableInFile<'_>, key: &str) -> usize {
        self.line_of(place.table.key(key).and_then(toml_edit::Key::span), place.line)
    }

    /// Reads the values of the keys, and notes unknown, missing and malformed ones.
    pub(super) fn values(&mut self, place: &TableInFile<'_>, keys: &'static [Key]) -> Values {
        let mut values = Values::default();
        for (name, item) in place.table.iter() {
            let line = self.line_of_key(place, name);
            match keys.iter().find(|key| key.name == name) {
                Some(key) => {
                    if let Some(value) = self.value(key, item, line) {
                        values.put(key.name, value);
                    }
                }
                None if place.apart == Some(name) => {}
                None => self.unknown_key(place, name, keys, line),
            }
        }
        self.check_needs(place, keys);
        values
    }

    fn unknown_key(&mut self, place: &TableInFile<'_>, name: &str, keys: &[Key], line: usize) {
        let near = nearest(name, keys.iter().map(|key| key.name));
        let near = near.map_or_else(String::new, |near| format!(", nearest is {}", quoted(near)));
        self.problem(line, format!("unknown key {} in {}{near}", quoted(name), place.called));
    }

    fn check_needs(&mut self, place: &TableInFile<'_>, keys: &[Key]) {
        let given = |key: &&Key| place.table.contains_key(key.name);
        let with = |need: Need| keys.iter().filter(move |key| key.need == need);
        let names = |need: Need| quoted_list(with(need).map(|key| key.name));
        let called = &place.called;
        let mut faults = Vec::new();

        let missing: Vec<&str> =
            with(Need::Required).filter(|key| !given(key)).map(|key| key.name).collect();
        if !missing.is_empty() {
            let verb = if missing.len() == 1 { "is" } else { "are" };
            let (needs, missing) = (names(Need::Required), quoted_list(missing));
            faults.push(format!("{called} needs {needs}: {missing} {verb} missing"));
        }
        let has = |need: Need| with(need).next().is_some();
        match with(Need::OneOf).filter(given).count() {
            0 if has(Need::OneOf) => {
                faults.push(format!("{called} needs one of {}", names(Need::OneOf)));
            }
            0 | 1 => {}
            _ => faults.push(format!("{called} takes only one of {}", names(Need::OneOf))),
        }
        if has(Need::SomeOf) && !with(Need::SomeOf).any(|key| given(&key)) {
            faults.push(format!("{called} needs at least one of {}", names(Need::SomeOf)));
        }
        for fault in faults {
            self.problem(place.line, fault);
        }
    }

    fn value(&mut self, key: &Key, item: &Item, line: usize) -> Option<Value> {
        if let Some(fault) = faulty_sql(key.form, item) {
            let line = self.line_inside(&fault, item, line);
            self.problem(line, format!("{}: {}", quoted(key.name), fault.what));
            return None;
        }
        let read = match key.form {
            Form::Text | Form::Identifier | Form::TypeName => string(item).map(Value::Text),
            Form::Name | Form::Sql | Form::Query | Form::Create | Form::Piece => {
                filled(item).map(Value::Text)
            }
            Form::Word(words) => word(item, words).map(Value::Text),
            Form::Switch => {
                item.as_bool().map(Value::Switch).ok_or_else(|| wrong("true or false", item))
            }
            Form::SqliteVersion => sqlite_version(item).map(Value::Text),
            Form::Version => version(item).map(Value::Integer),
            Form::Id => filled(item).and_then(|text| id(&text)).map(Value::Id),
            Form::Ids => strings(item, id).map(Value::Ids),
            Form::Labels => strings(item, label).map(Value::Labels),
            Form::Versions => versions(item).map(Value::Versions),
            Form::Squashes => squashes(item).map(Value::Squashes),
            Form::Reasons => strings(item, reason).map(Value::Labels),
            Form::Expected => expected(item).map(Value::Expected),
            Form::Answer => answer(item).map(Value::Answer),
            Form::Expressions => expressions(item).map(Value::Expressions),
            Form::SqlFile => filled(item).and_then(|name| self.sql_file(name)),
            Form::Tables => match tables(item) {
                Some(_) => return None,
                None => Err(wrong(&format!("tables ([[{}]])", key.name), item)),
            },
        };
        read.map_err(|fault| self.problem(line, format!("{} {fault}", quoted(key.name)))).ok()
    }

    /// Returns the line of the phase file in which a place of a string stands. The lines of a string over several
    /// lines are those of the file; of others, only the beginning is known.
    fn line_inside(&self, fault: &Fault<'_>, item: &Item, otherwise: usize) -> usize {
        let Some(span) = fault.span.clone().or_else(|| item.span()) else { return otherwise };
        let (first, last) = (self.lines.at(span.start), self.lines.at(span.end));
        let written = fault.text.matches('\n').count();
        // TOML leaves out a line end right behind the opening quotes.
        match (last - first).checked_sub(written) {
            Some(skipped @ 0..=1) if last > first => first + skipped + fault.line - 1,
            _ => first,
        }
    }

    /// Reads an SQL file beside the phase file.
    fn sql_file(&mut self, name: String) -> Result<Value, String> {
        let mut parts = Path::new(&name).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !plain || name.contains(['/', '\\']) {
            return Err(format!(
                "must name a file in the folder of the phase, not {}",
                quoted(&name)
            ));
        }
        let path = self.path.with_file_name(&name);
        let called = quoted(&name);
        match self.files.stat(&path) {
            Ok(Some(stat)) if stat.kind == FileKind::File => {
                self.stays_in_folder(&path, &called)?
            }
            Ok(Some(_)) => return Err(format!("names {called}, which is not a file")),
            Ok(None) => return Err(format!("names {called}, which is not in the folder")),
            Err(error) => return Err(format!("names {called}, which cannot be read: {error}")),
        }
        let bytes = self
            .files
            .read(&path)
            .map_err(|error| format!("names {called}, which cannot be read: {error}"))?;
        let text = text_of(&bytes)
            .map_err(|line| format!("names {called}, which is not UTF-8 text (line {line})"))?;
        if text.trim().is_empty() {
            return Err(format!("names {called}, which is empty"));
        }
        if text.contains('\0') {
            return Err(format!("names {called}, which holds a NUL character"));
        }
        if let Some(fault) = find_parameter(&text).or_else(|| find_hidden_statement(&text)) {
            self.problems.add(&path, fault.line, fault.what);
        }
        self.sql_texts.push(text.clone());
        Ok(Value::SqlFile(name, text))
    }

    /// Refuses a symbolic link to a file elsewhere. A folder that is made of links as a whole is fine: the SQL then
    /// lies below the phases' own folder, or beside the phase file that the link leads to.
    fn stays_in_folder(&self, path: &Path, called: &str) -> Result<(), String> {
        let real = |path: &Path| {
            let found = self.files.canonical(path);
            found.map_err(|error| format!("names {called}, which cannot be read: {error}"))
        };
        let target = real(path)?;
        let phase = match self.files.stat(self.path) {
            Ok(Some(_)) => real(self.path)?,
            // A phase that is read from memory only.
            Ok(None) | Err(_) => self.path.to_path_buf(),
        };
        let folder = match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => real(parent)?,
            None => real(Path::new("."))?,
        };
        if target.starts_with(&folder) || target.parent() == phase.parent() {
            return Ok(());
        }
        Err(format!("names {called}, which is a link to a file outside the folder of the phases"))
    }

    /// Returns the tables in double brackets under a key.
    pub(super) fn places<'t>(
        &self,
        phase: &TableInFile<'t>,
        key: &str,
        called: &str,
    ) -> Vec<TableInFile<'t>> {
        let line = self.line_of_key(phase, key);
        let found = phase.table.get(key).and_then(tables).unwrap_or_default();
        found
            .into_iter()
            .map(|(table, span)| TableInFile {
                table,
                called: called.to_owned(),
                line: self.line_of(span, line),
                apart: None,
            })
            .collect()
    }
}

/// Decodes a file: without a byte order mark, with LF line ends; or the line (from 1) that is no
/// text.
pub(super) fn text_of(bytes: &[u8]) -> Result<String, usize> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(as_read(text)),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(1 + good.iter().filter(|byte| **byte == b'\n').count())
        }
    }
}

/// Where the lines of a text begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Finds the lines of a text.
    pub(super) fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(end, _)| end + 1)).collect())
    }

    /// Returns the line (from 1) of a position in the text.
    pub(super) fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}

/// What an SQL text may not hold.
struct Fault<'t> {
    what: String,
    /// The line in the text, from 1.
    line: usize,
    text: &'t str,
    /// Where the text stands, if not where the key says.
    span: Option<Range<usize>>,
}

/// Finds the first thing that a text of SQL may not hold, as far as its words tell.
fn faulty_sql(form: Form, item: &Item) -> Option<Fault<'_>> {
    if form == Form::Expressions {
        return item.as_table_like()?.iter().find_map(|(_, it)| faulty_sql(Form::Piece, it));
    }
    let text = item.as_str()?;
    let found = match form {
        Form::Sql => find_parameter(text).or_else(|| find_hidden_statement(text)),
        Form::Query => find_parameter(text).or_else(|| find_second_statement(text)),
        Form::Create => find_parameter(text)
            .or_else(|| find_second_statement(text))
            .or_else(|| find_passing_object(text))
            .or_else(|| find_table_of_query(text)),
        Form::Piece | Form::TypeName => find_parameter(text).or_else(|| find_end_of_piece(text)),
        _ => None,
    }?;
    Some(Fault { what: found.what, line: found.line, text, span: item.span() })
}

type Spanned<'t> = (&'t dyn TableLike, Option<Range<usize>>);

fn tables(item: &Item) -> Option<Vec<Spanned<'_>>> {
    if let Some(tables) = item.as_array_of_tables() {
        return Some(tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect());
    }
    item.as_array()?
        .iter()
        .map(|value| {
            let table = value.as_inline_table()?;
            Some((table as &dyn TableLike, table.span()))
        })
        .collect()
}

fn wrong(wanted: &str, item: &Item) -> String {
    format!("must be {wanted}, not {}", with_article(item.type_name()))
}

/// Returns the name of a TOML type as a sentence needs it.
pub(super) fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}

fn string(item: &Item) -> Result<String, String> {
    let text = item.as_str().ok_or_else(|| wrong("a string", item))?;
    if text.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    Ok(text.to_owned())
}

fn filled(item: &Item) -> Result<String, String> {
    let text = string(item)?;
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

fn word(item: &Item, words: &[&str]) -> Result<String, String> {
    let text = string(item)?;
    if words.contains(&text.as_str()) {
        return Ok(text);
    }
    let known = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
    Err(format!("must be {known}, not {}", quoted(&text)))
}

fn sqlite_version(item: &Item) -> Result<String, String> {
    let text = string(item)?;
    match SqliteVersion::parse(&text) {
        Some(_) => Ok(text),
        None => Err(format!("must be a release of SQLite such as \"3.35\", not {}", quoted(&text))),
    }
}

fn version(item: &Item) -> Result<i64, String> {
    let version = item.as_integer().ok_or_else(|| wrong("an integer", item))?;
    if version < 0 { Err(format!("must not be negative: {version}")) } else { Ok(version) }
}

fn squashes(item: &Item) -> Result<Vec<(PhaseId, Vec<PhaseId>)>, String> {
    let table =
        item.as_table_like().ok_or_else(|| wrong("a table of arrays of ids by id", item))?;
    table.iter().map(|(squash, item)| Ok((id(squash)?, strings(item, id)?))).collect()
}

fn versions(item: &Item) -> Result<Vec<i64>, String> {
    let array = item.as_array().ok_or_else(|| wrong("an array of integers", item))?;
    array
        .iter()
        .map(|value| {
            let number = value.as_integer().filter(|number| *number >= 0);
            number.ok_or_else(|| "must hold version numbers".to_owned())
        })
        .collect()
}

/// Makes an id of a text, if it is one and does not read as a target of another kind.
pub(super) fn id(text: &str) -> Result<PhaseId, String> {
    let relative =
        text.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    match PhaseId::new(text) {
        Some(_) if RESERVED.contains(&text) || relative => {
            Err(format!("must not be {}, which has a meaning as a target", quoted(text)))
        }
        Some(id) => Ok(id),
        None => {
            Err(format!("must be an id of letters, digits, `_`, `.` and `-`, not {}", quoted(text)))
        }
    }
}

fn label(text: &str) -> Result<String, String> {
    match PhaseId::new(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!(
            "must hold labels of letters, digits, `_`, `.` and `-`, not {}",
            quoted(text)
        )),
    }
}

/// Reads `code: reason`.
fn reason(text: &str) -> Result<String, String> {
    let is_code = |code: &str| {
        !code.is_empty() && code.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
    };
    match text.split_once(':') {
        Some((code, reason)) if is_code(code.trim()) && !reason.trim().is_empty() => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err(format!("must hold \"code: reason\", not {}", quoted(text))),
    }
}

fn strings<T: PartialEq>(
    item: &Item,
    make: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let array = item.as_array().ok_or_else(|| wrong("an array of strings", item))?;
    let mut found = Vec::new();
    for value in array {
        let text = value
            .as_str()
            .ok_or_else(|| format!("must hold strings, not {}", with_article(value.type_name())))?;
        let made = make(text)?;
        if found.contains(&made) {
            return Err(format!("names {} twice", quoted(text)));
        }
        found.push(made);
    }
    Ok(found)
}

fn expected(item: &Item) -> Result<Expected, String> {
    const WANTED: &str = "\"no rows\", \"rows\", a string, an integer or a float";
    match item.as_value() {
        Some(Toml::Integer(number)) => Ok(Expected::Integer(*number.value())),
        Some(Toml::Float(number)) if number.value().is_nan() => {
            Err("must not be nan, which equals nothing".to_owned())
        }
        Some(Toml::Float(number)) => Ok(Expected::Real(*number.value())),
        Some(Toml::String(_)) => expected_text(string(item)?),
        Some(Toml::Boolean(_) | Toml::Datetime(_) | Toml::Array(_) | Toml::InlineTable(_))
        | None => Err(wrong(WANTED, item)),
    }
}

/// Reads what a test expects: as a check does, or rows as arrays of arrays.
fn answer(item: &Item) -> Result<ExpectedAnswer, String> {
    let Some(rows) = item.as_array() else {
        return expected(item).map(ExpectedAnswer::Check);
    };
    let row = |row: &Toml| {
        let cells = row.as_array().ok_or_else(|| {
            format!("must hold rows as arrays, not {}", with_article(row.type_name()))
        })?;
        cells.iter().map(cell).collect()
    };
    rows.iter().map(row).collect::<Result<Vec<_>, String>>().map(ExpectedAnswer::Rows)
}

fn cell(value: &Toml) -> Result<Cell, String> {
    const WANTED: &str = "strings, integers, floats, { null = true } or { hex = \"00ff\" }";
    let wrong = || format!("must hold {WANTED}, not {}", with_article(value.type_name()));
    match value {
        Toml::Integer(number) => Ok(Cell::Integer(*number.value())),
        Toml::Float(number) => Ok(Cell::Real(*number.value())),
        Toml::String(text) => Ok(Cell::Text(text.value().clone())),
        Toml::InlineTable(table) if table.len() == 1 => {
            let is_null = table.get("null").and_then(Toml::as_bool) == Some(true);
            let hex = table.get("hex").and_then(Toml::as_str).and_then(bytes_of_hex);
            match hex {
                _ if is_null => Ok(Cell::Null),
                Some(bytes) => Ok(Cell::Blob(bytes)),
                None => Err(wrong()),
            }
        }
        Toml::Boolean(_) | Toml::Datetime(_) | Toml::Array(_) | Toml::InlineTable(_) => {
            Err(wrong())
        }
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|it| u8::try_from(it.to_digit(16)?).ok()).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    let is_whole = pairs.remainder().is_empty();
    is_whole
        .then(|| pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect())
}

/// Reads an expectation in words; one that is nearly the words would never hold as a value.
fn expected_text(text: String) -> Result<Expected, String> {
    let letters: String =
        text.chars().filter(|letter| letter.is_alphabetic()).flat_map(char::to_lowercase).collect();
    match (text.as_str(), letters.as_str()) {
        ("no rows", _) => Ok(Expected::NoRows),
        ("rows", _) => Ok(Expected::Rows),
        (_, "norows" | "norow") => Err(format!("must be \"no rows\", not {}", quoted(&text))),
        (_, "rows") => Err(format!("must be \"rows\", not {}", quoted(&text))),
        _ => Ok(Expected::Text(text)),
    }
}

fn expressions(item: &Item) -> Result<Vec<(String, String)>, String> {
    let table =
        item.as_table_like().ok_or_else(|| wrong("a table of SQL expressions by column", item))?;
    let mut found: Vec<(String, String)> = Vec::new();
    for (column, item) in table.iter() {
        if found.iter().any(|(other, _)| other.eq_ignore_ascii_case(column)) {
            return Err(format!("names the column {} twice", quoted(column)));
        }
        let expression = filled(item).map_err(|fault| format!("of {} {fault}", quoted(column)))?;
        found.push((column.to_owned(), expression));
    }
    Ok(found)
}
