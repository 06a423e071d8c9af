/** Writes a ledger. What is recorded reaches the file with `flush`, before the event is sent. */

import { closeSync, openSync, writeSync } from "node:fs";
import {
  ACCEPTED,
  eventLine,
  type LedgerAnswer,
  type LedgerEvent,
  type LedgerHeader,
  REFUSED,
} from "./format.ts";

const BUFFER_CHARS_MAX = 262_144;

export class LedgerWriter {
  readonly #file: number;
  #buffer = "";

  /** @throws Error where the file exists: a ledger is never written over. */
  constructor(path: string, header: Omit<LedgerHeader, "millraceLedger">) {
    try {
      this.#file = openSync(path, "wx");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw new Error(`Cannot write the ledger ${path}: it exists; name another file`);
    }
    this.#buffer = `${JSON.stringify({ millraceLedger: 1, ...header })}\n`;
    this.flush();
  }

  event(event: LedgerEvent): void {
    this.#write(eventLine(event));
  }

  /** @param numbers those answered alike, ascending. */
  answer(status: typeof ACCEPTED | typeof REFUSED, numbers: number[]): void {
    const name = status === ACCEPTED ? "accepted" : "refused";
    for (const range of rangesOf(numbers)) this.#line({ [name]: range });
  }

  again(numbers: number[]): void {
    if (numbers.length > 0) this.#line({ again: numbers });
  }

  flush(): void {
    const bytes = Buffer.from(this.#buffer);
    this.#buffer = "";
    let written = 0;
    while (written < bytes.length) written += writeSync(this.#file, bytes, written);
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }

  #line(answer: LedgerAnswer): void {
    this.#write(`${JSON.stringify(answer)}\n`);
  }

  #write(line: string): void {
    this.#buffer += line;
    if (this.#buffer.length > BUFFER_CHARS_MAX) this.flush();
  }
}

function rangesOf(numbers: number[]): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (const n of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else ranges.push([n, n]);
  }
  return ranges;
}
