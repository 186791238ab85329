//! Backups: made through SQLite, compared page by page with their source, durable before they are named.
//!
//! This module knows files, pages and rows. It does not know phases beyond their names, and it never
//! writes to the database it backs up.

mod background_check;
mod check;
mod check_queue;
mod copy;
mod create;
mod entry;
mod export;
mod job;
mod manifest;
mod name;
mod pages;
mod part;
mod prune;
mod publish;
mod reuse;
mod shared;
mod verified;
mod verify;
mod writer;

pub(crate) use check::integrity;
pub(crate) use copy::{PageCopy, copy_pages, patiently};
pub(crate) use create::keep_damaged;
pub use create::{Checked, create, create_checked};
pub use entry::{
    BackupEntry, Leftover, is_backup, is_half_made, leftovers, list, of_others, remove_leftovers,
};
pub use job::BackupRequest;
pub use manifest::{BackupKind, LabelKind, Manifest, ManifestTable, Occasion};
pub use name::BackupLabel;
pub(crate) use name::{Names, stem_of};
pub(crate) use pages::{Pages, compare_pages};
pub(crate) use part::{PartFile, folder_of, stat_of};
pub use prune::{
    AppliedPhase, KeptBackup, KeptBecause, PruneMode, Pruned, Retention, Rules, prune,
};
pub use reuse::create_or_reuse;
pub use verified::VerifiedBackup;
pub(crate) use verify::digest;
pub use verify::{Verification, verify};
