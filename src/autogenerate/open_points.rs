//! The questions that must be answered before a draft can be written: what was renamed, and what is dropped.

use crate::error::{Error, ErrorKind, Result};
use crate::name::same;
use crate::schema::{Affinity, ColumnStorage, Object, ObjectKind, Schema, Table};
use crate::sql::mentions;

use super::answers::{Answers, DropPolicy};
use super::pairing::{Names, Pairing, TablePair, named};
use super::renamed_index::twin;
use super::subject::Subject;

/// The kind of a question's or a drop's subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    Column,
    Object(ObjectKind),
}

impl SubjectKind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Object(kind) => kind.word(),
        }
    }
}

/// A new table or column that may be an existing one under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub kind: SubjectKind,
    /// What the desired schema has.
    pub new: Subject,
    /// What it may have been called.
    pub candidates: Vec<Subject>,
}

/// An object or column that the draft drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    pub kind: SubjectKind,
    pub subject: Subject,
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.kind.word(), self.subject)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenPoints {
    /// The questions, tables first.
    pub questions: Vec<Question>,
    /// Drops without consent. Candidates of a question are not listed.
    pub drops: Vec<Dropped>,
}

impl OpenPoints {
    /// Returns whether nothing is left open.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty() && self.drops.is_empty()
    }
}

/// Finds what is left open by the answers.
pub(super) fn open_points(
    have: &Schema,
    want: &Schema,
    pairing: &Pairing,
    answers: &Answers,
) -> OpenPoints {
    let finder = Finder { have, want, pairing, answers };
    let mut questions = Vec::new();
    for (kind, names) in
        [(ObjectKind::Table, &pairing.tables), (ObjectKind::VirtualTable, &pairing.virtual_tables)]
    {
        let subject = |name: &str| Subject::Object(name.to_owned());
        let likely = |old: &str, new: &str| finder.alike_tables(old, new);
        let kind = SubjectKind::Object(kind);
        questions.extend(finder.questions(kind, names, (&subject, &subject), &likely));
    }
    for pair in &pairing.pairs {
        let old_name = |name: &str| Subject::column(&pair.have, name);
        let new_name = |name: &str| Subject::column(&pair.want, name);
        let likely = |old: &str, new: &str| finder.alike_columns(pair, old, new);
        let names = (&old_name as &dyn Fn(&str) -> Subject, &new_name as &dyn Fn(&str) -> Subject);
        questions.extend(finder.questions(SubjectKind::Column, &pair.columns, names, &likely));
    }
    let asked = |it: &Dropped| {
        questions.iter().any(|question| question.candidates.iter().any(|one| one.is(&it.subject)))
    };
    let drops = match answers.policy {
        DropPolicy::Allow => Vec::new(),
        DropPolicy::Named => dropped(have, want, pairing)
            .into_iter()
            .filter(|it| !finder.may_go(&it.subject) && !asked(it))
            .collect(),
    };
    OpenPoints { questions, drops }
}

struct Finder<'a> {
    have: &'a Schema,
    want: &'a Schema,
    pairing: &'a Pairing,
    answers: &'a Answers,
}

/// How the names of a kind are written, in the present schema and in the desired one.
type Written<'f> = (&'f dyn Fn(&str) -> Subject, &'f dyn Fn(&str) -> Subject);

impl Finder<'_> {
    fn questions(
        &self,
        kind: SubjectKind,
        names: &Names,
        (old, new): Written<'_>,
        likely: &dyn Fn(&str, &str) -> bool,
    ) -> Vec<Question> {
        let mut questions = Vec::new();
        for name in &names.new {
            let subject = new(name);
            if self.answers.fresh.iter().any(|it| it.is(&subject)) {
                continue;
            }
            let asked = |gone: &&String| {
                !self.may_go(&old(gone))
                    && (self.answers.policy == DropPolicy::Named || likely(gone, name))
            };
            let candidates: Vec<Subject> =
                names.gone.iter().filter(asked).map(|it| old(it)).collect();
            if !candidates.is_empty() {
                questions.push(Question { kind, new: subject, candidates });
            }
        }
        questions
    }

    fn may_go(&self, subject: &Subject) -> bool {
        let named = self.answers.drops.iter().chain(&self.pairing.renamed_objects);
        named.into_iter().any(|it| self.is_drop_of(it, subject))
    }

    /// Returns whether an answer names a dropped subject; a column may be named with either name of its table.
    fn is_drop_of(&self, answer: &Subject, subject: &Subject) -> bool {
        let Subject::Column { table, column } = subject else { return answer.is(subject) };
        let pair = self.pairing.present(table);
        answer.is(subject) || pair.is_some_and(|it| answer.is(&Subject::column(&it.want, column)))
    }

    /// Half of the columns of the smaller table are in the other one, or it has as many of the same types.
    fn alike_tables(&self, old: &str, new: &str) -> bool {
        let (Some(one), Some(two)) = (self.have.shape(old), self.want.shape(new)) else {
            return true;
        };
        let shared = one.columns.iter().filter(|it| two.column(&it.name).is_some()).count();
        let types = |table: &Table| -> Vec<Affinity> {
            table.columns.iter().map(|it| Affinity::of(&it.declared)).collect()
        };
        shared * 2 >= one.columns.len().min(two.columns.len()) || types(one) == types(two)
    }

    fn alike_columns(&self, pair: &TablePair, old: &str, new: &str) -> bool {
        let one = self.have.shape(&pair.have).and_then(|it| it.column(old));
        let two = self.want.shape(&pair.want).and_then(|it| it.column(new));
        let (Some(one), Some(two)) = (one, two) else { return true };
        let is_computed =
            |storage| matches!(storage, ColumnStorage::Virtual | ColumnStorage::Generated);
        Affinity::of(&one.declared) == Affinity::of(&two.declared)
            && is_computed(one.storage) == is_computed(two.storage)
    }
}

