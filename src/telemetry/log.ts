/**
 * The log: one JSON line an event, to standard error, pretty on a terminal. It holds ids, counts
 * and reasons; payloads never reach it.
 */

import process from "node:process";
import pino from "pino";
import pretty from "pino-pretty";

export interface Logger {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
  debug(fields: Record<string, unknown>, message: string): void;
}

export function createLogger(role: string): Logger {
  const options = {
    level: process.env.MILLRACE_LOG_LEVEL ?? "info",
    base: { role, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: describeError },
  };
  const stream = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: "pid", translateTime: "HH:MM:ss.l" })
    : pino.destination({ dest: 2, sync: true });
  return pino(options, stream);
}

/** Name, code and message of an error; Drizzle's holds all parameters, so its cause speaks. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error).slice(0, 300) };
  const wrapped = error.message.startsWith("Failed query:");
  if (wrapped) return error.cause ? describeError(error.cause) : { name: error.name };
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    ...(errno === undefined ? {} : { errno }),
    message: error.message.slice(0, 500),
    stack: error.stack?.split("\n").slice(1, 6).map((line) => line.trim()),
  };
}
