//! What views and triggers read stays the same through steps that change names.
//!
//! SQLite's RENAME rewrites the references that it finds. It does not notice that the new name captures another
//! reference, that a NATURAL JOIN gains or loses a column, or that a dropped column uncovers one of an outer query: all
//! of these leave a text that compiles and means something else.
//!
//! SQLite compiles a statement to the same program over tables that differ in nothing but names
//! (<https://sqlite.org/opcode.html>). So each view and each trigger is compiled alone over two sets of empty tables, one
//! with the names before and one with those after, and the programs are compared. A text that would read something else
//! is restated with qualified names if that gives the same program, and refused otherwise.

use super::finding::{ChangedReference, Outputs};
use std::collections::BTreeSet;
use std::rc::Rc;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::lineage::Lineage;
use super::relations::{Relation, Side, both_sides, relations};
use super::shadow::Shadow;
use crate::database::with_stubs;
use crate::error::{MissingExtension, Result};
use crate::name::{fold, quote, same};
use crate::schema::{Object, ObjectKind, Schema};
use crate::sql::{
    Token, TokenKind, edit, mentioned, significant_tokens, unquote, update_of_columns,
};

/// The names that texts can use, before a step.
#[derive(Debug)]
pub(super) struct NamesBefore {
    schema: Rc<Schema>,
    lineage: Lineage,
    outputs: Outputs,
}

/// More names than this to qualify in one text are not tried.
const MOST_NAMES: usize = 40;

impl Shadow {
    /// Returns the names that views and triggers can use; `None` if there are neither.
    pub(super) fn names(&mut self) -> Result<Option<NamesBefore>> {
        let schema = self.current()?;
        if !schema.objects.iter().any(is_query) {
            return Ok(None);
        }
        let (lineage, outputs) = (self.lineage.clone(), self.outputs()?);
        Ok(Some(NamesBefore { schema, lineage, outputs }))
    }

    /// Lets every view and trigger read what it read before a step that changed names: restates those that
    /// would read something else, and remembers those that cannot be restated.
    pub(super) fn keep_references(&mut self, before: &NamesBefore) -> Result<()> {
        let after = self.current()?;
        let outputs = self.outputs()?;
        let sides = (&*before.schema, &before.lineage, &before.outputs);
        let mut relations = relations(sides, (&after, &self.lineage, &outputs));
        let changed: BTreeSet<String> =
            relations.iter().flat_map(Relation::changed_names).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let objects = affected(&before.schema, &after, &changed, &relations);
        if objects.is_empty() {
            return Ok(());
        }
        relations.retain(|it| it.after.is_some() && objects.iter().any(|pair| pair.may_use(it)));
        let made = both_sides(&mut relations, &before.schema, &mut self.missing)?;
        let Some([old, new]) = made else { return Ok(()) };
        let mut judge = Judge { relations, old, new, missing: std::mem::take(&mut self.missing) };
        let findings: Vec<BodyFinding> = objects.iter().map(|pair| judge.compare(pair)).collect();
        self.missing = judge.missing;
        for (pair, finding) in objects.into_iter().zip(findings) {
            self.take_finding(&pair, finding, &judge.relations)?;
        }
        Ok(())
    }

    fn take_finding(
        &mut self,
        pair: &DefinitionPair,
        finding: BodyFinding,
        relations: &[Relation],
    ) -> Result<()> {
        let (kind, name) = (pair.kind, pair.name.clone());
        match finding {
            BodyFinding::Same => Ok(()),
            BodyFinding::Restated(text) => {
                self.set_entry_sql(kind, &name, Some(&text))?;
                self.restated.push((kind, name.clone()));
                self.notices.push(format!(
                    "{} {name} names columns with their tables now, so that it reads the same ones",
                    kind.word()
                ));
                self.reload()
            }
            BodyFinding::Different => {
                let used = relations.iter().filter(|it| pair.may_use(it));
                let changes = used.flat_map(Relation::changes).collect();
                let text = pair.new.clone();
                self.changed_references.push(ChangedReference { kind, name, changes, text });
                Ok(())
            }
        }
    }

