/** Topics: made where missing, never altered, refused where the partition count differs. */

import { randomBytes } from "node:crypto";
import process from "node:process";
import { afterAll, expect, test } from "vitest";
import { checkTopics, ensureTopics, topicSettings } from "../../src/kafka/topics.ts";
import type { Stream } from "../../src/stream/mod.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import telemetry from "../../streams/telemetry.ts";
import { withAdmin } from "../support/kafka.ts";

const brokers = process.env.KAFKA_BROKERS!.split(",");
const logger = createLogger("test");
const prefix = `t${randomBytes(4).toString("hex")}_`;
const stream = telemetry as Stream;
const topics = [`${prefix}telemetry`, `${prefix}telemetry-dlt`];

afterAll(() => withAdmin((admin) => admin.deleteTopics({ topics })));

test("are made once, with their settings, and their dead letters' beside them", async () => {
  await expect(checkTopics(brokers, prefix, [stream], logger)).rejects.toThrow("millrace topics");
  expect(await ensureTopics(brokers, prefix, [stream], logger))
    .toEqual(topics.map((topic) => ({ topic, made: true })));
  expect(await ensureTopics(brokers, prefix, [stream], logger))
    .toEqual(topics.map((topic) => ({ topic, made: false })));
  await checkTopics(brokers, prefix, [stream], logger);
  const settings = await topicSettings(brokers, topics, logger);
  expect(settings.get(topics[0]!)).toMatchObject({
    "retention.ms": String(72 * 3_600_000),
    "min.insync.replicas": "1",
    "max.message.bytes": "1048588",
  });
  expect(settings.get(topics[1]!)).toMatchObject({
    "retention.ms": String(30 * 24 * 3_600_000),
    "max.message.bytes": String(1_048_588 + 65_536),
  });
});

test("with another partition count than declared are refused, and not altered", async () => {
  const other = { ...stream, topic: { ...stream.topic, partitions: 24 } } as Stream;
  const sentence = /has 12 partitions and its stream declares 24/;
  await expect(ensureTopics(brokers, prefix, [other], logger)).rejects.toThrow(sentence);
  await expect(checkTopics(brokers, prefix, [other], logger)).rejects.toThrow(sentence);
  const { topics: seen } = await withAdmin((admin) => admin.fetchTopicMetadata({ topics }));
  expect(seen.map(({ partitions }) => partitions.length)).toEqual([12, 12]);
});
