//! The file system of the machine.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that touches the file system"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, Local};
use rustix::fs::{Access, AtFlags, CWD, OFlags, RenameFlags};

use super::regular::open_regular;
use super::{FileKind, Files, MAX_TEXT_BYTES, Space, Stat};

/// The file system of the machine, and its clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealFiles;

impl Files for RealFiles {
    fn now(&self) -> DateTime<FixedOffset> {
        Local::now().fixed_offset()
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        found(fs::metadata(path))
    }

    fn stat_link(&self, path: &Path) -> io::Result<Option<Stat>> {
        found(fs::symlink_metadata(path))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let volume = rustix::fs::statvfs(path)?;
        let kind = rustix::fs::statfs(path)?.f_type;
        Ok(Space {
            available: volume.f_bavail.saturating_mul(volume.f_frsize),
            network: is_network(kind),
            read_only: volume.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        walkdir::WalkDir::new(folder)
            .min_depth(1)
            .max_depth(1)
            .sort_by_file_name()
            .into_iter()
            .map(|entry| entry.map(walkdir::DirEntry::into_path).map_err(io::Error::from))
            .collect()
    }

    fn may_read(&self, path: &Path) -> io::Result<()> {
        Ok(rustix::fs::accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS)?)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open_regular(path)?.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_TEXT_BYTES {
            let what = format!("it is larger than {} MiB", MAX_TEXT_BYTES >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        Ok(bytes)
    }

    fn reader(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        Ok(Box::new(open_regular(path)?))
    }

    fn create(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)
    }

    fn append(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.create_folder_for(path, 0o755)
    }

    fn create_folder_for(&self, path: &Path, mode: u32) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(mode).create(path)
    }

    fn create_private_folder(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = open_regular(from)?;
        let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut source, &mut target)?;
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn share_blocks(&self, from: &Path, to: &Path) -> io::Result<()> {
        super::reflink::share_blocks(from, to)
    }

    #[cfg(target_os = "linux")]
    fn can_share_blocks(&self, folder: &Path) -> bool {
        super::reflink::can_share_blocks(folder).unwrap_or(false)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            // Some file systems lack the flag: a hard link fails just so if the name is taken.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                fs::hard_link(from, to)?;
                fs::remove_file(from)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn set_access(&self, path: &Path, like: &Stat) -> io::Result<()> {
        let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let found = file.metadata()?;
        // Another user with write access to the folder could have replaced the file under this name.
        let is_ours = found.is_dir() || found.is_file() && found.nlink() == 1;
        if !is_ours {
            let what = "it is not a regular file with one name";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        // Only root may give files away; others only to a group that they are in.
        let is_root = rustix::process::geteuid().is_root();
        let owner = is_root.then_some(like.owner);
        match std::os::unix::fs::fchown(&file, owner, Some(like.group)) {
            Err(error) if is_root => return Err(error),
            // A user who is not in the group may not give it, and some file systems and containers know no such group.
            Ok(()) | Err(_) => {}
        }
        file.set_permissions(fs::Permissions::from_mode(like.mode & 0o777))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.sync_all()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

fn found(metadata: io::Result<fs::Metadata>) -> io::Result<Option<Stat>> {
    let metadata = match metadata {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let kind = if metadata.is_file() {
        FileKind::File
    } else if metadata.is_dir() {
        FileKind::Folder
    } else {
        FileKind::Other
    };
    Ok(Some(Stat {
        kind,
        bytes: metadata.size(),
        mode: metadata.mode() & 0o7777,
        owner: metadata.uid(),
        group: metadata.gid(),
        device: metadata.dev(),
        inode: metadata.ino(),
        links: metadata.nlink(),
    }))
}

/// Returns whether the kernel's file system number is a network one (statfs(2)).
fn is_network(number: i64) -> bool {
    const NFS: i64 = 0x6969;
    const SMB: i64 = 0x517B;
    const SMB2: i64 = 0xFE53_4D42;
    const CIFS: i64 = 0xFF53_4D42;
    const AFS: i64 = 0x5346_414F;
    const CODA: i64 = 0x7375_7245;
    const NINE_P: i64 = 0x0102_1997;
    const FUSE: i64 = 0x6573_5546;
    matches!(number & 0xFFFF_FFFF, NFS | SMB | SMB2 | CIFS | AFS | CODA | NINE_P | FUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rename_new_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        RealFiles.create(&one, b"1", 0o600).unwrap();
        RealFiles.create(&two, b"2", 0o600).unwrap();
        let error = RealFiles.rename_new(&one, &two).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(RealFiles.read(&two).unwrap(), b"2");
    }

    #[test]
    fn network_file_systems_are_known() {
        assert!(is_network(0x6969));
        assert!(!is_network(0xEF53));
    }
}
