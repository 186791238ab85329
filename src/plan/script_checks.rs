//! What a script checks by itself in the file that it meets, as far as plain SQL can say it.

use std::collections::BTreeSet;

use super::{Plan, Rebuild, SchemaChange, Stage};
use crate::history::{HISTORY_TABLE, Recorded, VersionTables};
use crate::name::{fold, in_main, literal, quote, same};
use crate::phase::{Check, Expected};
use crate::rows::conversion_sql;
use crate::schema::{ObjectKind, Schema};
use crate::sql::significant_tokens;

/// The state in which a script may begin.
pub struct ExpectedState<'a> {
    pub tables: &'a VersionTables,
    pub recorded: &'a Recorded,
    pub schema: &'a Schema,
}

/// Something that must not be found.
pub(super) struct ScriptGuard {
    /// The message if it is found.
    pub(super) message: String,
    /// Statements that the condition needs.
    pub(super) prepare: Vec<String>,
    /// The condition, as SQL.
    pub(super) condition: String,
}

/// The check of a phase; `None` if it is no query that another one can hold.
pub(super) fn of_phase(check: &Check) -> Option<ScriptGuard> {
    let reason = check.message.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
    let message = format!("the check \"{}\" does not hold{reason}", check.name);
    Some(ScriptGuard { message, prepare: Vec::new(), condition: in_one_query(check)? })
}

/// The condition, as SQL, that a check does not hold.
pub(super) fn in_one_query(check: &Check) -> Option<String> {
    let mut text = check.sql.as_str();
    let tokens: Vec<_> = significant_tokens(text).collect();
    let query = |word| tokens.first().is_some_and(|it| it.is_word(text, word));
    if !["SELECT", "WITH", "VALUES"].into_iter().any(query) {
        return None;
    }
    if let Some(last) = tokens.last().filter(|it| it.text(text) == ";") {
        text = &text[..last.start];
    }
    // A comment at the end of the query ends with the line.
    let (query, wanted) = match &check.expect {
        Expected::NoRows => return Some(format!("EXISTS ({text}\n)")),
        Expected::Rows => return Some(format!("NOT EXISTS ({text}\n)")),
        Expected::Integer(number) => (text, number.to_string()),
        Expected::Real(number) => (text, format!("{number:?}")),
        Expected::Text(wanted) => (text, literal(wanted)),
    };
    // The plus takes the affinity of a column away, so that values are compared as they are.
    Some(format!(
        "(SELECT count(*) FROM ({query}\n)) <> 1 OR +({query}\n) COLLATE BINARY IS NOT {wanted}"
    ))
}

/// What the rows of a table must not hold before they are copied. What SQLite itself refuses to copy is not asked for.
pub(super) fn before_copy(schema_change: &SchemaChange, rebuild: &Rebuild) -> Vec<ScriptGuard> {
    let source = in_main(&rebuild.from);
    let mut found: Vec<ScriptGuard> = rebuild
        .typed
        .iter()
        .filter_map(|column| {
            let (prepare, condition) = conversion_sql(column, &source)?;
            let message =
                format!("{}.{}: the new type would convert values", rebuild.to, column.to);
            Some(ScriptGuard { message, prepare, condition })
        })
        .collect();
    // Values that ask other tables find them as they will be only when the rows are copied.
    if rebuild.copy.computes() && !rebuild.copy.stays_in_its_row() {
        return found;
    }
    let Some(shape) = schema_change.after.shape(&rebuild.to) else { return found };
    let known = |name: &str| rebuild.required.iter().any(|(_, after)| same(after, name));
    let required = shape.columns.iter().filter(|it| it.not_null && !known(&it.name));
    let names = required.map(|it| &it.name).chain(&rebuild.given_alias);
    let given = |name: &str| rebuild.copy.columns.iter().any(|(to, _)| same(to, name));
    let rows = rebuild.copy.select(&source);
    found.extend(names.filter(|it| given(it)).map(|name| ScriptGuard {
        message: format!("{}.{name} would be NULL", rebuild.to),
        prepare: Vec::new(),
        condition: format!("EXISTS (SELECT 1 FROM ({rows}) WHERE {} IS NULL)", quote(name)),
    }));
    found
}

