//! What a disk holds after a power cut: worked out from the record, for any moment in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lab::disk::{Change, Content, Image, NodeId, parent, put};

/// How much of what was not synced gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Only the process ends: everything that was asked for arrives.
    Process,
    /// A journalled file system: names change in order, and any sync makes them durable; of the
    /// sectors that were not synced any may be missing.
    Ordered,
    /// The worst that POSIX allows: names need a sync of their folder, any of the others may be
    /// missing; sectors may be missing or hold garbage.
    Adversary,
}

impl Model {
    pub const ALL: [Self; 3] = [Self::Process, Self::Ordered, Self::Adversary];
}

/// Numbers that look random and are the same in every run.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15 ^ seed.wrapping_add(1).wrapping_mul(0xBF58_476D_1CE4_E5B9))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 16).expect("a 64-bit machine") % bound.max(1)
    }

    fn coin(&mut self) -> bool {
        self.next() & 0x1_0000 != 0
    }
}

/// The unit in which a disk writes.
const SECTOR: usize = 512;

#[derive(Clone, Default)]
struct Durable {
    content: Vec<u8>,
    folder: bool,
    waiting: Vec<Change>,
}

/// What is durable, and what waits for a sync, at one moment of a record.
#[derive(Clone)]
pub struct Replay {
    model: Model,
    nodes: BTreeMap<NodeId, Durable>,
    names: BTreeMap<String, NodeId>,
    waiting: Vec<Change>,
}

/// Returns the disk after power was cut when the first changes of the record had been asked for.
///
/// `start` is the disk as it was when the record began.
pub fn cut(start: &Image, log: &[Change], model: Model, numbers: &mut Numbers) -> Image {
    let mut replay = Replay::begin(start, model);
    for change in log {
        replay.take(change);
    }
    replay.cut(numbers)
}

impl Replay {
    /// Begins with a disk of which everything is durable.
    pub fn begin(start: &Image, model: Model) -> Self {
        let mut nodes = BTreeMap::new();
        let mut names = BTreeMap::new();
        // A loaded disk numbers its names from 1, the root first and then in order.
        let root = std::iter::once((crate::lab::disk::ROOT, &Content::Folder));
        let others = start.iter().map(|(path, content)| (path.as_str(), content));
        let others = others.filter(|(path, _)| *path != crate::lab::disk::ROOT);
        for (number, (path, content)) in (1..).zip(root.chain(others)) {
            let (content, folder) = match content {
                Content::File(bytes) => (bytes.to_vec(), false),
                Content::Folder => (Vec::new(), true),
            };
            nodes.insert(number, Durable { content, folder, waiting: Vec::new() });
            names.insert(path.to_owned(), number);
        }
        Self { model, nodes, names, waiting: Vec::new() }
    }

    /// Returns the disk after power was cut now.
    pub fn cut(&self, numbers: &mut Numbers) -> Image {
        let mut replay = self.clone();
        replay.lose_names(numbers);
        replay.lose_sectors(numbers);
        replay.image()
    }

    /// Goes on by one change.
    pub fn take(&mut self, change: &Change) {
        match change {
            Change::Create { node, folder, .. } => {
                self.nodes.insert(*node, Durable { folder: *folder, ..Durable::default() });
                self.waiting.push(change.clone());
            }
            Change::Remove { .. } | Change::Rename { .. } => self.waiting.push(change.clone()),
            Change::Write { node, .. } | Change::Resize { node, .. } => {
                // Files without a name are not in the record of created ones.
                if let Some(durable) = self.nodes.get_mut(node) {
                    durable.waiting.push(change.clone());
                }
            }
            Change::Sync { node } => {
                if let Some(durable) = self.nodes.get_mut(node) {
                    for change in std::mem::take(&mut durable.waiting) {
                        apply(&mut durable.content, &change);
                    }
                }
                if self.model == Model::Ordered {
                    self.keep_names(|_| true);
                }
            }
            Change::SyncFolder { path } => {
                let ordered = self.model == Model::Ordered;
                self.keep_names(|folder| ordered || folder == path);
            }
            Change::Promise(_) => {}
        }
    }

