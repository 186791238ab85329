//! Whether two objects need no step between them.

use crate::schema::{Object, ObjectKind, same_meaning, same_virtual_meaning};

/// Returns whether two objects have the same definition.
pub(super) fn alike(left: &Object, right: &Object) -> bool {
    let (Some(left_text), Some(right_text)) = (&left.sql, &right.sql) else { return true };
    match left.kind {
        ObjectKind::VirtualTable => same_virtual_meaning(left_text, right_text),
        _ => same_meaning(left_text, right_text),
    }
}
