/**
 * What every log keeps: fetches tell every record in their interval, `from` is what was asked for,
 * seeks and pauses are followed, bounds name the topic. Deliveries may start anywhere: the suite
 * seeks, and minds only what comes from there on.
 */

import { afterEach, describe, expect, test } from "vitest";
import type { Fetch, Log, LogRecord } from "../../src/core/ports.ts";

export type Produced = Pick<LogRecord, "key" | "id" | "value" | "headers">;

export interface LogBench {
  /** A topic with two partitions of its own, read by a group of its own. */
  log: Log;
  produce(partition: number, records: Partial<Produced>[]): Promise<void>;
  /** Adds an offset or more that no consumer sees: a control record. */
  control?(partition: number): Promise<void>;
  /** Retention: what is below `low` is gone. */
  truncate?(partition: number, low: number): Promise<void>;
  /** The topic is deleted and made again. */
  recreate?(): Promise<void>;
  /** What the group has committed. */
  committed(partition: number): Promise<number | null>;
  close(): Promise<void>;
}

export interface LogAbilities {
  control: boolean;
  truncate: boolean;
  recreate: boolean;
}

const deadlineMs = 20_000;
const values = (from: number, next: number): Partial<Produced>[] =>
  Array.from({ length: next - from }, (_, i) => ({ value: `value ${from + i}` }));

export function describeLog(
  name: string,
  make: () => Promise<LogBench>,
  can: LogAbilities = { control: true, truncate: true, recreate: true },
): void {
  let bench: LogBench | null = null;
  let reader: Reader;
  afterEach(async () => {
    await bench?.log.stop();
    await bench?.close();
    bench = null;
  });
  const open = async (): Promise<LogBench> => {
    bench = await make();
    reader = new Reader(bench.log);
    return bench;
  };

  describe(`the log ${name}`, () => {
    describeFetches(open, () => reader);
    describeMoves(open, () => reader);
    describeRare(open, () => reader, can);
  });
}

type Open = () => Promise<LogBench>;

function describeFetches(open: Open, reader: () => Reader): void {
  test("assigns all partitions to a member that is alone", async () => {
    await open();
    await reader().start();
    expect(reader().assigned).toEqual([0, 1]);
  });

  test("tells every record in order, in intervals that join", async () => {
    const { produce } = await open();
    await produce(0, values(0, 500));
    await reader().start();
    reader().read(0, 0);
    await produce(0, values(500, 700));
    await reader().reached(0, 700);
    expect(reader().values(0)).toEqual(values(0, 700).map(({ value }) => value));
  });

  test("brings key, id, headers and value as they came, also what is no text", async () => {
    const { produce } = await open();
    const rich: Produced = {
      key: "kéy",
      id: "event-1",
      value: ["/w=="],
      headers: [["traceparent", "00-1"], ["raw", ["//8="]]],
    };
    await produce(1, [rich, { key: null, value: null }, { key: "", value: "" }]);
    await reader().start();
    reader().read(1, 0);
    await reader().reached(1, 3);
    expect(reader().records(1)).toMatchObject([
      { offset: 0, ...rich },
      { offset: 1, key: null, id: null, value: null, headers: [] },
      { offset: 2, key: "", value: "" },
    ]);
  });
}

function describeMoves(open: Open, reader: () => Reader): void {
  test("goes to where it is told, back and forth", async () => {
    const { produce, log } = await open();
    await produce(0, values(0, 100));
    await reader().start();
    reader().read(0, 90);
    await reader().reached(0, 100);
    expect(reader().values(0)).toEqual(values(90, 100).map(({ value }) => value));
    reader().read(0, 20);
    log.seek(0, 20);
    await reader().reached(0, 100);
    expect(reader().records(0)[0]?.offset).toBe(20);
  });

  test("holds a paused partition back and the other not, and goes on where it was", async () => {
    const { produce, log } = await open();
    await reader().start();
    reader().read(0, 0);
    reader().read(1, 0);
    await produce(0, values(0, 1));
    await reader().reached(0, 1);
    log.pause(0);
    // A fetch that is under way may still bring what it finds; the one after it does not.
    await produce(0, values(1, 4));
    await produce(1, values(0, 5));
    await reader().reached(1, 5);
    await produce(0, values(4, 10));
    await produce(1, values(5, 10));
    await reader().reached(1, 10);
    expect(reader().records(0).length).toBeLessThanOrEqual(4);
    log.resume(0);
    await reader().reached(0, 10);
    expect(reader().values(0)).toEqual(values(0, 10).map(({ value }) => value));
  });

  test("knows where its partitions begin and end, and which topic it is", async () => {
    const { produce, log } = await open();
    await produce(1, values(0, 3));
    const bounds = await log.bounds();
    expect(bounds.get(0)).toMatchObject({ low: 0, high: 0 });
    expect(bounds.get(1)).toMatchObject({ low: 0, high: 3 });
    expect(bounds.get(0)?.topicId).toMatch(/./);
    expect(bounds.get(0)?.topicId).toBe(bounds.get(1)?.topicId);
  });

  test("tells the group's position", async () => {
    const { produce, log, committed } = await open();
    await produce(0, values(0, 5));
    await reader().start();
    await log.commit(0, 4);
    expect(await committed(0)).toBe(4);
  });
}

