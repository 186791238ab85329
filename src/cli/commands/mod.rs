//! The commands, one file each.

mod backups;
mod chain;
mod check;
mod current;
mod demo;
mod deps;
mod diff;
mod downgrade;
mod drafted;
mod facts;
mod history;
mod init;
mod lint;
mod look;
mod meta;
mod migrate;
mod new_file;
mod new_phase;
mod optimize;
mod plan;
mod report;
mod restore;
mod run;
mod stamp;
mod status;
mod unadopted;
mod verify;

pub use run::run;
