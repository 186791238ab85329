// Holds the table of features (src/sql/features.rs) against real releases of SQLite, and files made under
// `min_sqlite` against the oldest release they promise.
//
//     node check.js PROGRAM NAME...      NAME: a folder of node_modules that holds a release of sql.js
//
// Each example is a phase. With `min_sqlite` below the release that reads it, the program must refuse it; with
// that release, it must be done, every release from there on must read the file, and every older one must not.
"use strict";
const { execFileSync } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");

const EXAMPLES = [
  ["3.24", "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u VALUES (new.a, 1) ON CONFLICT (a) DO UPDATE SET n = 2; END", "INSERT INTO t(a) VALUES ('z')"],
  ["3.25", "CREATE VIEW v AS SELECT sum(id) OVER (ORDER BY id) AS s FROM t", "SELECT * FROM v"],
  ["3.30", "CREATE VIEW v AS SELECT count(*) FILTER (WHERE id > 1) AS n FROM t", "SELECT * FROM v"],
  ["3.30", "CREATE VIEW v AS SELECT a FROM t ORDER BY a NULLS LAST", "SELECT * FROM v"],
  ["3.31", "CREATE TABLE made(a INT, b AS (a + 1))", "SELECT * FROM made"],
  ["3.32", "CREATE VIEW v AS SELECT iif(id > 1, 'a', 'b') AS x FROM t", "SELECT * FROM v"],
  ["3.33", "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE u SET n = x.id FROM t AS x WHERE x.a = u.a; END", "INSERT INTO t(a) VALUES ('z')"],
  ["3.34", "CREATE VIEW v AS SELECT substring(a, 1, 1) AS x FROM t", "SELECT * FROM v"],
  ["3.35", "CREATE VIEW v AS WITH w AS MATERIALIZED (SELECT a FROM t) SELECT a FROM w", "SELECT * FROM v"],
  ["3.37", "CREATE TABLE made(a INT) STRICT", "SELECT * FROM made"],
  ["3.38", "CREATE VIEW v AS SELECT '{\"x\":1}' ->> '$.x' AS x FROM t", "SELECT * FROM v"],
  ["3.38", "CREATE VIEW v AS SELECT format('%d', id) AS x, unixepoch('2020-01-01') AS y FROM t", "SELECT * FROM v"],
  ["3.39", "CREATE VIEW v AS SELECT t.a FROM t FULL JOIN u ON t.a = u.a", "SELECT * FROM v"],
  ["3.39", "CREATE VIEW v AS SELECT a FROM t WHERE a IS NOT DISTINCT FROM 'q'", "SELECT * FROM v"],
  ["3.41", "CREATE VIEW v AS SELECT unhex('61') AS x FROM t", "SELECT * FROM v"],
  ["3.43", "CREATE VIEW v AS SELECT octet_length(a) AS x FROM t", "SELECT * FROM v"],
  ["3.44", "CREATE VIEW v AS SELECT group_concat(a ORDER BY id) AS x FROM t", "SELECT * FROM v"],
  ["3.44", "CREATE VIEW v AS SELECT concat_ws(',', a, id) AS x FROM t", "SELECT * FROM v"],
  ["3.45", "CREATE VIEW v AS SELECT jsonb('[1]') AS x FROM t", "SELECT * FROM v"],
  ["3.46", "CREATE VIEW v AS SELECT 1_000 AS x FROM t", "SELECT * FROM v"],
  ["3.46", "CREATE VIEW v AS SELECT json_pretty('[1]') AS x FROM t", "SELECT * FROM v"],
  ["3.47", "CREATE TRIGGER g BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no' || old.a) WHERE 0; END", null],
  ["3.48", "CREATE VIEW v AS SELECT if(id > 1, 'a', 'b') AS x FROM t", "SELECT * FROM v"],
];

const numbers = (version) => version.split(".").map(Number);
const compare = (left, right) => {
  const [a, b] = [numbers(left), numbers(right)];
  for (let at = 0; at < 3; at++) if ((a[at] || 0) !== (b[at] || 0)) return (a[at] || 0) - (b[at] || 0);
  return 0;
};

function operation(sql) {
  const kind = sql.split(" ")[1].toLowerCase();
  return `[[up]]\nop = "create_${kind}"\nsql = ${JSON.stringify(sql)}\n`;
}

function project(oldest, sql) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "old-sqlite-"));
  fs.mkdirSync(path.join(folder, "phases"));
  fs.writeFileSync(path.join(folder, "phaseshift.toml"), `database = "app.db"\nmin_sqlite = "${oldest}"\n`);
  fs.writeFileSync(path.join(folder, "phases", "p1.toml"), operation(sql));
  const make =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE u(a TEXT PRIMARY KEY, n INT);" +
    "INSERT INTO t(a) VALUES ('q'), ('r'); INSERT INTO u VALUES ('q', 1);";
  execFileSync("sqlite3", [path.join(folder, "app.db"), make]);
  return folder;
}

function upgrade(program, folder) {
  try {
    execFileSync(program, ["--no-input", "--progress", "none", "upgrade"], { cwd: folder, stdio: "pipe" });
    return 0;
  } catch (error) {
    return error.status;
  }
}

function reads(release, file, probe) {
  try {
    const database = new release.Database(fs.readFileSync(file));
    database.exec("SELECT count(*) FROM t; SELECT count(*) FROM u");
    if (probe) database.exec(probe);
    database.close();
    return true;
  } catch (error) {
    return false;
  }
}

async function main() {
  const [program, ...names] = process.argv.slice(2);
  const releases = [];
  for (const name of names) {
    const made = require(path.resolve("node_modules", name, name === "oldest" ? "" : "dist/sql-asm.js"));
    const release = name === "oldest" ? made : await made();
    const version = new release.Database().exec("SELECT sqlite_version()")[0].values[0][0];
    releases.push({ release, version });
  }
  releases.sort((left, right) => compare(left.version, right.version));
  let wrong = 0;
  const fault = (text) => { wrong += 1; console.log(`wrong: ${text}`); };
  for (const [since, sql, probe] of EXAMPLES) {
    const [major, minor] = numbers(since);
    const below = project(`${major}.${minor - 1}`, sql);
    if (upgrade(program, below) !== 4) fault(`not refused below ${since}: ${sql}`);
    fs.rmSync(below, { recursive: true });
    const folder = project(since, sql);
    if (upgrade(program, folder) !== 0) fault(`refused for ${since}: ${sql}`);
    for (const { release, version } of releases) {
      const read = reads(release, path.join(folder, "app.db"), probe);
      if (read !== compare(version, since) >= 0 && !(probe === null && read)) {
        fault(`${version} ${read ? "reads" : "does not read"} what needs ${since}: ${sql}`);
      }
    }
    fs.rmSync(folder, { recursive: true });
  }
  const versions = releases.map((it) => it.version).join(", ");
  console.log(`${EXAMPLES.length} examples, SQLite ${versions}: ${wrong} wrong`);
  process.exit(wrong ? 1 : 0);
}

main();
