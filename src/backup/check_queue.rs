//! Whether the indexes of a backup hold what its tables say, checked piece by piece by every thread that is idle.
//!
//! The rows of a table and each of its indexes are a piece. The thread beside the rebuild takes one after the
//! other; a thread that waits for it takes some, too, on its own connection to the same bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::btree::{DbPages, Sum};
use crate::error::Result;
use crate::event::{Interrupt, Stage, reached, track_progress};
use crate::records::IndexClaims;

/// How often a waiting thread looks for a piece that was returned.
const PAUSE: Duration = Duration::from_millis(1);

/// The pieces that are not claimed yet.
#[derive(Debug, Default)]
pub(super) struct CheckQueue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Piece>,
    /// How many pieces are claimed.
    taken: usize,
}

/// A table, and what was found out about it.
#[derive(Debug)]
pub(super) struct TablePieces {
    pub(super) name: String,
    claims: IndexClaims,
    /// Its rows, for progress bars.
    rows: u64,
    asked: OnceLock<Option<Vec<Sum>>>,
    held: Vec<OnceLock<Option<Sum>>>,
}

/// The rows of a table, or its n-th index.
#[derive(Debug, Clone)]
struct Piece {
    table: Arc<TablePieces>,
    index: Option<usize>,
}

impl TablePieces {
    pub(super) fn new(name: &str, claims: IndexClaims, rows: u64) -> Self {
        let held = (0..claims.indexes()).map(|_| OnceLock::new()).collect();
        Self { name: name.to_owned(), claims, rows, asked: OnceLock::new(), held }
    }

    /// Returns whether all pieces were looked at, and every index holds what the rows ask for.
    pub(super) fn is_shown(&self) -> bool {
        let Some(Some(asked)) = self.asked.get() else { return false };
        let held = self.held.iter().map(|it| it.get().copied().flatten());
        asked.len() == self.held.len() && held.eq(asked.iter().copied().map(Some))
    }

    fn pieces(self: Arc<Self>) -> impl Iterator<Item = Piece> {
        let indexes = (0..self.held.len()).map(Some);
        [None]
            .into_iter()
            .chain(indexes)
            .map(move |index| Piece { table: Arc::clone(&self), index })
    }
}

impl Piece {
    fn size(&self) -> u64 {
        let parts = if self.index.is_none() { self.table.held.len() as u64 + 1 } else { 1 };
        self.table.rows.saturating_mul(parts)
    }

    /// Finds out what it is about.
    fn check(&self, pages: &mut DbPages<'_>, interrupt: &Interrupt) -> Result<()> {
        let mut progress = |done| {
            reached(done);
            interrupt.check()
        };
        let table = &self.table;
        let about = (Stage::VerifyBackup, table.name.as_str());
        track_progress(about, (table.rows, 0), || match self.index {
            None => {
                let asked = table.claims.rows_ask_for(pages, &mut progress)?;
                table.asked.get_or_init(|| asked);
                Ok(())
            }
            Some(number) => {
                let held = table.claims.index_holds(pages, number, &mut progress)?;
                if let Some(place) = table.held.get(number) {
                    place.get_or_init(|| held);
                }
                Ok(())
            }
        })
    }
}

