//! Finds the constraint that a name or an SQL text means. It changes nothing.
//!
//! Two texts mean the same when their tokens do: white space, comments, quotes and the case of names
//! and keywords do not count. A constraint of a column is also known by its form as a table constraint.

use std::ops::Range;

use crate::name::fold;
use crate::sql::create_table::{Constraint, ConstraintKind, CreateTable};
use crate::sql::error::SqlError;
use crate::sql::reader::shortened;
use crate::sql::token::{TokenKind, significant_tokens, unquote};

use super::piece;

/// Says which constraint is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintRef<'a> {
    Name(&'a str),
    /// The one that reads like this SQL text, as a table constraint or as a column constraint.
    Sql(&'a str),
}

/// Where a found constraint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConstraintPlace {
    /// In the list of table constraints.
    OfTable(usize),
    /// In a column, by the places of the column and of the constraint.
    OfColumn(usize, usize),
}

/// Finds the one constraint that is meant.
///
/// # Errors
/// None or several fit; the message lists the candidates.
pub(super) fn find(
    sql: &str,
    table: &CreateTable,
    wanted: ConstraintRef<'_>,
) -> Result<ConstraintPlace, SqlError> {
    let wanted_form = match wanted {
        ConstraintRef::Name(_) => Form::default(),
        ConstraintRef::Sql(text) => {
            let text = piece::trimmed(text);
            piece::balanced(text)?;
            if text.is_empty() {
                return Err(SqlError::at(text, 0, "expected the text of a constraint"));
            }
            Form::of(text)
        }
    };
    let all = candidates(sql, table);
    let fits = |candidate: &&Candidate<'_>| match wanted {
        ConstraintRef::Name(name) => candidate.is_named(name),
        ConstraintRef::Sql(_) => candidate.reads_like(&wanted_form),
    };
    let matching: Vec<&Candidate<'_>> = all.iter().filter(fits).collect();
    match matching.as_slice() {
        [only] => Ok(only.place),
        [] => {
            let listed: Vec<&Candidate<'_>> = all.iter().collect();
            Err(refusal(sql, table, "no constraint matches, there are", &listed))
        }
        several => Err(refusal(sql, table, "several constraints match", several)),
    }
}

/// Returns whether a table has a constraint that reads like a text.
pub(super) fn exists(sql: &str, table: &CreateTable, text: &str) -> bool {
    let wanted = Form::of(piece::trimmed(text));
    !wanted.body.is_empty() && candidates(sql, table).iter().any(|it| it.reads_like(&wanted))
}

fn refusal(sql: &str, table: &CreateTable, what: &str, candidates: &[&Candidate<'_>]) -> SqlError {
    let listed: Vec<String> = candidates.iter().map(|candidate| candidate.described(sql)).collect();
    let listed = if listed.is_empty() { "none".to_owned() } else { listed.join("; ") };
    SqlError::at(sql, table.name.range.start, format!("{what}: {listed}"))
}

struct Candidate<'a> {
    place: ConstraintPlace,
    constraint: &'a Constraint,
    column: Option<&'a str>,
    forms: Vec<Vec<String>>,
}

impl Candidate<'_> {
    fn is_named(&self, wanted: &str) -> bool {
        self.constraint.name.as_ref().is_some_and(|name| crate::name::same(&name.text, wanted))
    }

    fn reads_like(&self, wanted: &Form) -> bool {
        let same_name = wanted.name.as_ref().is_none_or(|name| self.is_named(name));
        same_name && self.forms.contains(&wanted.body)
    }

    fn described(&self, sql: &str) -> String {
        let text = shortened(&sql[self.constraint.range.clone()]);
        match self.column {
            Some(column) => format!("`{text}` of column `{column}`"),
            None => format!("`{text}`"),
        }
    }
}

