/**
 * A whole installation for a test: own database, topics and queues by an own prefix, and roles as
 * real processes that can be killed. Waiting is for a condition with a deadline, never for time.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";

export type RoleName = "edge" | "actor" | "writer" | "relay" | "board";

export interface Installation {
  prefix: string;
  env: Record<string, string>;
  start(role: RoleName): Promise<RunningRole>;
  /** Runs a `millrace` verb; answers its exit code and output. */
  millrace(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  query<Row = RowDataPacket>(text: string, values?: unknown[]): Promise<Row[]>;
  /** All that the roles have logged. */
  logs(): string;
  stop(): Promise<void>;
}

export interface RunningRole {
  pid: number;
  address: string;
  kill(signal: NodeJS.Signals): void;
  running(): boolean;
  /** Resolves with the exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** @param services addresses by environment name; those of the run where not given. */
export async function install(services: Record<string, string> = {}): Promise<Installation> {
  const prefix = `t${randomBytes(4).toString("hex")}_`;
  const addresses = { ...serviceAddresses(), ...services };
  const adminUrl = new URL(addresses.MILLRACE_ADMIN_DATABASE_URL!);
  const database = `test_${prefix}`;
  const server = await mysql.createConnection({ uri: adminUrl.href });
  await server.query(`CREATE DATABASE ${database}`);
  await server.end();
  const inDatabase = (address: string) =>
    Object.assign(new URL(address), { pathname: `/${database}` }).href;
  const env = {
    ...process.env as Record<string, string>,
    ...addresses,
    DATABASE_URL: inDatabase(addresses.DATABASE_URL!),
    MILLRACE_ADMIN_DATABASE_URL: inDatabase(adminUrl.href),
    MILLRACE_PREFIX: prefix,
    MILLRACE_EDGE_PORT: "0",
    MILLRACE_BOARD_PORT: "0",
  };
  mkdirSync(`${root}.millrace/test-logs`, { recursive: true });
  const logFile = `${root}.millrace/test-logs/${prefix}.log`;
  const log = createWriteStream(logFile);
  const running = new Set<ChildProcess>();
  let admin: Connection | null = null;

  const connect = async () => admin ??= await connectAdmin(env.MILLRACE_ADMIN_DATABASE_URL);
  const installation: Installation = {
    prefix,
    env,
    start: async (role) => {
      const child = spawnDeno([`${root}workers/${role}.ts`], env);
      running.add(child);
      child.once("exit", () => running.delete(child));
      child.stderr!.pipe(log, { end: false });
      return await startedRole(role, child);
    },
    millrace: (...args) => collect(spawnDeno([`${root}src/cli/main.ts`, ...args], env)),
    async query<Row>(text: string, values: unknown[] = []) {
      try {
        const [rows] = await (await connect()).query<RowDataPacket[]>(text, values);
        return rows as Row[];
      } catch (error) {
        admin?.destroy();
        admin = null;
        throw error;
      }
    },
    logs: () => readFileSync(logFile, "utf8"),
    async stop() {
      const ended = [...running].map((child) => once(child));
      for (const child of running) child.kill("SIGKILL");
      await Promise.all(ended);
      await (await connect()).query(`DROP DATABASE ${database}`);
      admin?.destroy();
      log.end();
    },
  };
  for (const verb of ["topics", "migrate"]) {
    const { code, stderr } = await installation.millrace(verb);
    if (code !== 0) throw new Error(`millrace ${verb} failed: ${stderr}`);
  }
  return installation;
}

function connectAdmin(uri: string): Promise<Connection> {
  return mysql.createConnection({ uri, dateStrings: true, timezone: "Z", supportBigNumbers: true });
}

export function serviceAddresses(): Record<string, string> {
  const names = ["KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL", "MILLRACE_ADMIN_DATABASE_URL"];
  return Object.fromEntries(names.map((name) => {
    const value = process.env[name];
    if (!value) throw new Error(`${name} is not set; run the suites with npm test`);
    return [name, value];
  }));
}

/** Asks until the answer is not false, undefined or null; the deadline tells what was last seen. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  ask: () => Promise<T | false | null | undefined>,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  let last: unknown;
  while (performance.now() < endMs) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited ${deadlineMs} ms for ${what}; last seen: ${String(last)}`);
}

function spawnDeno(args: string[], env: Record<string, string>): ChildProcess {
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-prompt"] : [];
  return spawn(process.execPath, [...runtime, ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function startedRole(role: string, child: ChildProcess): Promise<RunningRole> {
  const ended = once(child);
  return new Promise((resolve, reject) => {
    child.stdout!.once("data", (data: Uint8Array) => {
      const { address } = JSON.parse(String(data).split("\n")[0]!) as { address: string | null };
      resolve({
        pid: child.pid!,
        address: address ?? "",
        // Deno reports a signal sent by child.kill() as what ended it, also where it exited.
        kill: (signal) => void process.kill(child.pid!, signal),
        running: () => child.exitCode === null && child.signalCode === null,
        ended,
      });
    });
    ended.then((code) => reject(new Error(`${role} ended with ${code} before it had started`)));
  });
}

function once(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? signal ?? 1))
  );
}

async function collect(child: ChildProcess) {
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (data: Uint8Array) => stdout += String(data));
  child.stderr!.on("data", (data: Uint8Array) => stderr += String(data));
  const code = await once(child);
  return { code: typeof code === "number" ? code : 128, stdout, stderr };
}
