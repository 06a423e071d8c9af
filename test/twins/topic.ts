/**
 * A topic as a broker keeps it: per partition records under rising offsets, with holes where
 * control records were or what compaction removed, a beginning that retention moves, and an id
 * that changes when the topic is deleted and made again. It never forgets what it once held, so
 * that a test can ask what stood under an offset.
 */

import type { Fetch, LogBounds, LogRecord } from "../../src/core/ports.ts";

export type RecordContent = Omit<LogRecord, "offset" | "bytes">;

/** All that one topic id ever held, holes included. */
export interface Incarnation {
  topicId: string;
  records: Map<number, LogRecord>;
  high: number;
}

export class PartitionTwin {
  low = 0;
  /** Where the group has committed; lags behind, and any tool may move or delete it. */
  committed: number | null = null;
  incarnations: Incarnation[];
  #waiters: (() => void)[] = [];

  constructor(topicId: string) {
    this.incarnations = [{ topicId, records: new Map(), high: 0 }];
  }

  get current(): Incarnation {
    return this.incarnations[this.incarnations.length - 1]!;
  }

  append(content: RecordContent): LogRecord {
    const record = { ...content, offset: this.current.high++, bytes: sizeOf(content) };
    this.current.records.set(record.offset, record);
    this.#wake();
    return record;
  }

  /** Offsets that no consumer ever sees: control records, aborted ones, compacted ones. */
  skip(offsets: number): void {
    this.current.high += offsets;
    this.#wake();
  }

  /** Retention: everything below `low` is gone. */
  truncate(low: number): void {
    this.low = Math.min(Math.max(low, this.low), this.current.high);
  }

  /** The topic is deleted and made again; the group's offset stays, as Kafka keeps it. */
  recreate(topicId: string): void {
    this.incarnations.push({ topicId, records: new Map(), high: 0 });
    this.low = 0;
    this.#wake();
  }

  bounds(): LogBounds {
    return { topicId: this.current.topicId, low: this.low, high: this.current.high };
  }

  /** At most `offsetsMax` offsets from `from`; `null` at the end, `"range"` where none can be. */
  read(from: number, offsetsMax: number): Fetch | null | "range" {
    const { records, high } = this.current;
    if (from < this.low || from > high) return "range";
    if (from === high) return null;
    const next = Math.min(high, from + offsetsMax);
    const found: LogRecord[] = [];
    for (let offset = from; offset < next; offset++) {
      const record = records.get(offset);
      if (record) found.push(record);
    }
    return { from, next, records: found };
  }

  /** Calls once when the log next changes. */
  onChange(call: () => void): void {
    this.#waiters.push(call);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const call of waiters) call();
  }
}

export class TopicTwin {
  readonly partitions: PartitionTwin[] = [];

  constructor(partitions: number, topicId = "topic-1") {
    for (let p = 0; p < partitions; p++) this.partitions.push(new PartitionTwin(topicId));
  }
}

/** The same measure as the Kafka adapter's: what a record holds of memory, about. */
export function sizeOf(content: RecordContent): number {
  let bytes = lengthOf(content.key) + lengthOf(content.value) + (content.id?.length ?? 0);
  for (const [name, value] of content.headers) bytes += name.length + lengthOf(value);
  return bytes;
}

function lengthOf(bytes: RecordContent["value"]): number {
  if (bytes === null) return 0;
  return typeof bytes === "string" ? bytes.length : bytes[0].length;
}
