//! From a selection to its files.
//!
//! Whether a file is a database is read from its first bytes here, before any worker opens one: closing a file drops
//! the locks that SQLite holds on it in this process (<https://sqlite.org/howtocorrupt.html>, section 2.2).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::member::{Fault, Member};
use super::selection::{Selection, Source};
use crate::backup::{is_backup, is_half_made};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{FileKind, Files, Stat, is_database};

/// Endings of names that say that a file is a database, also where its header is damaged or missing.
const ENDINGS: [&str; 7] = ["db", "sqlite", "sqlite3", "db3", "s3db", "sl3", "sqlitedb"];

/// The folder for backups beside a database.
const BACKUPS: &str = "backups";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovered {
    /// The databases, in the order of their relative paths, each file once.
    pub members: Vec<Member>,
    /// What looks like a database and is none to work on, in the order of the paths.
    pub skipped: Vec<Skipped>,
}

/// A file that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub relative: String,
    pub because: SkippedBecause,
}

/// Why a file is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkippedBecause {
    /// It is a backup: its manifest lies beside it.
    Backup,
    /// It is a file that another run is writing or left half-made.
    HalfMade,
    /// It belongs to another file: a journal, a WAL, or the index of one.
    Journal,
    /// It is the same file as the member with this relative path.
    SameAs(String),
}

impl SkippedBecause {
    /// Returns the stable text code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::HalfMade => "half-made",
            Self::Journal => "journal",
            Self::SameAs(_) => "same-file",
        }
    }
}

/// Finds the files of a selection. `backups` is the common folder for backups, if there is one: it is not searched.
///
/// In a folder, a file is a database if it begins with SQLite's header or is called like one (`.db`, `.sqlite` and the
/// like). What is hidden is left out, as are folders called `backups`. In a list, every line is one.
///
/// # Errors
/// [`ErrorKind::Io`] or [`ErrorKind::Unreadable`] if the selected folder itself cannot be read; a folder below it that
/// cannot be read becomes a member with a [`Fault`].
pub fn discover(
    selection: &Selection,
    backups: Option<&Path>,
    files: &dyn Files,
) -> Result<Discovered> {
    let backups = backups.map(|path| files.canonical(path).unwrap_or_else(|_| path.to_path_buf()));
    let mut search = Search { files, backups, found: Vec::new(), skipped: Vec::new() };
    match &selection.source {
        Source::Folder(root) => search.walk(root, &|_| true, &|_| true)?,
        Source::Pattern(root, pattern) => {
            let exists = search.files.status(root)?.is_some_and(|it| it.kind == FileKind::Folder);
            if exists {
                search.walk(root, &|folder| pattern.may_hold(folder), &|it| pattern.matches(it))?;
            }
        }
        Source::File(path) => {
            search.add(path.clone(), Path::new(path.file_name().unwrap_or_default()));
        }
        Source::List(folder, paths) => {
            for path in paths {
                search.add_listed(folder, path)?;
            }
        }
    }
    Ok(search.finish())
}

struct Search<'f> {
    files: &'f dyn Files,
    /// The common folder for backups, without symbolic links.
    backups: Option<PathBuf>,
    found: Vec<Candidate>,
    skipped: Vec<Skipped>,
}

/// A member, and what tells whether it is the same file as another.
struct Candidate {
    member: Member,
    file: Option<(u64, u64)>,
    /// Whether a symbolic link leads to it.
    linked: bool,
}

