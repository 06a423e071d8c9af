/**
 * A lock file, so that two commands do not start or install the same thing at once. The file names
 * its holder; a lock whose holder is dead is broken, so a killed command never blocks the next.
 */

import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { failure } from "./failure.ts";
import { isAlive, markOf, type ProcessMark } from "./process_mark.ts";

const WAIT_MS_MAX = 15 * 60_000;

export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  log: (line: string) => void,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const deadline = Date.now() + WAIT_MS_MAX;
  let told = false;
  while (!take(file)) {
    const holder = holderOf(file);
    if (holder === undefined || !isAlive(holder)) {
      breakStale(file);
    } else if (!told) {
      told = true;
      log(`Waiting for process ${holder.pid}, which is setting up the services`);
    }
    if (Date.now() > deadline) {
      throw failure(`Cannot take the lock ${file}: end process ${holder?.pid ?? "?"} or wait`);
    }
    await delay(50);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Linking a finished file is atomic: nobody ever reads a lock without its holder. */
function take(file: string): boolean {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(markOf(process.pid)));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function holderOf(file: string): ProcessMark | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** One breaker at a time, and it looks again: else a slow one would remove its successor's lock. */
function breakStale(file: string): void {
  const breaker = `${file}.breaking`;
  try {
    writeFileSync(breaker, "", { flag: "wx" });
  } catch {
    if ((statSync(breaker, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < Date.now() - 5_000) {
      rmSync(breaker, { force: true });
    }
    return;
  }
  const holder = holderOf(file);
  if (holder === undefined || !isAlive(holder)) rmSync(file, { force: true });
  rmSync(breaker, { force: true });
}
