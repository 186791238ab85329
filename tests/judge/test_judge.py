"""Plants damage into a rightly migrated copy and asserts that the judge notices each.

Run with: python3 tests/judge/judge.py planted
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

sys.dont_write_bytecode = True

import judge  # noqa: E402

SCHEMA = os.path.join(HERE, "..", "..", "fixtures", "fits_catalog", "schema.sql")

EXTRAS = """
CREATE TABLE reports (id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id VARCHAR(50) REFERENCES sessions (session_id), body TEXT NOT NULL DEFAULT '');
CREATE TABLE loose (note TEXT, value);
CREATE TABLE pairs (a TEXT, b INTEGER, value, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE INDEX odd_partial ON fits_files (object) WHERE x IS NOT NULL;
CREATE VIEW v_sessions AS SELECT session_id, session_date FROM sessions;
CREATE VIEW v_names AS SELECT session_id FROM v_sessions;
CREATE VIEW v_sizes AS SELECT id, x * y AS pixels FROM fits_files;
CREATE TRIGGER session_changed AFTER UPDATE ON sessions BEGIN
  INSERT INTO process_log (session_name) VALUES (NEW.session_id); END;
CREATE TRIGGER file_added BEFORE INSERT ON fits_files WHEN NEW.x < 0 BEGIN
  SELECT RAISE(ABORT, 'size'); END;
"""

with open(os.path.join(HERE, "phase3.json"), encoding="utf-8") as _file:
    RENAMES = json.load(_file)
RENAMES["text"] = "exact"

NEW_VIEWS = """
CREATE VIEW v_sessions AS SELECT id AS session_id, date AS session_date FROM imaging_sessions;
CREATE VIEW v_names AS SELECT session_id FROM v_sessions;
CREATE VIEW v_sizes AS SELECT id, width_pixels * height_pixels AS pixels FROM fits_files;
"""


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA foreign_keys = OFF")
    return db


def build_before(path):
    db = connect(path)
    with open(SCHEMA, encoding="utf-8") as file:
        db.executescript(file.read() + EXTRAS)
    for i in range(1, 41):
        db.execute(
            "INSERT INTO sessions (session_id, session_date, latitude) VALUES (?, ?, 47.5)",
            ("2024-03-%02d_RC8" % i, "2024-03-%02d" % i),
        )
    for i in range(1, 401):
        values = (i, "f%d.fits" % i, "/astro", "M31", 6248, 4176, "2024-03-%02d_RC8" % (i % 40 + 1))
        db.execute(
            "INSERT INTO fits_files (id, file, folder, object, x, y, session_id, md5sum, bayerpat)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'RGGB')",
            (*values, "%032x" % i),
        )
    db.executescript(
        """
        INSERT INTO processing_sessions (id, name) VALUES ('p1', 'one');
        INSERT INTO processing_session_files VALUES
          (1, 'p1', 1, 'a', 'a', 'a', 'a', 'l', NULL, 1, NULL),
          (2, 'p1', 99999, 'a', 'a', 'a', 'a', 'l', NULL, 1, NULL);
        INSERT INTO reports (session_id) VALUES ('2024-03-01_RC8'), ('2024-03-02_RC8');
        DELETE FROM reports WHERE id = 2;
        INSERT INTO loose (rowid, note, value) VALUES (-3, 'text', '1'), (5, 'blob', x'31'),
          (9, 'zero', 0.0), (10, 'minus', -0.0), (11, 'big', 9007199254740993), (12, 'inf', 9e999),
          (13, 'nul', CAST(x'610062' AS TEXT)), (14, 'bad', CAST(x'FFFE' AS TEXT)), (15, 'n', NULL);
        INSERT INTO pairs VALUES ('a', 1, 1), ('a', 2, 2.0), ('b', 1, 'x');
        INSERT INTO schema_version VALUES (1, '2024', 'one');
        ANALYZE;
        PRAGMA user_version = 7;
        PRAGMA application_id = 77;
        """
    )
    db.close()


def migrate(path):
    """Does with SQLite's own means what the phase asks for."""
    db = connect(path)
    db.executescript("DROP VIEW v_names; DROP VIEW v_sessions; DROP VIEW v_sizes;")
    for sql in RENAMES["alter"]:
        db.execute(sql)
    db.executescript(
        """
        DROP INDEX idx_session;
        CREATE INDEX idx_fits_imaging_session ON fits_files (imaging_session_id);
        DELETE FROM sqlite_stat1 WHERE idx = 'idx_fits_imaging_session';
        """
        + NEW_VIEWS
    )
    db.close()


def carry_statistics(before, after):
    """Takes the statistics over by hand: ALTER and DROP INDEX lose them."""
    source, target = connect(before), connect(after)
    target.execute("DELETE FROM sqlite_stat1")
    for table, index, stat in source.execute("SELECT tbl, idx, stat FROM sqlite_stat1"):
        if table == "sessions":
            table = "imaging_sessions"
            if index:
                index = index.replace("autoindex_sessions", "autoindex_imaging_sessions")
        if index == "idx_session":
            index = "idx_fits_imaging_session"
        target.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (table, index, stat))
    source.close()
    target.close()


