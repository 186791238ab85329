//! A derived downgrade restores what the file held before the upgrade.
