//! What can be known to be wrong before anything is written. Nothing here changes the file.

mod constraint_risk;
mod keys;
mod losses;
mod orphans;
mod place;
mod plain;
mod requirement;
mod rows;
mod space;
mod trees;
mod trial_copy;
mod unseen;
mod virtual_tables;
mod writable;

pub use losses::{LossPolicy, count_losses, refuse_losses};
pub use place::{check_temporary_files, remarks_on_place};
pub use requirement::check_requirements;
pub use rows::{check_new_index, check_rebuilt_rows, check_rows};
pub use space::{
    MANIFEST, SpaceNeed, bytes_of, check_space, require_space, space_need, will_share_blocks,
};
pub use unseen::decided_by_rows;
pub use virtual_tables::check_virtual_tables;
pub use writable::probe_writing;
