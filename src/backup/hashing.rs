//! Hashing bytes on a thread of its own while the caller compares them.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::error::{Error, ErrorKind, Result};

/// How many pieces may wait to be hashed: what is held in memory.
const WAITING: usize = 3;

/// A digest in the making.
pub(super) enum Hashing<'s> {
    /// By another thread, which gives the pieces back.
    BackgroundCheck {
        full: SyncSender<Vec<u8>>,
        empty: Receiver<Vec<u8>>,
        running: ScopedJoinHandle<'s, blake3::Hasher>,
    },
    /// No thread could be had.
    Here(Box<blake3::Hasher>),
}

impl<'s> Hashing<'s> {
    pub(super) fn begin(scope: &'s Scope<'s, '_>) -> Self {
        let (full, pieces) = sync_channel::<Vec<u8>>(WAITING);
        let (back, empty) = channel::<Vec<u8>>();
        let hash = move || hash_all(&pieces, &back);
        match Builder::new().name("digest".to_owned()).spawn_scoped(scope, hash) {
            Ok(running) => Self::BackgroundCheck { full, empty, running },
            Err(_) => Self::Here(Box::default()),
        }
    }

    /// Takes the next piece; returns a buffer for the one behind it, with any content.
    pub(super) fn take(&mut self, piece: Vec<u8>) -> Vec<u8> {
        match self {
            Self::BackgroundCheck { full, empty, .. } => {
                // A thread that ended is noticed at the end.
                drop(full.send(piece));
                empty.try_recv().unwrap_or_default()
            }
            Self::Here(hasher) => {
                hasher.update(&piece);
                piece
            }
        }
    }

    /// Waits for the last piece.
    ///
    /// # Errors
    /// [`ErrorKind::Backup`] if the thread did not come to its end.
    pub(super) fn finish(self) -> Result<blake3::Hasher> {
        match self {
            Self::BackgroundCheck { full, running, .. } => {
                drop(full);
                let what = "the digest could not be computed";
                running.join().map_err(|_| Error::new(ErrorKind::Backup, what))
            }
            Self::Here(hasher) => Ok(*hasher),
        }
    }
}

fn hash_all(pieces: &Receiver<Vec<u8>>, back: &Sender<Vec<u8>>) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        hasher.update(&piece);
        // A caller that needs no more buffers is at the end.
        drop(back.send(piece));
    }
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_hashed_in_their_order() {
        let pieces: Vec<Vec<u8>> = (0..20_u8).map(|it| vec![it; 1_000 + usize::from(it)]).collect();
        let expected = blake3::hash(&pieces.concat());
        let beside = std::thread::scope(|scope| {
            let mut hashing = Hashing::begin(scope);
            assert!(matches!(hashing, Hashing::BackgroundCheck { .. }));
            pieces.iter().for_each(|it| drop(hashing.take(it.clone())));
            hashing.finish().unwrap().finalize()
        });
        let mut here = Hashing::Here(Box::default());
        pieces.iter().for_each(|it| drop(here.take(it.clone())));
        assert_eq!((beside, here.finish().unwrap().finalize()), (expected, expected));
    }
}
