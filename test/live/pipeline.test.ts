/** From Kafka to rows through real processes; one of them is killed on the way. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { install, type Installation, until } from "../support/installation.ts";
import { produce } from "../support/kafka.ts";

let millrace: Installation;
beforeAll(async () => {
  millrace = await install();
}, 120_000);
afterAll(() => millrace?.stop());

const report = (n: number) => ({
  key: `d${n % 50}`,
  value: JSON.stringify({
    deviceId: `d${n % 50}`,
    at: new Date(1_790_000_000_000 + n * 1_000).toISOString(),
    powerW: n / 4,
    status: "ok",
  }),
});

const countRows = async () => {
  const [row] = await millrace.query<{ n: number }>(
    `SELECT COUNT(*) AS n FROM ${millrace.prefix}telemetry`,
  );
  return Number(row!.n);
};

test("records become rows, each once, while actor and writer are killed", async () => {
  const topic = `${millrace.prefix}telemetry`;
  let actor = await millrace.start("actor");
  let writer = await millrace.start("writer");
  await produce(topic, [report(0)]);
  await until("the first row", 15_000, async () => await countRows() === 1);

  const total = 20_000;
  const produced = (async () => {
    for (let n = 1; n < total; n += 500) {
      const batch = Array.from({ length: Math.min(500, total - n) }, (_, i) => report(n + i));
      await produce(topic, batch);
    }
  })();
  for (let round = 0; round < 2; round++) {
    const before = await countRows();
    await until("progress", 30_000, async () => await countRows() > before);
    actor.kill("SIGKILL");
    writer.kill("SIGKILL");
    await Promise.all([actor.ended, writer.ended]);
    actor = await millrace.start("actor");
    writer = await millrace.start("writer");
  }
  await produced;
  await until("all rows", 60_000, async () => await countRows() >= total);

  expect(await countRows()).toBe(total);
  const disorder = await millrace.query(
    `SELECT id FROM (SELECT id, kafka_offset < LAG(kafka_offset) OVER
       (PARTITION BY kafka_partition ORDER BY id) AS back FROM ${millrace.prefix}telemetry) AS t
     WHERE back`,
  );
  expect(disorder).toEqual([]);

  for (const role of [actor, writer]) role.kill("SIGTERM");
  expect(await Promise.all([actor.ended, writer.ended])).toEqual([0, 0]);
  expect(millrace.logs()).not.toMatch(/"level":"error"/);
}, 180_000);