impl CheckQueue {
    /// Hands the pieces of tables out, the largest first.
    pub(super) fn hand_out(&self, tables: &[Arc<TablePieces>]) {
        let mut pieces: Vec<Piece> =
            tables.iter().flat_map(|table| Arc::clone(table).pieces()).collect();
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.size()));
        self.state().waiting.extend(pieces);
    }

    /// Returns whether there is a piece to take.
    pub(super) fn any(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Takes one piece and looks at it; returns false if there is none. On an error another thread can take it.
    ///
    /// # Errors
    /// Whatever SQLite reports; [`ErrorKind::Interrupted`](crate::error::ErrorKind::Interrupted).
    pub(super) fn do_one(&self, pages: &mut DbPages<'_>, interrupt: &Interrupt) -> Result<bool> {
        let Some(mut taken) = self.take() else { return Ok(false) };
        taken.piece.check(pages, interrupt)?;
        taken.done = true;
        Ok(true)
    }

    /// Does what no other thread has claimed, and waits until all is done.
    pub(super) fn do_all(&self, pages: &mut DbPages<'_>, interrupt: &Interrupt) -> Result<()> {
        loop {
            while self.do_one(pages, interrupt)? {}
            if self.are_done() {
                return Ok(());
            }
            interrupt.check()?;
            std::thread::sleep(PAUSE);
        }
    }

    fn are_done(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.taken == 0
    }

    fn take(&self) -> Option<Taken<'_>> {
        let mut state = self.state();
        let piece = state.waiting.pop_front()?;
        state.taken += 1;
        Some(Taken { pieces: self, piece, done: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claimed piece; returned to the queue if its worker fails.
struct Taken<'p> {
    pieces: &'p CheckQueue,
    piece: Piece,
    done: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.pieces.state();
        state.taken -= 1;
        if !self.done {
            state.waiting.push_front(self.piece.clone());
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use rusqlite::Connection;

    use crate::error::ErrorKind;
    use crate::records::indexes_shown;
    use crate::schema;

    /// A file with three indexes, the last of which holds something else.
    fn file(folder: &tempfile::TempDir) -> std::path::PathBuf {
        let path = folder.path().join("file.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t(a, b, c); CREATE INDEX x ON t(a); CREATE INDEX y ON t(b); CREATE INDEX z ON t(c);
                 CREATE TABLE u(a UNIQUE); INSERT INTO u VALUES (1), (2);
                 WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 5000)
                 INSERT INTO t SELECT v, v * 7 % 100, 'row ' || v FROM n;
                 PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX z ON t(b)' WHERE name = 'z'",
            )
            .unwrap();
        path
    }

    fn tables(connection: &Connection) -> Vec<Arc<TablePieces>> {
        let (schema, indexes) =
            (schema::read(connection).unwrap(), indexes_shown(connection).unwrap().unwrap());
        ["t", "u"]
            .iter()
            .map(|name| {
                let claims = indexes.claims(schema.shape(name).unwrap(), &BTreeSet::new()).unwrap();
                Arc::new(TablePieces::new(name, claims.unwrap(), 5_000))
            })
            .collect()
    }

    #[test]
    fn several_threads_find_what_one_finds() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder);
        for threads in 1..4 {
            let connection = Connection::open(&path).unwrap();
            let (tables, pieces) = (tables(&connection), CheckQueue::default());
            pieces.hand_out(&tables);
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        let own = Connection::open(&path).unwrap();
                        let mut pages = DbPages::open(&own).unwrap().unwrap();
                        pieces.do_all(&mut pages, &Interrupt::default()).unwrap();
                        assert!(
                            !pieces.any(),
                            "all pieces are taken when the first one is at the end"
                        );
                    });
                }
            });
            let shown: Vec<bool> = tables.iter().map(|it| it.is_shown()).collect();
            assert_eq!(shown, [false, true], "{threads} threads");
        }
    }

    #[test]
    fn a_piece_that_was_given_up_is_done_by_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(file(&folder)).unwrap();
        let (tables, pieces) = (tables(&connection), CheckQueue::default());
        pieces.hand_out(&tables);
        let mut pages = DbPages::open(&connection).unwrap().unwrap();
        let stop = Interrupt::default();
        stop.request();
        let given_up = pieces.do_one(&mut pages, &stop).unwrap_err();
        assert_eq!(given_up.kind(), ErrorKind::Interrupted);
        assert!(!tables[1].is_shown());
        pieces.do_all(&mut pages, &Interrupt::default()).unwrap();
        assert!(tables[1].is_shown() && !tables[0].is_shown());
    }
}
