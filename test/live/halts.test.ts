/** The log is not what it was: the partition halts with its reason, and a person goes on. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Checkpoint } from "../../src/core/ports.ts";
import { BullFlusher } from "../../src/flush/flusher.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { install, type Installation, type RunningRole, until } from "../support/installation.ts";
import { job, record } from "../support/jobs.ts";
import { produce, withAdmin } from "../support/kafka.ts";

const PARTITION = 5;

let millrace: Installation;
let actor: RunningRole;
let topic: string;
beforeAll(async () => {
  millrace = await install();
  topic = `${millrace.prefix}telemetry`;
  await millrace.start("writer");
  actor = await millrace.start("actor");
}, 120_000);
afterAll(() => millrace?.stop());

let sent = 0;
const reports = (count: number) =>
  Array.from({ length: count }, () => ({
    partition: PARTITION,
    key: "d",
    value: JSON.stringify({
      deviceId: "d",
      at: new Date(1_790_000_000_000 + ++sent * 1_000).toISOString(),
      powerW: sent,
      status: "ok",
    }),
  }));

const row = async () => {
  const [found] = await millrace.query<
    { next: number; state: string; reason: string; epoch: string }
  >(
    `SELECT next_offset AS next, state, reason, CAST(epoch AS CHAR) AS epoch
     FROM ${millrace.prefix}millrace_checkpoints
     WHERE stream = 'telemetry' AND kafka_partition = ${PARTITION}`,
  );
  return found!;
};
const powers = async () => {
  const rows = await millrace.query(`SELECT power_w FROM ${millrace.prefix}telemetry ORDER BY id`);
  return rows.map((row) => row.power_w);
};
const loadedUpTo = (next: number) =>
  until(`the checkpoint at ${next}`, 30_000, async () => (await row()).next === next);
const halted = (code: string) =>
  until(code, 60_000, async () => {
    const { state, reason } = await row();
    return state === "halt" && reason.startsWith(code);
  });
const adopt = async () => {
  const partition = String(PARTITION);
  const args = ["--partition", partition, "--reason", "test"];
  const result = await millrace.millrace("adopt", "telemetry", ...args);
  expect(result.code, result.stderr).toBe(0);
};

/** An actor whose topic is gone may end; its supervisor would start it again. */
async function restartActor(): Promise<void> {
  if (actor.running()) actor.kill("SIGKILL");
  await actor.ended;
  actor = await until("the actor", 60_000, () => millrace.start("actor").catch(() => null));
}

test("a retention that passed the checkpoint halts; adopt goes on", async () => {
  await produce(topic, reports(10));
  await loadedUpTo(10);
  actor.kill("SIGTERM");
  expect(await actor.ended).toBe(0);
  await produce(topic, reports(10));
  const partitions = [{ partition: PARTITION, offset: "15" }];
  await withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topic); // kafkajs deletes only in topics that it knows
    await admin.deleteTopicRecords({ topic, partitions });
  });
  actor = await millrace.start("actor");
  await halted("HALT_RETENTION");
  expect(await powers()).toHaveLength(10);

  await adopt();
  await loadedUpTo(20);
  expect(await powers()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 18, 19, 20]);
}, 180_000);

test(
  "a topic made again halts; adopt reads it from its beginning; old jobs do nothing",
  async () => {
    const before = await row();
    await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
    await until("the topic made again", 30_000, async () => {
      return (await millrace.millrace("topics")).code === 0;
    });
    await produce(topic, reports(25));
    await restartActor();
    await halted("HALT_TOPIC_IDENTITY");
    expect(await powers()).toHaveLength(15);

    await adopt();
    await loadedUpTo(25);
    expect(await powers()).toHaveLength(40);

    const flusher = new BullFlusher({
      redisUrl: millrace.env.REDIS_URL!,
      prefix: millrace.prefix,
      owner: "test",
      log: createLogger("test"),
    });
    const answer = new Promise<Checkpoint>((resolve) =>
      flusher.onAnswer((_, answered) => resolve(answered))
    );
    // Its interval would fit by chance; only the epoch tells that it is of another log.
    const value = { deviceId: "old", at: "2026-01-01T00:00:00Z", powerW: 1, status: "ok" };
    const old = job({ partition: PARTITION, epoch: before.epoch, records: [record(25, value)] });
    await until("Redis", 5_000, async () => {
      await flusher.submit(old);
      return true;
    });
    expect(await answer).toMatchObject({ next: 25 });
    expect(await powers()).toHaveLength(40);
    await flusher.close();
  },
  180_000,
);

test("pause stops a partition and resume goes on", async () => {
  const partition = ["--partition", String(PARTITION)];
  await millrace.millrace("pause", "telemetry", ...partition, "--reason", "test");
  await produce(topic, reports(5));
  await until(
    "the pause seen",
    20_000,
    () => Promise.resolve(millrace.logs().includes("Paused by")),
  );
  expect((await row()).next).toBe(25);
  await millrace.millrace("resume", "telemetry", ...partition, "--reason", "test");
  await loadedUpTo(30);
  const audit = await millrace.query(
    `SELECT action, reason FROM ${millrace.prefix}millrace_audit ORDER BY id`,
  );
  expect(audit.map((entry) => entry.action)).toEqual(["adopt", "adopt", "pause", "resume"]);
}, 120_000);
