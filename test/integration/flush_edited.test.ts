/** Jobs that a person has edited on the board reach the writer as jobs that are not intact. */

import { Queue } from "bullmq";
import { randomBytes } from "node:crypto";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isIntact } from "../../src/core/job.ts";
import type { Checkpoint, Job } from "../../src/core/ports.ts";
import { openRedis } from "../../src/flush/redis.ts";
import { toWire } from "../../src/flush/wire.ts";
import { type FlushWorkers, startFlushWorkers } from "../../src/flush/workers.ts";
import { queueName, queuePrefix } from "../../src/stream/names.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { job, record } from "../support/jobs.ts";

const prefix = `t${randomBytes(4).toString("hex")}_`;
const key = { stream: "telemetry", sink: "table", partition: 2 };
const log = createLogger("test");
const row: Checkpoint = { epoch: "1", next: 5, state: "run", reason: null, topicId: "topic-a" };

let queue: Queue;
let workers: FlushWorkers;
const crashes: Error[] = [];
const settled: Job[] = [];
let onSettled: () => void = () => {};

beforeAll(async () => {
  const redis = openRedis(process.env.REDIS_URL!, log);
  await new Promise((resolve) => redis.once("ready", resolve));
  queue = new Queue(queueName(key), { connection: redis, prefix: queuePrefix(prefix) });
  const sink = {
    settle(one: Job) {
      settled.push(one);
      onSettled();
      return Promise.resolve(row);
    },
  };
  workers = startFlushWorkers([{ key, sink }], {
    redisUrl: process.env.REDIS_URL!,
    prefix,
    log,
    concurrency: 1,
    crash: (error) => void crashes.push(error),
  });
});
afterAll(async () => {
  await workers?.close(5_000);
  await queue?.obliterate({ force: true });
  await queue?.close();
});

const whole = () =>
  toWire(job({ ...key, epoch: "1", id: "edited", records: [record(0, "{}")] }), "r");

test.each<[string, (data: ReturnType<typeof whole>) => unknown]>([
  ["its payload gone", ({ records: _, ...data }) => data],
  ["nothing left", () => null],
  ["an empty object", () => ({})],
  ["records that are none", (data) => ({ ...data, records: [5] })],
  ["a record cut short", (data) => ({ ...data, records: [[0, 1]] })],
  ["a value of another type", (data) => ({ ...data, records: [[0, 1, null, null, [], 7]] })],
  ["headers of another type", (data) => ({ ...data, records: [[0, 1, null, null, [3], ""]] })],
  ["another interval", (data) => ({ ...data, next: 99 })],
])("a job with %s is not intact and ends no process", async (_, edit) => {
  const done = new Promise<void>((resolve) => onSettled = resolve);
  await queue.add("edited", edit(whole()), { jobId: `edited-${settled.length}` });
  await done;
  const one = settled.at(-1)!;
  expect(one).toMatchObject(key);
  expect(isIntact(one)).toBe(false);
  expect(crashes).toEqual([]);
});

test("a job that nobody edited is intact", async () => {
  const done = new Promise<void>((resolve) => onSettled = resolve);
  const id = "untouched";
  const sealed = job({ ...key, epoch: "1", id, records: [record(0, "{}")] });
  await queue.add("untouched", toWire(sealed, "r"), { jobId: id });
  await done;
  expect(isIntact(settled.at(-1)!)).toBe(true);
});