/// That not all rows of a table were copied.
pub(super) fn row_counts(rebuild: &Rebuild) -> ScriptGuard {
    let count = |table: &str| format!("(SELECT count(*) FROM {})", in_main(table));
    ScriptGuard {
        message: match rebuild.from == rebuild.to {
            true => format!("not all rows of {} were copied", rebuild.from),
            false => format!("not all rows of {} were copied to {}", rebuild.from, rebuild.to),
        },
        prepare: Vec::new(),
        condition: format!("{} <> {}", count(&rebuild.scratch), count(&rebuild.to)),
    }
}

/// That the file is in another state than the one that the script was made for; rows may have changed.
pub(super) fn other_state(expected: &ExpectedState<'_>) -> Vec<ScriptGuard> {
    let recorded = expected.recorded;
    let versions: Vec<String> = recorded.versions.iter().map(|it| it.version.to_string()).collect();
    let table = in_main(expected.tables.version_table());
    let versions_differ = format!(
        "(SELECT group_concat(version, ' ') FROM (SELECT version FROM {table} ORDER BY version)) IS NOT {}",
        literal(&versions.join(" "))
    );
    let events_differ =
        format!("(SELECT count(*) FROM {}) <> {}", in_main(HISTORY_TABLE), recorded.events.len());
    let is_internal = |name: &str| fold(name).starts_with("sqlite_");
    let stored = expected.schema.objects.iter().filter(|it| !is_internal(&it.name));
    let stored: Vec<String> = stored
        .filter_map(|it| Some(format!("({}, {})", literal(&it.name), literal(it.sql.as_deref()?))))
        .collect();
    let of_users = r"sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'";
    let count = stored.len();
    let schema_differs = format!(
        "(SELECT count(*) FROM main.sqlite_schema WHERE {of_users}) <> {count} \
         OR (SELECT count(*) FROM main.sqlite_schema WHERE (name, sql) IN (VALUES {})) <> {count}",
        stored.join(", ")
    );
    let found = |message: &str, condition: String| ScriptGuard {
        message: format!("the script is for another state of the file: {message}"),
        prepare: Vec::new(),
        condition,
    };
    vec![
        found("other versions are recorded", versions_differ),
        found("its history has changed", events_differ),
        found("its schema has changed", schema_differs),
    ]
}

/// The number of rows of a table that break a foreign key, as SQL.
pub(super) fn orphans(table: &str) -> String {
    format!("(SELECT count(*) FROM pragma_foreign_key_check({}, 'main'))", literal(table))
}

/// The condition, as SQL, that something is not there that the plan makes and keeps; `None` if it makes nothing.
pub(super) fn objects(plan: &Plan) -> Option<String> {
    let mut made = BTreeSet::new();
    for stage in plan.stages() {
        let Stage::SchemaChange(schema_change) = stage else { continue };
        made.extend(
            schema_change.rebuilds.iter().map(|it| (ObjectKind::Table.word(), fold(&it.to))),
        );
        let objects = schema_change.created.iter().chain(&schema_change.restored);
        made.extend(objects.map(|it| (it.kind.word(), fold(&it.name))));
    }
    let kept = plan.target()?.objects.iter().map(|it| (it.kind.word(), it.name.as_str()));
    let rows: Vec<String> = kept
        .filter(|(kind, name)| made.contains(&(*kind, fold(name))))
        .map(|(kind, name)| format!("({}, {})", literal(kind), literal(name)))
        .collect();
    (!rows.is_empty()).then(|| {
        format!(
            "(SELECT count(*) FROM main.sqlite_schema WHERE (type, name) IN (VALUES {})) <> {}",
            rows.join(", "),
            rows.len()
        )
    })
}
