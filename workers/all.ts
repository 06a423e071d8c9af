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

const RESTART_MS_MIN = 200;
const RESTART_MS_MAX = 5_000;
/** A role that ran this long had started well: its next restart does not wait. */
const HEALTHY_MS = 10_000;

export class Roles {
  readonly #log = createLogger("all");
  readonly #children = new Map<ChildProcess, string>();
  readonly #addresses = new Map<string, string>();
  readonly #waiting: { role: string; resolve: (address: string) => void }[] = [];
  #stopping = false;
  #allWell = true;

  constructor(counts: Counts) {
    const many = (role: string, count: number) => Array.from({ length: count }, () => role);
    const roles = [
      ...many("edge", counts.edges),
      ...many("actor", counts.actors),
      ...many("writer", counts.writers),
      "relay",
      "board",
    ];
    for (const role of roles) this.#keepRunning(role, RESTART_MS_MIN);
  }

  /** Resolves with the address once the role listens. */
  address(role: "edge" | "board"): Promise<string> {
    const known = this.#addresses.get(role);
    if (known) return Promise.resolve(known);
    return new Promise((resolve) => this.#waiting.push({ role, resolve }));
  }

  /** Drains all and kills what is left after the deadline. Answers whether all ended well. */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#stopping = true;
    const timer = setTimeout(() => this.#signal("SIGKILL", () => true), deadlineMs);
    // Writers last: an actor that drains waits for its job in flight.
    await this.#signal("SIGTERM", (role) => role !== "writer");
    await this.#signal("SIGTERM", (role) => role === "writer");
    clearTimeout(timer);
    return this.#allWell;
  }

  #keepRunning(role: string, waitMs: number): void {
    const startedMs = performance.now();
    const child = spawn(process.execPath, roleArguments(role), {
      stdio: ["ignore", "pipe", "inherit"],
      // A terminal's Ctrl-C goes to its whole group; a role takes a second signal for haste.
      detached: true,
    });
    this.#children.set(child, role);
    let announced = false;
    child.stdout!.on("data", (data: Uint8Array) => {
      announced = true;
      this.#announce(role, String(data));
    });
    child.once("exit", (code, signal) => {
      this.#children.delete(child);
      if (this.#stopping) {
        // A signal that comes before the role listens for it ends it the plain way.
        this.#allWell &&= code === 0 || (signal === "SIGTERM" && !announced);
        return;
      }
      const nextMs = performance.now() - startedMs > HEALTHY_MS ? RESTART_MS_MIN : waitMs;
      this.#log.warn({ role, code, signal, nextMs }, "A role ended; starting it again");
      setTimeout(() => {
        if (!this.#stopping) this.#keepRunning(role, Math.min(nextMs * 2, RESTART_MS_MAX));
      }, nextMs);
    });
  }

  #announce(role: string, line: string): void {
    const address = addressIn(line);
    if (address === null) return;
    this.#addresses.set(role, address);
    for (const one of this.#waiting) if (one.role === role) one.resolve(address);
  }

  /** Resolves once all that it was sent to have ended. */
  async #signal(name: NodeJS.Signals, chosen: (role: string) => boolean): Promise<void> {
    const sent = [...this.#children].filter(([, role]) => chosen(role)).map(([child]) => child);
    const ended = sent.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    // Not child.kill(): Deno then reports the signal as what ended it, also where it exited.
    for (const child of sent) process.kill(child.pid!, name);
    await Promise.all(ended);
  }
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
