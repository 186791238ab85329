//! What can be known to be wrong before anything is written. Nothing here changes the file.

mod requirement;
mod space;
mod writable;

pub use requirement::check_requirements;
pub use space::{SpaceNeed, check_space, space_need};
pub use writable::probe_writing;
