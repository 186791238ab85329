//! Whether views and triggers compile: the first write after a migration must not be the test.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::database::{forget_schema, stub_collations};
use crate::error::Result;
use crate::error::{MissingExtension, has_no_plan, needs_no_trigger, words};
use crate::event::Interrupt;
use crate::name::{fold, quote, same};
use crate::schema::{Object, ObjectKind, Schema, firing_statements};

use super::shadow::Shadow;

impl Shadow {
    /// Fails if one of these triggers does what no phase may do, such as writing a version table: SQLite compiles it
    /// when it fires, which is long after the phase.
    ///
    /// # Errors
    /// [`ErrorKind::Step`](crate::ErrorKind::Step) naming the trigger and what it does.
    pub fn refuse_forbidden_triggers(&self, triggers: &[&Object]) -> Result<()> {
        if triggers.is_empty() {
            return Ok(());
        }
        let schema = self.schema()?;
        for trigger in triggers {
            for statement in firing_statements(&self.connection, &schema, &trigger.table)? {
                self.authorizer.raise();
                let compiled = self.connection.prepare(&statement).map(drop);
                let (denied, place) = (self.authorizer.denied(), self.authorizer.denied_in());
                self.authorizer.lower();
                let inside = place.is_some_and(|it| same(&it, &trigger.name));
                if let (Err(error), Some(what), true) = (compiled, denied, inside) {
                    return Err(self.not_allowed(&what).about(&trigger.name).caused_by(error));
                }
            }
        }
        Ok(())
    }
}

/// Finds the views, and the tables and views whose triggers do not compile, by folded name, with
/// SQLite's message. What only lacks a function, collation or module is not counted.
pub fn uncompilable(connection: &Connection, schema: &Schema) -> Result<BTreeMap<String, String>> {
    let mut broken = BTreeMap::new();
    for view in schema.of_kind(ObjectKind::View) {
        let sql = format!("SELECT * FROM main.{}", quote(&view.name));
        try_compile((connection, schema), &view.name, &sql, &mut broken)?;
    }
    let owners: std::collections::BTreeSet<String> =
        schema.of_kind(ObjectKind::Trigger).map(|it| fold(&it.table)).collect();
    for owner in owners {
        for statement in firing_statements(connection, schema, &owner)? {
            try_compile((connection, schema), &owner, &statement, &mut broken)?;
        }
    }
    Ok(broken)
}

fn try_compile(
    (connection, schema): (&Connection, &Schema),
    owner: &str,
    sql: &str,
    broken: &mut BTreeMap<String, String>,
) -> Result<()> {
    let compiled = connection.prepare(sql).map(drop);
    // A compilation that was stopped says nothing of its object.
    Interrupt::current().check()?;
    if let Err(error) = compiled
        && MissingExtension::in_error(&error).is_none()
        && !needs_no_trigger(&error)
        && !lacks_only_collations((connection, schema), sql, &error)
    {
        broken.entry(fold(owner)).or_insert_with(|| words(&error));
    }
    Ok(())
}

/// SQLite uses no index whose collation it missed once. A WITHOUT ROWID table whose key has such a collation cannot be
/// read at all then, and SQLite has "no query solution", which is also what it says of an INDEXED BY that it cannot follow.
fn lacks_only_collations(
    (connection, schema): (&Connection, &Schema),
    sql: &str,
    error: &rusqlite::Error,
) -> bool {
    if !has_no_plan(error) || forget_schema(connection).is_err() {
        return false;
    }
    let lent: Vec<_> =
        schema.tables.values().map(|it| stub_collations(connection, &it.name)).collect();
    let compiled = connection.prepare(sql).map(drop);
    drop(lent);
    compiled.map_or_else(|error| MissingExtension::in_error(&error).is_some(), |()| true)
}
