//! The steps that make or drop stored objects.

use crate::phase::Operation;
use crate::schema::ObjectKind;

/// Returns the step that creates an object as it is stored; `None` for what comes with its virtual table.
pub fn creation(kind: ObjectKind, sql: &str) -> Option<Operation> {
    let sql = sql.to_owned();
    (kind != ObjectKind::ShadowTable).then(|| Operation::Create {
        kind: kind.into(),
        sql,
        if_not_exists: false,
    })
}

/// Returns the step that drops an object.
pub fn removal(kind: ObjectKind, name: &str, if_exists: bool) -> Operation {
    Operation::Drop { kind: kind.into(), name: name.to_owned(), if_exists }
}
