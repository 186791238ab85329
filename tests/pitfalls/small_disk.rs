//! The real file system with hardly any space left.

use std::io;
use std::path::Path;

use phaseshift::files::{Files, RealFiles, Space};

use support::as_on_disk;

/// Files as they are, on a disk that is nearly full.
#[derive(Debug)]
pub struct SmallDisk;

impl Files for SmallDisk {
    as_on_disk!(now, canonical, stat, list, read, reader, create, create_folder, copy);
    as_on_disk!(rename_new, rename_over, remove, set_access, sync_file, sync_folder);

    fn space(&self, path: &Path) -> io::Result<Space> {
        Ok(Space { available: 4_096, ..RealFiles.space(path)? })
    }
}
