//! Backups belong to one database; retention and reuse.