def change_text(name, old, new):
    """SQL that changes stored SQL behind SQLite's back."""
    def quote(text):
        return "'" + text.replace("'", "''") + "'"

    return (
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = replace(sql, %s, %s) WHERE name = %s;"
        "PRAGMA writable_schema = OFF;" % (quote(old), quote(new), quote(name))
    )


FK = 'FOREIGN KEY (imaging_session_id) REFERENCES "imaging_sessions" (id)'
LOST_COLUMNS = "".join(
    "ALTER TABLE fits_files DROP COLUMN %s;" % name
    for name in (
        "bayerpat iso_speed guide_rms guide_fwhm guide_rms_ra guide_rms_dec ambient_temp dewpoint "
        "humidity pressure sky_temp sky_brightness wind_speed wind_direction wind_gust cloud_cover "
        "seeing_fwhm focuser_position focuser_temp software_modifier airmass exposure_start "
        "exposure_end star_count median_fwhm eccentricity boltwood_cloud boltwood_wind "
        "boltwood_rain boltwood_daylight bad file_not_found orig_file orig_folder "
        "validation_notes readout_mode egain fov_x"
    ).split()
)

# What was done to the copy, and a word that the judge's answer must hold.
DAMAGES = {
    "lost row": ("DELETE FROM loose WHERE rowid = 5", "rows of loose"),
    "new row": ("INSERT INTO cameras VALUES (9, 'x', 1, 1, 1, '', '', 1)", "rows of cameras"),
    "lost cascade": ("DELETE FROM processing_session_files", "rows of processing_session_files"),
    "changed byte": ("UPDATE fits_files SET folder = '/astrp' WHERE id = 300", "folder"),
    "changed byte after NUL": (
        "UPDATE loose SET value = CAST(x'610063' AS TEXT) WHERE rowid = 13", "rows of loose"),
    "cut at NUL": ("UPDATE loose SET value = 'a' WHERE rowid = 13", "rows of loose"),
    "repaired invalid UTF-8": ("UPDATE loose SET value = '\ufffd' WHERE rowid = 14", "rows of loose"),
    "text became blob": ("UPDATE loose SET value = x'31' WHERE rowid = -3", "rows of loose"),
    "blob became text": ("UPDATE loose SET value = '1' WHERE rowid = 5", "rows of loose"),
    "text became integer": ("UPDATE loose SET value = 1 WHERE rowid = -3", "rows of loose"),
    "minus zero lost": ("UPDATE loose SET value = 0.0 WHERE rowid = 10", "rows of loose"),
    "integer became real": ("UPDATE loose SET value = 9007199254740992.0 WHERE rowid = 11", "loose"),
    "last digit lost": ("UPDATE loose SET value = 9007199254740992 WHERE rowid = 11", "loose"),
    "NULL became empty": ("UPDATE loose SET value = '' WHERE rowid = 15", "rows of loose"),
    "values swapped": (
        "UPDATE fits_files SET width_pixels = height_pixels, height_pixels = width_pixels", "pixels"),
    "changed rowid": ("UPDATE loose SET rowid = -4 WHERE rowid = -3", "rowid"),
    "rowids counted anew": ("UPDATE loose SET rowid = 6 WHERE rowid = 5", "rowid"),
    "row of WITHOUT ROWID": ("UPDATE pairs SET value = 2 WHERE b = 2", "rows of pairs"),
    "lost table": ("DROP TABLE pairs", "table pairs is missing"),
    "left table": ("CREATE TABLE fits_files_new (a)", "table fits_files_new is new"),
    "old table kept": ("CREATE TABLE sessions (session_id)", "table sessions is new"),
    "lost index": ("DROP INDEX idx_location", "index idx_location is missing"),
    "index no longer unique": (
        "DROP INDEX ix_fits_files_md5sum; CREATE INDEX ix_fits_files_md5sum ON fits_files (md5sum)",
        "ix_fits_files_md5sum"),
    "index no longer partial": (
        "DROP INDEX odd_partial; CREATE INDEX odd_partial ON fits_files (object)", "odd_partial"),
    "lost trigger": ("DROP TRIGGER file_added", "trigger file_added is missing"),
    "changed trigger": (change_text("file_added", "width_pixels < 0", "width_pixels < 1"), "file_added"),
    "lost foreign key": (change_text("fits_files", ",\n  " + FK, ""), "foreign_key_list of fits_files"),
    "lost action": (
        change_text("processing_session_files", "(id) ON DELETE CASCADE", "(id)"), "foreign_key_list"),
    "lost NOT NULL": (
        change_text("fits_files", "file VARCHAR(255) NOT NULL", "file VARCHAR(255)"), "table_xinfo"),
    "lost default": (change_text("reports", " DEFAULT ''", ""), "table_xinfo of reports"),
    "changed type": (change_text("fits_files", "egain FLOAT", "egain REAL"), "table_xinfo"),
    "lost AUTOINCREMENT": (change_text("reports", " AUTOINCREMENT", ""), "schema of table reports"),
    "changed comment or space": (change_text("loose", "note TEXT", "note  TEXT"), "stored SQL"),
    "extra column": ("ALTER TABLE loose ADD COLUMN more", "table_xinfo of loose"),
    "38 columns gone": (LOST_COLUMNS, "38 columns are gone"),
    "lost view": ("DROP VIEW v_sizes", "view v_sizes is missing"),
    "view column renamed": (
        "DROP VIEW v_sessions; CREATE VIEW v_sessions AS SELECT id, date FROM imaging_sessions",
        "view v_sessions columns"),
    "view broken": (
        "DROP VIEW v_sizes; CREATE VIEW v_sizes AS SELECT id, x * y AS pixels FROM fits_files",
        "cannot be read"),
    "view with other rows": (
        "DROP VIEW v_sizes; CREATE VIEW v_sizes AS SELECT id, 1 AS pixels FROM fits_files", "v_sizes"),
    "lost statistics": ("DELETE FROM sqlite_stat1 WHERE tbl = 'imaging_sessions'", "sqlite_stat1"),
    "statistics under the old name": (
        "UPDATE sqlite_stat1 SET tbl = 'sessions' WHERE tbl = 'imaging_sessions'", "sqlite_stat1"),
    "sequence set back": ("UPDATE sqlite_sequence SET seq = 1", "sqlite_sequence"),
    "sequence lost": ("DELETE FROM sqlite_sequence", "sqlite_sequence"),
    "new orphan": ("DELETE FROM imaging_sessions WHERE date = '2024-03-05'", "foreign_key_check"),
    "user_version": ("PRAGMA user_version = 8", "user_version"),
    "application_id": ("PRAGMA application_id = 0", "application_id"),
    "journal mode": ("PRAGMA journal_mode = WAL", "journal_mode"),
    "page size": ("PRAGMA page_size = 8192; VACUUM", "page_size"),
    "auto_vacuum": ("PRAGMA auto_vacuum = FULL; VACUUM", "auto_vacuum"),
    "index that does not fit its table": (
        change_text("idx_object_date", "(object,", "(file,"), "integrity_check"),
    "unreadable schema": (
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema"
        " WHERE name = 'idx_frame_type_filter') WHERE name = 'idx_observer'",
        "AFTER cannot be read"),
}


