/**
 * Finds the programs that the services need and, as root on Debian or Ubuntu, installs what is
 * missing from the system's packages. No system service is left behind: we take the packages
 * without one where there is a choice, and forbid starts during the installation.
 */

import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { failure } from "./failure.ts";
import { cacheFolder } from "./home.ts";
import { withLock } from "./lock.ts";
import { runLogged } from "./run_logged.ts";

type Log = (line: string) => void;

/** Each program with the packages that bring it on Debian. */
const packagesOf = {
  // The core packages hold the server without the unit and the system user of mariadb-server.
  mariadbd: ["mariadb-server-core", "mariadb-client-core"],
  "mariadb-install-db": ["mariadb-server-core", "mariadb-client-core"],
  my_print_defaults: ["mariadb-client-core"],
  "redis-server": ["redis-server"],
  java: ["default-jre-headless"],
  mvn: ["maven"],
};

export type Program = keyof typeof packagesOf;

/** Servers are often outside the PATH of users who are not root. */
const extraFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin"];

export function findProgram(name: Program): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...extraFolders];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function programPath(name: Program): string {
  const path = findProgram(name);
  if (path === undefined) throw failure(`The program ${name} is missing; ${advice([name])}`);
  return path;
}

/** Makes sure that all of these programs are here; one installation for all that are missing. */
export async function ensurePrograms(names: Program[], log: Log): Promise<void> {
  if (missingOf(names).length === 0) return;
  await withLock(join(cacheFolder(), "install.lock"), async () => {
    const missing = missingOf(names);
    if (missing.length > 0) await install(missing, log);
  }, log);
}

async function install(missing: Program[], log: Log): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw failure(`Missing on this machine: ${missing.join(", ")}; ${advice(missing)}`);
  }
  const packages = packagesFor(missing);
  const logFile = join(cacheFolder(), "install.log");
  const title = `Installing ${packages.join(", ")} from the system's packages`;
  const run = (args: string[]) => runLogged("apt-get", args, { title, logFile, log, env: aptEnv });
  await withoutSystemServices(async () => {
    const args = [...aptOptions, "install", ...packages];
    // Lists that are absent or old are the usual reason for a first failure.
    const done = await run(args) || await run([...aptOptions, "update"]) && await run(args);
    if (!done) throw failure(`Cannot install ${packages.join(", ")}; ${advice(missing)}`, logFile);
  });
  if (packages.includes("redis-server") && existsSync("/run/systemd/system")) {
    await runLogged("systemctl", ["disable", "redis-server"], { title, logFile, log });
  }
}

const aptOptions = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
const aptEnv = { DEBIAN_FRONTEND: "noninteractive" };

/** The way that Debian foresees to say "install, but start nothing"; a policy of others stays. */
async function withoutSystemServices(work: () => Promise<void>): Promise<void> {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return await work();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await work();
  } finally {
    rmSync(policy, { force: true });
  }
}

function missingOf(names: Program[]): Program[] {
  return names.filter((name) => findProgram(name) === undefined);
}

function packagesFor(programs: Program[]): string[] {
  return [...new Set(programs.flatMap((name) => packagesOf[name]))];
}

function advice(programs: Program[]): string {
  return `run \`sudo apt-get install ${packagesFor(programs).join(" ")}\` (or your system's ` +
    "packages of that kind), start a Docker engine, or name running servers in KAFKA_BROKERS, " +
    "REDIS_URL and DATABASE_URL";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
