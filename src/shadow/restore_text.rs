//! Giving objects the very text that they had before a phase: a downgrade ends where the way began,
//! down to spacing and quotes.

use super::shadow::Shadow;
use crate::error::Result;
use crate::name::quote;
use crate::schema::{ObjectKind, same_meaning, same_virtual_meaning};
use crate::sql::object_head;

impl Shadow {
    /// Gives an object another text. A text that means the same is only written; any other one is
    /// run by SQLite, with the indexes and triggers that hang on the object.
    ///
    /// An object that is not there, or was set aside, stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Step`](crate::ErrorKind::Step) with SQLite's reason.
    pub fn restore_text(&mut self, kind: ObjectKind, name: &str, text: &str) -> Result<()> {
        let schema = self.current()?;
        let Some(object) = schema.find(kind, name) else { return Ok(()) };
        let present = object.sql.as_deref().unwrap_or_default();
        if present == text {
            return Ok(());
        }
        let keeps_name = object_head(text).is_ok_and(|head| head.name.text == object.name);
        let is_virtual = kind == ObjectKind::VirtualTable;
        if keeps_name
            && (same_meaning(present, text) || is_virtual && same_virtual_meaning(present, text))
        {
            self.set_entry_sql(kind, &object.name, Some(text))?;
            self.forget_reference(kind, &object.name);
            return self.reload();
        }
        match kind {
            ObjectKind::Table => self.recreate(&schema, object, text),
            ObjectKind::View | ObjectKind::Trigger => self.replace(kind, text),
            ObjectKind::Index => {
                self.execute(&format!("DROP INDEX main.{}", quote(&object.name)))?;
                self.execute(text)
            }
            // Its content lives in the module; another text would be another table.
            ObjectKind::VirtualTable | ObjectKind::ShadowTable => Ok(()),
        }
    }
}