class PlantedDamage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.before = os.path.join(cls.folder, "before.db")
        cls.right = os.path.join(cls.folder, "right.db")
        build_before(cls.before)
        shutil.copyfile(cls.before, cls.right)
        migrate(cls.right)
        carry_statistics(cls.before, cls.right)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def compare(self, after, renames=None, **options):
        return judge.compare(self.before, after, RENAMES if renames is None else renames, **options)

    def test_a_right_migration_passes(self):
        self.assertEqual(self.compare(self.right), [])

    def test_a_copy_passes_without_renames(self):
        self.assertEqual(self.compare(self.before, {}), [])

    def test_the_unmigrated_file_fails(self):
        self.assertIn("schema: table imaging_sessions is missing", self.compare(self.before))

    def test_every_planted_damage_is_noticed(self):
        for name, (sql, word) in DAMAGES.items():
            with self.subTest(damage=name):
                damaged = os.path.join(self.folder, "damaged.db")
                shutil.copyfile(self.right, damaged)
                db = connect(damaged)
                db.executescript(sql)
                db.close()
                failures = self.compare(damaged)
                self.assertTrue(failures, "the judge noticed nothing")
                self.assertIn(word, "\n".join(failures))

    def test_quotes_around_names_may_differ_only_if_asked(self):
        other = os.path.join(self.folder, "quoted.db")
        shutil.copyfile(self.right, other)
        db = connect(other)
        db.executescript(change_text("fits_files", " width_pixels ", ' "width_pixels" '))
        db.close()
        self.assertTrue(self.compare(other))
        self.assertEqual(self.compare(other, text="tokens"), [])

    def test_ignored_tables_may_be_new_or_changed(self):
        other = os.path.join(self.folder, "recorded.db")
        shutil.copyfile(self.right, other)
        db = connect(other)
        db.executescript(
            "INSERT INTO schema_version VALUES (2, '2025', 'two');"
            "CREATE TABLE phase_history (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);"
            "INSERT INTO phase_history (what) VALUES ('x'); CREATE INDEX ph ON phase_history (what);"
        )
        db.close()
        self.assertTrue(self.compare(other))
        self.assertEqual(self.compare(other, ignored=["schema_version", "phase_history"]), [])

    def test_the_command_answers_with_its_exit_code(self):
        file = os.path.join(self.folder, "renames.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(RENAMES, out)
        script = os.path.join(HERE, "judge.py")

        def run(*words):
            command = [sys.executable, script, *words]
            return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        self.assertEqual(run("compare", self.before, self.right, "--renames", file).returncode, 0)
        wrong = run("compare", self.before, self.right)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn(b"table sessions is missing", wrong.stdout)
        first, second = run("digest", self.before), run("digest", self.right)
        self.assertEqual(len(first.stdout.strip()), 64)
        self.assertNotEqual(first.stdout, second.stdout)

    def test_judging_leaves_no_files_behind(self):
        wal = os.path.join(self.folder, "wal.db")
        shutil.copyfile(self.before, wal)
        db = connect(wal)
        db.execute("PRAGMA journal_mode = WAL")
        db.close()
        judge.compare(wal, wal)
        self.assertEqual([n for n in os.listdir(self.folder) if n.startswith("wal.db")], ["wal.db"])

    def test_rows_in_the_wal_are_seen(self):
        wal = os.path.join(self.folder, "live.db")
        shutil.copyfile(self.before, wal)
        db = connect(wal)
        db.executescript("PRAGMA journal_mode = WAL; DELETE FROM loose WHERE rowid = 5;")
        failures = judge.compare(self.before, wal)
        db.close()
        self.assertTrue(any("rows of loose" in line for line in failures), failures)


if __name__ == "__main__":
    unittest.main()
