// Applies a folder of Prisma's migrations with Prisma's schema engine: node prisma.mjs FOLDER DATABASE
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [folder, database] = process.argv.slice(2);
const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
const wasm = new WebAssembly.Module(readFileSync(path.join(path.dirname(entry), 'schema_engine_bg.wasm')));
const imports = Object.fromEntries(WebAssembly.Module.imports(wasm).map((it) => [it.module, engineModule]));
const instance = new WebAssembly.Instance(wasm, imports);
engineModule.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start?.();

const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaLibSql({ url: `file:${database}` }));
const schema = 'datasource db {\n  provider = "sqlite"\n}\n';
const engine = await engineModule.SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => {}, adapter);
const text = (...parts) => readFileSync(path.join(folder, ...parts), 'utf8');
const names = readdirSync(folder, { withFileTypes: true }).filter((it) => it.isDirectory()).map((it) => it.name).sort();
const migrationDirectories = names.map((name) => ({
  path: name,
  migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: text(name, 'migration.sql') } },
}));
const lockfile = { path: 'migration_lock.toml', content: text('migration_lock.toml') };
await engine.applyMigrations({
  migrationsList: { baseDir: folder, lockfile, shadowDbInitScript: '', migrationDirectories },
  filters: { externalTables: [], externalEnums: [] },
});
