//! The inventory of a database.

use std::fmt::Write as _;
use std::path::Path;

use phaseshift::inspect::{Audit, AuditedIndex, AuditedTable, Origin, Stray};
use phaseshift::schema::ObjectKind;
use serde_json::{Value, json};

use super::counted;
use crate::cli::output::escaped;

/// The objects by kind, with the phases that made them.
pub fn text(database: &str, audit: &Audit) -> String {
    let mut text = format!("{}\n", escaped(database));
    let _ = writeln!(text, "{}", summary(audit));
    match (&audit.unknown, audit.phases) {
        (Some(why), _) => {
            let _ =
                writeln!(text, "The phases that made the objects are not known: {}", escaped(why));
        }
        (None, 0) => text.push_str("No phase is recorded.\n"),
        (None, count) => {
            let count = counted(count, "phase is", "phases are");
            let _ = writeln!(text, "{count} recorded.");
        }
    }
    let origin = |origin: &Origin| from(origin, audit);
    section(&mut text, "Tables", audit.tables.iter().map(|it| table(it) + &origin(&it.origin)));
    section(&mut text, "Indexes", audit.indexes.iter().map(|it| index(it) + &origin(&it.origin)));
    let views = audit.views.iter().map(|it| {
        let layer =
            it.layer.map_or("does not compile".to_owned(), |layer| format!("layer {layer}"));
        format!("{}: {layer}{}", escaped(&it.name), origin(&it.origin))
    });
    section(&mut text, "Views", views);
    let triggers = audit
        .triggers
        .iter()
        .map(|it| format!("{} on {}{}", escaped(&it.name), escaped(&it.table), origin(&it.origin)));
    section(&mut text, "Triggers", triggers);
    strays(&mut text, "Not made by any phase", &audit.unmade);
    strays(&mut text, "Different from what the phases make", &audit.different);
    strays(&mut text, "Made by the phases, but missing in the file", &audit.missing);
    text
}

fn summary(audit: &Audit) -> String {
    let virtual_tables =
        audit.tables.iter().filter(|it| it.kind == ObjectKind::VirtualTable).count();
    let behind = audit.tables.iter().filter(|it| it.kind == ObjectKind::ShadowTable).count();
    let plain = audit.tables.len() - virtual_tables - behind;
    let count =
        |wanted: fn(&AuditedIndex) -> bool| audit.indexes.iter().filter(|it| wanted(it)).count();
    let layers = audit.views.iter().filter_map(|it| it.layer).max().unwrap_or(0);
    let checks: usize = audit.tables.iter().map(|it| it.checks).sum();
    let mut parts = vec![counted(plain, "table", "tables")];
    if virtual_tables > 0 {
        parts.push(counted(virtual_tables, "virtual table", "virtual tables"));
    }
    if behind > 0 {
        parts.push(counted(behind, "shadow table", "shadow tables"));
    }
    let kinds = [
        (count(|it| it.automatic), "automatic"),
        (count(|it| it.unique && !it.automatic), "other unique"),
        (count(|it| it.partial), "partial"),
        (count(|it| it.expression), "on expressions"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{count} {kind}"))
        .collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let layers = match layers {
        0 => String::new(),
        layers => format!(" in {}", counted(layers, "layer", "layers")),
    };
    let (indexes, views) = (audit.indexes.len(), audit.views.len());
    let others = [
        (indexes, counted(indexes, "index", "indexes") + &kinds),
        (views, counted(views, "view", "views") + &layers),
        (audit.triggers.len(), counted(audit.triggers.len(), "trigger", "triggers")),
        (checks, counted(checks, "CHECK", "CHECKs")),
    ];
    parts.extend(others.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words));
    parts.join(", ")
}

fn table(table: &AuditedTable) -> String {
    let mut parts = vec![counted(table.columns, "column", "columns")];
    if table.kind != ObjectKind::Table {
        parts.insert(0, table.kind.word().to_owned());
    }
    if table.foreign_keys > 0 {
        parts.push(counted(table.foreign_keys, "foreign key", "foreign keys"));
    }
    if table.unique > 0 {
        parts.push(format!("{} UNIQUE", table.unique));
    }
    if table.checks > 0 {
        let names = match table.named_checks.as_slice() {
            [] => String::new(),
            names => format!(" ({})", escaped(names.join(", "))),
        };
        parts.push(format!("{} CHECK{names}", table.checks));
    }
    format!("{}: {}", escaped(&table.name), parts.join(", "))
}

fn index(index: &AuditedIndex) -> String {
    let words = [
        (index.automatic, "automatic"),
        (index.unique, "unique"),
        (index.partial, "partial"),
        (index.expression, "on an expression"),
    ];
    let words: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let words = if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
    format!("{} on {}{words}", escaped(&index.name), escaped(&index.table))
}

/// The phases of an object, where phases are recorded.
fn from(origin: &Origin, audit: &Audit) -> String {
    match (&origin.made_by, &origin.changed_by) {
        (None, _) if audit.phases == 0 || audit.unknown.is_some() => String::new(),
        (None, _) => "; made by no phase".to_owned(),
        (Some(made), None) => format!("; made by {}", escaped(made)),
        (Some(made), Some(changed)) => {
            format!("; made by {}, changed by {}", escaped(made), escaped(changed))
        }
    }
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (number, line) in lines.enumerate() {
        if number == 0 {
            let _ = writeln!(text, "\n{title}:");
        }
        let _ = writeln!(text, "  {line}");
    }
}

fn strays(text: &mut String, title: &str, found: &[Stray]) {
    section(text, title, found.iter().map(|it| format!("{} {}", it.kind, escaped(&it.name))));
}

pub fn document(database: &Path, audit: &Audit) -> Value {
    let mut document = json!({"database": database});
    let audit = serde_json::to_value(audit).unwrap_or_default();
    for (key, value) in audit.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    document
}
