use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use crate::error::ErrorKind;
use crate::event::Interrupt;
use crate::files::{Files, RealFiles, Space, Stat};
use crate::fleet::Reservations;
use crate::preflight::SpaceNeed;

/// A disk with this number of bytes left.
#[derive(Debug)]
struct Narrow(u64);

impl Files for Narrow {
    fn now(&self) -> DateTime<FixedOffset> {
        RealFiles.now()
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        RealFiles.canonical(path)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        RealFiles.stat(path)
    }
    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(Space { available: self.0, network: false, read_only: false })
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
    fn create(&self, _: &Path, _: &[u8], _: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn create_folder(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn copy(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn rename_new(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn rename_over(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn set_access(&self, _: &Path, _: &Stat) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn sync_file(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn need(backup: u64, database: u64) -> SpaceNeed {
    SpaceNeed { backup, database }
}

#[test]
fn two_files_that_fit_alone_and_not_together_run_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (database, backups) = (folder.path().join("a.db"), folder.path().join("backups"));
    let places = (database.as_path(), backups.as_path());
    let (space, interrupt) = (Reservations::new(Arc::new(Narrow(100))), Interrupt::default());
    let first = space.claim(places, need(40, 20), &interrupt).unwrap();
    let small = space.claim(places, need(20, 20), &interrupt).unwrap();
    drop(small);
    let came = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting = std::thread::Builder::new().spawn_scoped(scope, || {
            let claim = space.claim(places, need(30, 30), &interrupt).map(drop);
            came.store(true, Ordering::SeqCst);
            claim
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!came.load(Ordering::SeqCst));
        drop(first);
        waiting.unwrap().join().unwrap().unwrap();
    });
    let error = space.claim(places, need(90, 20), &interrupt).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "what does not fit alone fails at once");
    let held = space.claim(places, need(50, 40), &interrupt).unwrap();
    interrupt.request();
    let error = space.claim(places, need(50, 40), &interrupt).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    drop(held);
}
