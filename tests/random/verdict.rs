//! Runs cases, and has the judge look at those that were carried out.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rusqlite::Connection;

use super::case::{Case, expectation};
use super::changes::Progress;
use super::run::{Outcome, Place, lend_parts, run, run_back};

/// What is to be said about a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// SQLite refused what the generator made.
    Unmade(String),
    /// Refused before anything was written.
    Refused(String),
    /// Rolled back; the file is as it was.
    RolledBack(String),
    /// Carried out as it should be.
    Right {
        /// Whether the downgrade was tried, and led to what was before.
        and_back: bool,
    },
    /// A fault.
    Wrong(String),
}

/// Runs cases and judges them all at once.
pub fn try_all(cases: &[Case]) -> Vec<Verdict> {
    // In memory, where there is such a place: what happens on a disk is not the matter here.
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let root = root.unwrap();
    let mut verdicts = Vec::new();
    let mut backs = Vec::new();
    let mut documents = String::new();
    for (index, case) in cases.iter().enumerate() {
        let place = Place { folder: root.path().join(index.to_string()) };
        let outcome = run(case, &place);
        let judged = match &outcome {
            Outcome::Done => Some(case.progress()),
            Outcome::RolledBack(_) => Some(Progress::new(case.schema.clone())),
            Outcome::Unmade(_) | Outcome::Refused(_) | Outcome::Wrong(_) => None,
        };
        let outcome_done = outcome == Outcome::Done;
        let mut verdict = match outcome {
            Outcome::Unmade(why) => Verdict::Unmade(why),
            Outcome::Refused(why) => Verdict::Refused(why),
            Outcome::RolledBack(why) => Verdict::RolledBack(why),
            Outcome::Done => Verdict::Right { and_back: false },
            Outcome::Wrong(why) => Verdict::Wrong(why),
        };
        let back = (outcome_done && case.comes_back()).then(|| run_back(&place)).flatten();
        match back {
            Some(Err(why)) => verdict = Verdict::Wrong(why),
            Some(Ok(())) => {
                let before = Progress::new(case.schema.clone());
                let files = (place.before(), place.back());
                let document = document(index, case, &before, files).expect("what was there");
                let document = document.replacen('{', "{\"back\":true,", 1);
                documents.push_str(&format!("{document}\n"));
                backs.push(index);
            }
            None => {}
        }
        if let Some(progress) = judged {
            match document(index, case, &progress, (place.before(), place.database())) {
                Some(document) => documents.push_str(&format!("{document}\n")),
                None => {
                    verdict = Verdict::Wrong("the model names something that is gone".to_owned())
                }
            }
        }
        verdicts.push(verdict);
    }
    for (index, problem) in judge(&documents) {
        verdicts[index] = match &verdicts[index] {
            Verdict::Wrong(others) => Verdict::Wrong(format!("{others}\n{problem}")),
            Verdict::RolledBack(why) => {
                Verdict::Wrong(format!("rolled back, but changed: {problem}: {why}"))
            }
            _ => Verdict::Wrong(problem),
        };
    }
    for index in backs {
        if let Verdict::Right { and_back } = &mut verdicts[index] {
            *and_back = true;
        }
    }
    verdicts
}

fn document(
    index: usize,
    case: &Case,
    progress: &Progress,
    files: (PathBuf, PathBuf),
) -> Option<String> {
    let mut document = expectation(progress, case.policy)?;
    let (before, after) = files;
    let fields = document.as_object_mut()?;
    fields.insert("case".to_owned(), index.into());
    fields.insert("before".to_owned(), before.display().to_string().into());
    fields.insert("after".to_owned(), after.display().to_string().into());
    let integrity = serde_json::json!([integrity(&before), integrity(&after)]);
    fields.insert("integrity".to_owned(), integrity);
    Some(document.to_string())
}

/// What SQLite itself says about a file. Values of expression indexes may depend on its version.
fn integrity(path: &Path) -> Vec<String> {
    let lines = with_known_words(path).and_then(|path| integrity_of(&path));
    // The judge takes this for a fault even if both files say it.
    lines.unwrap_or_else(|error| vec![format!("cannot be checked: {error}")])
}

fn integrity_of(path: &Path) -> rusqlite::Result<Vec<String>> {
    let connection = Connection::open(path)?;
    lend_parts(&connection)?;
    let mut statement = connection.prepare("PRAGMA integrity_check(10000)")?;
    let rows = statement.query_map([], |row| {
        Ok(String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default()).into_owned())
    })?;
    // A file may be so damaged that the check breaks off.
    rows.collect::<Result<Vec<String>, _>>().or_else(|error| Ok(vec![error.to_string()]))
}

/// SQLite checks nothing in a file with a full-text table whose tokenizer it lacks: a copy gets the
/// one with which the table was filled.
fn with_known_words(path: &Path) -> rusqlite::Result<PathBuf> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE sql LIKE '%app_words%'";
    if !Connection::open(path)?.prepare(sql)?.exists([])? {
        return Ok(path.to_owned());
    }
    let copy = PathBuf::from(format!("{}-words", path.display()));
    for end in ["", "-wal"] {
        let from = format!("{}{end}", path.display());
        if Path::new(&from).exists() {
            std::fs::copy(from, format!("{}{end}", copy.display())).unwrap();
        }
    }
    Connection::open(&copy)?.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'app_words', 'unicode61')",
    )?;
    Ok(copy)
}

fn judge(documents: &str) -> Vec<(usize, String)> {
    let judged = documents.lines().count();
    if judged == 0 {
        return Vec::new();
    }
    let mut process = support::python3()
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/random/judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut input = process.stdin.take().expect("a pipe");
    let text = documents.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = process.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<(usize, String)> = said
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(index, problem)| (index.parse().expect("a number"), problem.to_owned()))
        .collect();
    let done = lines.iter().filter(|it| it.1 == "judged").count();
    assert_eq!(done, judged, "the judge did not come to its end");
    lines.into_iter().filter(|it| it.1 != "judged").collect()
}

#[test]
fn words_of_another_program_do_not_keep_a_file_from_being_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    let enter = "CREATE VIRTUAL TABLE words USING fts4(body, tokenize=unicode61);
         INSERT INTO words VALUES ('one'), ('two'); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'unicode61', 'app_words')";
    Connection::open(&path).unwrap().execute_batch(enter).unwrap();
    assert!(integrity_of(&path).is_err(), "SQLite checks nothing");
    assert_eq!(integrity(&path), ["ok"]);
    let damage = "DELETE FROM words_segdir WHERE rowid = 1";
    Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    assert_eq!(integrity(&path), ["malformed inverted index for FTS4 table main.words"]);
    std::fs::write(&path, "no database at all, and longer than a header of one hundred bytes")
        .unwrap();
    assert!(integrity(&path).concat().starts_with("cannot be checked"));
}
