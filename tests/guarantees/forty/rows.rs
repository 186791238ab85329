//! Rows moved, split, merged and repaired.

use super::carried_out;

const STORE: &str = "
CREATE TABLE orders(id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT, city TEXT, items TEXT, placed INTEGER);
INSERT INTO orders VALUES (1, 'Ann', 'Oslo', '[\"a\", \"b\"]', 1700000000), (2, 'Bob', 'Rome', '[]', 1700086400),
  (4, 'Ann', 'Oslo', '[\"c\"]', NULL), (9, NULL, 'Rome', NULL, 0);
";

#[test]
fn a_lookup_table_is_split_off_and_its_keys_written_back() {
    carried_out(
        STORE,
        &["
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, UNIQUE (name, city));
INSERT INTO customer(name, city) SELECT DISTINCT customer, city FROM orders WHERE customer IS NOT NULL ORDER BY 1, 2;
ALTER TABLE orders ADD COLUMN customer_id INTEGER REFERENCES customer(id);
UPDATE orders SET customer_id = (SELECT c.id FROM customer AS c WHERE c.name = orders.customer AND c.city = orders.city);
ALTER TABLE orders DROP COLUMN customer;
ALTER TABLE orders DROP COLUMN city;
"],
    );
}

#[test]
fn a_list_in_json_becomes_a_table() {
    carried_out(
        STORE,
        &["
CREATE TABLE order_item(order_id INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE, place INTEGER NOT NULL, sku TEXT, PRIMARY KEY (order_id, place)) WITHOUT ROWID;
INSERT INTO order_item SELECT orders.id, list.key, list.value FROM orders, json_each(orders.items) AS list;
UPDATE orders SET items = NULL;
"],
    );
}

#[test]
fn ids_are_mapped_through_a_temporary_table() {
    carried_out(
        STORE,
        &["
CREATE TEMP TABLE map AS SELECT id AS old, row_number() OVER (ORDER BY id) + 100 AS new FROM orders;
CREATE TABLE o2(id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT, placed TEXT);
INSERT INTO o2 SELECT map.new, customer, datetime(placed, 'unixepoch') FROM orders JOIN map ON map.old = orders.id;
DROP TABLE orders;
ALTER TABLE o2 RENAME TO orders;
DROP TABLE map;
"],
    );
}

#[test]
fn the_counter_is_set_by_hand_after_a_rebuild() {
    carried_out(
        STORE,
        &["
CREATE TABLE o2(id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT);
INSERT INTO o2 SELECT id, customer FROM orders;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'orders') + 1000 WHERE name = 'o2';
DROP TABLE orders;
ALTER TABLE o2 RENAME TO orders;
INSERT INTO orders(customer) VALUES ('next');
"],
    );
}

#[test]
fn the_rows_of_a_table_start_over_from_one() {
    carried_out(
        STORE,
        &[
            "DELETE FROM orders; DELETE FROM sqlite_sequence WHERE name = 'orders'; INSERT INTO orders(customer) VALUES ('first');\n",
        ],
    );
}

#[test]
fn duplicates_are_removed_before_the_unique_index() {
    carried_out(
        STORE,
        &["
DELETE FROM orders WHERE id NOT IN (SELECT min(id) FROM orders GROUP BY customer, city);
CREATE UNIQUE INDEX orders_who ON orders(customer COLLATE NOCASE, city DESC);
REINDEX orders_who;
"],
    );
}

#[test]
fn children_are_removed_with_their_parents_by_statements() {
    carried_out(
        "CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT, gone INT);
         CREATE TABLE member(id INTEGER PRIMARY KEY, team INTEGER REFERENCES team(id) ON DELETE CASCADE);
         INSERT INTO team VALUES (1, 'a', 0), (2, 'b', 1); INSERT INTO member VALUES (1, 1), (2, 2), (3, 2);",
        &["DELETE FROM member WHERE team IN (SELECT id FROM team WHERE gone); DELETE FROM team WHERE gone; ALTER TABLE team DROP COLUMN gone;\n"],
    );
}

#[test]
fn orphans_are_mended_by_a_parent_for_all_of_them() {
    carried_out(
        "CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE member(id INTEGER PRIMARY KEY, team INTEGER REFERENCES team(id));
         INSERT INTO team VALUES (1, 'a'); INSERT INTO member VALUES (1, 1), (2, 7), (3, 8);",
        &[
            "INSERT INTO team(id, name) SELECT DISTINCT team, 'former team ' || team FROM member WHERE team NOT IN (SELECT id FROM team);\n",
        ],
    );
}

#[test]
fn two_tables_become_one() {
    carried_out(
        "CREATE TABLE cat(id INTEGER PRIMARY KEY, name); CREATE TABLE dog(id INTEGER PRIMARY KEY, name, barks INT);
         INSERT INTO cat VALUES (1, 'Tom'), (2, 'Kit'); INSERT INTO dog VALUES (1, 'Rex', 1), (5, 'Bo', NULL);",
        &["
CREATE TABLE pet(id INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('cat', 'dog')), name TEXT, barks INT);
INSERT INTO pet(kind, name) SELECT 'cat', name FROM cat;
INSERT INTO pet(kind, name, barks) SELECT 'dog', name, barks FROM dog;
DROP TABLE cat;
DROP TABLE dog;
CREATE VIEW cat AS SELECT id, name FROM pet WHERE kind = 'cat';
"],
    );
}

#[test]
fn upserts_updates_from_and_writes_through_a_view() {
    carried_out(
        "CREATE TABLE stock(sku TEXT PRIMARY KEY, n INTEGER NOT NULL); CREATE TABLE arrival(sku TEXT, n INTEGER);
         CREATE VIEW low AS SELECT sku, n FROM stock WHERE n < 5;
         CREATE TRIGGER fill INSTEAD OF UPDATE ON low BEGIN UPDATE stock SET n = new.n WHERE sku = new.sku; END;
         INSERT INTO stock VALUES ('a', 1), ('b', 9), ('c', 3); INSERT INTO arrival VALUES ('a', 2), ('d', 4), ('a', 5);",
        &["
INSERT INTO stock(sku, n) SELECT sku, sum(n) FROM arrival WHERE true GROUP BY sku ON CONFLICT (sku) DO UPDATE SET n = n + excluded.n;
UPDATE stock SET n = stock.n * 10 FROM (SELECT sku FROM arrival GROUP BY sku HAVING count(*) > 1) AS twice WHERE twice.sku = stock.sku;
UPDATE low SET n = 100 WHERE sku = 'c';
INSERT OR REPLACE INTO stock VALUES ('b', 0);
DELETE FROM arrival;
"],
    );
}

#[test]
fn a_table_is_made_from_a_query_and_seeded_with_values() {
    carried_out(
        STORE,
        &["
CREATE TABLE per_city AS SELECT city, count(*) AS n, max(placed) AS last FROM orders GROUP BY city;
CREATE UNIQUE INDEX per_city_city ON per_city(city);
WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 200)
INSERT INTO per_city SELECT 'city ' || x, x % 7, NULL FROM n;
ANALYZE;
"],
    );
}