    /// Takes the views and triggers that would read other tables or columns since this was last asked for. One that a
    /// later step replaced or dropped is no longer among them.
    pub fn take_changed_references(&mut self) -> Result<Vec<ChangedReference>> {
        let mut found = std::mem::take(&mut self.changed_references);
        let schema = self.current()?;
        found.retain(|it| schema.find(it.kind, &it.name).is_some());
        Ok(found)
    }

    /// Forgets what was found about an object that a step gives a text of its own.
    pub(super) fn forget_reference(&mut self, kind: ObjectKind, name: &str) {
        self.changed_references.retain(|it| it.kind != kind || !same(&it.name, name));
    }

    /// Forgets what was found about the objects that a data step gave another text.
    pub(super) fn forget_replaced_references(&mut self) -> Result<()> {
        if self.changed_references.is_empty() {
            return Ok(());
        }
        let schema = self.current()?;
        self.changed_references.retain(|it| {
            let text = schema.find(it.kind, &it.name).and_then(|object| object.sql.as_ref());
            text == Some(&it.text)
        });
        Ok(())
    }
}

fn is_query(object: &Object) -> bool {
    matches!(object.kind, ObjectKind::View | ObjectKind::Trigger)
}

/// A view or trigger before and after a step.
struct DefinitionPair {
    kind: ObjectKind,
    name: String,
    owner: String,
    old: String,
    new: String,
    /// The names in both texts, folded.
    mentioned: [BTreeSet<String>; 2],
}

impl DefinitionPair {
    fn may_use(&self, relation: &Relation) -> bool {
        let after = relation.after.as_deref().unwrap_or(&relation.before);
        let [old, new] = &self.mentioned;
        same(&self.owner, &relation.before)
            || old.contains(&fold(&relation.before))
            || new.contains(&fold(after))
    }

    /// The part that is compiled: the query of a view, without its list of columns, or all of a trigger.
    fn part<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self.kind {
            ObjectKind::View => edit::view_query(text).ok(),
            _ => Some(text),
        }
    }
}

/// The views and triggers that could read something else. What reads a table that cannot be followed is left out.
fn affected(
    before: &Schema,
    after: &Schema,
    changed: &BTreeSet<String>,
    relations: &[Relation],
) -> Vec<DefinitionPair> {
    let natural = |text: &str| significant_tokens(text).any(|it| it.is_word(text, "NATURAL"));
    let lost =
        |pair: &DefinitionPair| relations.iter().any(|it| it.after.is_none() && pair.may_use(it));
    let pair = |object: &Object| {
        let there = after.find(object.kind, &object.name)?;
        let (old, new) = (object.sql.clone()?, there.sql.clone()?);
        let mentioned = [mentioned(&old), mentioned(&new)];
        let named = mentioned.iter().any(|it| !it.is_disjoint(changed));
        let (name, owner) = (object.name.clone(), object.table.clone());
        let concerned = named || natural(&old);
        concerned.then_some(DefinitionPair { kind: object.kind, name, owner, old, new, mentioned })
    };
    before
        .objects
        .iter()
        .filter(|it| is_query(it))
        .filter_map(pair)
        .filter(|it| !lost(it))
        .collect()
}

/// What the comparison of one object says.
enum BodyFinding {
    Same,
    /// It reads the same with this text.
    Restated(String),
    Different,
}

/// A compiled statement: the instructions without what is only there for messages.
type Program = Vec<[Value; 7]>;

/// The two sets of empty tables.
struct Judge {
    relations: Vec<Relation>,
    old: Connection,
    new: Connection,
    missing: Vec<MissingExtension>,
}

impl Judge {
    fn compare(&mut self, pair: &DefinitionPair) -> BodyFinding {
        let (Some(old), Some(new)) = (pair.part(&pair.old), pair.part(&pair.new)) else {
            return BodyFinding::Same;
        };
        // What did not compile before has no meaning to keep.
        let Some(wanted) = self.program(pair, Side::Before, old) else { return BodyFinding::Same };
        let found = self.program(pair, Side::After, new);
        if found.as_ref() == Some(&wanted) {
            return BodyFinding::Same;
        }
        let upsert = with_excluded_kept(old, new)
            .filter(|part| self.program(pair, Side::After, part).as_ref() == Some(&wanted));
        if let Some(part) = upsert.or_else(|| self.restate(pair, (old, new), &wanted)) {
            let head = &pair.new[..pair.new.len() - new.len()];
            return BodyFinding::Restated(format!("{head}{part}"));
        }
        match found {
            Some(_) => BodyFinding::Different,
            // That it does not compile is found, and answers better, where the phase ends.
            None => BodyFinding::Same,
        }
    }

