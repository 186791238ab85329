//! ALTER TABLE as applications write it.

use super::carried_out;

const MAIL: &str = "
CREATE TABLE mail(id INTEGER PRIMARY KEY, sender TEXT, subject TEXT, size INTEGER);
CREATE INDEX mail_sender ON mail(sender);
INSERT INTO mail VALUES (1, 'a@x', 'hi', 10), (2, 'b@x', NULL, 2000), (3, NULL, 're: hi', NULL);
";

#[test]
fn columns_with_not_null_check_and_references_are_added() {
    carried_out(
        MAIL,
        &["
CREATE TABLE folder(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO folder VALUES (1, 'inbox'), (2, 'junk');
ALTER TABLE mail ADD COLUMN seen INTEGER NOT NULL DEFAULT 0 CHECK (seen IN (0, 1));
ALTER TABLE mail ADD COLUMN priority INTEGER CHECK (priority BETWEEN 1 AND 5);
ALTER TABLE mail ADD folder INTEGER REFERENCES folder(id) ON DELETE SET NULL;
UPDATE mail SET folder = CASE WHEN sender IS NULL THEN 2 ELSE 1 END, priority = 3;
"],
    );
}

#[test]
fn generated_columns_are_added_and_indexed() {
    carried_out(
        MAIL,
        &["
ALTER TABLE mail ADD COLUMN domain TEXT GENERATED ALWAYS AS (substr(sender, instr(sender, '@') + 1)) VIRTUAL;
ALTER TABLE mail ADD COLUMN kib REAL AS (size / 1024.0) CHECK (kib < 1000);
CREATE INDEX mail_domain ON mail(domain);
"],
    );
}

#[test]
fn a_column_is_added_filled_and_takes_the_place_of_another() {
    carried_out(
        MAIL,
        &["
ALTER TABLE mail ADD COLUMN size_text TEXT;
UPDATE mail SET size_text = size || ' bytes' WHERE size IS NOT NULL;
ALTER TABLE mail DROP COLUMN size;
ALTER TABLE mail RENAME COLUMN size_text TO size;
"],
    );
}

#[test]
fn tables_and_columns_are_renamed_with_their_views_and_triggers() {
    carried_out(
        &format!(
            "{MAIL} CREATE VIEW big AS SELECT m.id, m.subject FROM mail AS m WHERE m.size > 100;
             CREATE TRIGGER no_size AFTER INSERT ON mail WHEN new.size IS NULL BEGIN UPDATE mail SET size = 0 WHERE id = new.id; END;"
        ),
        &["
ALTER TABLE mail RENAME COLUMN size TO bytes;
ALTER TABLE mail RENAME TO message;
INSERT INTO message(sender, subject) VALUES ('c@x', 'new');
"],
    );
}

#[test]
fn if_exists_meets_what_another_file_of_the_run_made() {
    carried_out(
        MAIL,
        &[
            "CREATE TABLE IF NOT EXISTS label(id INTEGER PRIMARY KEY, name TEXT);
             CREATE INDEX IF NOT EXISTS mail_sender ON mail(sender);
             CREATE INDEX mail_subject ON mail(subject);\n",
            "DROP TABLE IF EXISTS label; DROP INDEX IF EXISTS mail_subject; DROP VIEW IF EXISTS never; DROP TRIGGER IF EXISTS never;
             CREATE TABLE label(name TEXT PRIMARY KEY) WITHOUT ROWID;
             INSERT OR IGNORE INTO label SELECT sender FROM mail WHERE sender IS NOT NULL;
             INSERT OR IGNORE INTO label VALUES ('a@x'), ('z@x');\n",
        ],
    );
}
