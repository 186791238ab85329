//! What counts when two stored objects are compared.

use super::model::{Object, ObjectKind};
use crate::name::fold;

/// What counts when two objects are compared: whether it is a table, name, owner and text.
pub type Entry<'s> = (bool, &'s str, String, Option<&'s str>);

impl Object {
    /// Returns what counts when two objects are compared.
    pub fn entry(&self) -> Entry<'_> {
        // The tables behind a virtual table are its module's business, their wording too.
        let sql = match self.kind {
            ObjectKind::ShadowTable => None,
            ObjectKind::Table
            | ObjectKind::VirtualTable
            | ObjectKind::Index
            | ObjectKind::View
            | ObjectKind::Trigger => self.sql.as_deref(),
        };
        (self.kind.is_table(), &self.name, fold(&self.table), sql)
    }
}
