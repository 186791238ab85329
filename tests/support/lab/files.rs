//! The engine's own file steps, on the simulated disk.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use phaseshift::files::{FileKind, Files, Space, Stat};

use crate::lab::disk::{
    Change, Content, Deaf, Disk, NodeId, Operation, ROOT, Sharing, State, parent,
};
use crate::lab::scene::DATABASE;

/// The number of the simulated device, which no real file has.
const DEVICE: u64 = 0x1AB_0000;

/// How much an ordinary copy writes at once.
const BLOCK: usize = 4_096;

impl Files for Disk {
    fn vfs(&self) -> Option<&str> {
        Some(&self.vfs)
    }

    fn now(&self) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2024-10-27T02:30:00+01:00").expect("a time")
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let mut state = self.state();
        state.attempt(Operation::Preparation)?;
        find(&state, path)?;
        Ok(path.to_path_buf())
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        // Processes and their files are looked at too; those are none of this disk.
        if !path.starts_with(ROOT) {
            return Ok(None);
        }
        let mut state = self.state();
        state.attempt(Operation::Preparation)?;
        let Some(number) = state.names.get(text(path)).copied() else { return Ok(None) };
        let node = &state.nodes[&number];
        let (kind, bytes) = match &node.content {
            Content::File(bytes) => {
                let pretended = if text(path) == DATABASE { state.pretended } else { 0 };
                (FileKind::File, bytes.len() as u64 + pretended)
            }
            Content::Folder => (FileKind::Folder, 0),
        };
        let (owner, group) = (0, 0);
        let (device, inode, links) = (DEVICE, number, 1);
        Ok(Some(Stat { kind, bytes, mode: node.mode, owner, group, device, inode, links }))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        self.state().attempt(Operation::Preparation)?;
        Ok(Space { available: 1 << 40, network: false, read_only: false })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut state = self.state();
        state.attempt(Operation::Preparation)?;
        find(&state, folder)?;
        let inside = |path: &&String| parent(path) == text(folder);
        Ok(state.names.keys().filter(inside).map(PathBuf::from).collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn reader(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        let mut state = self.state();
        state.attempt(Operation::Open)?;
        let node = find(&state, path)?;
        Ok(Box::new(Reader { disk: self.clone(), path: text(path).to_owned(), node, position: 0 }))
    }

    fn create(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut state = self.state();
        state.attempt(Operation::Create)?;
        let node = state.create(text(path), false)?;
        set_mode(&mut state, node, mode);
        if !bytes.is_empty() {
            state.write(node, 0, bytes)?;
        }
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut missing: Vec<&str> = Vec::new();
        let mut state = self.state();
        let mut next = text(path);
        while !state.names.contains_key(next) {
            missing.push(next);
            next = parent(next);
        }
        for path in missing.into_iter().rev() {
            state.attempt(Operation::Create)?;
            state.create(path, true)?;
        }
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = self.reader(from)?;
        self.create(to, b"", 0o600)?;
        let mut block = vec![0; BLOCK];
        let mut offset = 0;
        loop {
            let count = source.read(&mut block)?;
            if count == 0 {
                return Ok(());
            }
            let mut state = self.state();
            let node = find(&state, to)?;
            state.write(node, offset, &block[..count])?;
            offset += count;
        }
    }

    fn share_blocks(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let (from, flip) = match state.sharing {
            Sharing::No => return Err(io::ErrorKind::Unsupported.into()),
            Sharing::Yes => (from, 0),
            Sharing::Flipped => (from, 1),
            Sharing::Other(path) => (Path::new(path), 0),
        };
        let (source, target) = (find(&state, from)?, find(&state, to)?);
        let mut bytes = state.bytes(source).to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= flip;
        }
        Ok(state.share(target, &bytes)?)
    }

    fn can_share_blocks(&self, _folder: &Path) -> bool {
        self.state().sharing != Sharing::No
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.attempt(Operation::Rename)?;
        if state.names.contains_key(text(to)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(state.rename(text(from), text(to))?)
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.attempt(Operation::Rename)?;
        Ok(state.rename(text(from), text(to))?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.attempt(Operation::Remove)?;
        Ok(state.remove(text(path))?)
    }

    fn set_access(&self, path: &Path, like: &Stat) -> io::Result<()> {
        let mut state = self.state();
        state.attempt(Operation::SetAccess)?;
        let node = find(&state, path)?;
        set_mode(&mut state, node, like.mode & 0o777);
        Ok(())
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.attempt(Operation::Sync)?;
        let node = find(&state, path)?;
        state.ordinary_handle(text(path), node);
        if state.deaf != Deaf::Sync {
            state.record(Change::Sync { node });
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.attempt(Operation::SyncFolder)?;
        find(&state, folder)?;
        match state.deaf {
            Deaf::Sync | Deaf::EngineFolders => {}
            Deaf::FirstEngineFolder => state.deaf = Deaf::No,
            Deaf::No | Deaf::JournalRemoval | Deaf::WalCommit => {
                state.record(Change::SyncFolder { path: text(folder).to_owned() });
            }
        }
        Ok(())
    }

    fn promised(&self, what: &str) {
        self.promise(what);
    }
}

/// An ordinary handle; closing it drops this process's locks on the file.
struct Reader {
    disk: Disk,
    path: String,
    node: NodeId,
    position: usize,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.attempt(Operation::Read)?;
        let rest = &state.bytes(self.node)[self.position..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.disk.state().ordinary_handle(&self.path, self.node);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of the lab are text")
}

fn find(state: &State, path: &Path) -> io::Result<NodeId> {
    state.names.get(text(path)).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn set_mode(state: &mut State, number: NodeId, mode: u32) {
    if let Some(node) = state.nodes.get_mut(&number) {
        node.mode = mode;
    }
}
