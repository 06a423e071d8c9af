/**
 * Judges a world from outside. It remembers what each reign (the time of one epoch) loaded of which
 * log, and knows nothing of batches: an interval that is loaded must join the one before, and hold
 * exactly what the log held there.
 */

import type { Checkpoint, Job, LogRecord } from "../../src/core/ports.ts";
import type { SinkTwin } from "../twins/sink.ts";
import type { Incarnation, PartitionTwin } from "../twins/topic.ts";

export class Violation extends Error {
  override name = "Violation";
}

interface Reign {
  epoch: string;
  next: number;
  /** What stood under the topic's name during this reign. */
  incarnations: Set<Incarnation>;
}

interface PartitionHistory {
  log: PartitionTwin;
  reign: Reign;
  /** Offsets of each incarnation that were loaded. */
  loaded: Map<Incarnation, Set<number>>;
  /** Offsets of each incarnation that a person decided not to load. */
  excused: Map<Incarnation, Set<number>>;
  records: number;
  /** A person moved the position, or the topic was made again. */
  meddled: boolean;
}

export class Oracle {
  #partitions: PartitionHistory[] = [];

  begin(log: PartitionTwin, row: Checkpoint): void {
    this.#partitions.push({
      log,
      reign: { epoch: row.epoch, next: row.next, incarnations: new Set([log.current]) },
      loaded: new Map(),
      excused: new Map(),
      records: 0,
      meddled: false,
    });
  }

  recreated(partition: number): void {
    const history = this.#partitions[partition]!;
    history.reign.incarnations.add(history.log.current);
    history.meddled = true;
  }

  /** A person set the row from `before` to `after`; what it jumps over need not be loaded. */
  moved(partition: number, before: Checkpoint, after: Checkpoint): void {
    const history = this.#partitions[partition]!;
    const { current } = history.log;
    const from = before.topicId === after.topicId ? before.next : 0;
    for (let offset = from; offset < after.next; offset++) {
      setOf(history.excused, current).add(offset);
    }
    history.reign = { epoch: after.epoch, next: after.next, incarnations: new Set([current]) };
    history.meddled = true;
  }

  /** A transaction that the rule let through was committed over `before`. */
  applied(job: Job, before: Checkpoint): void {
    const history = this.#partitions[job.partition]!;
    const { reign } = history;
    const where = `${job.id} [${job.first}, ${job.next}) of partition ${job.partition}`;
    if (before.state !== "run") throw new Violation(`${where} was loaded in state ${before.state}`);
    if (job.next <= job.first) throw new Violation(`${where} does not go forward`);
    if (job.first !== reign.next) throw new Violation(`${where} does not join ${reign.next}`);
    reign.next = job.next;
    const records = new Map(job.records.map((record) => [record.offset, record]));
    if (records.size !== job.records.length) throw new Violation(`${where} doubles a record`);
    let last = -1;
    for (const { offset } of job.records) {
      if (offset <= last) throw new Violation(`${where} is out of order at ${offset}`);
      if (offset < job.first || offset >= job.next) throw new Violation(`${where} has ${offset}`);
      last = offset;
    }
    for (let offset = job.first; offset < job.next; offset++) {
      const record = records.get(offset);
      const source = [...reign.incarnations].reverse().find((incarnation) =>
        offset < incarnation.high && isSame(incarnation.records.get(offset), record)
      );
      if (!source) throw new Violation(`${where} ${record ? "invents" : "lacks"} ${offset}`);
      setOf(history.loaded, source).add(offset);
    }
    history.records += job.records.length;
  }

  /** The world rests: every record is accounted for, once. */
  finish(sink: SinkTwin, rowOf: (partition: number) => Checkpoint & CounterRow): void {
    for (const [partition, history] of this.#partitions.entries()) {
      checkRecords(partition, history, sink);
      const { records, rows, repeated, ignored, dead } = rowOf(partition).counters;
      if (records !== history.records || records !== rows + repeated + ignored + dead) {
        const counted = JSON.stringify(rowOf(partition).counters);
        throw new Violation(`Partition ${partition} counts ${counted}, loaded ${history.records}`);
      }
      const held = history.log.current.records.size;
      if (!history.meddled && records !== held) {
        throw new Violation(`Partition ${partition} has ${held} records, but ${records} arrived`);
      }
      if (!history.meddled) checkOrder(partition, sink);
    }
  }
}

interface CounterRow {
  counters: { records: number; rows: number; repeated: number; ignored: number; dead: number };
}

function checkRecords(partition: number, history: PartitionHistory, sink: SinkTwin): void {
  const { current } = history.log;
  const loaded = setOf(history.loaded, current);
  const excused = setOf(history.excused, current);
  const dead = new Set(
    sink.deadLetters.filter((letter) => letter.partition === partition)
      .map((letter) => `${letter.offset} ${String(letter.value)}`),
  );
  for (const [offset, record] of current.records) {
    if (!loaded.has(offset)) {
      if (excused.has(offset)) continue;
      throw new Violation(`Record ${offset} of partition ${partition} was never loaded`);
    }
    const identity = identityOf(record);
    if (identity === null ? dead.has(`${offset} ${String(record.value)}`) : true) {
      if (identity === null || sink.table.has(identity)) continue;
    }
    throw new Violation(`Record ${offset} of partition ${partition} is nowhere`);
  }
}

function checkOrder(partition: number, sink: SinkTwin): void {
  if (sink.conflict === "replace") return;
  const rows = [...sink.table.values()].filter((row) => row.partition === partition)
    .sort((a, b) => a.id - b.id);
  for (let i = 1; i < rows.length; i++) {
    if (rows[i]!.offset > rows[i - 1]!.offset) continue;
    throw new Violation(`Row ${rows[i]!.offset} of partition ${partition} is out of order`);
  }
}

function identityOf(record: LogRecord): string | null {
  if (typeof record.value !== "string" || !record.value.startsWith("{")) return null;
  const { key, seq } = JSON.parse(record.value) as { key: string; seq: number };
  return `${key}#${seq}`;
}

function isSame(a: LogRecord | undefined, b: LogRecord | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b));
}

function setOf(sets: Map<Incarnation, Set<number>>, incarnation: Incarnation): Set<number> {
  let set = sets.get(incarnation);
  if (!set) sets.set(incarnation, set = new Set());
  return set;
}
