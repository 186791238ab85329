//! Stored objects and the steps that make or drop them.

use crate::phase::{Operation, StepObject};
use crate::schema::ObjectKind;

impl From<StepObject> for ObjectKind {
    fn from(object: StepObject) -> Self {
        match object {
            StepObject::Table => Self::Table,
            StepObject::Index => Self::Index,
            StepObject::View => Self::View,
            StepObject::Trigger => Self::Trigger,
        }
    }
}

const fn step_object(kind: ObjectKind) -> Option<StepObject> {
    match kind {
        ObjectKind::Table | ObjectKind::VirtualTable => Some(StepObject::Table),
        ObjectKind::Index => Some(StepObject::Index),
        ObjectKind::View => Some(StepObject::View),
        ObjectKind::Trigger => Some(StepObject::Trigger),
        ObjectKind::ShadowTable => None,
    }
}

/// Returns the step that creates an object as it is stored; `None` for what comes with its virtual table.
pub fn creation(kind: ObjectKind, sql: &str) -> Option<Operation> {
    let kind = step_object(kind)?;
    Some(Operation::Create { kind, sql: sql.to_owned(), if_not_exists: false })
}

/// Returns the step that drops an object.
pub fn removal(kind: ObjectKind, name: &str, if_exists: bool) -> Operation {
    let kind = step_object(kind).unwrap_or(StepObject::Table);
    Operation::Drop { kind, name: name.to_owned(), if_exists }
}