fn candidates<'a>(sql: &str, table: &'a CreateTable) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        let name = column.name.text.as_str();
        for (inner, constraint) in column.constraints.iter().enumerate() {
            let body = Form::of(&sql[constraint.range.clone()]).body;
            let mut forms = vec![body.clone()];
            forms.extend(table_form(constraint.kind, name, &body));
            let place = ConstraintPlace::OfColumn(place, inner);
            all.push(Candidate { place, constraint, column: Some(name), forms });
        }
    }
    for (place, constraint) in table.constraints.iter().enumerate() {
        let forms = vec![Form::of(&sql[constraint.range.clone()]).body];
        all.push(Candidate {
            place: ConstraintPlace::OfTable(place),
            constraint,
            column: None,
            forms,
        });
    }
    all
}

/// A constraint text reduced to what its tokens mean.
#[derive(Default)]
struct Form {
    /// The name behind CONSTRAINT.
    name: Option<String>,
    /// The tokens behind it, made comparable.
    body: Vec<String>,
}

impl Form {
    fn of(text: &str) -> Form {
        let mut tokens: Vec<_> = significant_tokens(text).collect();
        let mut name = None;
        if tokens.len() > 1 && tokens[0].is_word(text, "CONSTRAINT") {
            name = Some(unquote(tokens[1].text(text)));
            tokens.drain(..2);
        }
        let body = tokens.iter().map(|token| comparable(token.kind, token.text(text))).collect();
        Form { name, body }
    }
}

fn comparable(kind: TokenKind, text: &str) -> String {
    match kind {
        TokenKind::Word | TokenKind::QuotedName => named(&unquote(text)),
        TokenKind::Number | TokenKind::Blob => fold(text),
        TokenKind::Text
        | TokenKind::Variable
        | TokenKind::Punctuation
        | TokenKind::Space
        | TokenKind::Comment
        | TokenKind::Illegal => text.to_owned(),
    }
}

/// Words and names carry a mark, so that a name never equals a punctuation mark or a literal.
fn named(name: &str) -> String {
    format!("name {}", fold(name))
}

/// Says how a column constraint would read as a table constraint.
fn table_form(kind: ConstraintKind, column: &str, body: &[String]) -> Option<Vec<String>> {
    let listed = |inside: &[String]| {
        let mut list = vec!["(".to_owned(), named(column)];
        list.extend_from_slice(inside);
        list.push(")".to_owned());
        list
    };
    match kind {
        ConstraintKind::Unique => Some([&body[..1], &listed(&[]), &body[1..]].concat()),
        ConstraintKind::References => {
            Some([vec![named("foreign"), named("key")], listed(&[]), body.to_vec()].concat())
        }
        ConstraintKind::PrimaryKey => {
            let is =
                |place: usize, word: &str| body.get(place).is_some_and(|it| *it == named(word));
            let ordered = usize::from(is(2, "asc") || is(2, "desc"));
            let counted = usize::from(is(body.len().saturating_sub(1), "autoincrement"));
            let end = body.len() - counted;
            let inside = [&body[2..2 + ordered], &body[end..]].concat();
            Some([&body[..2], &listed(&inside), &body[2 + ordered..end]].concat())
        }
        ConstraintKind::Check
        | ConstraintKind::NotNull
        | ConstraintKind::Null
        | ConstraintKind::Default
        | ConstraintKind::Collate
        | ConstraintKind::ForeignKey
        | ConstraintKind::Generated
        | ConstraintKind::Deferrable
        | ConstraintKind::NameOnly => None,
    }
}

/// The ranges of a found constraint: itself, and the deferral that would otherwise pass to another key.
pub(super) fn ranges(table: &CreateTable, found: ConstraintPlace) -> Vec<Range<usize>> {
    match found {
        ConstraintPlace::OfTable(place) => vec![table.constraints[place].range.clone()],
        ConstraintPlace::OfColumn(column, place) => {
            let constraints = &table.columns[column].constraints;
            let mut ranges = vec![constraints[place].range.clone()];
            if constraints[place].kind == ConstraintKind::References {
                let later = constraints[place + 1..].iter();
                ranges.extend(
                    later
                        .take_while(|constraint| constraint.kind != ConstraintKind::References)
                        .filter(|constraint| constraint.kind == ConstraintKind::Deferrable)
                        .map(|constraint| constraint.range.clone()),
                );
            }
            ranges
        }
    }
}