    /// Compiles a view's query, or what fires a trigger. `None` if SQLite refuses.
    fn program(&mut self, pair: &DefinitionPair, side: Side, part: &str) -> Option<Vec<Program>> {
        let connection = match side {
            Side::Before => &self.old,
            Side::After => &self.new,
        };
        if pair.kind == ObjectKind::View {
            let found = explain(connection, &mut self.missing, part).ok()?;
            return Some(vec![found]);
        }
        let owner = self.relations.iter().find(|it| same(&it.before, &pair.owner))?;
        let statements = owner.firing_statements(side, &update_of_columns(&pair.old));
        with_stubs(connection, &mut self.missing, |it| it.execute_batch(part)).ok()?;
        let missing = &mut self.missing;
        let programs: Vec<_> =
            statements.iter().map(|sql| explain(connection, missing, sql)).collect();
        let drop = format!("DROP TRIGGER main.{}", quote(&pair.name));
        connection.execute_batch(&drop).ok()?;
        // A view without a trigger for a statement refuses it, before as after.
        let answers = programs.into_iter().map(|it| it.or_else(needs_no_trigger)).collect();
        let answers: rusqlite::Result<Vec<Program>> = answers;
        answers.ok()
    }

    /// Writes the names that a change of names may capture with their tables in front, and returns the new text if it
    /// compiles to the wanted program.
    ///
    /// Which table a name belongs to is tried out where nothing is captured: on the text before.
    fn restate(
        &mut self,
        pair: &DefinitionPair,
        (old, new): (&str, &str),
        wanted: &Vec<Program>,
    ) -> Option<String> {
        let (before, after) = (names_in(old), names_in(new));
        if before.len() != after.len() {
            return None;
        }
        let fresh = self.fresh_names();
        let bare: Vec<usize> = (0..after.len())
            .filter(|place| after[*place].is_bare && fresh.contains(&after[*place].folded))
            .collect();
        if bare.len() > MOST_NAMES {
            return None;
        }
        let mut inserts: Vec<(usize, String)> = Vec::new();
        for place in bare {
            let found = self.qualifier(pair, (old, &before), place, wanted);
            let qualifier = match found {
                Some(Qualifier::Name(at)) => after.get(at)?.token.text(new).to_owned(),
                Some(Qualifier::Schema) => "main".to_owned(),
                None => continue,
            };
            inserts.push((after.get(place)?.token.start, format!("{qualifier}.")));
        }
        let is_same = |judge: &mut Self, inserts: &[(usize, String)]| {
            judge.program(pair, Side::After, &with_inserts(new, inserts)).as_ref() == Some(wanted)
        };
        if inserts.is_empty() || !is_same(self, &inserts) {
            return None;
        }
        let mut place = 0;
        while place < inserts.len() {
            let spared = inserts.remove(place);
            if !is_same(self, &inserts) {
                inserts.insert(place, spared);
                place += 1;
            }
        }
        Some(with_inserts(new, &inserts))
    }

    /// The names, folded, that appear.
    fn fresh_names(&self) -> BTreeSet<String> {
        let mut fresh = BTreeSet::new();
        for relation in &self.relations {
            let renamed = relation.after.iter().filter(|it| !same(it, &relation.before));
            fresh.extend(renamed.map(|it| fold(it)));
            let columns = relation.columns.iter().filter(|it| it.before != it.after);
            fresh.extend(columns.filter_map(|it| it.after.as_deref()).map(fold));
        }
        fresh
    }

    /// Finds a name that can stand before another one without changing what the text means.
    fn qualifier(
        &mut self,
        pair: &DefinitionPair,
        (text, names): (&str, &[NameToken]),
        place: usize,
        wanted: &Vec<Program>,
    ) -> Option<Qualifier> {
        let at = names.get(place)?.token.start;
        let mut tried = BTreeSet::from([names.get(place)?.folded.clone()]);
        for (number, name) in names.iter().enumerate() {
            if tried.insert(name.folded.clone()) {
                let insert = (at, format!("{}.", name.token.text(text)));
                let qualified = with_inserts(text, &[insert]);
                if self.program(pair, Side::Before, &qualified).as_ref() == Some(wanted) {
                    return Some(Qualifier::Name(number));
                }
            }
        }
        let qualified = with_inserts(text, &[(at, "main.".to_owned())]);
        let fits = self.program(pair, Side::Before, &qualified).as_ref() == Some(wanted);
        fits.then_some(Qualifier::Schema)
    }
}

