/** Every role on one machine, each as a child process which is started again when it ends. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createLogger } from "../src/telemetry/log.ts";

export interface Counts {
  edges: number;
  actors: number;
  writers: number;
}

export interface Roles {
  /** Resolves with the address once the role listens. */
  address(role: "edge" | "board"): Promise<string>;
  /** Sends SIGTERM to all and waits; kills what is left after the deadline. Answers if all ended well. */
  stop(deadlineMs: number): Promise<boolean>;
}

const RESTART_MS_MIN = 200;
const RESTART_MS_MAX = 5_000;
/** A role that ran this long had started well: its next restart does not wait. */
const HEALTHY_MS = 10_000;

export function startAll(counts: Counts): Roles {
  const log = createLogger("all");
  const children = new Map<ChildProcess, string>();
  const addresses = new Map<string, string>();
  const waiting = new Map<string, ((address: string) => void)[]>();
  let stopping = false;
  let allWell = true;

  const keepRunning = (role: string, waitMs = RESTART_MS_MIN): void => {
    const startedMs = Date.now();
    const child = spawn(process.execPath, roleArguments(role), {
      stdio: ["ignore", "pipe", "inherit"],
      // A terminal's Ctrl-C goes to its whole group; a role takes a second signal for haste.
      detached: true,
    });
    children.set(child, role);
    let announced = false;
    child.stdout!.on("data", (data: Uint8Array) => {
      announced = true;
      const address = addressIn(String(data));
      if (address === null) return;
      addresses.set(role, address);
      for (const resolve of waiting.get(role) ?? []) resolve(address);
    });
    child.once("exit", (code, signal) => {
      children.delete(child);
      if (stopping) {
        // A signal that comes before the role listens for it ends it the plain way.
        allWell &&= code === 0 || (signal === "SIGTERM" && !announced);
        return;
      }
      const next = Date.now() - startedMs > HEALTHY_MS ? RESTART_MS_MIN : waitMs;
      log.warn({ role, code, signal, nextMs: next }, "A role ended; starting it again");
      setTimeout(() => {
        if (!stopping) keepRunning(role, Math.min(next * 2, RESTART_MS_MAX));
      }, next);
    });
  };

  /** Resolves once all that it was sent to have ended. */
  const signal = async (name: NodeJS.Signals, chosen: (role: string) => boolean): Promise<void> => {
    const sent = [...children].filter(([, role]) => chosen(role)).map(([child]) => child);
    const ended = sent.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    // Not child.kill(): Deno then reports the signal as what ended it, also where it exited.
    for (const child of sent) process.kill(child.pid!, name);
    await Promise.all(ended);
  };

  const many = (role: string, count: number) => Array.from({ length: count }, () => role);
  const roles = [
    ...many("edge", counts.edges),
    ...many("actor", counts.actors),
    ...many("writer", counts.writers),
    "relay",
    "board",
  ];
  for (const role of roles) keepRunning(role);

  return {
    address(role) {
      const known = addresses.get(role);
      if (known) return Promise.resolve(known);
      return new Promise((resolve) => waiting.set(role, [...(waiting.get(role) ?? []), resolve]));
    },
    async stop(deadlineMs) {
      stopping = true;
      const timer = setTimeout(() => signal("SIGKILL", () => true), deadlineMs);
      // Writers last: an actor that drains waits for its job in flight.
      await signal("SIGTERM", (role) => role !== "writer");
      await signal("SIGTERM", (role) => role === "writer");
      clearTimeout(timer);
      return allWell;
    },
  };
}

function roleArguments(role: string): string[] {
  const file = fileURLToPath(new URL(`./${role}.ts`, import.meta.url));
  return "Deno" in globalThis ? ["run", "-A", "--no-prompt", file] : [file];
}

function addressIn(line: string): string | null {
  try {
    return (JSON.parse(line.split("\n")[0]!) as { address: string | null }).address;
  } catch {
    return null;
  }
}
