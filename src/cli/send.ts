/**
 * `millrace send`: the lines of a file, one request after the other, so that their order is the
 * log's. A line's id comes from the file's name and the line's number: sent again, it is the same.
 */

import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";
import { v5 as uuidv5 } from "uuid";
import { deliver } from "./deliver.ts";
import { CliError, complain, EXIT, grouped, printLine, showProgress } from "./output.ts";
import { endpointOf, streamNamed } from "./settings.ts";

export interface SendOptions {
  name?: string;
  edge?: string;
  timeout: number;
}

interface Line {
  number: number;
  bytes: Uint8Array;
  /** Set where the line cannot carry an id; it then travels alone with a header. */
  idempotencyKey?: string;
}

/** Under which ids are made; never to be changed. */
const NAMESPACE = "6f1a8f0e-52a5-5d0e-9d6e-1c1f1f0b7a35";
const LINES_MAX = 500;
const BYTES_MAX = 900_000;

export async function send(name: string, file: string, options: SendOptions): Promise<number> {
  const url = endpointOf(streamNamed(name), options.edge);
  const source = options.name ?? (file === "-" ? "-" : basename(file));
  const bytesTotal = sizeOf(file);
  const progress = showProgress(bytesTotal, "Sending");
  const counts = { sent: 0, accepted: 0, refused: 0, bytes: 0 };
  const patience = new Patience(options.timeout);
  try {
    for await (const batch of batchesOf(linesOf(file, source))) {
      counts.sent += batch.length;
      const key = batch[0]!.idempotencyKey;
      const done = await deliver({
        url,
        lines: batch.map((line) => line.bytes),
        ...(key ? { idempotencyKey: key } : {}),
        signal: patience.signal,
        settle: (index, outcome) => {
          patience.renew();
          counts[outcome.state]++;
          if (outcome.state === "refused") {
            complain(`Line ${batch[index]!.number} was refused: ${outcome.reason}`);
          }
        },
      });
      if (!done) break;
      counts.bytes += batch.reduce((sum, line) => sum + line.bytes.length, 0);
      progress.update(counts.bytes, `${grouped(counts.accepted)} accepted`);
    }
  } finally {
    patience.end();
    progress.stop();
  }
  const { sent, accepted, refused } = counts;
  printLine(`sent ${sent}, accepted ${accepted}, refused ${refused}`);
  if (patience.signal.aborted) {
    throw new CliError(
      `Nothing was acknowledged for ${options.timeout / 1000} s; run it again to go on`,
    );
  }
  return refused > 0 ? EXIT.failure : EXIT.well;
}

/** Aborts after a time without progress. */
class Patience {
  readonly #abort = new AbortController();
  readonly #limitMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.renew();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abort.abort(), this.#limitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function sizeOf(file: string): number {
  if (file === "-") return 0;
  try {
    return statSync(file).size;
  } catch {
    throw new CliError(`Cannot read ${file}: there is no such file`);
  }
}

async function* batchesOf(lines: AsyncIterable<Line>): AsyncGenerator<Line[]> {
  let batch: Line[] = [];
  let bytes = 0;
  for await (const line of lines) {
    const isAlone = line.idempotencyKey !== undefined || batch[0]?.idempotencyKey !== undefined;
    const isFull = batch.length === LINES_MAX || bytes + line.bytes.length + 1 > BYTES_MAX;
    if (batch.length > 0 && (isAlone || isFull)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(line);
    bytes += line.bytes.length + 1;
  }
  if (batch.length > 0) yield batch;
}

async function* linesOf(file: string, source: string): AsyncGenerator<Line> {
  let number = 0;
  for await (const bytes of rawLinesOf(file)) {
    number++;
    // Edges take a byte order mark off a body; here it stands before the first line only.
    const text = number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
      ? bytes.subarray(3)
      : bytes;
    if (text.every((byte) => byte === 32 || byte === 9 || byte === 13)) continue;
    yield { number, ...withId(text, uuidv5(`${source}:${number}`, NAMESPACE)) };
  }
}

/** The line with its id as first member, where it has none. */
export function withId(bytes: Uint8Array, id: string): Omit<Line, "number"> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return { bytes, idempotencyKey: id };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { bytes, idempotencyKey: id };
  }
  if (Object.hasOwn(value, "id")) {
    const own = (value as { id: unknown }).id;
    return typeof own === "string" ? { bytes } : { bytes, idempotencyKey: id };
  }
  const rest = text.slice(text.indexOf("{") + 1);
  const comma = Object.keys(value).length === 0 ? "" : ",";
  return { bytes: Buffer.from(`{"id":"${id}"${comma}${rest}`) };
}

async function* rawLinesOf(file: string): AsyncGenerator<Uint8Array> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  let parts: Uint8Array[] = [];
  for await (const chunk of input as AsyncIterable<Uint8Array>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      parts = [];
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}