    /// Makes the waiting changes of names durable whose folder is wanted.
    fn keep_names(&mut self, wanted: impl Fn(&str) -> bool) {
        for change in std::mem::take(&mut self.waiting) {
            if wanted(folder_of(&change)) {
                self.name(&change);
            } else {
                self.waiting.push(change);
            }
        }
    }

    fn name(&mut self, change: &Change) {
        match change {
            Change::Create { path, node, .. } => {
                self.names.insert(path.clone(), *node);
            }
            Change::Remove { path } => {
                self.names.remove(path);
            }
            Change::Rename { from, to } => {
                if let Some(node) = self.names.remove(from) {
                    self.names.insert(to.clone(), node);
                }
            }
            Change::Write { .. }
            | Change::Resize { .. }
            | Change::Sync { .. }
            | Change::SyncFolder { .. }
            | Change::Promise(_) => {}
        }
    }

    fn lose_names(&mut self, numbers: &mut Numbers) {
        let waiting = std::mem::take(&mut self.waiting);
        let kept = match self.model {
            Model::Process => waiting.len(),
            Model::Ordered => numbers.below(waiting.len() + 1),
            Model::Adversary => waiting.len(),
        };
        for change in &waiting[..kept] {
            if self.model != Model::Adversary || numbers.coin() {
                self.name(change);
            }
        }
    }

    fn lose_sectors(&mut self, numbers: &mut Numbers) {
        for durable in self.nodes.values_mut() {
            for change in std::mem::take(&mut durable.waiting) {
                match (&change, self.model) {
                    (_, Model::Process) => apply(&mut durable.content, &change),
                    (Change::Write { offset, bytes, .. }, model) => {
                        tear(&mut durable.content, (*offset, bytes), model, numbers);
                    }
                    (_, Model::Ordered | Model::Adversary) => {
                        if numbers.coin() {
                            apply(&mut durable.content, &change);
                        }
                    }
                }
            }
        }
    }

    /// A name counts only if all folders above it do.
    fn image(mut self) -> Image {
        let mut image = Image::new();
        for (path, number) in &self.names {
            let Some(durable) = self.nodes.get_mut(number) else { continue };
            let above = parent(path);
            let reachable = above.is_empty() || image.get(above) == Some(&Content::Folder);
            if !reachable {
                continue;
            }
            let content = if durable.folder {
                Content::Folder
            } else {
                Content::File(Arc::new(std::mem::take(&mut durable.content)))
            };
            image.insert(path.clone(), content);
        }
        image
    }
}

fn folder_of(change: &Change) -> &str {
    match change {
        Change::Create { path, .. } | Change::Remove { path } => parent(path),
        Change::Rename { to, .. } => parent(to),
        Change::Write { .. }
        | Change::Resize { .. }
        | Change::Sync { .. }
        | Change::SyncFolder { .. }
        | Change::Promise(_) => "",
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, bytes, .. } => put(content, *offset, bytes),
        Change::Resize { size, .. } => content.resize(*size, 0),
        Change::Create { .. }
        | Change::Remove { .. }
        | Change::Rename { .. }
        | Change::Sync { .. }
        | Change::SyncFolder { .. }
        | Change::Promise(_) => {}
    }
}

/// Applies a write sector by sector: a quarter arrives whole, a quarter not at all, the others
/// with holes.
fn tear(
    content: &mut Vec<u8>,
    (offset, bytes): (usize, &[u8]),
    model: Model,
    numbers: &mut Numbers,
) {
    let fate = numbers.below(4);
    let mut position = 0;
    while position < bytes.len() {
        let place = offset + position;
        let end = ((place / SECTOR + 1) * SECTOR - offset).min(bytes.len());
        let arrives = fate == 0 || (fate > 1 && numbers.coin());
        if arrives {
            put(content, place, &bytes[position..end]);
        } else if model == Model::Adversary && numbers.below(8) == 0 {
            let garbage: Vec<u8> =
                (position..end).map(|_| numbers.next().to_le_bytes()[2]).collect();
            put(content, place, &garbage);
        }
        position = end;
    }
}
