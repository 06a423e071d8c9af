/**
 * `npm run generate -- <name>`: the next migration from the schema. drizzle-kit cannot say engine
 * and character set, and a server's defaults are not to be trusted with them (hazards D11).
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

const MIGRATIONS = "drizzle/migrations";
const OPTIONS = ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;";

const name = process.argv[2];
if (!name) {
  console.error("Usage: npm run generate -- <name of the migration>");
  process.exit(2);
}
const kit = "node_modules/drizzle-kit/bin.cjs";
const args = ["run", "-A", kit, "generate", "--config", "drizzle/config.ts", "--name", name];
const result = spawnSync(process.execPath, args, { stdio: "inherit" });
if (result.status !== 0) process.exit(result.status ?? 1);

for (const file of readdirSync(MIGRATIONS).filter((file) => file.endsWith(".sql"))) {
  const path = `${MIGRATIONS}/${file}`;
  writeFileSync(path, readFileSync(path, "utf8").replace(/^\);$/gm, OPTIONS));
}
