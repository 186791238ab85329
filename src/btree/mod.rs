//! A reader of SQLite's file format (<https://sqlite.org/fileformat2.html>): b-trees, cells and records.
//!
//! It is a judge that shares no code with SQLite. Whatever the bytes are, it answers or says which page
//! is wrong: every place is checked before it is read, every page of a tree is visited once, depth is
//! bounded. It knows pages and records; it does not know schemas, and it never opens a file: pages of a
//! database come through SQLite ([`DbPages`]).

mod compare;
mod compare_pages;
mod cursor;
mod file;
mod hash;
mod index;
mod node;
mod order;
mod pages;
mod record;
mod record_buffer;
mod set;
mod source;
mod transaction;
mod values;

pub use compare::{Trees, compare_trees};
pub use compare_pages::compare_pages;
pub use cursor::Cursor;
pub use file::OpenFile;
pub use hash::Sum;
pub use index::{IndexShape, Rows, index_holds, indexes_project, rows_ask_for};
pub use order::Collation;
pub use pages::{Checked, Geometry, Malformed, Pages, Read, Stop};
pub use record::{Fields, Value};
pub use record_buffer::{KeyPart, ValueSource};
pub use set::PageSet;
pub use source::DbPages;
pub use transaction::ReadTransaction;
pub use values::{Demand, Texts, ValueMap, Values, compare_values};
