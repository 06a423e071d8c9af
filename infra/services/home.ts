/**
 * The folder where a set of own services lives: data, logs, pids, and `state.json` with the ports
 * and passwords that were chosen once. Several homes can run at the same time. Downloads are kept
 * beside it, in a cache that all homes share.
 */

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes, randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, isFree, randomPort } from "./ports.ts";

export const projectRoot: string = fileURLToPath(new URL("../../", import.meta.url));

export type PortName = "kafka" | "kafkaController" | "redis" | "mariadb";

export interface State {
  ports: Record<PortName, number>;
  passwords: { admin: string; loader: string };
  /** True while the services of this home run in a Docker engine. */
  docker?: boolean;
}

export function homeFolder(home?: string): string {
  return resolve(home ?? process.env["MILLRACE_HOME"] ?? join(projectRoot, ".millrace"));
}

export function cacheFolder(): string {
  return resolve(process.env["MILLRACE_CACHE"] ?? join(projectRoot, ".millrace", "cache"));
}

/** Reads the state, or makes it; when two make it at once, both end with the same one. */
export function readState(home: string): State {
  const file = stateFile(home);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  mkdirSync(home, { recursive: true });
  const draft = writeDraft(file, {
    ports: {
      kafka: randomPort(),
      kafkaController: randomPort(),
      redis: randomPort(),
      mariadb: randomPort(),
    },
    passwords: { admin: password(), loader: password() },
  });
  try {
    linkSync(draft, file);
  } catch {
    // Another command was faster; its state counts.
  } finally {
    rmSync(draft, { force: true });
  }
  return JSON.parse(readFileSync(file, "utf8"));
}

export function changeState(home: string, change: (state: State) => void): State {
  const state = readState(home);
  change(state);
  renameSync(writeDraft(stateFile(home), state), stateFile(home));
  return state;
}

/** Draws another port for each of these that a stranger holds. Only right before a first start. */
export async function replaceTakenPorts(home: string, names: PortName[]): Promise<void> {
  for (const name of names) {
    if (await isFree(readState(home).ports[name])) continue;
    const port = await freePort();
    changeState(home, (state) => state.ports[name] = port);
  }
}

export function stateFile(home: string): string {
  return join(home, "state.json");
}

/** The passwords are in it, so only its owner may read it. */
function writeDraft(file: string, state: State): string {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(state, null, 2) + "\n", { mode: 0o600 });
  return draft;
}

function password(): string {
  return randomBytes(12).toString("hex");
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
