//! The real file system with hardly any space left.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use phaseshift::files::{Files, RealFiles, Space, Stat};

/// Files as they are, on a disk that is nearly full.
#[derive(Debug)]
pub struct SmallDisk;

impl Files for SmallDisk {
    fn now(&self) -> DateTime<FixedOffset> {
        RealFiles.now()
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        RealFiles.canonical(path)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        RealFiles.stat(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        Ok(Space { available: 4_096, ..RealFiles.space(path)? })
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        RealFiles.list(folder)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealFiles.read(path)
    }
    fn reader(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        RealFiles.reader(path)
    }
    fn create(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        RealFiles.create(path, bytes, mode)
    }
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        RealFiles.create_folder(path)
    }
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFiles.copy(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFiles.rename_new(from, to)
    }
    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFiles.rename_over(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove(path)
    }
    fn set_access(&self, path: &Path, like: &Stat) -> io::Result<()> {
        RealFiles.set_access(path, like)
    }
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        RealFiles.sync_file(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealFiles.sync_folder(folder)
    }
}