function describeRare(
  open: Open,
  reader: () => Reader,
  can: LogAbilities,
): void {
  if (can.control) {
    test("passes over control records, also when no record is left", async () => {
      const { produce, control, log } = await open();
      await produce(0, values(0, 2));
      await control!(0);
      const { high } = (await log.bounds()).get(0)!;
      expect(high).toBeGreaterThan(2);
      await reader().start();
      reader().read(0, 2);
      await reader().reached(0, high);
      expect(reader().values(0)).toEqual([]);
    });
  }

  if (can.truncate) {
    test("does not hide that retention took records", async () => {
      const { produce, truncate, log } = await open();
      await produce(0, values(0, 10));
      await truncate!(0, 6);
      expect((await log.bounds()).get(0)).toMatchObject({ low: 6, high: 10 });
      await reader().start();
      reader().read(0, 6);
      await reader().reached(0, 10);
      expect(reader().records(0)[0]?.offset).toBe(6);
    });
  }

  if (can.recreate) {
    test("a topic that was made again has another id", async () => {
      const { produce, recreate, log } = await open();
      await produce(0, values(0, 3));
      const before = (await log.bounds()).get(0)!;
      await recreate!();
      const after = (await log.bounds()).get(0)!;
      expect(after).toMatchObject({ low: 0, high: 0 });
      expect(after.topicId).not.toBe(before.topicId);
    });
  }
}

/** Reads as the core does: takes a fetch if its position lies in it, otherwise seeks. */
class Reader {
  assigned: number[] = [];
  #log: Log;
  #positions = new Map<number, number>();
  #records = new Map<number, LogRecord[]>();
  #wake = new Set<() => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  async start(): Promise<void> {
    await this.#log.start({
      assigned: (partitions) => {
        this.assigned = [...partitions].sort((a, b) => a - b);
        for (const [partition, position] of this.#positions) this.#log.seek(partition, position);
        this.#changed();
      },
      fetched: (partition, fetch) => this.#take(partition, fetch),
      crashed: (error) => {
        throw error;
      },
    });
    await this.#until("the assignment", () => this.assigned.length > 0);
  }

  /** From now on only what lies at and after `offset` counts. */
  read(partition: number, offset: number): void {
    this.#positions.set(partition, offset);
    this.#records.set(partition, []);
    this.#log.seek(partition, offset);
  }

  records(partition: number): LogRecord[] {
    return this.#records.get(partition) ?? [];
  }

  values(partition: number): LogRecord["value"][] {
    return this.records(partition).map(({ value }) => value);
  }

  reached(partition: number, offset: number): Promise<void> {
    return this.#until(
      `offset ${offset} of partition ${partition}`,
      () => (this.#positions.get(partition) ?? -1) >= offset,
    );
  }

  #take(partition: number, { from, next, records }: Fetch): void {
    const position = this.#positions.get(partition);
    if (position === undefined) return;
    expect(next).toBeGreaterThan(from);
    expect(records.every(({ offset }) => from <= offset && offset < next)).toBe(true);
    if (!(from <= position && position < next)) return this.#log.seek(partition, position);
    this.records(partition).push(...records.filter(({ offset }) => offset >= position));
    this.#positions.set(partition, next);
    this.#changed();
  }

  #changed(): void {
    for (const wake of [...this.#wake]) wake();
  }

  #until(what: string, isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const give = (end: () => void) => {
        clearTimeout(timer);
        this.#wake.delete(look);
        end();
      };
      const look = () => isTrue() && give(resolve);
      const timer = setTimeout(() => give(() => reject(new Error(`No ${what}`))), deadlineMs);
      this.#wake.add(look);
    });
  }
}
