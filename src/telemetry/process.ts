/**
 * A role's process: started, drained on SIGTERM or SIGINT, ended at once by a second signal, and
 * never left half dead: what nobody caught ends it with a code of its own, and the supervisor
 * starts it again.
 */

import process from "node:process";
import { createLogger, type Logger } from "./log.ts";

export interface Role {
  /** Finishes what is in flight and lets go of everything. */
  stop(): Promise<void>;
  /** Where it can be reached, if it listens. */
  address?: string;
}

/** Exit code of a process that met an error which nobody caught. */
const CRASHED = 70;

export async function runRole(
  name: string,
  start: (log: Logger, crash: (error: Error) => void) => Promise<Role>,
): Promise<void> {
  const log = createLogger(name);
  const crash = (error: unknown): never => {
    log.error({ error }, "Crashed");
    process.exit(CRASHED);
  };
  process.on("unhandledRejection", crash);
  process.on("uncaughtException", crash);

  let role: Role | null = null;
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, "Draining");
    Promise.resolve(role?.stop()).then(() => {
      log.info({}, "Stopped");
      process.exit(0);
    }, crash);
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));

  try {
    role = await start(log, crash);
  } catch (error) {
    log.error({ error }, "Cannot start");
    process.exit(1);
  }
  if (stopping) return;
  log.info(role.address ? { address: role.address } : {}, "Started");
  // The parent reads this line to know where the role listens.
  process.stdout.write(`${JSON.stringify({ role: name, address: role.address ?? null })}\n`);
}
