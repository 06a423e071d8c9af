/**
 * Runs every task of the project: `run.mjs start | test | services | millrace | ok | <file.ts>`.
 * It installs the packages if they are not as the lockfile says, then hands over to Deno. Plain
 * JavaScript without imports from packages, so that it works in a fresh clone, under Node and Deno.
 * Only the task itself writes to stdout.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ensurePackages } from "./packages.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));

const entries = {
  start: "workers/start.ts",
  test: "test/run.ts",
  services: "infra/services.ts",
  millrace: "src/cli/main.ts",
};

const sources = ["src", "workers", "infra", "test", "streams"];

async function main([task, ...rest]) {
  // `npm run x -- a` removes the dashes, `deno task x -- a` does not.
  const args = rest[0] === "--" ? rest.slice(1) : rest;
  const entry = entries[task] ?? (task?.endsWith(".ts") ? task : undefined);
  if (entry === undefined && task !== "ok") {
    console.error(`Usage: run.mjs ${[...Object.keys(entries), "ok"].join(" | ")} | <file.ts>`);
    return 2;
  }
  await ensurePackages(root);
  if (task === "ok") return await checkSources();
  const config = `--config=${join(root, "deno.json")}`;
  return await deno(["run", "-A", "--no-prompt", config, join(root, entry), ...args]);
}

/** Format, lint and types, each only if the one before is well. */
async function checkSources() {
  const folders = sources.filter((folder) => existsSync(join(root, folder)));
  const steps = [["fmt", "--check"], ["lint"], ["check", ...folders]];
  for (const step of steps) {
    const code = await deno(step);
    if (code !== 0) return code;
  }
  return 0;
}

/** Resolves to the exit code, 128 plus the signal's number where a signal ended it. */
function deno(args) {
  const child = spawn(denoPath(), args, {
    cwd: workFolder(),
    stdio: "inherit",
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  forwardSignals(child);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/**
 * Under Deno the same Deno, unless the installation has just replaced its file; under Node the
 * program itself. The package's command is, where install scripts did not run, only a script that
 * starts the program and would keep our signals from it.
 */
function denoPath() {
  const own = globalThis.Deno?.execPath();
  if (own !== undefined && existsSync(own)) return own;
  const folder = join(root, "node_modules", "deno");
  const program = join(folder, process.platform === "win32" ? "deno.exe" : "deno");
  if (!existsSync(program)) {
    spawnSync(process.execPath, [join(folder, "install.cjs")], { stdio: ["ignore", 2, 2] });
  }
  return program;
}

/** npm and deno change to the root; paths in arguments are meant from where the user stands. */
function workFolder() {
  const [here, users] = [process.cwd(), process.env.INIT_CWD];
  return users && existsSync(users) && join(here, "/") === root ? users : here;
}

/**
 * Each signal reaches the child once. A terminal's Ctrl-C reaches the whole process group by
 * itself, and npm passes on another one: those two need no help.
 */
function forwardSignals(child) {
  const seen = new Set();
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      if (seen.has(signal) || (signal === "SIGINT" && process.stdin.isTTY)) return;
      seen.add(signal);
      // Not child.kill: under Deno the child would then count as ended by it, whatever its code.
      if (child.exitCode === null) process.kill(child.pid, signal);
    });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
// A signal handler keeps Deno alive, so waiting for the end of the event loop would be for ever.
process.exit();
