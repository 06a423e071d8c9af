/**
 * Makes sure that node_modules is what package-lock.json says: by npm where it is, else by Deno.
 * A stamp with the lockfile's hash makes the usual answer, "yes", cost a millisecond.
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

export async function ensurePackages(root) {
  const modules = join(root, "node_modules");
  const stampFile = join(modules, ".millrace-installed");
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const stamp = createHash("sha256").update(lock).digest("hex");
  if (read(stampFile) === stamp) return;
  // Someone may have installed by hand: what npm noted then is as good as our stamp.
  const noted = read(join(modules, ".package-lock.json"));
  if (noted === undefined || !holds(noted, lock)) await install(root);
  writeFileSync(stampFile, stamp);
}

/** True if every package of the lockfile is noted as installed; optional ones may be absent. */
function holds(noted, lock) {
  const installed = JSON.parse(noted).packages;
  return Object.entries(JSON.parse(lock).packages).every(([path, { version, ...entry }]) => {
    if (path === "") return true;
    const mayMiss = entry.optional || entry.devOptional || entry.peer;
    return installed[path] === undefined ? mayMiss : installed[path].version === version;
  });
}

/** Without npm, Deno resolves package.json itself; only there do nested versions float. */
async function install(root) {
  const [command, args] = hasNpm()
    // `npm run -s` would silence this npm too, and with it the reason of a failure.
    ? ["npm", ["ci", "--loglevel=error"]]
    : [globalThis.Deno?.execPath(), ["install", "--quiet"]];
  if (command === undefined) throw new Error("Install npm (it comes with Node) or Deno 2");
  console.error(`Installing the npm packages (${hasNpm() ? "npm ci" : "deno install"})…`);
  const start = Date.now();
  const seconds = () => `${Math.round((Date.now() - start) / 1_000)} s`;
  const ticker = setInterval(() => console.error(`Still installing… ${seconds()}`), 5_000);
  const code = await new Promise((resolve) => {
    // Its report goes to stderr, because stdout belongs to the task.
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
    child.once("error", () => resolve(1));
    child.once("exit", resolve);
  });
  clearInterval(ticker);
  if (code !== 0) {
    throw new Error(
      "Cannot install the npm packages: check that this machine reaches its registry",
    );
  }
  console.error(`Installed the npm packages (${seconds()})`);
}

function hasNpm() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, "npm")));
}

function read(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
