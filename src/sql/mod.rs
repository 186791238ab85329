//! Reads and minimally edits SQL text that SQLite stores, by token positions.
//!
//! Nothing here knows a connection, a file or a schema: text goes in, text comes out, and every byte
//! outside the edited piece stays as it was. Splitting a script into statements is the business of
//! `sqlite3_prepare`, never of this module.

mod copy;
mod create_table;
pub mod edit;
mod error;
mod features;
mod foreign;
mod object;
mod reader;
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
    find_end_of_piece, find_parameter, find_passing_object, find_second_statement,
    find_table_of_query, with_identifiers_only,
};
pub use object::{
    ObjectHead, ObjectKind, index_keys, mentions, named_tokens, object_head, update_of_columns,
};
pub use reader::Name;
pub use token::{Token, TokenKind, significant_tokens, tokens, unquote};