impl Search<'_> {
    /// Walks through a folder and those below it, each once: a symbolic link may lead back.
    fn walk(
        &mut self,
        root: &Path,
        enters: &dyn Fn(&Path) -> bool,
        takes: &dyn Fn(&Path) -> bool,
    ) -> Result<()> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(root.to_path_buf(), PathBuf::new(), false)];
        while let Some((folder, relative, linked)) = waiting.pop() {
            let Some(stat) = self.files.status(&folder)? else { continue };
            if !seen.insert((stat.device, stat.inode)) {
                continue;
            }
            let listed = self.files.entries(&folder);
            let paths = match listed {
                Ok(paths) => paths,
                Err(error) if relative.as_os_str().is_empty() => return Err(error),
                Err(error) => {
                    self.fault(&folder, &relative, &error);
                    continue;
                }
            };
            for path in paths {
                let Some(name) = path.file_name() else { continue };
                let (below, hidden) =
                    (relative.join(name), name.to_string_lossy().starts_with('.'));
                let stat = match self.files.status(&path) {
                    Ok(Some(stat)) => stat,
                    Ok(None) => continue,
                    Err(error) => {
                        if is_named_like_one(&path) && takes(&below) {
                            self.fault(&path, &below, &error);
                        }
                        continue;
                    }
                };
                let linked = linked || self.is_link(&path);
                match stat.kind {
                    FileKind::Folder if enters(&below) && !self.is_left_out(&path, hidden) => {
                        waiting.push((path, below, linked));
                    }
                    FileKind::File if !hidden && takes(&below) => {
                        self.consider(path, &below, (stat, linked))?;
                    }
                    FileKind::Folder | FileKind::File | FileKind::Other => {}
                }
            }
        }
        Ok(())
    }

    fn is_left_out(&self, folder: &Path, hidden: bool) -> bool {
        let canonical = || self.files.canonical(folder).ok();
        hidden
            || folder.file_name().is_some_and(|name| name == BACKUPS)
            || self.backups.as_ref().is_some_and(|it| canonical().as_ref() == Some(it))
    }

    /// Takes a file of a folder if it is a database.
    fn consider(
        &mut self,
        path: PathBuf,
        relative: &Path,
        (stat, linked): (Stat, bool),
    ) -> Result<()> {
        let named = is_named_like_one(&path);
        // A file that may not be read is one only by its name.
        let begins = is_database(self.files, &path).unwrap_or(false);
        if !named && !begins {
            return Ok(());
        }
        if let Some(because) = self.left_out(&path)? {
            let relative = relative.to_string_lossy().into_owned();
            self.skipped.push(Skipped { relative, because });
            return Ok(());
        }
        let file = Some((stat.device, stat.inode));
        self.found.push(Candidate { member: Member::new(path, relative), file, linked });
        Ok(())
    }

    fn add_listed(&mut self, folder: &Path, line: &Path) -> Result<()> {
        let path = folder.join(line);
        let relative = line.strip_prefix(".").unwrap_or(line);
        match self.left_out(&path)? {
            Some(because) => {
                let relative = relative.to_string_lossy().into_owned();
                self.skipped.push(Skipped { relative, because });
            }
            None => self.add(path, relative),
        }
        Ok(())
    }

    /// Takes a path that was named; what is wrong with it shows when it is opened.
    fn add(&mut self, path: PathBuf, relative: &Path) {
        let stat = self.files.stat(&path).ok().flatten();
        let (file, linked) = (stat.map(|it| (it.device, it.inode)), self.is_link(&path));
        self.found.push(Candidate { member: Member::new(path, relative), file, linked });
    }

    /// Returns why a file is none to work on, by its name and what lies beside it.
    fn left_out(&self, path: &Path) -> Result<Option<SkippedBecause>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_half_made(&name) {
            return Ok(Some(SkippedBecause::HalfMade));
        }
        if ["-journal", "-wal", "-shm"].iter().any(|ending| name.ends_with(ending)) {
            return Ok(Some(SkippedBecause::Journal));
        }
        Ok(is_backup(self.files, path)?.then_some(SkippedBecause::Backup))
    }

    fn fault(&mut self, folder: &Path, relative: &Path, error: &Error) {
        let mut member = Member::new(folder.to_path_buf(), relative);
        let what = [vec![error.to_string()], error.causes()].concat().join(": ");
        member.fault = Some(Fault { kind: error.kind(), what });
        self.found.push(Candidate { member, file: None, linked: false });
    }

    fn is_link(&self, path: &Path) -> bool {
        let own = self.files.stat_link(path).ok().flatten();
        own.is_some_and(|it| it.kind == FileKind::Other)
    }

    /// Puts the members in order and leaves the further names of a file out: the name that is no symbolic link stays,
    /// and the first of several.
    fn finish(mut self) -> Discovered {
        let place = |it: &Candidate| (it.linked, it.member.relative.clone());
        self.found.sort_by_cached_key(place);
        let mut names: BTreeMap<(u64, u64), String> = BTreeMap::new();
        let mut members = Vec::new();
        for Candidate { member, file, .. } in self.found {
            let same = file.and_then(|file| names.get(&file).cloned());
            match (same, file) {
                (Some(same), _) => {
                    let because = SkippedBecause::SameAs(same);
                    self.skipped.push(Skipped { relative: member.relative, because });
                }
                (None, file) => {
                    if let Some(file) = file {
                        names.insert(file, member.relative.clone());
                    }
                    members.push(member);
                }
            }
        }
        members.sort_by(|one, two| one.relative.cmp(&two.relative));
        self.skipped.sort_by(|one, two| one.relative.cmp(&two.relative));
        Discovered { members, skipped: self.skipped }
    }
}

fn is_named_like_one(path: &Path) -> bool {
    let ending = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|it| it.eq_ignore_ascii_case(ending))
}

impl Discovered {
    /// Fails if there is no file to work on.
    ///
    /// # Errors
    /// [`ErrorKind::DatabaseMissing`].
    pub fn require_some(&self, selection: &str) -> Result<()> {
        if self.members.is_empty() {
            let what = format!("no database is selected by {selection}");
            return Err(Error::new(ErrorKind::DatabaseMissing, what).about("selection"));
        }
        Ok(())
    }
}
