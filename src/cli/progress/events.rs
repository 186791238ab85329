//! One event as one JSON object.

use phaseshift::event::Event;
use serde_json::{Value, json};

/// Returns the event as JSON: `event` names it, the other fields are its facts.
pub(super) fn json(event: &Event) -> Value {
    match event {
        Event::Waiting { holders } => json!({"event": "waiting", "holders": holders}),
        Event::BackupStarted { path } => json!({"event": "backup-started", "path": path}),
        Event::BackupCreated { path, bytes } => {
            json!({"event": "backup-created", "path": path, "bytes": bytes})
        }
        Event::BackupReused { path, bytes } => {
            json!({"event": "backup-reused", "path": path, "bytes": bytes})
        }
        Event::BackupVerified { path, tables } => {
            json!({"event": "backup-verified", "path": path, "tables": tables})
        }
        Event::Progress { stage, subject, done, total } => json!({
            "event": "progress", "stage": stage.code(), "subject": subject,
            "done": done, "total": total,
        }),
        Event::StepStarted { index, total, title } => {
            json!({"event": "step-started", "index": index, "total": total, "title": title})
        }
        Event::TableCopied { from, to, rows } => {
            json!({"event": "table-copied", "from": from, "to": to, "rows": rows})
        }
        Event::StepDone { what } | Event::IndexFilled { what } => {
            json!({"event": "step-done", "what": what})
        }
        Event::RowsChanged { table, before, after } => {
            json!({"event": "rows-changed", "table": table, "before": before, "after": after})
        }
        Event::SchemaChanged { what } => json!({"event": "schema-changed", "what": what}),
        Event::CheckingStarted => json!({"event": "checking-started"}),
        Event::CheckPassed { name, detail } => {
            json!({"event": "check-passed", "name": name, "detail": detail})
        }
        Event::Committed => json!({"event": "committed"}),
        Event::Notice { text } => json!({"event": "notice", "text": text}),
    }
}
