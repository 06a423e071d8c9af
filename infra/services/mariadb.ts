/**
 * A MariaDB with two users: `millrace` may do everything and migrates, `millrace_loader` may only
 * read and write rows, as the roles do. Every commit reaches the disk, as the guarantee demands.
 */

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failure } from "./failure.ts";
import { readState } from "./home.ts";
import { LocalService } from "./local_service.ts";
import { ensurePrograms, programPath } from "./programs.ts";
import { probeMariadb } from "./probes.ts";
import { runLogged } from "./run_logged.ts";

type Log = (line: string) => void;

export function mariadbService(home: string, log: Log): LocalService {
  const folder = join(home, "mariadb");
  return new LocalService(home, {
    name: "mariadb",
    title: "MariaDB",
    ports: ["mariadb"],
    startMsMax: 60_000,
    stopMsMax: 60_000,
    address: () => databaseUrl(home, "loader"),
    probe: () => probeMariadb(databaseUrl(home, "loader")),
    async prepare() {
      await ensurePrograms(["mariadbd", "mariadb-install-db", "my_print_defaults"], log);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "my.cnf"), settings(folder, readState(home).ports.mariadb));
      writeFileSync(join(folder, "users.sql"), usersSql(home), { mode: 0o600 });
      if (!existsSync(join(folder, "data"))) await makeData(home, folder, log);
    },
    command() {
      return Promise.resolve({
        file: programPath("mariadbd"),
        args: [`--defaults-file=${join(folder, "my.cnf")}`],
      });
    },
  });
}

export function databaseUrl(home: string, user: "admin" | "loader"): string {
  const { ports, passwords } = readState(home);
  const name = user === "admin" ? "millrace" : "millrace_loader";
  return `mysql://${name}:${passwords[user]}@127.0.0.1:${ports.mariadb}/millrace`;
}

/** The tables of the server itself. Renamed when whole, so a killed command leaves no half. */
async function makeData(home: string, folder: string, log: Log): Promise<void> {
  const draft = join(folder, "data.new");
  const logFile = join(home, "logs", "mariadb-install-db.log");
  rmSync(draft, { recursive: true, force: true });
  const made = await runLogged(programPath("mariadb-install-db"), [
    `--defaults-file=${join(folder, "my.cnf")}`,
    `--datadir=${draft}`,
    "--skip-test-db",
    "--auth-root-authentication-method=socket",
    ...(isRoot() ? ["--user=root"] : []),
  ], { title: "Making MariaDB's data folder", logFile, log });
  if (!made) throw failure(`Cannot make MariaDB's data folder ${draft}; see its log`, logFile);
  renameSync(draft, join(folder, "data"));
}

/** Socket and pid file are relative to the data folder: a socket's path may have 107 bytes. */
function settings(folder: string, port: number): string {
  return `[mariadbd]
${isRoot() ? "user=root\n" : ""}datadir=${join(folder, "data")}
init-file=${join(folder, "users.sql")}
socket=mariadb.sock
pid-file=mariadb.pid
bind-address=127.0.0.1
port=${port}
skip-name-resolve
skip-log-bin
performance-schema=OFF
character-set-server=utf8mb4
max-connections=300
max-allowed-packet=16M
innodb-buffer-pool-size=512M
innodb-log-file-size=256M
innodb-flush-log-at-trx-commit=1
`;
}

/** Runs at every start, before the first connection, and must therefore bear repetition. */
function usersSql(home: string): string {
  const { passwords } = readState(home);
  // The server reads one statement a line.
  return [
    "CREATE DATABASE IF NOT EXISTS millrace",
    "CREATE USER IF NOT EXISTS millrace",
    "CREATE USER IF NOT EXISTS millrace_loader",
    `ALTER USER millrace IDENTIFIED BY '${passwords.admin}'`,
    `ALTER USER millrace_loader IDENTIFIED BY '${passwords.loader}'`,
    "GRANT ALL PRIVILEGES ON *.* TO millrace WITH GRANT OPTION",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO millrace_loader",
  ].map((statement) => `${statement};\n`).join("");
}

/** MariaDB refuses to run as root unless it is told to. */
function isRoot(): boolean {
  return process.getuid?.() === 0;
}
