/**
 * What every sink keeps: a job is settled once or not at all, by the writer's rule; good records
 * load in order beside rejects; copies are told from conflicts; the counters add up. Its stream is
 * telemetry-like: a value is JSON with `key`, `seq`, `text` and perhaps a `version`; key and seq
 * are the identity.
 */

import { afterEach, describe, expect, test } from "vitest";
import { TransientError } from "../../src/core/errors.ts";
import type { Checkpoint, Job, LogRecord, PartitionKey, Sink } from "../../src/core/ports.ts";
import { job, type JobParts, record } from "../support/jobs.ts";

export interface SinkBench {
  sink: Sink;
  /** Has a checkpoint row that runs at 0. */
  key: PartitionKey;
  row(): Promise<Checkpoint>;
  /** As a person does it, or the actor; the reason kept holds "a person's reason". */
  stop(state: "pause" | "halt"): Promise<void>;
  resume(): Promise<void>;
  /** A person moves the position, which renews the epoch. */
  moveTo(next: number): Promise<void>;
  counters(): Promise<Record<"records" | "rows" | "repeated" | "ignored" | "dead", number>>;
  /** In the order of their inserts. */
  rows(): Promise<{ key: string; seq: number; text: string }[]>;
  /** By offset; values as they are in the record. */
  deadLetters(): Promise<{ offset: number; code: string; value: LogRecord["value"] }[]>;
  /** Makes the next COMMIT take effect without a reply; where that can be had. */
  loseNextReply?(): void;
  close(): Promise<void>;
}

export type MakeSink = (
  options: { conflict: "ignore" | "replace" | "error" },
) => Promise<SinkBench>;

interface Event {
  key: string;
  seq: number;
  text: string;
  version?: number;
}

const event = (seq: number, changed: Partial<Event> = {}): Event => ({
  key: "device-1",
  seq,
  text: `text ${seq}`,
  version: 1,
  ...changed,
});

/** A record of its own event under each of these offsets. */
const records = (...offsets: number[]): LogRecord[] =>
  offsets.map((offset) => record(offset, event(offset)));

export function describeSink(
  name: string,
  make: MakeSink,
  can: { loseReplies: boolean } = { loseReplies: false },
): void {
  const context: Context = { bench: null, make };
  afterEach(async () => {
    await context.bench?.close();
    context.bench = null;
  });
  describe(`the sink ${name}`, () => {
    describeRule(context, can);
    describeRefusals(context);
    describeRejects(context);
    describeCopies(context);
  });
}

interface Context {
  bench: SinkBench | null;
  make: MakeSink;
}

async function open(context: Context, conflict: "ignore" | "replace" | "error" = "ignore") {
  const bench = await context.make({ conflict });
  context.bench = bench;
  /** A job that joins the row as it stands. */
  const jobOf = async (given: LogRecord[], parts: Partial<JobParts> = {}): Promise<Job> => {
    const { epoch, topicId, next } = await bench.row();
    return job({ ...bench.key, epoch, topicId, first: next, records: given, ...parts });
  };
  const settle = async (given: LogRecord[], parts: Partial<JobParts> = {}) =>
    await bench.sink.settle(await jobOf(given, parts));
  const seqs = async () => (await bench.rows()).map(({ seq }) => seq);
  return { bench, jobOf, settle, seqs };
}