/// What stands before a name.
enum Qualifier {
    /// The name at this place of the text.
    Name(usize),
    Schema,
}

/// A token that may be a name.
struct NameToken {
    token: Token,
    folded: String,
    /// Whether nothing stands before it and it stands before nothing.
    is_bare: bool,
}

fn names_in(text: &str) -> Vec<NameToken> {
    let tokens: Vec<Token> = significant_tokens(text).collect();
    let mark = |place: Option<usize>, marks: &[&str]| {
        let token = place.and_then(|it| tokens.get(it));
        token.is_some_and(|it| marks.iter().any(|mark| it.is_mark(text, mark)))
    };
    let is_name = |token: &Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
    tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| is_name(token))
        .map(|(place, token)| NameToken {
            token: *token,
            folded: fold(&unquote(token.text(text))),
            is_bare: !mark(place.checked_sub(1), &["."]) && !mark(Some(place + 1), &[".", "("]),
        })
        .collect()
}

/// Returns the new text with every `excluded` of the old one; `None` if none was changed.
///
/// SQLite's RENAME TABLE takes `excluded` in the UPDATE of an upsert for the table itself and writes the new name in its
/// place, so that the row would be added to itself (<https://sqlite.org/lang_upsert.html>).
fn with_excluded_kept(old: &str, new: &str) -> Option<String> {
    let (before, after) = (names_in(old), names_in(new));
    if before.len() != after.len() {
        return None;
    }
    let is_changed = |(old, new): &(&NameToken, &NameToken)| {
        old.folded == "excluded" && new.folded != old.folded
    };
    let mut kept = new.to_owned();
    let changed: Vec<_> = before.iter().zip(&after).filter(is_changed).collect();
    for (before, after) in changed.iter().rev() {
        kept.replace_range(after.token.range(), before.token.text(old));
    }
    (!changed.is_empty()).then_some(kept)
}

/// Inserts texts at places that are in order.
fn with_inserts(text: &str, inserts: &[(usize, String)]) -> String {
    let mut done = 0;
    let mut result = String::with_capacity(text.len() + 16 * inserts.len());
    for (at, insert) in inserts {
        result.push_str(&text[done..*at]);
        result.push_str(insert);
        done = *at;
    }
    result.push_str(&text[done..]);
    result
}

fn needs_no_trigger(error: rusqlite::Error) -> rusqlite::Result<Program> {
    match crate::error::needs_no_trigger(&error) {
        true => Ok(Program::new()),
        false => Err(error),
    }
}

/// Compiles a statement. Left out are operands that hold names for messages, and the schema's cookie.
fn explain(
    connection: &Connection,
    missing: &mut Vec<MissingExtension>,
    sql: &str,
) -> rusqlite::Result<Program> {
    const NAMES_IN_P4: [&str; 14] = [
        "Init",
        "Explain",
        "Trace",
        "Halt",
        "HaltIfNull",
        "Insert",
        "Delete",
        "IdxDelete",
        "Clear",
        "VUpdate",
        "VOpen",
        "VBegin",
        "TypeCheck",
        "Transaction",
    ];
    with_stubs(connection, missing, |connection| {
        let mut statement = connection.prepare(&format!("EXPLAIN {sql}"))?;
        let mut rows = statement.query([])?;
        let mut program = Program::new();
        while let Some(row) = rows.next()? {
            let opcode: String = row.get(1)?;
            let mut operands: [Value; 5] =
                [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
            if NAMES_IN_P4.contains(&opcode.as_str()) {
                operands[3] = Value::Null;
            }
            if opcode == "Transaction" {
                operands[2] = Value::Null;
            }
            let [p1, p2, p3, p4, p5] = operands;
            program.push([row.get(0)?, Value::Text(opcode), p1, p2, p3, p4, p5]);
        }
        Ok(program)
    })
}
