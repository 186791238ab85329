//! Which table and column of one schema is which one of the other: by name, or by a rename that a person declared.

use crate::error::{Error, ErrorKind, Result};
use crate::name::same;
use crate::schema::{ColumnStorage, Content, Object, ObjectKind, Schema, VirtualTable};

use super::alike::alike;
use super::answers::{Answers, Rename};
use super::subject::Subject;

/// Names of one kind in both schemas.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Renamed: the present name and the desired one.
    pub(super) renamed: Vec<(String, String)>,
    /// In both, as each schema spells it.
    pub(super) kept: Vec<(String, String)>,
    /// Only in the present schema.
    pub(super) gone: Vec<String>,
    /// Only in the desired schema.
    pub(super) new: Vec<String>,
}

/// A table that is in both schemas.
#[derive(Debug, Clone)]
pub(super) struct TablePair {
    pub(super) have: String,
    pub(super) want: String,
    /// Its columns; nothing for a virtual table whose rows are elsewhere.
    pub(super) columns: Names,
}

/// The tables of two schemas.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairing {
    pub(super) tables: Names,
    pub(super) virtual_tables: Names,
    pub(super) pairs: Vec<TablePair>,
    /// Views, indexes and triggers that are renamed: dropping the old one needs no other consent.
    pub(super) renamed_objects: Vec<Subject>,
}

impl Pairing {
    /// Pairs the tables and their columns.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] for a rename that names nothing, and for two of one name.
    pub(super) fn of(have: &Schema, want: &Schema, answers: &Answers) -> Result<Self> {
        let mut pairing = Self::default();
        let flagged = pairing.object_renames(have, want, &answers.renames)?;
        let marked: Vec<(String, String)> = answers.marked.iter().filter_map(as_objects).collect();
        for kind in [ObjectKind::Table, ObjectKind::VirtualTable] {
            let names = |schema: &Schema| -> Vec<String> {
                schema.of_kind(kind).map(|it| it.name.clone()).collect()
            };
            let of_kind: Vec<(String, String)> =
                flagged.iter().filter(|it| it.0 == kind).map(|it| it.1.clone()).collect();
            let matched = Names::matched(&names(have), &names(want), &of_kind, &marked)?;
            match kind {
                ObjectKind::VirtualTable => pairing.virtual_tables = matched,
                _ => pairing.tables = matched,
            }
        }
        pairing.pair_columns(have, want, answers)?;
        Ok(pairing)
    }

    /// Reads the renames of tables, and notes those of other objects.
    fn object_renames(
        &mut self,
        have: &Schema,
        want: &Schema,
        renames: &[Rename],
    ) -> Result<Vec<(ObjectKind, (String, String))>> {
        let mut found = Vec::new();
        for (from, to) in renames.iter().filter_map(as_objects) {
            let Some(object) = named(have, &from) else {
                if named(have, &to).is_some() {
                    continue;
                }
                return Err(nothing(&format!("{from} does not exist")));
            };
            if want.find(object.kind, &to).is_none() {
                let word = object.kind.word();
                return Err(nothing(&format!("the desired schema has no {word} {to}")));
            }
            match object.kind {
                ObjectKind::Table | ObjectKind::VirtualTable => {
                    found.push((object.kind, (from, to)));
                }
                _ => self.renamed_objects.push(Subject::Object(object.name.clone())),
            }
        }
        Ok(found)
    }

    fn pair_columns(&mut self, have: &Schema, want: &Schema, answers: &Answers) -> Result<()> {
        let of_both = [&self.tables, &self.virtual_tables];
        let pairs: Vec<(String, String)> =
            of_both.into_iter().flat_map(|it| it.renamed.iter().chain(&it.kept)).cloned().collect();
        let mut unused: Vec<&Rename> =
            answers.renames.iter().filter(|it| as_columns(it).is_some()).collect();
        for (old, new) in pairs {
            let is_of = |rename: &&Rename| is_of_pair(rename, have, (&old, &new));
            let columns = |renames: &[&Rename]| -> Vec<(String, String)> {
                renames.iter().filter_map(|it| as_columns(it)).collect()
            };
            let (flagged, rest): (Vec<&Rename>, Vec<&Rename>) = unused.into_iter().partition(is_of);
            unused = rest;
            let marked: Vec<&Rename> = answers.marked.iter().filter(is_of).collect();
            let columns = Names::matched(
                &column_names(have, &old, want, &new),
                &column_names(want, &new, have, &old),
                &columns(&flagged),
                &columns(&marked),
            )
            .map_err(|error| error.about(&new))?;
            self.pairs.push(TablePair { have: old, want: new, columns });
        }
        match unused.first() {
            None => Ok(()),
            Some(rename) => {
                Err(nothing(&format!("{} and {} are not of one table", rename.from, rename.to)))
            }
        }
    }

