//! Renames: SQLite's own, with what it refuses or forgets made up for.

use super::finding::Unsound;
use super::shadow::{Shadow, at_step};
use crate::error::{Error, ErrorKind, MissingExtension, Remedy, Result, is_about_object, words};
use crate::name::{fold, in_main, quote, same};
use crate::phase::{Operation, Step, ViewPolicy};
use crate::schema::{Object, ObjectKind, Schema};
use crate::sql::{self, edit};
use crate::text::similar;

/// One rename of a table, or of a column in a table.
#[derive(Debug, Clone, Copy)]
struct Rename<'s> {
    table: Option<&'s str>,
    from: &'s str,
    to: &'s str,
}

/// A rename that waits under a scratch name: its step, the table of a column, the scratch name and
/// the name it is to get.
type Waiting<'s> = (&'s Step, Option<String>, String, String);

impl<'s> Rename<'s> {
    fn of(step: &'s Step) -> Option<Self> {
        match &step.operation {
            Operation::RenameTable { from, to } => Some(Self { table: None, from, to }),
            Operation::RenameColumn { table, from, to } => {
                Some(Self { table: Some(table), from, to })
            }
            _ => None,
        }
    }

    /// Renames of tables, or of columns in one table, share their names.
    fn shares_names_with(&self, other: &Self) -> bool {
        match (self.table, other.table) {
            (None, None) => true,
            (Some(one), Some(two)) => same(one, two),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

impl Shadow {
    /// Applies consecutive renames. A rename to a name that a later one of the run gives up waits
    /// under a scratch name, so that swaps and chains mean what they say.
    pub(super) fn rename_in_turn(&mut self, steps: &[Step], views: ViewPolicy) -> Result<()> {
        let renames: Vec<(&Step, Rename<'_>)> =
            steps.iter().filter_map(|step| Some((step, Rename::of(step)?))).collect();
        let mut waiting: Vec<Waiting<'_>> = Vec::new();
        for (place, (step, rename)) in renames.iter().enumerate() {
            let later_gives_up = renames[place + 1..]
                .iter()
                .any(|(_, later)| later.shares_names_with(rename) && same(later.from, rename.to));
            let waits = later_gives_up && self.is_name_taken(rename)?;
            if waits {
                let scratch = self.free_name("phaseshift_renamed")?;
                let scratch = self.free_column(rename.table, scratch)?;
                self.rename(Rename { to: &scratch, ..*rename }, views)
                    .map_err(|error| at_step(error, step))?;
                let table = rename.table.map(ToOwned::to_owned);
                waiting.push((step, table, scratch, rename.to.to_owned()));
            } else {
                self.rename(*rename, views).map_err(|error| at_step(error, step))?;
            }
            waiting = self.rename_waiting(waiting, views)?;
        }
        match waiting.first() {
            None => Ok(()),
            Some((step, _, _, to)) => {
                Err(at_step(Error::new(ErrorKind::Step, format!("{to} exists already")), step))
            }
        }
    }

    /// Gives waiting things their names as soon as those are free.
    fn rename_waiting<'s>(
        &mut self,
        waiting: Vec<Waiting<'s>>,
        views: ViewPolicy,
    ) -> Result<Vec<Waiting<'s>>> {
        let mut rest = Vec::new();
        for (step, table, from, to) in waiting {
            let rename = Rename { table: table.as_deref(), from: &from, to: &to };
            if self.is_name_taken(&rename)? {
                rest.push((step, table, from, to));
            } else {
                self.rename(rename, views).map_err(|error| at_step(error, step))?;
            }
        }
        Ok(rest)
    }

    fn is_name_taken(&self, rename: &Rename<'_>) -> Result<bool> {
        let schema = self.current()?;
        Ok(match rename.table {
            None => !same(rename.from, rename.to) && schema.is_taken(rename.to),
            Some(table) => schema.shape(table).is_some_and(|shape| {
                !same(rename.from, rename.to) && shape.column(rename.to).is_some()
            }),
        })
    }

    fn free_column(&self, table: Option<&str>, wish: String) -> Result<String> {
        let Some(table) = table else { return Ok(wish) };
        let schema = self.current()?;
        let Some(shape) = schema.shape(table) else { return Ok(wish) };
        let mut name = wish;
        while shape.column(&name).is_some() {
            name.push('_');
        }
        Ok(name)
    }

    /// Applies one rename and follows it in the lineage.
    fn rename(&mut self, rename: Rename<'_>, views: ViewPolicy) -> Result<()> {
        if rename.from == rename.to {
            return Ok(());
        }
        if rename.table.is_none() && self.authorizer.protects(rename.to) {
            return Err(
                self.not_allowed(&format!("a table renamed to the version table {}", rename.to))
            );
        }
        self.refuse_unknown(&rename)?;
        self.refuse_unsound_users(&rename)?;
        if same(rename.from, rename.to) {
            // SQLite refuses a rename that only changes the case.
            let scratch = self.free_name("phaseshift_renamed")?;
            let scratch = self.free_column(rename.table, scratch)?;
            self.rename(Rename { to: &scratch, ..rename }, views)?;
            return self.rename(Rename { from: &scratch, ..rename }, views);
        }
        match views {
            ViewPolicy::Follow => self.alter(&rename)?,
            ViewPolicy::Keep => self.alter_keeping_views(&rename)?,
        }
        match rename.table {
            None => {
                self.lineage.rename_table(rename.from, rename.to);
                self.follow_shadow_tables(rename.from, rename.to)?;
                self.refuse_unfollowed(rename.from, rename.to)?;
                self.follow_content(rename.from, rename.to)
            }
            Some(table) => {
                if let Some(table) = self.lineage.table_mut(table) {
                    table.rename_column(rename.from, rename.to);
                }
                self.refuse_content_column(table, rename.from)
            }
        }
    }

    fn refuse_unknown(&self, rename: &Rename<'_>) -> Result<()> {
        let schema = self.current()?;
        let table = rename.table.unwrap_or(rename.from);
        let missing = |what: String, name: &str| {
            Err(Error::new(ErrorKind::Step, format!("{what} does not exist")).about(name))
        };
        let Some(object) = schema.find_table(table) else {
            let known = schema.of_kind(ObjectKind::Table).map(|it| it.name.as_str());
            return missing(format!("the table {table}"), table)
                .map_err(|error| error.choices(similar(table, known)));
        };
        if object.kind == ObjectKind::ShadowTable {
            let what = format!("{table} belongs to a virtual table and is renamed with it");
            return Err(Error::new(ErrorKind::Step, what).about(table));
        }
        let Some(within) = rename.table else { return Ok(()) };
        match schema.shape(within) {
            Some(shape) if shape.column(rename.from).is_none() => {
                missing(format!("the column {}.{}", within, rename.from), within)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// An object that does not compile cannot be rewritten by SQLite. One that is broken stays
    /// broken whatever its text; one that needs a missing part may be fine elsewhere and must not
    /// be left with an old name in it; a trigger on a renamed table must go with it.
    fn refuse_unsound_users(&self, rename: &Rename<'_>) -> Result<()> {
        for unsound in &self.set_aside {
            let text = unsound.object.sql.as_deref().unwrap_or_default();
            let table = rename.table.unwrap_or(rename.from);
            let uses = sql::mentions(text, &[table]) || sql::mentions(text, &[rename.from]);
            let on_it = unsound.object.kind == ObjectKind::Trigger
                && rename.table.is_none()
                && same(&unsound.object.table, rename.from);
            let elsewhere_fine = uses && matches!(unsound.reason, Unsound::Missing(_));
            if on_it || elsewhere_fine {
                let what = format!(
                    "{} uses {} but cannot be rewritten: {}",
                    unsound.object, rename.from, unsound.message
                );
                let name = unsound.object.to_string();
                let error = match unsound.reason {
                    Unsound::Missing(_) => Error::new(ErrorKind::MissingExtension, what),
                    Unsound::Broken => Error::new(ErrorKind::Step, what)
                        .with_remedy(Remedy::ReplaceObject)
                        .choices([name]),
                };
                return Err(error.about(&unsound.object.name));
            }
        }
        Ok(())
    }

    fn alter(&mut self, rename: &Rename<'_>) -> Result<()> {
        let sql = match rename.table {
            None => {
                format!("ALTER TABLE main.{} RENAME TO {}", quote(rename.from), quote(rename.to))
            }
            Some(table) => format!(
                "ALTER TABLE main.{} RENAME COLUMN {} TO {}",
                quote(table),
                quote(rename.from),
                quote(rename.to)
            ),
        };
        let before = self.current()?;
        if let Err(error) = self.execute(&sql) {
            let shadows = is_rowid_name(rename.from) || is_rowid_name(rename.to);
            let Some(table) = rename.table.filter(|_| shadows) else {
                return Err(name_dependent(error, &before));
            };
            self.connection.execute_batch("SAVEPOINT substitute")?;
            if !self.rename_shadowing(table, rename.from, rename.to).unwrap_or(false) {
                self.connection.execute_batch("ROLLBACK TO substitute; RELEASE substitute")?;
                self.reload()?;
                return Err(error);
            }
            self.connection.execute_batch("RELEASE substitute")?;
        }
        self.keep_double_quotes(&before, Some(rename.to))
    }

    fn alter_keeping_views(&mut self, rename: &Rename<'_>) -> Result<()> {
        let before = self.outputs()?;
        let quoted = self.single_quoted.len();
        self.connection.execute_batch("SAVEPOINT views")?;
        let plain = self.alter(rename);
        if plain.is_ok() && self.outputs()? == before {
            self.connection.execute_batch("RELEASE views")?;
            return Ok(());
        }
        self.connection.execute_batch("ROLLBACK TO views; RELEASE views")?;
        self.single_quoted.truncate(quoted);
        self.reload()?;
        let fixed = self.fix_outputs(&before)?;
        self.alter(rename)?;
        self.free_outputs(&fixed, &before)
    }

    /// The module of a virtual table renames the tables in which it keeps its rows.
    fn follow_shadow_tables(&mut self, from: &str, to: &str) -> Result<()> {
        let schema = self.current()?;
        let prefix = format!("{}_", fold(from));
        let followers: Vec<String> =
            self.lineage.tables.keys().filter(|it| it.starts_with(&prefix)).cloned().collect();
        for old in followers {
            let new = format!("{to}_{}", &old[prefix.len()..]);
            let moved = schema.find_table(&old).is_none()
                && schema.find(ObjectKind::ShadowTable, &new).is_some();
            if moved {
                self.lineage.rename_table(&old, &new);
            }
        }
        Ok(())
    }

    /// A module may rename what it cannot open under the new name: a full-text table has a hidden column of its own name,
    /// and no other may be called so (<https://sqlite.org/fts5.html>).
    fn refuse_unopened(&self, from: &str, to: &str) -> Result<()> {
        self.reload()?;
        match self.connection.prepare(&format!("SELECT 1 FROM {}", in_main(to))) {
            Err(error) if MissingExtension::in_error(&error).is_none() => {
                let what = format!("the virtual table {from} cannot be called {to}");
                Err(Error::from(error).during(ErrorKind::Step, &what).about(from))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Some modules take the name of another table as an argument, and full-text tables have a
    /// hidden column of their own name, which triggers use: SQLite's RENAME follows neither.
    fn refuse_unfollowed(&self, from: &str, to: &str) -> Result<()> {
        const COLUMNS_ONLY: [&str; 5] = ["fts3", "fts4", "fts5", "rtree", "rtree_i32"];
        let refuse = |what: String, name: &str| {
            let what = format!("{what}; drop it before the rename and create it again after");
            Err(Error::new(ErrorKind::Step, what).about(name))
        };
        for (name, text) in self.virtual_tables()? {
            let arguments = edit::virtual_table_arguments(&text).map_err(unreadable)?;
            let module = fold(&arguments.module.text);
            let names = |text: &str| same(&sql::unquote(text.trim()), from);
            if !COLUMNS_ONLY.contains(&module.as_str())
                && arguments.arguments.iter().any(|it| names(&it.text))
            {
                return refuse(format!("the virtual table {name} reads {from} by its name"), &name);
            }
        }
        let schema = self.current()?;
        if schema.find(ObjectKind::VirtualTable, to).is_none() {
            return Ok(());
        }
        self.refuse_unopened(from, to)?;
        for object in &schema.objects {
            let text = object.sql.as_deref().unwrap_or_default();
            let uses = matches!(object.kind, ObjectKind::Trigger | ObjectKind::View)
                && sql::mentions(text, &[to]);
            if uses && sql::mentions(text, &[from]) {
                let what = format!("{object} uses {from} as a column of the virtual table");
                return refuse(what, &object.name);
            }
        }
        Ok(())
    }

    /// Full-text tables name their content table in an argument that SQLite's RENAME does not
    /// look into (<https://sqlite.org/fts5.html#external_content_tables>).
    fn follow_content(&mut self, from: &str, to: &str) -> Result<()> {
        for (name, text) in self.virtual_tables()? {
            let arguments = edit::virtual_table_arguments(&text).map_err(unreadable)?;
            for (index, argument) in arguments.arguments.iter().enumerate() {
                let Some(option) = edit::virtual_option(&argument.text) else { continue };
                if is_content(&option, from) {
                    let follows = option.with_value(to);
                    let edited =
                        edit::set_virtual_argument(&text, index, &follows).map_err(unreadable)?;
                    self.set_entry_sql(ObjectKind::VirtualTable, &name, Some(&edited))?;
                    self.reload()?;
                    self.notices.push(format!(
                        "{name} reads its content from {from}: it follows to {to} and is rebuilt"
                    ));
                }
            }
        }
        Ok(())
    }

    /// A full-text table finds the columns of its content table by their names.
    fn refuse_content_column(&self, table: &str, column: &str) -> Result<()> {
        for (name, text) in self.virtual_tables()? {
            let arguments = edit::virtual_table_arguments(&text).map_err(unreadable)?;
            let options: Vec<_> = arguments
                .arguments
                .iter()
                .filter_map(|it| edit::virtual_option(&it.text))
                .collect();
            let reads = options.iter().any(|it| is_content(it, table));
            let by_name = sql::mentions(&text, &[column]);
            if reads && by_name {
                let what = format!(
                    "the full-text table {name} reads {table}.{column} by its name; \
                     drop it before the rename and create it again after"
                );
                return Err(Error::new(ErrorKind::Step, what).about(&name));
            }
        }
        Ok(())
    }

    fn virtual_tables(&self) -> Result<Vec<(String, String)>> {
        Ok(self
            .current()?
            .of_kind(ObjectKind::VirtualTable)
            .filter_map(|it| Some((it.name.clone(), it.sql.clone()?)))
            .collect())
    }
}

/// Adds which view or trigger is in the way of a rename: one that an earlier step broke, or that the rename breaks.
fn name_dependent(error: Error, schema: &Schema) -> Error {
    if error.facts().remedy.is_some() || error.missing_extension().is_some() {
        return error;
    }
    let messages: Vec<String> = error.sqlite_causes().map(words).collect();
    let is_named = |object: &&Object| {
        matches!(object.kind, ObjectKind::View | ObjectKind::Trigger)
            && messages.iter().any(|it| is_about_object(it, object.kind.word(), &object.name))
    };
    match schema.objects.iter().find(is_named) {
        Some(object) => {
            let error = error.with_remedy(Remedy::ReplaceObject);
            error.choices([object.to_string()])
        }
        None => error,
    }
}

/// Returns whether SQLite takes a name for the rowid where no column has it
/// (<https://sqlite.org/lang_createtable.html#rowid>).
fn is_rowid_name(name: &str) -> bool {
    ["rowid", "_rowid_", "oid"].iter().any(|it| same(it, name))
}

fn unreadable(error: sql::SqlError) -> Error {
    Error::new(ErrorKind::Unsupported, "the text of a virtual table cannot be read")
        .caused_by(error)
}

/// Returns whether an option names a table as content. `content=''` names none, not even one without a name: such a
/// full-text table keeps no content (<https://sqlite.org/fts5.html#contentless_tables>).
fn is_content(option: &edit::VirtualOption, table: &str) -> bool {
    same(&option.key, "content") && !option.value.is_empty() && same(&option.value, table)
}
