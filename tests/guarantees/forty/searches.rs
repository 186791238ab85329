//! Full-text tables with their triggers.

use super::carried_out;

const NOTES: &str = "
CREATE TABLE note(id INTEGER PRIMARY KEY, title TEXT, body TEXT);
CREATE VIRTUAL TABLE note_search USING fts5(title, body, content='note', content_rowid='id');
CREATE TRIGGER note_ai AFTER INSERT ON note BEGIN
  INSERT INTO note_search(rowid, title, body) VALUES (new.id, new.title, new.body); END;
CREATE TRIGGER note_ad AFTER DELETE ON note BEGIN
  INSERT INTO note_search(note_search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
CREATE TRIGGER note_au AFTER UPDATE ON note BEGIN
  INSERT INTO note_search(note_search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO note_search(rowid, title, body) VALUES (new.id, new.title, new.body); END;
INSERT INTO note VALUES (1, 'red apple', 'sweet'), (2, 'green pear', NULL), (5, 'plum', 'sour and red');
";

#[test]
fn rows_of_an_indexed_table_are_changed_and_removed() {
    carried_out(
        NOTES,
        &[
            "UPDATE note SET title = title || ' tree' WHERE id < 3; DELETE FROM note WHERE id = 5; INSERT INTO note(title) VALUES ('fig');\n",
        ],
    );
}

#[test]
fn an_indexed_table_is_rebuilt_with_its_triggers_and_its_index() {
    carried_out(
        NOTES,
        &["
CREATE TABLE note_new(id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL DEFAULT '', pinned INT NOT NULL DEFAULT 0);
INSERT INTO note_new(id, title, body) SELECT id, title, ifnull(body, '') FROM note;
DROP TABLE note;
ALTER TABLE note_new RENAME TO note;
CREATE TRIGGER note_ai AFTER INSERT ON note BEGIN
  INSERT INTO note_search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
INSERT INTO note_search(note_search) VALUES ('rebuild');
INSERT INTO note(title, body) VALUES ('kiwi', 'green');
"],
    );
}

#[test]
fn a_search_is_made_again_with_another_tokenizer() {
    carried_out(
        NOTES,
        &["
DROP TABLE note_search;
CREATE VIRTUAL TABLE note_search USING fts5(title, body, content='note', content_rowid='id', tokenize='porter unicode61');
INSERT INTO note_search(note_search) VALUES ('rebuild');
UPDATE note SET body = 'running ' || body WHERE body IS NOT NULL;
"],
    );
}

#[test]
fn an_fts4_table_of_its_own_follows_a_data_step() {
    carried_out(
        "CREATE TABLE page(id INTEGER PRIMARY KEY, text); CREATE VIRTUAL TABLE page_fts USING fts4(text);
         CREATE TRIGGER page_i AFTER INSERT ON page BEGIN INSERT INTO page_fts(docid, text) VALUES (new.id, new.text); END;
         INSERT INTO page VALUES (1, 'one two'), (2, 'two three');",
        &["
INSERT INTO page SELECT id + 10, text || ' more' FROM page;
DELETE FROM page_fts WHERE docid = 1;
ALTER TABLE page ADD COLUMN lang TEXT NOT NULL DEFAULT 'en';
"],
    );
}
