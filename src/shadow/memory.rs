//! The database in memory that a shadow is.

use rusqlite::Connection;
use rusqlite::limits::Limit;

use crate::database::{Authorizer, SWITCHES};
use crate::error::Result;
use crate::event::Interrupt;

/// Steps of SQLite's virtual machine between two looks at the request to stop.
const STEPS: i32 = 1_000;

/// Opens an empty in-memory database that reads stored text as the file's programs did.
pub(super) fn open_memory() -> Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    let interrupt = Interrupt::current();
    connection.progress_handler(STEPS, Some(move || interrupt.requested()))?;
    Authorizer::of_memory().install(&mut connection)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    for (switch, value) in SWITCHES {
        connection.set_db_config(switch, value)?;
    }
    Ok(connection)
}
