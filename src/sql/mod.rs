//! Reads and minimally edits SQL text that SQLite stores, by token positions.
//!
//! Nothing here knows a connection, a file or a schema: text goes in, text comes out, and every byte
//! outside the edited piece stays as it was. Statements are found by the rule of `sqlite3_complete`, to know what a
//! script does; `sqlite3_prepare` splits what is run.

mod copy;
mod create_table;
pub mod edit;
mod error;
mod features;
mod foreign;
mod object;
mod reader;
mod script;
#[cfg(test)]
mod tests;
mod token;

pub use copy::{CopyItem, TableCopy, table_copy};
pub use create_table::{
    ColumnDefinition, Constraint, ConstraintKind, CreateTable, TableOption, TableOptionKind,
};
pub use error::SqlError;
pub use features::{Feature, SqliteVersion, features};
pub use foreign::{
    find_end_of_piece, find_hidden_statement, find_parameter, find_passing_object,
    find_second_statement, find_table_of_query, with_identifiers_only,
};
pub use object::{
    ObjectHead, ObjectKind, index_keys, is_autoincrement, mentioned, mentions, named_tokens,
    object_head, owner, update_of_columns,
};
pub use reader::Name;
pub use script::{SchemaCommand, schema_command, statements};
pub use token::{Token, TokenKind, significant_tokens, tokens, unquote};
