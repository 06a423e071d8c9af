/**
 * `npm test`: the services, then every suite; or the files and options given. The last line says
 * how many passed and failed.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ensureServices } from "../infra/services/ensure.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const results = `${root}.millrace/test-results.json`;

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numFailedTestSuites: number;
  success: boolean;
}

const log = (line: string) => process.stderr.write(`${line}\n`);
let failed = true;
try {
  const addresses = await ensureServices({ log });
  Object.assign(process.env, {
    KAFKA_BROKERS: addresses.kafkaBrokers,
    REDIS_URL: addresses.redisUrl,
    DATABASE_URL: addresses.databaseUrl,
    MILLRACE_ADMIN_DATABASE_URL: addresses.adminDatabaseUrl,
  });
  failed = !runSuites(process.argv.slice(2));
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  console.log("0 passed, 1 failed");
}
process.exit(failed ? 1 : 0);

function runSuites(given: string[]): boolean {
  mkdirSync(`${root}.millrace`, { recursive: true });
  rmSync(results, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
  const vitest = [`${root}node_modules/vitest/vitest.mjs`, "run", ...reporters, ...given];
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-prompt"] : [];
  const { status } = spawnSync(process.execPath, [...runtime, ...vitest], {
    cwd: root,
    stdio: "inherit",
  });
  if (!existsSync(results)) throw new Error("The test runner ended without results");
  const counts = JSON.parse(readFileSync(results, "utf8")) as Results;
  // A suite that could not be loaded has no tests that could fail.
  const unloaded = counts.numFailedTests === 0 && !counts.success ? counts.numFailedTestSuites : 0;
  const skipped = counts.numPendingTests > 0 ? `, ${counts.numPendingTests} skipped` : "";
  console.log(
    `${counts.numPassedTests} passed, ${counts.numFailedTests + unloaded} failed${skipped}`,
  );
  return status === 0 && counts.success;
}
