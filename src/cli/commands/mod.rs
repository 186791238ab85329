//! The commands, one file each.

mod backups;
mod chain;
mod check;
mod current;
mod demo;
mod diff;
mod downgrade;
mod facts;
mod history;
mod init;
mod look;
mod meta;
mod migrate;
mod new_file;
mod new_phase;
mod plan;
mod report;
mod restore;
mod run;
mod stamp;
mod status;
mod unadopted;
mod verify;

pub use run::run;
