//! A file of a fleet that another program changes between any two looks of the run at it: it must end as if the change
//! had come before the run or after it, and the plans that other files share must stay right.

use std::path::PathBuf;
use std::sync::Arc;

use phaseshift::ErrorKind;
use phaseshift::migrate::{PlanCache, Project};

use support::lab::content::Contents;
use support::lab::database;
use support::lab::disk::{Disk, Image, Meanwhile};
use support::lab::jobs::{JobReport, migrate, project};
use support::lab::scene::{DATABASE, Scene, Start};
use support::lab::tally::long;

const SESSIONS: u32 = 3;

/// Another file of the fleet, as the first one was.
const OTHER: &str = "/lab/other.db";
/// One that the other program has changed before.
const CHANGED: &str = "/lab/changed.db";

/// The table of the files by the same name, but without a rowid.
const WITHOUT_ROWID: &str = "PRAGMA legacy_alter_table=ON; BEGIN;
    CREATE TABLE new(id INTEGER, session_id INTEGER REFERENCES sessions(id) ON DELETE CASCADE,
        path TEXT PRIMARY KEY, bytes) WITHOUT ROWID;
    INSERT INTO new SELECT * FROM files; DROP TABLE files; ALTER TABLE new RENAME TO files;
    CREATE INDEX by_session ON files(session_id) WHERE session_id IS NOT NULL; COMMIT";

/// What the other program does.
const CHANGES: [(&str, &str); 9] = [
    ("a column", "ALTER TABLE files ADD COLUMN extra TEXT DEFAULT 'x'"),
    (
        "a table",
        "CREATE TABLE strictly(a INTEGER PRIMARY KEY, b TEXT) STRICT; INSERT INTO strictly VALUES (7, 'b')",
    ),
    ("a table without a rowid in its place", WITHOUT_ROWID),
    ("an index less", "DROP INDEX by_date"),
    (
        "a trigger",
        "CREATE TRIGGER more AFTER INSERT ON files BEGIN INSERT INTO audit VALUES ('more'); END",
    ),
    ("rows", "INSERT INTO sessions(session_date, note) VALUES ('2024-02-02', 'new')"),
    ("a row that the new rule refuses", "INSERT INTO files(bytes) VALUES (-1)"),
    ("a column by another name", "ALTER TABLE sessions RENAME COLUMN note TO remark"),
    ("the version", "INSERT INTO schema_version VALUES (2, '2024-02-02', 'by hand')"),
];

/// How a run ended, and what the file then holds.
type End = (Result<JobReport, ErrorKind>, blake3::Hash);

struct Fleet<'a> {
    disk: &'a Disk,
    scene: &'a Scene,
    sql: &'static str,
    plans: Arc<PlanCache>,
}

impl<'a> Fleet<'a> {
    fn new(disk: &'a Disk, scene: &'a Scene, sql: &'static str) -> Self {
        disk.load(&with_others(disk, &scene.image, sql));
        Self { disk, scene, sql, plans: Arc::default() }
    }

    /// Runs on the first file, while the other program comes before its `at`-th read; tells whether it did its work.
    fn run_while(&self, at: u64) -> (End, Option<bool>) {
        self.disk.state().meanwhile = Some(Meanwhile::before_read(at, DATABASE, self.sql));
        let report = self.tell(DATABASE);
        let done = self.disk.state().meanwhile.take().unwrap().done;
        ((report, self.held(DATABASE)), done)
    }

    fn run(&self, path: &str) -> End {
        (self.tell(path), self.held(path))
    }

    fn tell(&self, path: &str) -> Result<JobReport, ErrorKind> {
        let plans = Some(Arc::clone(&self.plans));
        let project = project(self.disk, &self.scene.chain);
        let report =
            migrate(self.disk, &Project { database: PathBuf::from(path), plans, ..project });
        report.map_err(|error| error.kind())
    }

    fn held(&self, path: &str) -> blake3::Hash {
        let contents: Contents = database::read(self.disk, path).unwrap();
        contents.digest
    }

    fn change(&self, path: &str) -> bool {
        database::open(self.disk, path).and_then(|it| it.execute_batch(self.sql)).is_ok()
    }
}

/// Adds the other files of the fleet.
fn with_others(disk: &Disk, image: &Image, sql: &str) -> Image {
    disk.load(image);
    database::open(disk, DATABASE).unwrap().execute_batch(sql).unwrap();
    let changed = disk.image()[DATABASE].clone();
    let mut image = image.clone();
    image.insert(OTHER.to_owned(), image[DATABASE].clone());
    image.insert(CHANGED.to_owned(), changed);
    image
}

/// The ends that are right: without the other program, after its change, and before it.
struct Right {
    undisturbed: End,
    after: End,
    before: Option<End>,
}

impl Right {
    fn learn(disk: &Disk, scene: &Scene, sql: &'static str) -> Self {
        let run = |path: &str| Fleet::new(disk, scene, sql).run(path);
        let fleet = Fleet::new(disk, scene, sql);
        let (report, _) = fleet.run(DATABASE);
        let before = fleet.change(DATABASE).then(|| (report, fleet.held(DATABASE)));
        Self { undisturbed: run(DATABASE), after: run(CHANGED), before }
    }
}

/// Lets the other program come before one read after the other, until the run has no more; returns how often it came
/// in time and how often it was kept out.
fn sweep(disk: &Disk, scene: &Scene, (what, sql): (&str, &'static str), step: u64) -> [u64; 2] {
    let right = Right::learn(disk, scene, sql);
    let mut came = [0; 2];
    for at in (1..).map(|it| it * step - step + 1) {
        let fleet = Fleet::new(disk, scene, sql);
        let (end, done) = fleet.run_while(at);
        let allowed = match done {
            None => return came,
            Some(false) => vec![&right.undisturbed],
            Some(true) => [&right.after].into_iter().chain(&right.before).collect(),
        };
        came[usize::from(done == Some(false))] += 1;
        let place = format!("{what} before read {at}, {done:?}");
        assert!(allowed.contains(&&end), "{place}: {end:?} is none of {allowed:?}");
        if long() || came.iter().sum::<u64>() % 6 == 1 {
            assert_eq!(fleet.run(OTHER), right.undisturbed, "{place}: the next file");
            assert_eq!(fleet.run(CHANGED), right.after, "{place}: the next file with the change");
        }
    }
    came
}

#[test]
fn a_file_that_changes_under_a_shared_plan_ends_right_and_so_do_the_files_after_it() {
    let disk = Disk::new("changing");
    for (place, change) in CHANGES.into_iter().enumerate() {
        // The short form tries each change in one of the modes, the first at all reads and the others at some.
        let starts = [Start::Clean, Start::CleanWal];
        let step = if long() || place == 0 { 1 } else { 10 };
        for start in if long() { &starts } else { &starts[place % 2..][..1] } {
            let scene = Scene::new(&disk, *start, SESSIONS);
            let [came, kept_out] = sweep(&disk, &scene, change, step);
            println!("lab: {start:?}, {}: {came} changes, {kept_out} kept out", change.0);
            assert!(came > 0, "{start:?}, {}", change.0);
        }
    }
}