function describeRule(context: Context, can: { loseReplies: boolean }): void {
  test("applies a job that joins the row, and answers where it then stands", async () => {
    const { bench, settle } = await open(context);
    const answer = await settle(records(0, 1, 5), { next: 9 });
    expect(answer).toMatchObject({ next: 9, state: "run" });
    expect(await bench.row()).toEqual(answer);
    expect(await bench.rows()).toEqual([0, 1, 5].map((seq) => ({
      key: "device-1",
      seq,
      text: `text ${seq}`,
    })));
  });

  test("keeps the order of a large job", async () => {
    const { settle, seqs } = await open(context);
    const offsets = Array.from({ length: 1_000 }, (_, offset) => offset);
    await settle(records(...offsets));
    expect(await seqs()).toEqual(offsets);
  });

  test("moves the checkpoint over an interval without records", async () => {
    const { bench, settle } = await open(context);
    expect(await settle([], { next: 4 })).toMatchObject({ next: 4 });
    expect(await bench.row()).toMatchObject({ next: 4 });
    expect(await bench.rows()).toEqual([]);
  });

  test("writes nothing when a job is run again, and answers the same", async () => {
    const { bench, jobOf } = await open(context);
    const once = await jobOf(records(0, 1));
    const answer = await bench.sink.settle(once);
    expect(await bench.sink.settle(once)).toEqual(answer);
    expect(await bench.counters()).toMatchObject({ records: 2, rows: 2, repeated: 0 });
  });

  test("applies one job once, also when two writers have it at the same time", async () => {
    const { bench, jobOf, seqs } = await open(context);
    const once = await jobOf(records(0, 1));
    await Promise.allSettled([bench.sink.settle(once), bench.sink.settle(once)]);
    expect(await seqs()).toEqual([0, 1]);
    expect(await bench.counters()).toMatchObject({ records: 2, rows: 2, repeated: 0 });
  });

  if (can.loseReplies) {
    test("a COMMIT without a reply is settled by the next run", async () => {
      const { bench, jobOf, seqs } = await open(context);
      const once = await jobOf(records(0, 1));
      bench.loseNextReply?.();
      await expect(bench.sink.settle(once)).rejects.toBeInstanceOf(TransientError);
      expect(await bench.sink.settle(once)).toMatchObject({ next: 2 });
      expect(await seqs()).toEqual([0, 1]);
    });
  }
}

function describeRefusals(context: Context): void {
  test.each<[string, (row: Checkpoint) => Partial<JobParts>]>([
    ["from before the row", ({ next }) => ({ first: next - 1 })],
    ["from behind a gap", ({ next }) => ({ first: next + 1 })],
    [
      "of another epoch",
      ({ epoch }) => ({ epoch: `${epoch.slice(0, -1)}${epoch.at(-1) === "1" ? 2 : 1}` }),
    ],
    ["that goes back", ({ next }) => ({ first: next, next: next - 1, records: [] })],
  ])("refuses a job %s and answers where the row stands", async (_, wrong) => {
    const { bench, settle, seqs } = await open(context);
    const before = await settle(records(0, 1));
    expect(await settle(records(2, 3), wrong(before))).toEqual(before);
    expect(await bench.row()).toEqual(before);
    expect(await seqs()).toEqual([0, 1]);
  });

  test.each<[string, (sealed: Job) => Partial<Job>]>([
    ["payload", ({ records: [first] }) => ({ records: [{ ...first!, value: "{}" }] })],
    ["interval", ({ next }) => ({ next: next + 5 })],
    ["count", ({ count }) => ({ count: count + 1 })],
  ])("refuses a job whose %s was edited", async (_, edit) => {
    const { bench, jobOf } = await open(context);
    const sealed = await jobOf(records(0));
    const before = await bench.row();
    expect(await bench.sink.settle({ ...sealed, ...edit(sealed) })).toEqual(before);
    expect(await bench.rows()).toEqual([]);
  });

  test.each(["pause", "halt"] as const)(
    "refuses every job while the row says %s",
    async (state) => {
      const { bench, settle, seqs } = await open(context);
      await bench.stop(state);
      const answer = await settle(records(0));
      expect(answer).toMatchObject({ next: 0, state });
      expect(answer.reason).toContain("a person's reason");
      expect(await seqs()).toEqual([]);
      await bench.resume();
      expect(await settle(records(0))).toMatchObject({ next: 1, state: "run" });
    },
  );
}

