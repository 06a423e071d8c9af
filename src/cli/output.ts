/**
 * What the verbs share in speaking: tables on a terminal and NDJSON elsewhere, progress on standard
 * error only where somebody watches, one sentence for a failure, and the exit codes.
 */

import cliProgress from "cli-progress";
import Table from "cli-table3";
import { InvalidArgumentError } from "commander";
import process from "node:process";

export const EXIT = { well: 0, failure: 1, usage: 2, breach: 3, deadline: 4 } as const;

/** A failure with an exit code of its own; its message is the sentence that is shown. */
export class CliError extends Error {
  override name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failure) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A table for a person, one line of JSON a row for a program. */
export function printRows(rows: Record<string, unknown>[], isJson = false): void {
  if (isJson || !process.stdout.isTTY) {
    for (const row of rows) printLine(JSON.stringify(row));
    return;
  }
  const names = Object.keys(rows[0] ?? {});
  // Its own colours would not heed NO_COLOR.
  const table = new Table({ head: names.map(bold), style: { head: [], border: [] } });
  for (const row of rows) table.push(names.map((name) => String(row[name] ?? "")));
  printLine(table.toString());
}

export function bold(text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[1m${text}\x1b[22m` : text;
}

/** 1234567 as `1 234 567`. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

export interface Progress {
  update(done: number, text?: string): void;
  stop(): void;
}

export function showProgress(total: number, title: string): Progress {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new cliProgress.SingleBar({
    format: `${title} {bar} {percentage}% {text}`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  }, cliProgress.Presets.shades_classic);
  bar.start(Math.max(1, total), 0, { text: "" });
  return {
    update: (done, text = "") => bar.update(Math.min(done, total), { text }),
    stop: () => bar.stop(),
  };
}

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `60s`, `5m`, `1h`; a bare number is seconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (!match) throw new InvalidArgumentError("It must be like 500ms, 60s, 5m or 1h.");
  return Math.round(Number(match[1]) * UNITS_MS[match[2] ?? "s"]!);
}

/** `1%` or `0.01`. */
export function share(text: string): number {
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("It must be a share like 1% or 0.01.");
}

export function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError("It must be a whole number.");
}