/// Refuses to drop what the desired schema has, and values for columns that it does not have.
///
/// # Errors
/// [`ErrorKind::Arguments`].
pub(super) fn refuse_wrong_answers(
    have: &Schema,
    want: &Schema,
    pairing: &Pairing,
    answers: &Answers,
) -> Result<()> {
    let finder = Finder { have, want, pairing, answers };
    let going = dropped(have, want, pairing);
    for answer in &answers.drops {
        let goes = going.iter().any(|it| finder.is_drop_of(answer, &it.subject));
        if !goes && is_in(want, answer) {
            let what = format!("{answer} cannot be dropped: the desired schema has it");
            return Err(Error::new(ErrorKind::Arguments, what));
        }
    }
    for (subject, _) in &answers.values {
        let Subject::Column { table, column } = subject else { continue };
        let pair = pairing.present(table);
        let renamed = pair.map(|it| Subject::column(&it.want, column));
        if !is_in(want, subject) && !renamed.is_some_and(|it| is_in(want, &it)) {
            let what = format!("a value is given for {subject}, which the desired schema lacks");
            return Err(Error::new(ErrorKind::Arguments, what));
        }
    }
    Ok(())
}

fn is_in(schema: &Schema, subject: &Subject) -> bool {
    match subject {
        Subject::Object(name) => named(schema, name).is_some(),
        Subject::Column { table, column } => {
            schema.shape(table).is_some_and(|it| it.column(column).is_some())
        }
    }
}

/// Everything that the desired schema lacks, except what SQLite drops together with its table or column.
pub(super) fn dropped(have: &Schema, want: &Schema, pairing: &Pairing) -> Vec<Dropped> {
    let mut dropped = Vec::new();
    for (kind, names) in
        [(ObjectKind::Table, &pairing.tables), (ObjectKind::VirtualTable, &pairing.virtual_tables)]
    {
        dropped.extend(names.gone.iter().map(|name| Dropped {
            kind: SubjectKind::Object(kind),
            subject: Subject::Object(name.clone()),
        }));
    }
    for pair in &pairing.pairs {
        dropped.extend(pair.columns.gone.iter().map(|column| Dropped {
            kind: SubjectKind::Column,
            subject: Subject::column(&pair.have, column),
        }));
    }
    for kind in [ObjectKind::View, ObjectKind::Index, ObjectKind::Trigger] {
        let gone = have.of_kind(kind).filter(|it| want.find(kind, &it.name).is_none());
        let listed = gone.filter(|it| {
            !goes_along(it, have, want, pairing)
                && twin(it, new_indexes(have, want), pairing).is_none()
        });
        dropped.extend(listed.map(|it| Dropped {
            kind: SubjectKind::Object(kind),
            subject: Subject::Object(it.name.clone()),
        }));
    }
    dropped
}

/// The indexes that only the desired schema has.
pub(super) fn new_indexes<'w>(
    have: &'w Schema,
    want: &'w Schema,
) -> impl Iterator<Item = &'w Object> {
    want.of_kind(ObjectKind::Index).filter(|it| have.find(ObjectKind::Index, &it.name).is_none())
}

/// Returns whether an object is dropped together with its table or view, or with an indexed column.
fn goes_along(object: &Object, have: &Schema, want: &Schema, pairing: &Pairing) -> bool {
    if goes_with_owner(object, have, want, pairing) {
        return true;
    }
    let text = object.sql.as_deref().unwrap_or_default();
    let columns = pairing.pairs.iter().filter(|it| same(&it.have, &object.table));
    let mut gone = columns.flat_map(|it| &it.columns.gone);
    object.kind == ObjectKind::Index && gone.any(|column| mentions(text, &[column.as_str()]))
}

/// Returns whether an index or trigger is dropped together with its table or view.
pub(super) fn goes_with_owner(
    object: &Object,
    have: &Schema,
    want: &Schema,
    pairing: &Pairing,
) -> bool {
    if object.kind == ObjectKind::View {
        return false;
    }
    let is_gone = |names: &Names| names.gone.iter().any(|it| same(it, &object.table));
    let view = have.find(ObjectKind::View, &object.table);
    is_gone(&pairing.tables)
        || is_gone(&pairing.virtual_tables)
        || view.is_some_and(|it| want.find(ObjectKind::View, &it.name).is_none())
}
