/** What every store of checkpoint rows keeps towards actors: reading, and halting in one epoch. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Checkpoint, Checkpoints, PartitionKey } from "../../src/core/ports.ts";

export interface CheckpointsBench {
  checkpoints: Checkpoints;
  /** Makes the row, or sets it. */
  put(key: PartitionKey, row: Checkpoint): Promise<void>;
  close(): Promise<void>;
}

const key = (partition: number, sink = "table"): PartitionKey => ({
  stream: "contract",
  sink,
  partition,
});
const row: Checkpoint = {
  epoch: "18446744073709551615",
  next: 9_007_199_254_740_000,
  state: "run",
  reason: null,
  topicId: "AAECAwQFBgcICQoLDA0ODw",
};

export function describeCheckpoints(name: string, make: () => Promise<CheckpointsBench>): void {
  let bench: CheckpointsBench;
  beforeEach(async () => {
    bench = await make();
  });
  afterEach(() => bench?.close());
  const read = async (partition: number) =>
    (await bench.checkpoints.read("contract", "table")).get(partition);

  describe(`the checkpoints ${name}`, () => {
    test("are read by stream and sink, every field as it was put", async () => {
      await bench.put(key(0), row);
      await bench.put(key(3), { ...row, next: 0, state: "pause", reason: "a reason, é" });
      await bench.put(key(1, "another"), row);
      expect(await bench.checkpoints.read("contract", "table")).toEqual(
        new Map([[0, row], [3, { ...row, next: 0, state: "pause", reason: "a reason, é" }]]),
      );
    });

    test("a row that is missing is absent, and never 0", async () => {
      await bench.put(key(0), row);
      expect((await bench.checkpoints.read("contract", "table")).has(1)).toBe(false);
      expect((await bench.checkpoints.read("unknown", "table")).size).toBe(0);
    });

    test("halting keeps the reason, and the position", async () => {
      await bench.put(key(0), row);
      await bench.put(key(1), row);
      await bench.checkpoints.halt(key(0), row.epoch, "HALT_RETENTION: 3 offsets are gone");
      expect(await read(0))
        .toEqual({ ...row, state: "halt", reason: "HALT_RETENTION: 3 offsets are gone" });
      expect(await read(1)).toEqual(row);
    });

    test("halting does nothing in another epoch: a person has moved it since", async () => {
      await bench.put(key(0), { ...row, epoch: "2" });
      await bench.checkpoints.halt(key(0), "1", "HALT_RETENTION: late");
      expect(await read(0)).toEqual({ ...row, epoch: "2" });
    });

    test.each(["pause", "halt"] as const)("halting keeps the reason of a %s", async (state) => {
      await bench.put(key(0), { ...row, state, reason: "the first reason" });
      await bench.checkpoints.halt(key(0), row.epoch, "HALT_RETENTION: the second");
      expect(await read(0)).toEqual({ ...row, state, reason: "the first reason" });
    });

    test("halting a row that is missing makes none", async () => {
      await bench.checkpoints.halt(key(0), "1", "HALT_RETENTION: no row");
      expect(await read(0)).toBeUndefined();
    });
  });
}