    /// Returns the answers that lead from the desired schema back to the present one.
    pub(super) fn reversed(&self) -> Answers {
        let object = |name: &String| Subject::Object(name.clone());
        let tables = [&self.tables, &self.virtual_tables];
        let mut renames: Vec<Rename> = tables
            .iter()
            .flat_map(|it| &it.renamed)
            .map(|(from, to)| Rename { from: object(to), to: object(from) })
            .collect();
        for pair in &self.pairs {
            renames.extend(pair.columns.renamed.iter().map(|(from, to)| Rename {
                from: Subject::column(&pair.want, to),
                to: Subject::column(&pair.have, from),
            }));
        }
        Answers { renames, ..Answers::default() }
    }

    /// Finds a pair by the name of the table in the desired schema.
    pub(super) fn wanted(&self, table: &str) -> Option<&TablePair> {
        self.pairs.iter().find(|it| same(&it.want, table))
    }

    /// Finds a pair by the present name of the table.
    pub(super) fn present(&self, table: &str) -> Option<&TablePair> {
        self.pairs.iter().find(|it| same(&it.have, table))
    }
}

impl Names {
    /// Pairs names. Renames that were carried out before are left out.
    fn matched(
        have: &[String],
        want: &[String],
        flagged: &[(String, String)],
        marked: &[(String, String)],
    ) -> Result<Self> {
        let mut names = Self { renamed: pending(have, want, flagged, marked)?, ..Self::default() };
        for old in have.iter().filter(|it| !holds_from(&names.renamed, it)) {
            let kept = spelled(want, old).filter(|it| !holds_to(&names.renamed, it));
            match kept {
                Some(new) => names.kept.push((old.clone(), new.clone())),
                None => names.gone.push(old.clone()),
            }
        }
        let is_new = |it: &&String| {
            !holds_to(&names.renamed, it) && !names.kept.iter().any(|(_, kept)| same(kept, it))
        };
        names.new = want.iter().filter(is_new).cloned().collect();
        Ok(names)
    }
}

/// The renames that are still to be done.
fn pending(
    have: &[String],
    want: &[String],
    flagged: &[(String, String)],
    marked: &[(String, String)],
) -> Result<Vec<(String, String)>> {
    let mut pending: Vec<(String, String)> = Vec::new();
    for (from, to) in flagged {
        let (old, new) = (spelled(have, from), spelled(want, to));
        match (old, new) {
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => pending.push((old.clone(), new.clone())),
            (None, _) if spelled(have, to).is_some() => {}
            (None, _) => return Err(nothing(&format!("{from} does not exist"))),
            (Some(_), None) => {
                return Err(nothing(&format!("the desired schema has no {to}")));
            }
        }
    }
    // A note stays in the file after the rename was done. A name that exists is only taken where its owner gets
    // another name as well.
    loop {
        let next = marked.iter().find_map(|(from, to)| {
            let (old, new) = (spelled(have, from)?, spelled(want, to)?);
            let answered = holds_from(&pending, old) || holds_to(&pending, new);
            let present = spelled(have, to);
            let is_open = match present {
                None => true,
                Some(present) if same(from, to) => present != new,
                Some(present) => holds_from(&pending, present),
            };
            (!answered && is_open).then(|| (old.clone(), new.clone()))
        });
        match next {
            Some(rename) => pending.push(rename),
            None => break,
        }
    }
    for (place, (from, to)) in pending.iter().enumerate() {
        let before = &pending[..place];
        if holds_from(before, from) || holds_to(before, to) {
            return Err(nothing(&format!("{from} = {to} contradicts another rename")));
        }
    }
    Ok(pending)
}

fn holds_from(renames: &[(String, String)], name: &str) -> bool {
    renames.iter().any(|(from, _)| same(from, name))
}

fn holds_to(renames: &[(String, String)], name: &str) -> bool {
    renames.iter().any(|(_, to)| same(to, name))
}

/// Finds a name as a list spells it.
fn spelled<'n>(names: &'n [String], name: &str) -> Option<&'n String> {
    names.iter().find(|it| same(it, name))
}