function describeRejects(context: Context): void {
  test("stores what cannot be decoded beside its neighbours, who load in order", async () => {
    const { bench, settle, seqs } = await open(context);
    const bad = [
      record(1, "not JSON"),
      record(3, null),
      record(4, ""),
      record(6, { key: 5 }),
      record(7, new Uint8Array([0xff, 0xfe])),
    ];
    const good = records(0, 2, 5, 8);
    const all = [...good, ...bad].sort((a, b) => a.offset - b.offset);
    expect(await settle(all)).toMatchObject({ next: 9 });
    expect(await seqs()).toEqual([0, 2, 5, 8]);
    const letters = await bench.deadLetters();
    expect(letters.map(({ offset, value }) => ({ offset, value }))).toEqual(
      bad.map(({ offset, value }) => ({ offset, value })),
    );
    for (const { code } of letters) expect(code).toMatch(/^REJECT_/);
    expect(await bench.counters()).toMatchObject({ records: 9, rows: 4, dead: 5 });
  });

  test("moves on where nothing is good", async () => {
    const { bench, settle } = await open(context);
    expect(await settle([record(0, "{"), record(1, "}")])).toMatchObject({ next: 2 });
    expect(await bench.counters()).toMatchObject({ records: 2, rows: 0, dead: 2 });
  });
}

function describeCopies(context: Context): void {
  test.each(["ignore", "replace", "error"] as const)(
    "counts a copy as repeated, in its batch and later (%s)",
    async (conflict) => {
      const { bench, settle, seqs } = await open(context, conflict);
      await settle([record(0, event(0)), record(1, event(1)), record(2, event(0))]);
      await settle([record(3, event(1)), record(4, event(4))]);
      expect(await seqs()).toEqual([0, 1, 4]);
      expect(await bench.counters())
        .toEqual({ records: 5, rows: 3, repeated: 2, ignored: 0, dead: 0 });
    },
  );

  test("counts a replay as repeated: a person moved the position back", async () => {
    const { bench, jobOf, settle, seqs } = await open(context);
    await settle(records(0, 1));
    const old = await jobOf(records(2), { next: 3 });
    await bench.moveTo(0);
    expect(await bench.row()).toMatchObject({ next: 0, state: "run" });
    await settle(records(0, 1));
    // It would join again; what lies there now may be something else.
    expect(await bench.sink.settle(old)).toMatchObject({ next: 2 });
    await settle(records(2));
    expect(await seqs()).toEqual([0, 1, 2]);
    expect(await bench.counters()).toMatchObject({ records: 5, rows: 3, repeated: 2 });
  });

  test("ignore: the first of an identity stays", async () => {
    const { bench, settle } = await open(context, "ignore");
    await settle([record(0, event(0)), record(1, event(0, { text: "other", version: 2 }))]);
    await settle([record(2, event(0, { text: "third", version: 3 }))]);
    expect(await bench.rows()).toMatchObject([{ seq: 0, text: "text 0" }]);
    expect(await bench.counters())
      .toEqual({ records: 3, rows: 1, repeated: 0, ignored: 2, dead: 0 });
  });

  test("replace: the newer version wins", async () => {
    const { bench, settle } = await open(context, "replace");
    await settle([record(0, event(0, { version: 2 }))]);
    await settle([record(1, event(0, { text: "newer", version: 3 }))]);
    await settle([record(2, event(0, { text: "older", version: 1 }))]);
    expect(await bench.rows()).toMatchObject([{ seq: 0, text: "newer" }]);
    expect(await bench.counters())
      .toEqual({ records: 3, rows: 2, repeated: 0, ignored: 1, dead: 0 });
  });

  test("error: another content is a dead letter", async () => {
    const { bench, settle } = await open(context, "error");
    const other = record(1, event(0, { text: "other" }));
    await settle([record(0, event(0)), other, record(2, event(2))]);
    expect(await bench.rows()).toMatchObject([{ text: "text 0" }, { text: "text 2" }]);
    expect(await bench.deadLetters())
      .toEqual([{ offset: 1, code: "REJECT_CONFLICT", value: other.value }]);
    expect(await bench.counters())
      .toEqual({ records: 3, rows: 2, repeated: 0, ignored: 0, dead: 1 });
  });
}
