/**
 * One service of our own as a background process: it outlives the command that started it, keeps
 * its ports and data over stop and kill, and counts as started only when it answers its protocol.
 */

import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { failure, messageOf } from "./failure.ts";
import { type PortName, readState, replaceTakenPorts, stateFile } from "./home.ts";
import { isFree } from "./ports.ts";
import { isAlive, markOf, type ProcessMark } from "./process_mark.ts";

export interface Definition {
  name: string;
  title: string;
  ports: PortName[];
  startMsMax: number;
  stopMsMax: number;
  address(): string;
  /** Installs what is missing, writes the configuration, makes the data folder. */
  prepare(): Promise<void>;
  command(): Promise<{ file: string; args: string[] }>;
  /** Resolves when the service answers its own protocol, rejects otherwise, within a second. */
  probe(): Promise<void>;
}

export class LocalService {
  readonly name: string;
  readonly title: string;
  readonly logFile: string;
  readonly #home: string;
  readonly #definition: Definition;
  readonly #markFile: string;
  /** Set by a signal that ends the process, so that start() waits for the end first. */
  #ending = false;

  constructor(home: string, definition: Definition) {
    this.name = definition.name;
    this.title = definition.title;
    this.#home = home;
    this.#definition = definition;
    this.logFile = join(home, "logs", `${definition.name}.log`);
    this.#markFile = join(home, "pids", `${definition.name}.json`);
  }

  address(): string {
    return this.#definition.address();
  }

  pid(): number | undefined {
    return this.#mark()?.pid;
  }

  running(): boolean {
    return this.#mark() !== undefined;
  }

  /** Resolves when the service answers its own protocol now, wherever it runs. */
  probe(): Promise<void> {
    return this.#definition.probe();
  }

  /** Idempotent: returns when the service answers, whether it was running before or not. */
  async start(): Promise<void> {
    if (this.#ending) await this.#ended(this.#definition.stopMsMax);
    this.#ending = false;
    // A deleted state file means other ports than those of a process that still runs.
    if (this.running() && !this.#keptPorts()) await this.stop();
    if (this.running() && await this.#ready()) return;
    await this.#freePorts();
    await this.#definition.prepare();
    await this.#spawn();
    if (await this.#ready()) return;
    throw failure(`${this.title} ended while it was starting; see its log`, this.logFile);
  }

  /** Asks the service to end and waits; one that does not listen is killed. */
  async stop(): Promise<void> {
    this.kill("SIGTERM");
    if (await this.#ended(this.#definition.stopMsMax)) return;
    this.kill("SIGKILL");
    await this.#ended(5_000);
  }

  /** Sends the signal if the recorded process is still ours; otherwise does nothing. */
  kill(signal: string): void {
    const mark = this.#mark();
    if (mark === undefined) return;
    if (signal === "SIGKILL" || signal === "SIGTERM") this.#ending = true;
    try {
      process.kill(mark.pid, signal as NodeJS.Signals);
    } catch (error) {
      // It may end between the look and the signal.
      if (isAlive(mark)) throw error;
    }
  }

  #mark(): ProcessMark | undefined {
    const recorded = this.#recorded();
    return recorded !== undefined && isAlive(recorded) ? recorded : undefined;
  }

  #recorded(): ProcessMark & { ports: number[] } | undefined {
    try {
      return JSON.parse(readFileSync(this.#markFile, "utf8"));
    } catch {
      return undefined;
    }
  }

  #ports(): number[] {
    const { ports } = readState(this.#home);
    return this.#definition.ports.map((name) => ports[name]);
  }

  /** True if the last start was on the ports that the state names now. */
  #keptPorts(): boolean {
    return String(this.#recorded()?.ports) === String(this.#ports());
  }

  async #freePorts(): Promise<void> {
    if (!this.#keptPorts()) return await replaceTakenPorts(this.#home, this.#definition.ports);
    for (const port of this.#ports()) {
      if (await isFree(port)) continue;
      throw failure(
        `Cannot start ${this.title}: another process holds port ${port}; end that process, ` +
          `or delete ${stateFile(this.#home)} to choose new ports`,
      );
    }
  }

  async #spawn(): Promise<void> {
    const { file, args } = await this.#definition.command();
    mkdirSync(dirname(this.logFile), { recursive: true });
    mkdirSync(dirname(this.#markFile), { recursive: true });
    const log = openSync(this.logFile, "a");
    // Detached means a session of its own: Ctrl-C in our terminal does not reach the service.
    const child = spawn(file, args, {
      cwd: this.#home,
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.on("error", () => {});
    child.unref();
    closeSync(log);
    const mark = child.pid === undefined ? undefined : markOf(child.pid);
    if (mark === undefined) throw failure(`Cannot run ${file}`, this.logFile);
    writeFileSync(this.#markFile, JSON.stringify({ ...mark, ports: this.#ports() }));
  }

  /** True once the service answers; false if its process ended before it did. */
  async #ready(): Promise<boolean> {
    const deadline = Date.now() + this.#definition.startMsMax;
    for (;;) {
      if (!this.running()) return false;
      try {
        await this.probe();
        return true;
      } catch (error) {
        if (Date.now() < deadline) {
          await delay(50);
          continue;
        }
        const seconds = Math.round(this.#definition.startMsMax / 1_000);
        throw failure(
          `${this.title} runs but did not answer within ${seconds} s: ${messageOf(error)}`,
          this.logFile,
        );
      }
    }
  }

  async #ended(withinMs: number): Promise<boolean> {
    const deadline = Date.now() + withinMs;
    while (this.running()) {
      if (Date.now() > deadline) return false;
      await delay(20);
    }
    return true;
  }
}