fn as_objects(rename: &Rename) -> Option<(String, String)> {
    match (&rename.from, &rename.to) {
        (Subject::Object(from), Subject::Object(to)) => Some((from.clone(), to.clone())),
        _ => None,
    }
}

fn as_columns(rename: &Rename) -> Option<(String, String)> {
    match (&rename.from, &rename.to) {
        (Subject::Column { column: from, .. }, Subject::Column { column: to, .. }) => {
            Some((from.clone(), to.clone()))
        }
        _ => None,
    }
}

/// Returns whether a rename of a column is about a pair. The old name of a table that was renamed before is no table
/// any more.
fn is_of_pair(rename: &Rename, have: &Schema, (old, new): (&str, &str)) -> bool {
    let (Subject::Column { table: from, .. }, Subject::Column { table: to, .. }) =
        (&rename.from, &rename.to)
    else {
        return false;
    };
    let is_one = |table: &str| same(table, old) || same(table, new);
    is_one(to) && (is_one(from) || have.find_table(from).is_none())
}

/// Finds an object of any kind; tables and views come before triggers of the same name.
pub(super) fn named<'s>(schema: &'s Schema, name: &str) -> Option<&'s Object> {
    let counted = |it: &&Object| it.kind != ObjectKind::ShadowTable && same(&it.name, name);
    let found: Vec<&Object> = schema.objects.iter().filter(counted).collect();
    found.iter().find(|it| it.kind != ObjectKind::Trigger).or(found.first()).copied()
}

/// The columns that hold values: those of an ordinary table, and of a changed virtual table that keeps rows itself.
fn column_names(schema: &Schema, table: &str, other: &Schema, partner: &str) -> Vec<String> {
    let Some(object) = schema.find_table(table) else { return Vec::new() };
    if object.kind == ObjectKind::VirtualTable {
        let keeps_rows = object
            .sql
            .as_deref()
            .and_then(VirtualTable::read)
            .is_some_and(|it| it.content == Content::Own);
        let is_changed = other.find_table(partner).is_none_or(|it| !alike(object, it));
        if !keeps_rows || !is_changed {
            return Vec::new();
        }
    }
    let Some(shape) = schema.shape(table) else { return Vec::new() };
    let visible = shape.columns.iter().filter(|it| it.storage != ColumnStorage::Hidden);
    visible.map(|it| it.name.clone()).collect()
}

fn nothing(why: &str) -> Error {
    Error::new(ErrorKind::Arguments, format!("a rename fits nothing: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &str) -> Vec<String> {
        names.split_whitespace().map(ToOwned::to_owned).collect()
    }

    fn renames(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn flags_count_until_they_are_done() {
        let open = |have: &str, want: &str, flags: &[(&str, &str)]| {
            Names::matched(&list(have), &list(want), &renames(flags), &[])
        };
        let swap = [("a", "b"), ("b", "a")];
        assert_eq!(open("a b", "a b", &swap).unwrap().renamed, renames(&swap));
        assert_eq!(open("a", "b", &[("A", "B")]).unwrap().renamed, renames(&[("a", "b")]));
        let done = open("b", "b", &[("a", "b")]).unwrap();
        assert_eq!((done.renamed, done.kept), (Vec::new(), renames(&[("b", "b")])));
        let case = open("Users", "users", &[("users", "users")]).unwrap();
        assert_eq!(case.renamed, renames(&[("Users", "users")]));
        assert!(open("users", "users", &[("Users", "users")]).unwrap().renamed.is_empty());
        for wrong in [&[("x", "y")][..], &[("a", "y")], &[("a", "b"), ("a", "c")]] {
            assert!(open("a", "b c", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn notes_in_the_file_are_forgotten_when_they_are_done() {
        let open = |have: &str, want: &str, marks: &[(&str, &str)]| {
            Names::matched(&list(have), &list(want), &[], &renames(marks)).unwrap().renamed
        };
        let chain = [("a", "b"), ("b", "c")];
        assert_eq!(open("a b", "b c", &chain).len(), 2);
        assert!(open("b c", "b c", &chain).is_empty());
        assert!(open("x", "b", &[("a", "b")]).is_empty());
        // The old name may be taken by a table of another meaning.
        assert_eq!(open("a", "a b", &[("a", "b")]), renames(&[("a", "b")]));
        assert!(open("a b", "a b", &[("a", "b")]).is_empty());
        // A swap looks like one that is done: it takes flags.
        assert!(open("a b", "a b", &[("a", "b"), ("b", "a")]).is_empty());
    }
}
