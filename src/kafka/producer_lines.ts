/** What waits in a producer: a line of records for each partition, and the requests they are of. */

import type { Message } from "kafkajs";

export interface ProduceRecord {
  partition: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: Record<string, string>;
}

export type ProduceResult =
  | { state: "acknowledged"; partition: number; offset: number }
  | { state: "unacknowledged" }
  | { state: "too_large" };

/** Under a broker's usual message.max.bytes of 1 MiB, which is about a batch, not a record. */
const PARTITION_BYTES_MAX = 900_000;
/** kafkajs copies a partition's list once a record, so a long one costs its square. */
const PARTITION_RECORDS_MAX = 2_000;
const SEND_BYTES_MAX = 16_777_216;
const RECORD_OVERHEAD_BYTES = 80;

/** A call of `produce`: it is answered once, when all of its records are or at its deadline. */
export class Request {
  #results: (ProduceResult | null)[];
  #open: number;
  #answer: (results: ProduceResult[]) => void;
  #expired: () => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor(
    count: number,
    deadlineMs: number,
    answer: (results: ProduceResult[]) => void,
    expired: () => void,
  ) {
    this.#results = new Array(count).fill(null);
    this.#open = count;
    this.#answer = answer;
    this.#expired = expired;
    this.#timer = setTimeout(() => this.expire(), deadlineMs);
    if (count === 0) this.#finish();
  }

  isOpen(index: number): boolean {
    return this.#results[index] === null;
  }

  settle(index: number, result: ProduceResult): void {
    if (this.#results[index] !== null) return;
    this.#results[index] = result;
    if (--this.#open === 0) this.#finish();
  }

  /** What has no result yet stays unacknowledged, and what has not been sent never is. */
  expire(): void {
    if (this.#open === 0) return;
    this.#open = 0;
    this.#results = this.#results.map((result) => result ?? { state: "unacknowledged" });
    this.#finish();
    this.#expired();
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#answer(this.#results as ProduceResult[]);
  }
}

export class Item {
  readonly request: Request;
  readonly index: number;
  readonly record: ProduceRecord;
  readonly bytes: number;
  sending = false;

  constructor(request: Request, index: number, record: ProduceRecord) {
    this.request = request;
    this.index = index;
    this.record = record;
    this.bytes = bytesOf(record);
  }

  get isOpen(): boolean {
    return this.request.isOpen(this.index);
  }

  settle(result: ProduceResult): void {
    this.request.settle(this.index, result);
  }
}

export function messageOf({ record }: Item): Message {
  return {
    partition: record.partition,
    key: record.key && asBuffer(record.key),
    value: record.value && asBuffer(record.value),
    headers: record.headers,
  };
}

export class Lines {
  /** Of everything that waits or is being sent. */
  bytes = 0;
  #lines = new Map<number, Item[]>();

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  add(request: Request, records: ProduceRecord[]): void {
    for (const [index, record] of records.entries()) {
      const item = new Item(request, index, record);
      if (item.bytes > PARTITION_BYTES_MAX) {
        item.settle({ state: "too_large" });
        continue;
      }
      this.bytes += item.bytes;
      const line = this.#lines.get(record.partition);
      if (line) line.push(item);
      else this.#lines.set(record.partition, [item]);
    }
  }

  /** What goes into the next send: the head of each line, within the bounds. */
  take(): Item[] {
    const taken: Item[] = [];
    let bytesLeft = SEND_BYTES_MAX;
    for (const [partition, line] of [...this.#lines]) {
      if (bytesLeft < PARTITION_BYTES_MAX) break;
      const count = headOf(line);
      for (const item of line.slice(0, count)) {
        item.sending = true;
        bytesLeft -= item.bytes;
        taken.push(item);
      }
      // Its turn comes again after all others.
      this.#lines.delete(partition);
      this.#lines.set(partition, line);
    }
    return taken;
  }

  /** After a send: what is settled leaves its line, the rest stays at the head in its order. */
  putBack(taken: Item[]): void {
    for (const item of taken) {
      item.sending = false;
      if (!item.isOpen) this.bytes -= item.bytes;
    }
    for (const partition of new Set(taken.map((item) => item.record.partition))) {
      this.#keep(partition, (item) => item.isOpen);
    }
  }

  /** Withdraws what an expired request has in a line; what is being sent is held until then. */
  drop(request: Request): void {
    for (const partition of [...this.#lines.keys()]) {
      this.#keep(partition, (item) => {
        if (item.request !== request) return true;
        if (!item.sending) this.bytes -= item.bytes;
        return false;
      });
    }
  }

  expireAll(): void {
    for (const line of [...this.#lines.values()]) {
      for (const item of [...line]) item.request.expire();
    }
  }

  #keep(partition: number, keeps: (item: Item) => boolean): void {
    const line = this.#lines.get(partition);
    if (!line) return;
    const kept = line.filter(keeps);
    if (kept.length > 0) this.#lines.set(partition, kept);
    else this.#lines.delete(partition);
  }
}

/** How many of a line's records one send may hold; at least one. */
function headOf(line: Item[]): number {
  let bytes = 0;
  let count = 0;
  for (const item of line) {
    bytes += item.bytes;
    if (count > 0 && (bytes > PARTITION_BYTES_MAX || count >= PARTITION_RECORDS_MAX)) break;
    count++;
  }
  return count;
}

function bytesOf({ key, value, headers }: ProduceRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) bytes += name.length + headers[name]!.length * 3;
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
