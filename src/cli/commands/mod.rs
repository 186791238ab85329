//! The commands, one file each.

mod adoption;
mod answers;
mod apply;
mod backups;
mod chain;
mod check;
mod check_more;
mod current;
mod demo;
mod deps;
mod diff;
mod downgrade;
mod draft;
mod extract_undo;
pub mod fleet;
mod history;
mod import;
mod init;
mod json_values;
mod lint;
mod look;
mod meta;
mod migrate;
mod new_file;
mod new_phase;
mod optimize;
mod plan;
mod prove;
mod report;
mod restore;
mod run;
mod squash;
mod stamp;
mod status;
mod verify;

pub use run::run;
