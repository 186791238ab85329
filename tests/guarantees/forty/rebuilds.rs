//! Tables rebuilt by hand: create, copy, drop, rename.

use super::carried_out;

/// A web shop as Prisma's and TypeORM's examples have it.
const SHOP: &str = r#"
CREATE TABLE "User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL, "name" TEXT);
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
CREATE TABLE "Post" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL, "authorId" INTEGER,
  CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User" ("id") ON DELETE SET NULL ON UPDATE CASCADE);
CREATE INDEX "Post_authorId_idx" ON "Post"("authorId");
INSERT INTO "User" VALUES (1, 'a@x', 'Ann'), (2, 'b@x', NULL), (7, 'g@x', 'Gil'), (30, 'z@x', 'Zoe');
DELETE FROM "User" WHERE id = 30;
INSERT INTO "Post" VALUES (1, 'one', 1), (2, 'two', 7), (5, 'five', NULL), (6, 'lost', 99);
"#;

#[test]
fn prisma_makes_a_column_required_and_keeps_the_counter() {
    let done = carried_out(
        SHOP,
        &[r#"-- RedefineTables
CREATE TABLE "new_User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL, "name" TEXT NOT NULL DEFAULT 'nobody', "role" TEXT NOT NULL DEFAULT 'USER');
INSERT INTO "new_User" ("email", "id", "name") SELECT "email", "id", coalesce("name", 'nobody') AS "name" FROM "User";
DROP TABLE "User";
ALTER TABLE "new_User" RENAME TO "User";
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
"#],
    );
    assert!(done.to_string().contains("counter"), "{done}");
}

#[test]
fn prisma_redefines_parent_and_child_in_one_file() {
    carried_out(
        SHOP,
        &[r#"
CREATE TABLE "new_Post" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL, "published" BOOLEAN NOT NULL DEFAULT false, "authorId" INTEGER,
  CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO "new_Post" ("authorId", "id", "title") SELECT "authorId", "id", "title" FROM "Post";
DROP TABLE "Post";
ALTER TABLE "new_Post" RENAME TO "Post";
CREATE TABLE "new_User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL);
INSERT INTO "new_User" ("email", "id") SELECT "email", "id" FROM "User";
DROP TABLE "User";
ALTER TABLE "new_User" RENAME TO "User";
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
CREATE INDEX "Post_authorId_idx" ON "Post"("authorId");
"#],
    );
}

#[test]
fn typeorm_rebuilds_a_table_twice_in_one_file() {
    carried_out(
        SHOP,
        &[r#"
DROP INDEX "Post_authorId_idx";
CREATE TABLE "temporary_post" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "title" varchar(120) NOT NULL, "authorId" integer);
INSERT INTO "temporary_post"("id", "title", "authorId") SELECT "id", "title", "authorId" FROM "Post";
DROP TABLE "Post";
ALTER TABLE "temporary_post" RENAME TO "Post";
CREATE TABLE "temporary_post" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "title" varchar(120) NOT NULL, "authorId" integer,
  CONSTRAINT "FK_c6fb082a3114f35d0cc27c518e0" FOREIGN KEY ("authorId") REFERENCES "User" ("id") ON DELETE NO ACTION ON UPDATE NO ACTION);
INSERT INTO "temporary_post"("id", "title", "authorId") SELECT "id", "title", "authorId" FROM "Post";
DROP TABLE "Post";
ALTER TABLE "temporary_post" RENAME TO "Post";
CREATE INDEX "IDX_author" ON "Post" ("authorId");
"#],
    );
}

#[test]
fn drizzle_rebuilds_over_two_files_of_one_run() {
    carried_out(
        SHOP,
        &[
            r#"CREATE TABLE `__new_Post` (`id` integer PRIMARY KEY NOT NULL, `title` text NOT NULL, `author_id` integer, FOREIGN KEY (`author_id`) REFERENCES `User`(`id`) ON UPDATE no action ON DELETE cascade);
--> statement-breakpoint
INSERT INTO `__new_Post`("id", "title", "author_id") SELECT "id", "title", "authorId" FROM `Post`;
--> statement-breakpoint
DROP TABLE `Post`;
--> statement-breakpoint
ALTER TABLE `__new_Post` RENAME TO `Post`;
"#,
            "ALTER TABLE `Post` ADD `slug` text;--> statement-breakpoint\nUPDATE `Post` SET `slug` = lower(replace(`title`, ' ', '-'));--> statement-breakpoint\nCREATE UNIQUE INDEX `post_slug` ON `Post` (`slug`);\n",
        ],
    );
}

#[test]
fn django_remakes_a_table_under_its_model_name() {
    carried_out(
        SHOP,
        &[r#"
CREATE TABLE "new__Post" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "title" varchar(200) NOT NULL, "authorId" integer NULL REFERENCES "User" ("id") DEFERRABLE INITIALLY DEFERRED, "slug" varchar(50) NOT NULL);
INSERT INTO "new__Post" ("id", "title", "authorId", "slug") SELECT "id", "title", "authorId", '' FROM "Post";
DROP TABLE "Post";
ALTER TABLE "new__Post" RENAME TO "Post";
CREATE INDEX "post_slug_b95473f2" ON "Post" ("slug");
CREATE INDEX "post_author_id_56a86e3d" ON "Post" ("authorId");
"#],
    );
}

#[test]
fn alembic_batch_mode_copies_into_a_table_of_its_own() {
    carried_out(
        SHOP,
        &[r#"
CREATE TABLE "_alembic_tmp_Post" (
	id INTEGER NOT NULL,
	title VARCHAR(120) NOT NULL,
	"authorId" INTEGER,
	CONSTRAINT pk_post PRIMARY KEY (id),
	CONSTRAINT fk_author FOREIGN KEY("authorId") REFERENCES "User" (id)
);
INSERT INTO "_alembic_tmp_Post" (id, title, "authorId") SELECT "Post".id, "Post".title, "Post"."authorId" FROM "Post";
DROP TABLE "Post";
ALTER TABLE "_alembic_tmp_Post" RENAME TO "Post";
"#],
    );
}

#[test]
fn rails_copies_through_a_temporary_table() {
    carried_out(
        SHOP,
        &[r#"
CREATE TEMPORARY TABLE "aPost" ("id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "title" varchar NOT NULL, "authorId" integer);
INSERT INTO "aPost" ("id","title","authorId") SELECT "id","title","authorId" FROM "Post";
DROP TABLE "Post";
CREATE TABLE "Post" ("id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "title" varchar(80) NOT NULL, "authorId" integer);
INSERT INTO "Post" ("id","title","authorId") SELECT "id","title","authorId" FROM "aPost";
DROP TABLE "aPost";
"#],
    );
}

#[test]
fn a_table_without_rowid_gets_one_and_another_loses_it() {
    carried_out(
        "CREATE TABLE setting(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
         CREATE TABLE tag(name TEXT PRIMARY KEY NOT NULL, color TEXT);
         INSERT INTO setting VALUES ('b', 2), ('a', '1'), ('c', x'00ff');
         INSERT INTO tag VALUES ('red', '#f00'), ('blue', NULL), ('ink', '#001');
         DELETE FROM tag WHERE name = 'red';",
        &["
CREATE TABLE setting_new(key TEXT PRIMARY KEY NOT NULL, value, changed TEXT DEFAULT 'never');
INSERT INTO setting_new(key, value) SELECT key, value FROM setting;
DROP TABLE setting;
ALTER TABLE setting_new RENAME TO setting;
CREATE TABLE tag_new(name TEXT PRIMARY KEY NOT NULL, color TEXT NOT NULL DEFAULT '#000') WITHOUT ROWID;
INSERT INTO tag_new SELECT name, ifnull(color, '#000') FROM tag;
DROP TABLE tag;
ALTER TABLE tag_new RENAME TO tag;
"],
    );
}

#[test]
fn a_child_without_integer_key_that_has_orphans_is_renumbered() {
    carried_out(
        "CREATE TABLE artist(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE track(isrc TEXT PRIMARY KEY, artist INTEGER REFERENCES artist(id), seconds);
         INSERT INTO artist VALUES (1, 'Abba'), (2, 'Blur');
         INSERT INTO track VALUES ('x', 1, 1), ('old', 77, 2), ('y', 2, 3), ('older', 78, 4), ('z', NULL, 5);
         DELETE FROM track WHERE isrc = 'x';",
        &["
CREATE TABLE track2(isrc TEXT PRIMARY KEY, artist INTEGER REFERENCES artist(id), seconds REAL NOT NULL DEFAULT 0);
INSERT INTO track2 SELECT isrc, artist, seconds FROM track ORDER BY isrc DESC;
DROP TABLE track;
ALTER TABLE track2 RENAME TO track;
"],
    );
}

#[test]
fn orphans_without_any_key_and_with_twins_stay_when_their_table_is_remade() {
    carried_out(
        "CREATE TABLE host(id INTEGER PRIMARY KEY);
         CREATE TABLE ping(host REFERENCES host(id), ms);
         INSERT INTO host VALUES (1);
         INSERT INTO ping VALUES (1, 5), (9, 6), (9, 6), (8, NULL), (1, 7);
         DELETE FROM ping WHERE rowid = 1;",
        &["
CREATE TABLE ping_copy(host INTEGER REFERENCES host(id), ms REAL, lost INTEGER DEFAULT 0);
INSERT INTO ping_copy(host, ms) SELECT host, ms FROM ping;
DROP TABLE ping;
ALTER TABLE ping_copy RENAME TO ping;
CREATE INDEX ping_host ON ping(host);
"],
    );
}

#[test]
fn orphans_move_with_the_rows_of_a_table_that_is_renamed_and_remade() {
    carried_out(
        "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE book(code TEXT PRIMARY KEY, author INT REFERENCES author(id), title TEXT);
         INSERT INTO author VALUES (1, 'Eco');
         INSERT INTO book VALUES ('a', 1, 'Rose'), ('b', 4, 'Lost'), ('c', 5, 'Gone');
         DELETE FROM book WHERE code = 'a'; INSERT INTO book VALUES ('a', 1, 'Rose again');",
        &["
ALTER TABLE author RENAME TO writer;
CREATE TABLE work(code TEXT PRIMARY KEY, writer INT REFERENCES writer(id), title TEXT) WITHOUT ROWID;
INSERT INTO work SELECT code, author, title FROM book;
DROP TABLE book;
"],
    );
}

#[test]
fn composite_keys_and_a_table_that_refers_to_itself_are_rebuilt() {
    carried_out(
        "CREATE TABLE node(tree TEXT, id INTEGER, up INTEGER, label, PRIMARY KEY (tree, id),
           FOREIGN KEY (tree, up) REFERENCES node(tree, id));
         INSERT INTO node VALUES ('a', 1, NULL, 'root'), ('a', 2, 1, 'leaf'), ('b', 1, NULL, x'01'), ('b', 2, 9, 'astray');",
        &["
CREATE TABLE node_new(tree TEXT NOT NULL, id INTEGER NOT NULL, up INTEGER, label TEXT, depth INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tree, id), FOREIGN KEY (tree, up) REFERENCES node_new(tree, id) ON DELETE CASCADE);
INSERT INTO node_new(tree, id, up, label) SELECT tree, id, up, label FROM node;
DROP TABLE node;
ALTER TABLE node_new RENAME TO node;
WITH RECURSIVE d(tree, id, depth) AS (SELECT tree, id, 0 FROM node WHERE up IS NULL
  UNION ALL SELECT node.tree, node.id, d.depth + 1 FROM node JOIN d ON node.tree = d.tree AND node.up = d.id)
UPDATE node SET depth = coalesce((SELECT depth FROM d WHERE d.tree = node.tree AND d.id = node.id), 0);
"],
    );
}

#[test]
fn triggers_and_views_around_a_remade_table_are_recreated_by_the_file() {
    carried_out(
        "CREATE TABLE account(id INTEGER PRIMARY KEY, owner TEXT, cents INTEGER);
         CREATE TABLE log(at INTEGER PRIMARY KEY, what TEXT);
         CREATE VIEW rich AS SELECT owner FROM account WHERE cents > 100;
         CREATE TRIGGER account_log AFTER UPDATE OF cents ON account BEGIN INSERT INTO log(what) VALUES (old.cents || '>' || new.cents); END;
         INSERT INTO account VALUES (1, 'Ann', 50), (2, 'Bob', 5000);
         UPDATE account SET cents = cents + 1;",
        &["
DROP VIEW rich;
CREATE TABLE account_new(id INTEGER PRIMARY KEY, owner TEXT NOT NULL COLLATE NOCASE, balance REAL);
INSERT INTO account_new SELECT id, owner, cents / 100.0 FROM account;
DROP TABLE account;
ALTER TABLE account_new RENAME TO account;
CREATE TRIGGER account_log AFTER UPDATE OF balance ON account BEGIN
  INSERT INTO log(what) VALUES (old.owner || ';' || new.balance);
END;
CREATE VIEW rich AS SELECT owner FROM account WHERE balance > 1;
UPDATE account SET balance = balance * 2 WHERE owner = 'ann';
"],
    );
}

#[test]
fn a_strict_table_with_generated_columns_takes_the_rows() {
    carried_out(
        "CREATE TABLE reading(id INTEGER PRIMARY KEY, celsius, taken TEXT);
         INSERT INTO reading VALUES (1, 20.5, '2024-01-01'), (2, 7, '2024-01-02'), (3, NULL, NULL);",
        &["
CREATE TABLE r2(id INTEGER PRIMARY KEY, celsius REAL, taken TEXT,
  fahrenheit REAL GENERATED ALWAYS AS (celsius * 1.8 + 32) STORED, day TEXT AS (substr(taken, 9)) VIRTUAL) STRICT;
INSERT INTO r2(id, celsius, taken) SELECT id, celsius, taken FROM reading;
DROP TABLE reading;
ALTER TABLE r2 RENAME TO reading;
CREATE INDEX reading_day ON reading(day) WHERE day IS NOT NULL;
"],
    );
}

#[test]
fn four_tables_are_rebuilt_in_one_run_of_three_files() {
    let table = |name: &str, more: &str| {
        format!(
            "CREATE TABLE {name}_new(id INTEGER PRIMARY KEY, v TEXT{more});
             INSERT INTO {name}_new(id, v) SELECT id, v FROM {name};
             DROP TABLE {name};
             ALTER TABLE {name}_new RENAME TO {name};\n"
        )
    };
    let schema: String = ["a", "b", "c", "d"]
        .iter()
        .map(|name| {
            format!(
                "CREATE TABLE {name}(id INTEGER PRIMARY KEY, v TEXT, w INT REFERENCES a(id));
                 INSERT INTO {name}(id, v) VALUES (1, '{name}'), (3, NULL), (8, '8');"
            )
        })
        .collect();
    let one = table("a", "") + &table("b", ", a INT REFERENCES a(id)");
    let two = table("c", ", n INT NOT NULL DEFAULT 5");
    let three = format!("{}{}UPDATE a SET v = v || '!';\n", table("d", ""), table("a", ", z"));
    carried_out(&schema, &[&one, &two, &three]);
}

#[test]
fn the_old_table_steps_aside_and_is_dropped_at_the_end() {
    carried_out(
        "CREATE TABLE item(sku TEXT, price, UNIQUE (sku)); INSERT INTO item VALUES ('a', '1.50'), ('b', 2), (NULL, 'free');
         CREATE INDEX item_price ON item(price);",
        &["
ALTER TABLE item RENAME TO item_old;
CREATE TABLE item(id INTEGER PRIMARY KEY, sku TEXT UNIQUE, price NUMERIC);
INSERT INTO item(sku, price) SELECT sku, price FROM item_old;
DROP TABLE item_old;
CREATE INDEX item_price ON item(price);
"],
    );
}
