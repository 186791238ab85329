//! What real files have besides tables: views, triggers, unusual indexes, counters.

/// Views that other programs read. Their columns must keep their names when tables are renamed.
pub(super) const VIEWS: &str = "
CREATE VIEW v_session_list AS
  SELECT session_id, session_date, telescope, camera FROM sessions;
CREATE VIEW v_session_names AS -- hands session_id on
  SELECT session_id, session_date FROM v_session_list WHERE session_id <> '';
CREATE VIEW v_files AS SELECT * FROM fits_files;
CREATE VIEW v_exposure (night, frames, seconds, megapixels) AS
  SELECT s.session_date, count(*), sum(f.exposure), max(f.x * f.y) / 1e6
  FROM sessions AS s JOIN fits_files f ON f.session_id = s.session_id
  GROUP BY s.session_id, s.session_date;
CREATE VIEW v_file_sizes AS
  SELECT id, x, y, [x] * \"y\" AS pixels FROM fits_files WHERE x IS NOT NULL;
CREATE VIEW v_archived AS
  SELECT a.session_id, s.session_date AS night, a.s3_key
  FROM s3_backup_archives a LEFT JOIN sessions s ON s.session_id = a.session_id;
CREATE VIEW v_cameras AS SELECT name, x_pixels, y_pixels FROM cameras WHERE active = 1;
";

/// Triggers on both renamed tables, and one on a view, which comes with it.
pub(super) const TRIGGERS: &str = "
CREATE TRIGGER sessions_changed AFTER UPDATE ON sessions
BEGIN
  INSERT INTO process_log (session_name, notes)
  VALUES (NEW.session_id, 'was ' || OLD.session_id || ' of ' || OLD.session_date);
END;
CREATE TRIGGER files_have_a_size BEFORE INSERT ON fits_files
WHEN NEW.x < 0 OR NEW.y < 0
BEGIN
  SELECT RAISE(ABORT, 'a picture has a size'); -- x and y are pixels
END;
CREATE TRIGGER files_resized AFTER UPDATE OF x, y ON fits_files
WHEN OLD.x IS NOT NEW.x
BEGIN
  UPDATE sessions SET updated_at = NEW.updated_at WHERE session_id = NEW.session_id;
END;
CREATE VIEW session_notes AS SELECT session_id, notes FROM sessions;
CREATE TRIGGER session_notes_written INSTEAD OF UPDATE OF notes ON session_notes
BEGIN
  UPDATE sessions SET notes = NEW.notes WHERE session_id = OLD.session_id;
END;
";

/// Partial, descending, expression and COLLATE indexes on the renamed tables.
pub(super) const ODD_INDEXES: &str = "
CREATE INDEX odd_partial ON fits_files (object) WHERE frame_type = 'LIGHT' AND x IS NOT NULL;
CREATE INDEX odd_descending ON fits_files (obs_timestamp DESC, session_id ASC);
CREATE INDEX odd_expression ON fits_files (lower(object), (x * y));
CREATE INDEX odd_collation ON sessions (camera COLLATE NOCASE, session_date COLLATE RTRIM DESC);
CREATE UNIQUE INDEX odd_unique_partial ON sessions (session_id, telescope) WHERE notes IS NULL;
";

/// A counter that is ahead of its rows, and rows without a key, with holes and negative rowids.
pub(super) const COUNTERS: &str = "
CREATE TABLE reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id VARCHAR(50) REFERENCES sessions (session_id) ON UPDATE CASCADE ON DELETE SET NULL,
  body TEXT NOT NULL DEFAULT ''
);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
  INSERT INTO reports (session_id, body)
  SELECT (SELECT session_id FROM sessions WHERE rowid = i), 'report ' || i FROM n;
DELETE FROM reports WHERE id > 40 OR id % 7 = 0;
CREATE TABLE night_log (note TEXT, seen_at DATETIME);
INSERT INTO night_log (rowid, note) VALUES
  (-9000000000, 'long ago'), (-5, 'below zero'), (0, 'zero'), (3, 'three'), (4, NULL),
  (1000, 'after a hole'), (9007199254740993, 'beyond a double');
";
