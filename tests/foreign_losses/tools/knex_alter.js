// knex makes one column of every table nullable, which its SQLite dialect does by a rebuild.
"use strict";
const knex = require("knex")({
  client: "better-sqlite3",
  connection: { filename: process.env.PHASESHIFT_DATABASE },
  useNullAsDefault: true,
});

(async () => {
  const rows = await knex("sqlite_master").where("type", "table").select("name");
  const tables = rows.map((row) => row.name).filter((name) => /^(f\d|parents)/.test(name)).sort();
  for (const table of tables) {
    try {
      const columns = await knex.raw("SELECT name FROM pragma_table_info(?) WHERE pk = 0", [table]);
      const column = columns[columns.length - 1].name;
      await knex.schema.alterTable(table, (builder) => builder.setNullable(column));
    } catch (error) {
      console.log(table, "left as it was:", String(error.message).split("\n")[0]);
    }
  }
  await knex.destroy();
})();
