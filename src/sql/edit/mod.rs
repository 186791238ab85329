//! The smallest edits of stored SQL text: each takes a text and returns a new one.
//!
//! Every byte outside the edited piece stays as it was: comments, spacing, quoting. No edit knows
//! what else depends on the object; SQLite judges the result in the shadow.

mod alter;
mod column;
mod constraint;
mod matching;
mod object;
mod piece;
mod splice;
mod view;
mod virtual_table;

pub use alter::{ColumnChange, DefaultChange, alter_column};
pub use column::{add_column, drop_column};
pub use constraint::{add_constraint, drop_constraint, has_constraint};
pub use matching::ConstraintRef;
pub use object::{index_condition, rename_object, retarget_index};
pub use view::{view_columns_range, view_query, view_with_columns, without_view_columns};
pub use virtual_table::{
    VirtualArgument, VirtualOption, VirtualTable, is_index_command, reads_content,
    set_virtual_argument, virtual_option, virtual_table_arguments,
};
