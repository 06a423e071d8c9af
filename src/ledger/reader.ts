/** Reads a ledger from front to back, as often as a proof needs, in constant memory. */

import { closeSync, openSync, readSync } from "node:fs";
import {
  ACCEPTED,
  type LedgerAnswer,
  type LedgerEvent,
  type LedgerHeader,
  REFUSED,
  type Status,
  UNKNOWN,
} from "./format.ts";

const CHUNK_BYTES = 131_072;
const NEWLINE = 10;

export interface LedgerHandlers {
  event?(event: LedgerEvent): void;
  /** Whether events of this key are wanted; all where it is not given. */
  wants?(key: string): boolean;
  answer?(answer: LedgerAnswer): void;
}

type EventLine = [
  n: number,
  id: string,
  key: string,
  seq: number,
  identity: number,
  content: number,
  poison?: 1,
];

/**
 * Calls the handlers in the order of the lines.
 * @throws Error where the file is no ledger. A last line that was cut off by a crash is left out.
 */
export function readLedger(path: string, handlers: LedgerHandlers): LedgerHeader {
  let header: LedgerHeader | null = null;
  let lineNumber = 0;
  for (const line of linesOf(path)) {
    lineNumber++;
    try {
      if (header === null) header = parseHeader(line);
      else if (line[0] === "[") readEvent(line, handlers);
      else handlers.answer?.(JSON.parse(line) as LedgerAnswer);
    } catch (error) {
      throw new Error(`Cannot read the ledger ${path}: line ${lineNumber} is damaged`, {
        cause: error,
      });
    }
  }
  if (header === null) throw new Error(`Cannot read the ledger ${path}: it is empty`);
  return header;
}

/** How each event was answered, by its number. */
export class Statuses {
  #statuses = new Uint8Array(65_536);

  add(answer: LedgerAnswer): void {
    if (answer.accepted) this.#fill(answer.accepted, ACCEPTED);
    if (answer.refused) this.#fill(answer.refused, REFUSED);
  }

  of(n: number): Status {
    return (this.#statuses[n] ?? UNKNOWN) as Status;
  }

  #fill([from, to]: [number, number], status: Status): void {
    if (to >= this.#statuses.length) {
      const grown = new Uint8Array(Math.max(to + 1, Math.ceil(this.#statuses.length * 1.5)));
      grown.set(this.#statuses);
      this.#statuses = grown;
    }
    this.#statuses.fill(status, from, to + 1);
  }
}

/** The key is cut out first: most lines are of another pass, and parsing is what takes time. */
function readEvent(line: string, { event, wants }: LedgerHandlers): void {
  if (!event) return;
  const parsed = wants && line.includes("\\") ? JSON.parse(line) as EventLine : null;
  if (wants && !wants(parsed ? parsed[2] : plainKeyOf(line))) return;
  event(asEvent(parsed ?? JSON.parse(line) as EventLine));
}

/** The second text of a line without escapes. */
function plainKeyOf(line: string): string {
  const idEnd = line.indexOf('"', line.indexOf('"') + 1);
  const start = line.indexOf('"', idEnd + 1) + 1;
  return line.slice(start, line.indexOf('"', start));
}

function parseHeader(line: string): LedgerHeader {
  const header = JSON.parse(line) as LedgerHeader;
  if (header.millraceLedger !== 1) throw new TypeError("The first line is no ledger's");
  return header;
}

function asEvent([n, id, key, seq, identity, content, poison]: EventLine): LedgerEvent {
  return { n, id, key, seq, identity, content, isPoison: poison === 1 };
}

/** Whole lines only: what follows the last newline was never finished. */
function* linesOf(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let rest = Buffer.alloc(0);
    while (true) {
      const bytes = readSync(file, chunk, 0, CHUNK_BYTES, null);
      if (bytes === 0) return;
      const data = Buffer.concat([rest, chunk.subarray(0, bytes)]);
      const end = data.lastIndexOf(NEWLINE);
      if (end < 0) {
        rest = data;
        continue;
      }
      yield* data.toString("utf8", 0, end).split("\n");
      rest = data.subarray(end + 1);
    }
  } finally {
    closeSync(file);
  }
}
