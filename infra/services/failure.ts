/**
 * The one error of this folder. Its message is a sentence for a person: what went wrong, what to
 * install or do, and, where there is a log, its path and last lines.
 */

import { existsSync, readFileSync } from "node:fs";

export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

/** Appends a log's path and last lines, because the reason nearly always stands there. */
export function failure(sentence: string, logFile?: string): ServiceError {
  const tail = logFile === undefined ? "" : lastLines(logFile, 12);
  if (logFile === undefined) return new ServiceError(sentence);
  const lines = tail === "" ? "  (empty)" : tail.replace(/^/gm, "  | ");
  return new ServiceError(`${sentence}\n  log: ${logFile}\n${lines}`);
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  // Errors of the network layer may have an empty message and say all in their code.
  const code = "code" in error ? String(error.code) : "";
  return error.message === "" ? code || error.name : error.message;
}

function lastLines(file: string, count: number): string {
  if (!existsSync(file)) return "";
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-count).join("\n");
}
