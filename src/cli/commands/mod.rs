//! The commands, one file each.

mod adoption;
mod audit;
mod backups;
mod chain;
mod check;
mod current;
mod demo;
mod deps;
mod diff;
mod downgrade;
mod draft;
mod extract_undo;
mod history;
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
mod report;
mod reset;
mod restore;
mod run;
mod stamp;
mod status;
mod verify;

pub use run::run;
